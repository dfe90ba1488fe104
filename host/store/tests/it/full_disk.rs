//! A disk that fills up, played by a child process that may not make files larger than a limit.

use std::path::Path;
use std::process::Output;

use rustix::process::{Resource, Rlimit, setrlimit};
use sandmill_engine::ports::{ExecutionKey, Executions as _, Journal as _, Store, StoreError};
use sandmill_store::{EmbeddedStore, OpenError};

use crate::kit::{entry, execution, folder_of_child, open, options, run_as_child, step, tenant};

/// What a child that succeeded printed.
#[track_caller]
fn printed_by_child(test: &str, folder: &Path) -> String {
    let Output { status, stdout, stderr } = run_as_child(test, folder);
    let stdout = String::from_utf8(stdout).unwrap();
    assert!(status.success(), "{stdout}\n{}", String::from_utf8_lossy(&stderr));
    stdout
}

fn limit_file_bytes(bytes: u64) {
    setrlimit(Resource::Fsize, Rlimit { current: Some(bytes), maximum: None }).unwrap();
}

fn key() -> ExecutionKey {
    execution("a", 1)
}

#[test]
fn a_write_that_fails_ends_the_store_and_loses_nothing_that_was_acknowledged() {
    if let Some(folder) = folder_of_child() {
        return write_until_full(&open(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).append(vec![step(&key(), 0)]).unwrap();
    let stdout = printed_by_child(
        "full_disk::a_write_that_fails_ends_the_store_and_loses_nothing_that_was_acknowledged",
        folder.path(),
    );
    let acknowledged: u64 = stdout.lines().find_map(|line| line.strip_prefix("acknowledged ")?.parse().ok()).unwrap();
    assert!(acknowledged > 10, "{acknowledged}");
    let store = open(folder.path());
    let expected: Vec<_> = (0..acknowledged).map(entry).collect();
    assert_eq!(store.records(&key(), 0, usize::MAX).unwrap(), expected);
    store.append(vec![step(&key(), acknowledged)]).unwrap();
}

fn write_until_full(store: &dyn Store) {
    limit_file_bytes(20_000);
    let (acknowledged, error) = (1..)
        .find_map(|position| store.append(vec![step(&key(), position)]).err().map(|error| (position, error)))
        .unwrap();
    assert!(matches!(&error, StoreError::Failed { reason } if reason.contains("File too large")), "{error}");
    let failed =
        |result: Result<(), StoreError>| assert!(matches!(result, Err(StoreError::Failed { .. })), "{result:?}");
    failed(store.append(vec![step(&key(), acknowledged)]));
    failed(store.records(&key(), 0, 1).map(drop));
    failed(store.row(&key()).map(drop));
    failed(store.list(&tenant("a"), &Default::default(), None, 1).map(drop));
    failed(store.remove(&key(), 1).map(drop));
    println!("\nacknowledged {acknowledged}");
}

#[test]
fn a_store_that_finds_no_room_says_so_and_opens_once_there_is() {
    if let Some(folder) = folder_of_child() {
        limit_file_bytes(20_000);
        let result = EmbeddedStore::open(options(&folder));
        assert!(matches!(result, Err(OpenError::Full { .. })));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    printed_by_child("full_disk::a_store_that_finds_no_room_says_so_and_opens_once_there_is", folder.path());
    assert!(open(folder.path()).row(&key()).unwrap().is_none());
}
