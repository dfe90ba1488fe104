//! Opening a directory: what is taken, what is refused, and what the error says.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sandmill_engine::ports::{Executions as _, Journal as _};
use sandmill_store::{EmbeddedOptions, EmbeddedStore, OpenError};

use crate::kit::{entry, execution, open, options, row, start};

/// The error of opening a path, as it is printed; it always names the path.
#[track_caller]
fn refused(path: &Path) -> (OpenError, String) {
    let Err(error) = EmbeddedStore::open(EmbeddedOptions::new(path)) else { panic!("{} opened", path.display()) };
    let text = error.to_string();
    assert!(text.contains(path.to_str().unwrap()), "{text}");
    (error, text)
}

#[test]
fn a_directory_that_does_not_exist_is_made_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some/where");
    drop(EmbeddedStore::open(EmbeddedOptions::new(&path)).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read_to_string(path.join("format")).unwrap(), "sandmill-store 1\n");
}

#[test]
fn an_empty_directory_is_taken_and_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        drop(EmbeddedStore::open(EmbeddedOptions::new(folder.path())).unwrap());
    }
}

#[test]
fn a_file_is_no_directory() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "text").unwrap();
    for path in [file.clone(), file.join("below")] {
        assert!(matches!(refused(&path).0, OpenError::NotADirectory { .. }));
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "text");
}

#[test]
fn what_cannot_be_written_is_said_to_be_so() {
    // Nobody makes a directory in /proc, not even root, whom permissions do not bind.
    assert!(matches!(refused(Path::new("/proc/sandmill")).0, OpenError::Unwritable { .. }));
}

#[test]
fn a_directory_with_files_of_others_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("letter.txt"), "text").unwrap();
    assert!(matches!(refused(folder.path()).0, OpenError::NotOurs { .. }));
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["letter.txt"], "nothing was written into it");
    fs::write(folder.path().join("format"), "png").unwrap();
    assert!(matches!(refused(folder.path()).0, OpenError::NotOurs { .. }));
}

#[test]
fn one_process_at_a_time_has_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let path = folder.path().join("store");
    let (error, text) = refused(&path);
    assert!(matches!(error, OpenError::Locked { .. }) && text.contains("in use by another process"), "{text}");
    store.append(vec![start(&execution("a", 1))]).unwrap();
    drop(store);
    open(folder.path());
}

#[test]
fn a_newer_format_is_refused_by_its_number() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let path = folder.path().join("store");
    fs::write(path.join("format"), "sandmill-store 2\n").unwrap();
    let (error, text) = refused(&path);
    assert!(matches!(error, OpenError::NewerFormat { found: 2, known: 1, .. }) && text.contains("format 2"), "{text}");
    for wrong in ["sandmill-store 0\n", "sandmill-store x\n", "sandmill-store \n"] {
        fs::write(path.join("format"), wrong).unwrap();
        assert!(matches!(refused(&path).0, OpenError::Damaged { .. }), "{wrong}");
    }
    fs::write(path.join("format"), "sandmill-store 1\n").unwrap();
    open(folder.path());
}

#[test]
fn a_store_that_was_never_finished_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let path = folder.path().join("store");
    for half in ["version", "keyspaces/1/current"] {
        fs::rename(path.join("format"), path.join("format.new")).unwrap();
        fs::remove_file(path.join("database").join(half)).unwrap();
        drop(open(folder.path()));
    }
    fs::remove_file(path.join("format")).unwrap();
    assert!(matches!(refused(&path).0, OpenError::NotOurs { .. }), "what was whole is never made anew");
}

#[test]
fn a_store_that_lost_files_is_damaged() {
    for lost in
        ["database", "database/version", "database/keyspaces", "database/keyspaces/1", "database/keyspaces/2/current"]
    {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        store.append(vec![start(&execution("a", 1))]).unwrap();
        drop(store);
        let path = folder.path().join("store");
        fs::rename(path.join(lost), folder.path().join("lost")).unwrap();
        let (error, text) = refused(&path);
        assert!(matches!(error, OpenError::Damaged { .. }), "{lost}: {text}");
    }
}

#[test]
fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let keys = (0..200).map(|number| execution("a", number)).collect::<Vec<_>>();
    for part in keys.chunks(50) {
        let store = open(folder.path());
        part.iter().for_each(|key| store.append(vec![start(key)]).unwrap());
    }
    let store = EmbeddedStore::open(options(folder.path())).unwrap();
    for key in &keys {
        assert_eq!(store.records(key, 0, 10).unwrap(), [entry(0)]);
        assert_eq!(store.row(key).unwrap(), Some(row(key)));
    }
    assert_eq!(store.active(None, 1_000).unwrap(), keys);
}
