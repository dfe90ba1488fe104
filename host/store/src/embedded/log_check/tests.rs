//! Every byte of a log that the database itself wrote, gone bad.

use fjall::{Database, KeyspaceCreateOptions, PersistMode};
use tempfile::TempDir;

use super::*;

/// Batches of a log, of one entry and of several, of small values and of a compressed one.
fn batches() -> Vec<Vec<(Vec<u8>, Vec<u8>)>> {
    let row = |key: &str, value: &[u8]| (key.as_bytes().to_vec(), value.to_vec());
    vec![
        vec![row("a", b"1"), row("b", b"")],
        vec![row("large", &[7; 10_000])],
        vec![row("c", b"FJL\x03"), row("d", b"\x01\x01\0\0\0"), row("e", b"5")],
        vec![row("f", b"6")],
    ]
}

/// A database's folder with a log, and the offset at which each batch of it ends.
fn written() -> (TempDir, Vec<usize>) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::builder(folder.path()).open().unwrap();
    let keyspace = database.keyspace("rows", KeyspaceCreateOptions::default).unwrap();
    let mut ends = Vec::new();
    for rows in batches() {
        let mut batch = database.batch().durability(Some(PersistMode::SyncData));
        rows.into_iter().for_each(|(key, value)| batch.insert(&keyspace, key, value));
        batch.commit().unwrap();
        let (whole_bytes, tail) = read_log(&folder.path().join("0.jnl")).unwrap();
        assert_eq!(tail, Tail::Blank);
        ends.push(usize::try_from(whole_bytes).unwrap());
    }
    (folder, ends)
}

/// The log, and what was whole of it when it was opened: `None` for damage.
fn opened(bytes: &[u8]) -> Option<u64> {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("0.jnl");
    fs::write(&log, bytes).unwrap();
    match cut_torn_tail(folder.path(), folder.path()) {
        Ok(()) => Some(fs::metadata(&log).unwrap().len()),
        Err(OpenError::Damaged { .. }) => None,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_bad_byte_is_damage_but_in_the_last_batch() {
    let (folder, ends) = written();
    let bytes = fs::read(folder.path().join("0.jnl")).unwrap()[..ends[3]].to_vec();
    assert_eq!(opened(&bytes), Some(ends[3] as u64));
    for at in 0..bytes.len() {
        for bit in [0x01, 0x80] {
            let mut bad = bytes.clone();
            bad[at] ^= bit;
            let start = ends.iter().rfind(|end| **end <= at).copied().unwrap_or_default();
            let expected = match at {
                // The sequence number of a batch belongs to no checksum: the one thing in a log that goes bad unseen.
                at if (5..START_BYTES).contains(&(at - start)) => Some(ends[3] as u64),
                at if at < ends[2] => None,
                _ => Some(ends[2] as u64),
            };
            assert_eq!(opened(&bad), expected, "byte {at}");
        }
    }
}

#[test]
fn a_log_that_ends_anywhere_is_cut_to_its_whole_batches() {
    let (folder, ends) = written();
    let bytes = fs::read(folder.path().join("0.jnl")).unwrap();
    for length in (0..ends[3]).step_by(7) {
        let whole = ends.iter().rfind(|end| **end <= length).copied().unwrap_or_default();
        assert_eq!(opened(&bytes[..length]), Some(whole as u64), "cut at {length}");
    }
}

#[test]
fn a_torn_log_with_a_whole_one_after_it_is_damage() {
    let (folder, ends) = written();
    let bytes = fs::read(folder.path().join("0.jnl")).unwrap();
    let logs = tempfile::tempdir().unwrap();
    fs::write(logs.path().join("9.jnl"), &bytes[..ends[1] - 1]).unwrap();
    fs::write(logs.path().join("10.jnl"), b"").unwrap();
    fs::write(logs.path().join("11.jnl"), [0; 100]).unwrap();
    cut_torn_tail(logs.path(), logs.path()).unwrap();
    assert_eq!(fs::metadata(logs.path().join("9.jnl")).unwrap().len(), ends[0] as u64, "nothing whole comes after it");

    fs::write(logs.path().join("9.jnl"), &bytes[..ends[1] - 1]).unwrap();
    fs::write(logs.path().join("10.jnl"), &bytes[..ends[0]]).unwrap();
    let result = cut_torn_tail(logs.path(), logs.path());
    assert!(matches!(&result, Err(OpenError::Damaged { reason, .. }) if reason.contains("9.jnl")), "{result:?}");
}

#[test]
fn a_folder_without_logs_has_nothing_to_cut() {
    let folder = tempfile::tempdir().unwrap();
    cut_torn_tail(folder.path(), &folder.path().join("none")).unwrap();
}
