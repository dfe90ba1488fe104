//! What was acknowledged survives: a log that is cut where the last sync ended loses nothing, whatever a crash left behind it.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};

use rustix::process::{Signal, getpid, kill_process};
use sandmill_engine::ports::{Batch, Executions as _, Journal as _, JournalEntry, StoreError};
use sandmill_store::{EmbeddedOptions, EmbeddedStore, OpenError};
use tempfile::TempDir;

use crate::kit::{entry, execution, folder_of_child, open, options, run_as_child, start, step};

/// A store whose syncs are reported.
struct Recorded {
    folder: TempDir,
}

fn reported(folder: &Path) -> EmbeddedOptions {
    EmbeddedOptions { sync_report: Some(folder.join("syncs")), ..options(folder) }
}

impl Recorded {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn options(&self) -> EmbeddedOptions {
        reported(self.folder.path())
    }

    fn open(&self) -> EmbeddedStore {
        EmbeddedStore::open(self.options()).unwrap()
    }

    /// The reports so far: name of the log and offset.
    fn syncs(&self) -> Vec<(String, u64)> {
        let text = fs::read_to_string(self.folder.path().join("syncs")).unwrap();
        let parse = |line: &str| {
            let (path, offset) = line.rsplit_once(' ').unwrap();
            assert!(Path::new(path).starts_with(self.folder.path()), "{path}");
            (Path::new(path).file_name().unwrap().to_str().unwrap().to_owned(), offset.parse().unwrap())
        };
        text.lines().map(parse).collect()
    }

    /// What a crash leaves: the files as they are while the store is open, the log cut, and something after the cut.
    fn crashed(&self, sync: &(String, u64), tail: &[u8]) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_tree(&self.folder.path().join("store"), &copy.path().join("store"));
        cut(copy.path(), sync, tail);
        copy
    }

    /// The bytes of a log between two offsets.
    fn bytes(&self, log: &str, from: u64, to: u64) -> Vec<u8> {
        let mut file = fs::File::open(log_path(self.folder.path(), log)).unwrap();
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        file.seek(SeekFrom::Start(from)).unwrap();
        file.read_exact(&mut bytes).unwrap();
        bytes
    }
}

fn cut(folder: &Path, (log, offset): &(String, u64), tail: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(log_path(folder, log)).unwrap();
    file.set_len(*offset).unwrap();
    file.seek(SeekFrom::End(0)).unwrap();
    file.write_all(tail).unwrap();
}

fn log_path(folder: &Path, log: &str) -> PathBuf {
    folder.join("store/database").join(log)
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy_tree(&path, &target);
        } else {
            fs::copy(path, target).unwrap();
        }
    }
}

/// The records of the one execution that these cases write.
fn records(store: &EmbeddedStore) -> Vec<JournalEntry> {
    store.records(&execution("a", 1), 0, usize::MAX).unwrap()
}

fn append(store: &EmbeddedStore, position: u64) {
    store.append(vec![step(&execution("a", 1), position)]).unwrap();
}

fn entries(count: u64) -> Vec<JournalEntry> {
    (0..count).map(entry).collect()
}

#[test]
fn each_sync_is_reported_before_it_is_acknowledged() {
    let recorded = Recorded::new();
    let store = recorded.open();
    assert_eq!(recorded.syncs().len(), 1, "where the log ends when the store has opened");
    for position in 0..5 {
        append(&store, position);
        assert_eq!(recorded.syncs().len() as u64, position + 2);
    }
    drop(store);
    let store = recorded.open();
    append(&store, 5);
    let syncs = recorded.syncs();
    assert_eq!(syncs.len(), 8);
    assert!(syncs.is_sorted(), "{syncs:?}");
    assert_eq!(syncs[5], syncs[6], "opening writes nothing");
    assert!(syncs[6] < syncs[7]);
}

#[test]
fn without_fsync_nothing_is_reported_and_a_cut_loses_what_was_acknowledged() {
    let recorded = Recorded::new();
    let store = EmbeddedStore::open(EmbeddedOptions { fsync: false, ..recorded.options() }).unwrap();
    append(&store, 0);
    let syncs = recorded.syncs();
    assert_eq!(syncs.len(), 1);
    assert_eq!(records(&open(recorded.crashed(&syncs[0], b"").path())), []);
}

#[test]
fn a_cut_after_any_sync_loses_nothing_that_was_acknowledged_by_then() {
    let recorded = Recorded::new();
    let mut store = recorded.open();
    for position in 0..6 {
        if position == 3 {
            // A log that was opened again is written in another way: it is no longer made longer than it is filled.
            drop(store);
            store = recorded.open();
        }
        append(&store, position);
    }
    let mut syncs = recorded.syncs();
    syncs.dedup();
    assert_eq!(syncs.len(), 7);
    for (acknowledged, sync) in syncs.iter().enumerate() {
        let crashed = recorded.crashed(sync, b"");
        let store = open(crashed.path());
        assert_eq!(records(&store), entries(acknowledged as u64));
        append(&store, acknowledged as u64);
        drop(store);
        assert_eq!(records(&open(crashed.path())), entries(acknowledged as u64 + 1), "and it goes on from there");
    }
}

#[test]
fn whatever_stands_behind_the_cut_is_cut_off() {
    let recorded = Recorded::new();
    let store = recorded.open();
    (0..3).for_each(|position| append(&store, position));
    let syncs = recorded.syncs();
    let (log, end) = &syncs[3];
    let last = recorded.bytes(log, syncs[2].1, *end);
    let noise: Vec<u8> = (0..5_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut wrong_checksum = last.clone();
    let middle = wrong_checksum.len() / 2;
    wrong_checksum[middle] ^= 1;
    let mut blank_page = last.clone();
    blank_page[20..].fill(0);
    let mut tails = vec![vec![0; 10_000], noise, wrong_checksum, blank_page, [&[0; 64], &last[..30]].concat()];
    tails.extend((1..last.len()).step_by(11).map(|length| last[..length].to_vec()));
    for tail in tails {
        let crashed = recorded.crashed(&syncs[2], &tail);
        let store = open(crashed.path());
        assert_eq!(records(&store), entries(2), "{} bytes behind the cut", tail.len());
        append(&store, 2);
        drop(store);
        assert_eq!(records(&open(crashed.path())), entries(3));
    }
}

#[test]
fn a_batch_is_whole_or_not_there_wherever_the_log_is_cut() {
    let recorded = Recorded::new();
    let store = recorded.open();
    append(&store, 0);
    let keys = [execution("a", 2), execution("b", 2)];
    store.append(keys.iter().map(start).collect()).unwrap();
    let syncs = recorded.syncs();
    let (log, end) = syncs.last().unwrap();
    for offset in (syncs[1].1..=*end).step_by(13).chain([*end]) {
        let store = open(recorded.crashed(&(log.clone(), offset), b"").path());
        let is_there = offset == *end;
        for key in &keys {
            assert_eq!(store.row(key).unwrap().is_some(), is_there, "cut at {offset}");
            assert_eq!(store.records(key, 0, 1).unwrap().len(), usize::from(is_there));
        }
        assert_eq!(store.active(None, 10).unwrap().len(), if is_there { 2 } else { 0 });
        assert_eq!(store.records(&execution("a", 1), 0, 1).unwrap().len(), 1);
    }
}

#[test]
fn a_byte_that_went_bad_in_the_log_is_damage_and_not_an_end() {
    let recorded = Recorded::new();
    let store = recorded.open();
    (0..3).for_each(|position| append(&store, position));
    let syncs = recorded.syncs();
    let (log, end) = syncs.last().unwrap();
    for offset in (syncs[1].1..syncs[2].1).step_by(17) {
        let crashed = recorded.crashed(&(log.clone(), *end), b"");
        flip(&log_path(crashed.path(), log), offset);
        let result = EmbeddedStore::open(options(crashed.path()));
        let Err(OpenError::Damaged { reason, .. }) = result else { panic!("byte {offset} is bad, and it opened") };
        assert!(reason.contains(log) && reason.contains(&syncs[1].1.to_string()), "{reason}");
    }
}

fn flip(path: &Path, offset: u64) {
    let mut file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(&[byte[0] ^ 0x10]).unwrap();
}

/// Records of a mebibyte that are written to fill logs and tables.
const NOISE_COUNT: u64 = 100;

/// A record that does not shrink when it is compressed.
fn noise(position: u64) -> JournalEntry {
    let mut state = position + 1;
    let next = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    });
    JournalEntry { position, record: next.take(1 << 20).collect() }
}

#[test]
fn a_process_that_was_killed_with_full_logs_and_tables_loses_nothing() {
    if let Some(folder) = folder_of_child() {
        return write_and_die(&EmbeddedStore::open(reported(&folder)).unwrap());
    }
    let recorded = Recorded::new();
    let folder = recorded.folder.path();
    let test = "durability::a_process_that_was_killed_with_full_logs_and_tables_loses_nothing";
    assert_eq!(run_as_child(test, folder).status.signal(), Some(Signal::KILL.as_raw()));
    let last = recorded.syncs().pop().unwrap();
    assert_ne!(last.0, "0.jnl", "{NOISE_COUNT} MiB fill more than one log");
    cut(folder, &last, b"\x01torn");
    let store = open(folder);
    for position in 0..NOISE_COUNT {
        assert!(store.records(&execution("a", 1), position, 1).unwrap() == [noise(position)], "record {position}");
    }
    drop(store);
    assert_bad_table_is_told(folder);
}

fn write_and_die(store: &EmbeddedStore) {
    for position in 0..NOISE_COUNT {
        store.append(vec![Batch { entry: Some(noise(position)), ..Batch::new(execution("a", 1)) }]).unwrap();
    }
    kill_process(getpid(), Signal::KILL).unwrap();
}

/// No read of a table with a bad byte gives anything but what was written, or an error.
fn assert_bad_table_is_told(folder: &Path) {
    let tables = folder.join("store/database/keyspaces/1/tables");
    let tables: Vec<_> = fs::read_dir(tables).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!tables.is_empty());
    for table in &tables {
        let length = fs::metadata(table).unwrap().len();
        flip(table, length / 2);
    }
    let store = open(folder);
    let mut damaged = 0;
    for position in 0..NOISE_COUNT {
        match store.records(&execution("a", 1), position, 1) {
            Ok(records) => assert!(records == [noise(position)], "record {position}"),
            Err(StoreError::Damaged { place, .. }) => {
                assert!(place.starts_with("Executions/"), "{place}");
                damaged += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(damaged >= tables.len(), "{damaged} bad records in {} bad tables", tables.len());
}
