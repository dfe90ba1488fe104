//! How bodies are stored: one byte that says how, then the bytes as they are or compressed.
//!
//! A body is known by the SHA-256 of what it was before that, and whoever reads it checks: what lies in Redis may have been damaged, or put there
//! by somebody else.

use std::io::Read;

use bytes::Bytes;
use sandmill_core::ids::Digest;

/// As it is.
const RAW: u8 = b'r';
/// Compressed with Zstandard.
const ZSTD: u8 = b'z';

/// Bodies of at most so many bytes stay as they are: there is little to win, and most configs are smaller.
const RAW_BYTES_MAX: usize = 1_024;

/// The fastest level. Configs are JSON, which all levels make about five times smaller.
const LEVEL: i32 = 1;

/// What a damaged body may grow to before it is given up: what one string in Redis may hold.
const BODY_BYTES_MAX: u64 = 512 * 1024 * 1024;

pub(crate) fn encode(body: &[u8]) -> Vec<u8> {
    if body.len() > RAW_BYTES_MAX
        && let Ok(compressed) = zstd::encode_all(body, LEVEL)
        && compressed.len() < body.len()
    {
        return with_flag(ZSTD, &compressed);
    }
    with_flag(RAW, body)
}

fn with_flag(flag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(bytes.len() + 1);
    stored.push(flag);
    stored.extend_from_slice(bytes);
    stored
}

/// The body that has that digest, or what is wrong with it.
pub(crate) fn decode(stored: &Bytes, digest: Digest) -> Result<Bytes, String> {
    let body = match stored.split_first() {
        Some((&RAW, _)) => stored.slice(1..),
        Some((&ZSTD, compressed)) => {
            decompress(compressed).map_err(|error| format!("a body is no Zstandard: {error}"))?
        }
        Some((flag, _)) => return Err(format!("a body starts with the byte {flag}, which says nothing")),
        None => return Err("a body is empty".into()),
    };
    let found = Digest::of(&body);
    if found == digest { Ok(body) } else { Err(format!("the body of {digest} is that of {found}")) }
}

fn decompress(compressed: &[u8]) -> std::io::Result<Bytes> {
    let mut body = Vec::new();
    zstd::Decoder::with_buffer(compressed)?.take(BODY_BYTES_MAX).read_to_end(&mut body)?;
    Ok(body.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &[u8], flag: u8) {
        let stored = encode(body);
        assert_eq!(stored[0], flag);
        assert_eq!(decode(&stored.into(), Digest::of(body)), Ok(Bytes::copy_from_slice(body)));
    }

    #[test]
    fn only_a_body_that_gains_by_it_is_compressed() {
        check(b"", RAW);
        check(&[b'a'; RAW_BYTES_MAX], RAW);
        check(&[b'a'; RAW_BYTES_MAX + 1], ZSTD);
        let mut random = fastrand::Rng::with_seed(1);
        let noise: Vec<u8> = (0..4_096).map(|_| random.u8(..)).collect();
        check(&noise, RAW);
    }

    #[test]
    fn a_damaged_body_is_told() {
        let body = vec![b'a'; 4_000];
        let whole = encode(&body);
        for index in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[index] ^= 0x55;
            if let Ok(read) = decode(&damaged.into(), Digest::of(&body)) {
                assert_eq!(read, body, "byte {index}");
            }
        }
        for length in 0..whole.len() {
            let cut = Bytes::copy_from_slice(&whole[..length]);
            assert!(decode(&cut, Digest::of(&body)).is_err(), "{length} bytes");
        }
    }
}
