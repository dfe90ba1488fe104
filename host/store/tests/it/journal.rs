//! The journal: what was appended is there, in order, whole, and of one execution alone.

use bytes::Bytes;
use sandmill_core::time::Timestamp;
use sandmill_engine::ports::{
    Batch, ExecutionRow, Executions as _, Journal as _, JournalEntry, Residence, Snapshot, Status, StoreError,
};
use sandmill_store::EmbeddedStore;

use crate::kit::{check, digest, ended_row, entry, execution, open, options, row, start, step, tenant, text, with_row};

#[test]
fn records_come_back_in_order() {
    check(|store| {
        let key = execution("a", 1);
        // Past one byte and past two, where keys that are not of fixed width would change their order.
        let positions = [0, 1, 2, 255, 256, 257, 65_535, 65_536];
        for position in positions.iter().rev() {
            store.append(vec![step(&key, *position)]).unwrap();
        }
        store.reopen();
        assert_eq!(store.records(&key, 0, 100).unwrap(), positions.map(entry));
        assert_eq!(store.records(&key, 255, 2).unwrap(), [entry(255), entry(256)]);
        assert_eq!(store.records(&key, 65_537, 100).unwrap(), []);
        assert_eq!(store.records(&key, 0, 0).unwrap(), []);
    });
}

#[test]
fn records_are_of_one_execution_of_one_tenant() {
    check(|store| {
        let keys = [execution("a", 1), execution("a", 2), execution("ab", 1), execution("a-b", 1), execution("a", 0)];
        for (position, key) in keys.iter().enumerate() {
            store.append(vec![step(key, position as u64)]).unwrap();
        }
        for (position, key) in keys.iter().enumerate() {
            assert_eq!(store.records(key, 0, 10).unwrap(), [entry(position as u64)], "{key:?}");
        }
    });
}

#[test]
fn a_batch_changes_all_its_rows() {
    check(|store| {
        let key = execution("a", 1);
        store
            .append(vec![Batch {
                values: vec![(digest("value"), text("\"value\""))],
                configs: vec![(0, text("{}"))],
                snapshot: Some(Snapshot { position: 0, machine: text("machine") }),
                ..start(&key)
            }])
            .unwrap();
        store.reopen();
        assert_eq!(store.records(&key, 0, 10).unwrap(), [entry(0)]);
        assert_eq!(store.value(&key, digest("value")).unwrap(), Some(text("\"value\"")));
        assert_eq!(store.row(&key).unwrap(), Some(row(&key)));
        assert_eq!(store.active(None, 10).unwrap(), std::slice::from_ref(&key));
        assert_eq!(store.snapshot(&key).unwrap(), Some(Snapshot { position: 0, machine: text("machine") }));
    });
}

#[test]
fn one_append_may_hold_many_steps_of_one_execution() {
    check(|store| {
        let key = execution("a", 1);
        let waiting = Residence::Parked { due: Some(Timestamp(500)) };
        let mut waits = with_row(&key, ExecutionRow { status: Status::Waiting, ..row(&key) });
        waits.residence = Some((Some(Residence::Active), Some(waiting)));
        let mut ends = Batch { row: Some(ended_row(&key)), ..step(&key, 1) };
        ends.residence = Some((Some(waiting), None));
        store.append(vec![start(&key), waits, ends]).unwrap();
        store.reopen();
        assert_eq!(store.records(&key, 0, 10).unwrap(), [entry(0), entry(1)]);
        assert_eq!(store.row(&key).unwrap(), Some(ended_row(&key)));
        assert_eq!(store.active(None, 10).unwrap(), []);
        assert_eq!(store.next_due().unwrap(), None);
        let found = store.list(&tenant("a"), &Default::default(), None, 10).unwrap();
        assert_eq!(found.items, [ended_row(&key)], "and only once");
    });
}

#[test]
fn an_append_that_is_invalid_writes_nothing_of_any_batch() {
    check(|store| {
        let (good, bad) = (execution("a", 1), execution("a", 2));
        let result = store.append(vec![start(&good), with_row(&bad, row(&good))]);
        assert!(matches!(result, Err(StoreError::Invalid { .. })), "{result:?}");
        assert_eq!(store.records(&good, 0, 10).unwrap(), []);
        assert_eq!(store.row(&good).unwrap(), None);
        assert_eq!(store.active(None, 10).unwrap(), []);
    });
}

#[test]
fn an_append_of_nothing_succeeds() {
    check(|store| {
        store.append(Vec::new()).unwrap();
        store.append(vec![Batch::new(execution("a", 1))]).unwrap();
    });
}

#[test]
fn a_snapshot_replaces_the_one_before() {
    check(|store| {
        let key = execution("a", 1);
        assert_eq!(store.snapshot(&key).unwrap(), None);
        for position in [3, 7] {
            let snapshot = Snapshot { position, machine: text(&format!("machine {position}")) };
            store.append(vec![Batch { snapshot: Some(snapshot), ..Batch::new(key.clone()) }]).unwrap();
        }
        store.reopen();
        assert_eq!(store.snapshot(&key).unwrap(), Some(Snapshot { position: 7, machine: text("machine 7") }));
        assert_eq!(store.snapshot(&execution("b", 1)).unwrap(), None);
    });
}

#[test]
fn large_records_come_back_whole() {
    check(|store| {
        let key = execution("a", 1);
        let record = Bytes::from((0..10 << 20).map(|index: u32| (index % 251) as u8).collect::<Vec<_>>());
        let large = JournalEntry { position: 0, record };
        store.append(vec![Batch { entry: Some(large.clone()), ..Batch::new(key.clone()) }]).unwrap();
        store.reopen();
        assert!(store.records(&key, 0, 1).unwrap() == [large]);
    });
}

#[test]
fn a_store_says_what_it_is_and_what_it_holds() {
    check(|store| {
        let empty = store.health();
        store
            .append(vec![Batch {
                values: vec![(digest("v"), vec![b' '; 1 << 20].into())],
                ..start(&execution("a", 1))
            }])
            .unwrap();
        store.reopen();
        let health = store.health();
        match health.kind {
            "memory" => assert!(health.free_bytes.is_none() && health.used_bytes > empty.used_bytes + (1 << 20)),
            "embedded" => assert!(health.free_bytes.is_some() && health.used_bytes > 0),
            other => panic!("{other} is no kind of store"),
        }
    });
}

#[test]
fn under_the_reserve_only_a_start_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let running = execution("a", 1);
    open(folder.path()).append(vec![start(&running)]).unwrap();

    let mut options = options(folder.path());
    options.free_bytes_reserve = u64::MAX;
    let store = EmbeddedStore::open(options).unwrap();
    let refused = store.append(vec![step(&running, 1), start(&execution("a", 2))]);
    assert!(
        matches!(&refused, Err(StoreError::Refused { reason }) if reason.contains("bytes are free")),
        "{refused:?}"
    );
    assert_eq!(store.records(&running, 0, 10).unwrap(), [entry(0)], "a refused append writes none of its batches");
    assert_eq!(store.row(&execution("a", 2)).unwrap(), None);

    store.append(vec![step(&running, 1)]).unwrap();
    assert_eq!(store.records(&running, 0, 10).unwrap(), [entry(0), entry(1)], "what runs can end");
}
