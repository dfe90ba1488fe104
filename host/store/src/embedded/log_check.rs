//! Looks at the logs before the database opens: tells a commit that was never finished from a log that is broken.
//!
//! The database alone takes a log to end at the first entry that does not read. That is right for a commit that a crash cut short, and wrong for a
//! byte that went bad in the middle: everything after it would be gone without a word. And it gives up where a torn commit has all its
//! entries and a wrong checksum, as when its pages reached the disk out of order.
//!
//! The store syncs each commit before the next begins, so a broken commit with a whole one anywhere after it was acknowledged: that is damage, and
//! refused. One with nothing whole after it was the last, and is cut. A last commit that went bad after its sync looks the same, and a sequence
//! number belongs to no checksum: these two go unseen.
//!
//! A batch in a log, all numbers little-endian: `1`, count u32, sequence number u64; for each entry `2`, kind u8, compression u8, keyspace u64,
//! lengths of key u16, of value u32 and of the stored value u32, key, stored value; `3`, XXH3 of the entries u64, `FJL` and `3`. After the
//! last batch a log is filled with zeros.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use rustix::fs::SeekFrom;
use xxhash_rust::xxh3::Xxh3;

use super::OpenError;
use super::sync_report::log_number;

const TAG_START: u8 = 1;
const TAG_ENTRY: u8 = 2;
const TAG_END: u8 = 3;
const START_BYTES: usize = 13;
const ENTRY_HEAD_BYTES: usize = 21;
const END_BYTES: usize = 13;
const TRAILER: [u8; 4] = *b"FJL\x03";

/// What a log is read through: large, for it is read from its beginning to its end.
const READ_BUFFER_BYTES: usize = 256 << 10;

/// A log, and the byte in it at which it stops making sense.
struct Break {
    log: PathBuf,
    offset: u64,
}

/// What a log holds after its last whole batch in a row.
#[derive(Debug, PartialEq, Eq)]
enum Tail {
    /// Nothing, or zeros.
    Blank,
    /// The beginning of a batch, or what a crash made of one.
    Torn,
    /// Something broken, and a whole batch after it.
    Damaged,
}

/// Cuts a commit that was never finished off the end of the logs, and refuses logs that are broken anywhere else.
pub(super) fn cut_torn_tail(store: &Path, database: &Path) -> Result<(), OpenError> {
    let io_error = |error| OpenError::from_io(store, error);
    let mut torn: Vec<Break> = Vec::new();
    for log in logs(database).map_err(io_error)? {
        let (whole_bytes, tail) = read_log(&log).map_err(io_error)?;
        if let Some(earlier) = torn.first().filter(|_| whole_bytes > 0) {
            return Err(damage(store, earlier));
        }
        let here = Break { log, offset: whole_bytes };
        match tail {
            Tail::Blank => {}
            Tail::Torn => torn.push(here),
            Tail::Damaged => return Err(damage(store, &here)),
        }
    }
    torn.iter().try_for_each(cut).map_err(io_error)
}

fn damage(store: &Path, Break { log, offset }: &Break) -> OpenError {
    OpenError::damaged(store, format!("its log {} is broken at byte {offset}, before its end", log.display()))
}

fn cut(Break { log, offset }: &Break) -> io::Result<()> {
    tracing::warn!(log = %log.display(), offset, "cut an unfinished commit off the log; it was never acknowledged");
    let file = OpenOptions::new().write(true).open(log)?;
    file.set_len(*offset)?;
    file.sync_all()
}

/// The logs of a database, the oldest first.
fn logs(database: &Path) -> io::Result<Vec<PathBuf>> {
    let mut logs = Vec::new();
    match fs::read_dir(database) {
        Ok(entries) => {
            for entry in entries {
                let path = entry?.path();
                logs.extend(log_number(&path).map(|number| (number, path)));
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    logs.sort_unstable();
    Ok(logs.into_iter().map(|(_, path)| path).collect())
}

/// How many bytes of whole batches a log begins with, and what comes then.
fn read_log(log: &Path) -> io::Result<(u64, Tail)> {
    let mut reader = BufReader::with_capacity(READ_BUFFER_BYTES, File::open(log)?);
    let mut whole_bytes = 0;
    while let Some(batch_bytes) = read_batch(&mut reader)? {
        whole_bytes += batch_bytes;
    }
    let rest = read_rest(reader.into_inner(), whole_bytes)?;
    let tail = match rest.as_slice() {
        [] => Tail::Blank,
        rest if holds_batch(rest)? => Tail::Damaged,
        _ => Tail::Torn,
    };
    Ok((whole_bytes, tail))
}

/// What a file holds from an offset on, without the zeros at its end. Does not read the holes of a file that is longer than it is filled.
fn read_rest(mut file: File, offset: u64) -> io::Result<Vec<u8>> {
    let (mut at, mut end) = (offset, offset);
    while let Ok(data) = rustix::fs::seek(&file, SeekFrom::Data(at)) {
        end = rustix::fs::seek(&file, SeekFrom::Hole(data))?;
        at = end;
    }
    let mut rest = Vec::new();
    file.seek(io::SeekFrom::Start(offset))?;
    file.take(end - offset).read_to_end(&mut rest)?;
    rest.truncate(rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    Ok(rest)
}

fn holds_batch(bytes: &[u8]) -> io::Result<bool> {
    for (at, byte) in bytes.iter().enumerate() {
        let may_start = *byte == TAG_START && bytes.get(at + START_BYTES) == Some(&TAG_ENTRY);
        if may_start && read_batch(&mut &bytes[at..])?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The length of the batch that a reader stands at, where it is whole.
fn read_batch(reader: &mut impl BufRead) -> io::Result<Option<u64>> {
    match try_read_batch(reader) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) => Ok(None),
        Err(error) => Err(error),
    }
}

fn try_read_batch(reader: &mut impl BufRead) -> io::Result<u64> {
    let start: [u8; START_BYTES] = read(reader)?;
    let [tag, count @ .., _, _, _, _, _, _, _, _] = start;
    let entries = u32::from_le_bytes(count);
    check(tag == TAG_START && entries > 0)?;
    let mut hash = Xxh3::new();
    let mut bytes = START_BYTES + END_BYTES;
    for _ in 0..entries {
        bytes += read_entry(reader, &mut hash)?;
    }
    let [tag, rest @ ..]: [u8; END_BYTES] = read(reader)?;
    check(tag == TAG_END && rest[..8] == hash.digest().to_le_bytes() && rest[8..] == TRAILER)?;
    Ok(bytes as u64)
}

/// Adds an entry to the checksum, and tells its length.
fn read_entry(reader: &mut impl BufRead, hash: &mut Xxh3) -> io::Result<usize> {
    let head: [u8; ENTRY_HEAD_BYTES] = read(reader)?;
    let [tag, .., k0, k1, _, _, _, _, v0, v1, v2, v3] = head;
    check(tag == TAG_ENTRY)?;
    hash.update(&head);
    let body_bytes = usize::from(u16::from_le_bytes([k0, k1])) + u32::from_le_bytes([v0, v1, v2, v3]) as usize;
    let mut left = body_bytes;
    while left > 0 {
        let buffered = reader.fill_buf()?;
        let part = &buffered[..left.min(buffered.len())];
        if part.is_empty() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        hash.update(part);
        let part_bytes = part.len();
        reader.consume(part_bytes);
        left -= part_bytes;
    }
    Ok(ENTRY_HEAD_BYTES + body_bytes)
}

fn read<const N: usize>(reader: &mut impl BufRead) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn check(is_as_it_should_be: bool) -> io::Result<()> {
    if is_as_it_should_be { Ok(()) } else { Err(ErrorKind::InvalidData.into()) }
}

#[cfg(test)]
mod tests;
