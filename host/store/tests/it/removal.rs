//! Removing an execution: in slices, its index row last, and nothing of another.

use sandmill_core::time::Timestamp;
use sandmill_engine::ports::{Batch, ExecutionKey, Snapshot, Store, StoreError};

use crate::kit::{check, digest, ended_row, execution, start, step, tenant, text};

/// An ended execution of six rows: three records, a snapshot, a value and a config.
fn write_ended(store: &dyn Store, key: &ExecutionKey) {
    let start = Batch { residence: None, configs: vec![(0, text("{}"))], ..start(key) };
    let snapshot = Some(Snapshot { position: 1, machine: text("machine") });
    let step_1 = Batch { values: vec![(digest("v"), text("1"))], snapshot, ..step(key, 1) };
    let end = Batch { row: Some(ended_row(key)), ..step(key, 2) };
    store.append(vec![start, step_1, end]).unwrap();
}

#[track_caller]
fn assert_gone(store: &dyn Store, key: &ExecutionKey) {
    assert_eq!(store.row(key).unwrap(), None);
    assert_eq!(store.records(key, 0, 10).unwrap(), []);
    assert_eq!(store.snapshot(key).unwrap(), None);
    assert_eq!(store.value(key, digest("v")).unwrap(), None);
    assert_eq!(store.list(&key.tenant, &Default::default(), None, 10).unwrap().items, []);
    assert_eq!(store.expired(Timestamp(i64::MAX), 10).unwrap(), []);
}

#[test]
fn one_call_removes_an_execution_that_fits_into_it() {
    for rows_max in [7, 8, 100] {
        check(|store| {
            let key = execution("a", 1);
            write_ended(&**store, &key);
            assert!(!store.remove(&key, rows_max).unwrap(), "six rows and the index row are at most {rows_max}");
            store.reopen();
            assert_gone(&**store, &key);
        });
    }
}

#[test]
fn slices_remove_the_index_row_last() {
    for (rows_max, calls) in [(1, 7), (2, 4), (3, 3), (5, 2), (6, 2)] {
        check(|store| {
            let key = execution("a", 1);
            write_ended(&**store, &key);
            for _ in 1..calls {
                assert!(store.remove(&key, rows_max).unwrap());
                assert!(store.row(&key).unwrap().is_some(), "it is found until the rest is gone");
                assert_eq!(store.expired(Timestamp(300), 10).unwrap(), std::slice::from_ref(&key));
            }
            assert!(!store.remove(&key, rows_max).unwrap(), "{calls} calls of {rows_max} rows");
            assert_gone(&**store, &key);
        });
    }
}

#[test]
fn removal_goes_on_after_a_restart_and_beside_another() {
    check(|store| {
        let keys = [execution("a", 1), execution("a", 2)];
        keys.iter().for_each(|key| write_ended(&**store, key));
        for key in &keys {
            assert!(store.remove(key, 2).unwrap());
        }
        store.reopen();
        for key in &keys {
            while store.remove(key, 2).unwrap() {}
        }
        keys.iter().for_each(|key| assert_gone(&**store, key));
    });
}

#[test]
fn neighbours_stay() {
    check(|store| {
        let keys = [execution("a", 1), execution("a", 0), execution("a", 2), execution("b", 1), execution("a-b", 1)];
        keys.iter().for_each(|key| write_ended(&**store, key));
        assert!(!store.remove(&keys[0], 100).unwrap());
        assert_eq!(store.row(&keys[0]).unwrap(), None);
        for key in &keys[1..] {
            assert_eq!(store.records(key, 0, 10).unwrap().len(), 3, "{key:?}");
            assert!(store.row(key).unwrap().is_some());
            assert_eq!(store.value(key, digest("v")).unwrap(), Some(text("1")));
        }
        assert_eq!(store.list(&tenant("a"), &Default::default(), None, 10).unwrap().items.len(), 2);
    });
}

#[test]
fn what_is_gone_can_be_removed_again() {
    check(|store| assert!(!store.remove(&execution("a", 1), 10).unwrap()));
}

#[test]
fn a_slice_of_nothing_removes_nothing() {
    check(|store| {
        let key = execution("a", 1);
        write_ended(&**store, &key);
        assert!(store.remove(&key, 0).unwrap());
        assert_eq!(store.records(&key, 0, 10).unwrap().len(), 3);
    });
}

#[test]
fn what_has_not_ended_is_not_removed() {
    check(|store| {
        let key = execution("a", 1);
        store.append(vec![start(&key)]).unwrap();
        let result = store.remove(&key, 10);
        assert!(
            matches!(&result, Err(StoreError::Invalid { reason }) if reason.contains("has not ended")),
            "{result:?}"
        );
        assert_eq!(store.records(&key, 0, 10).unwrap().len(), 1);
    });
}
