//! The index: where an execution is, and what is active, due or expired.

use sandmill_core::time::Timestamp;
use sandmill_engine::ports::{Batch, ExecutionFilter, ExecutionRow, Residence, Status, StoredValue};

use crate::kit::{check, digest, ended_row, execution, moved, row, start, tenant, text, with_row};

const ACTIVE: Option<Residence> = Some(Residence::Active);

fn parked(due: i64) -> Option<Residence> {
    Some(Residence::Parked { due: Some(Timestamp(due)) })
}

#[test]
fn a_row_reads_back_as_it_was_written() {
    check(|store| {
        let key = execution("a", 1);
        assert_eq!(store.row(&key).unwrap(), None);
        let results = [None, Some(StoredValue::Inline(text("{\"n\":1}"))), Some(StoredValue::Digest(digest("output")))];
        for result in results {
            let row = ExecutionRow { result, started_at: Timestamp(-7), ..ended_row(&key) };
            store.append(vec![with_row(&key, row.clone())]).unwrap();
            store.reopen();
            assert_eq!(store.row(&key).unwrap(), Some(row));
            assert_eq!(store.row(&execution("b", 1)).unwrap(), None, "another tenant does not see it");
        }
    });
}

#[test]
fn a_status_that_changed_leaves_nothing_behind() {
    check(|store| {
        let key = execution("a", 1);
        let statuses = [Status::Pending, Status::Running, Status::Waiting, Status::Suspended, Status::Running];
        for status in statuses.into_iter().chain([Status::Cancelled, Status::Faulted, Status::Completed]) {
            store.append(vec![with_row(&key, ExecutionRow { status, ..row(&key) })]).unwrap();
            for listed in [Status::Pending, Status::Running, Status::Waiting, Status::Suspended, Status::Completed] {
                let filter = ExecutionFilter { status: Some(listed), workflow: None };
                let found = store.list(&tenant("a"), &filter, None, 10).unwrap();
                assert_eq!(found.items.len(), usize::from(listed == status), "{listed:?} while it is {status:?}");
            }
        }
    });
}

#[test]
fn an_expiry_that_changed_leaves_nothing_behind() {
    check(|store| {
        let key = execution("a", 1);
        for expires_at in [Some(Timestamp(300)), Some(Timestamp(900)), None] {
            store.append(vec![with_row(&key, ExecutionRow { expires_at, ..ended_row(&key) })]).unwrap();
            let at = |time| store.expired(Timestamp(time), 10).unwrap().len();
            assert_eq!(at(899), usize::from(expires_at == Some(Timestamp(300))));
            assert_eq!(at(900), usize::from(expires_at.is_some()));
        }
    });
}

#[test]
fn expired_executions_come_the_earliest_first() {
    check(|store| {
        for (number, expires_at) in [(1, 30), (2, -5), (3, 20), (4, 20), (5, 40)] {
            let key = execution(if number % 2 == 0 { "a" } else { "b" }, number);
            let row = ExecutionRow { expires_at: Some(Timestamp(expires_at)), ..ended_row(&key) };
            store.append(vec![with_row(&key, row)]).unwrap();
        }
        store.reopen();
        let [a2, a4, b3, b1] = [execution("a", 2), execution("a", 4), execution("b", 3), execution("b", 1)];
        assert_eq!(store.expired(Timestamp(30), 10).unwrap(), [a2.clone(), a4, b3, b1]);
        assert_eq!(store.expired(Timestamp(30), 1).unwrap(), [a2]);
        assert_eq!(store.expired(Timestamp(-6), 10).unwrap(), []);
    });
}

#[test]
fn active_executions_come_in_the_order_of_keys_and_in_pages() {
    check(|store| {
        let keys = [execution("a", 1), execution("a", 2), execution("a-b", 0), execution("ab", 0), execution("b", 3)];
        store.append(keys.iter().rev().map(|key| moved(key, None, ACTIVE)).collect()).unwrap();
        store.reopen();
        assert!(keys.is_sorted());
        assert_eq!(store.active(None, 10).unwrap(), keys);
        assert_eq!(store.active(None, 2).unwrap(), keys[..2]);
        assert_eq!(store.active(Some(&keys[1]), 2).unwrap(), keys[2..4]);
        assert_eq!(store.active(Some(&execution("aa", 0)), 10).unwrap(), keys[3..], "after one that is not there");
        assert_eq!(store.active(Some(&keys[4]), 10).unwrap(), []);
    });
}

#[test]
fn an_execution_is_where_it_was_moved_to_last() {
    check(|store| {
        let key = execution("a", 1);
        let never = Some(Residence::Parked { due: None });
        let places = [None, ACTIVE, parked(50), parked(70), ACTIVE, never, parked(-9), never, ACTIVE, None];
        for (before, after) in places.into_iter().zip(places.into_iter().skip(1)) {
            store.append(vec![moved(&key, before, after)]).unwrap();
            let active = store.active(None, 10).unwrap();
            let due = store.due(Timestamp(i64::MAX), 10).unwrap();
            let time = after.and_then(|place| match place {
                Residence::Active => None,
                Residence::Parked { due } => due,
            });
            assert_eq!(active, if after == ACTIVE { vec![key.clone()] } else { Vec::new() }, "{after:?}");
            assert_eq!(due, Vec::from_iter(time.map(|time| (time, key.clone()))), "{after:?}");
            assert_eq!(store.next_due().unwrap(), time);
        }
    });
}

#[test]
fn due_executions_come_the_earliest_first() {
    check(|store| {
        let keys = [execution("a", 1), execution("b", 2), execution("a", 3), execution("c", 4)];
        let times = [500, 100, 100, i64::MAX];
        store.append(keys.iter().zip(times).map(|(key, due)| moved(key, None, parked(due))).collect()).unwrap();
        store.reopen();
        let due = |index: usize| (Timestamp(times[index]), keys[index].clone());
        assert_eq!(store.next_due().unwrap(), Some(Timestamp(100)));
        assert_eq!(store.due(Timestamp(99), 10).unwrap(), []);
        assert_eq!(store.due(Timestamp(100), 10).unwrap(), [due(2), due(1)], "one moment: in the order of keys");
        assert_eq!(store.due(Timestamp(500), 10).unwrap(), [due(2), due(1), due(0)]);
        assert_eq!(store.due(Timestamp(500), 2).unwrap(), [due(2), due(1)]);
        assert_eq!(store.due(Timestamp(i64::MAX), 10).unwrap().len(), 4);
    });
}

#[test]
fn rows_and_residence_are_apart() {
    check(|store| {
        let key = execution("a", 1);
        store.append(vec![start(&key)]).unwrap();
        store.append(vec![Batch { row: Some(ended_row(&key)), ..moved(&key, ACTIVE, None) }]).unwrap();
        assert_eq!(store.active(None, 10).unwrap(), []);
        assert_eq!(store.row(&key).unwrap(), Some(ended_row(&key)));
    });
}
