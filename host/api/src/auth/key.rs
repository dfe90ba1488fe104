//! API keys: how they look and how they are made.
//!
//! A key is `sm_<id>_<secret>`. The id is what people call it by; the secret has 256 random bits, so that its plain SHA-256 can be stored:
//! there is no list of likely secrets that a slow hash would have to protect.

use sandmill_core::ids::Digest;
use sandmill_core::time::Timestamp;
use sandmill_engine::ports::{KeyRow, KeyScope};

/// What every key starts with, so that scanners for leaked keys find it.
const PREFIX: &str = "sm_";

/// Random bytes of an id: two keys of a server do not meet.
const ID_BYTES: usize = 8;

/// Random bytes of a secret.
const SECRET_BYTES: usize = 32;

/// Characters of a key: prefix, id, underscore, secret.
const KEY_LENGTH: usize = PREFIX.len() + 2 * ID_BYTES + 1 + 2 * SECRET_BYTES;

/// Makes a key: what is stored of it, and the key itself, which is shown once.
pub fn new_key(label: &str, scope: KeyScope, created_at: Timestamp) -> Result<(KeyRow, String), getrandom::Error> {
    let (mut id, mut secret) = ([0; ID_BYTES], [0; SECRET_BYTES]);
    getrandom::fill(&mut id)?;
    getrandom::fill(&mut secret)?;
    let id = hex::encode(id);
    let key = format!("{PREFIX}{id}_{}", hex::encode(secret));
    let row = KeyRow { id, hash: Digest::of(key.as_bytes()), label: label.into(), scope, created_at };
    Ok((row, key))
}

/// The key in an `Authorization` header: the scheme in any case (RFC 9110, section 11.1), then what looks like a key.
pub(super) fn of_header(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    let is_key = key.len() == KEY_LENGTH && key.starts_with(PREFIX);
    (scheme.eq_ignore_ascii_case("bearer") && is_key).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_its_header_and_only_its_hash_is_stored() {
        let (row, key) = new_key("ci", KeyScope::Operator, Timestamp(1)).unwrap();
        assert_eq!(of_header(&format!("Bearer {key}")), Some(key.as_str()));
        assert_eq!(of_header(&format!("bearer  {key} ")), Some(key.as_str()));
        assert_eq!(row.hash, Digest::of(key.as_bytes()));
        assert!(key.starts_with(&format!("sm_{}_", row.id)));
        assert!(!format!("{row:?}").contains(key.rsplit('_').next().unwrap()));
    }

    #[test]
    fn two_keys_differ_and_other_headers_hold_none() {
        let key = || new_key("", KeyScope::Operator, Timestamp(1)).unwrap().1;
        assert_ne!(key(), key());
        for header in ["", "Bearer", "Bearer x", &format!("Basic {}", key()), &format!("Bearer {}0", key()), &key()] {
            assert_eq!(of_header(header), None, "{header}");
        }
    }
}
