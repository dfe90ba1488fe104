//! Lists of executions: newest first, filtered, and in pages that lose nothing and repeat nothing.

use sandmill_core::time::Timestamp;
use sandmill_engine::ports::{Batch, ExecutionFilter, ExecutionRow, Page, Status, Store, StoreError};
use sandmill_store::ROWS_LOOKED_AT_MAX;

use crate::kit::{check, execution, row, tenant, with_row};

/// Number, moment of start, status and workflow of each execution that the cases list. Several started at one moment.
const LISTED: [(u128, i64, Status, &str); 8] = [
    (1, 100, Status::Running, "demo/report:1.0.0"),
    (2, 300, Status::Completed, "demo/report:1.0.0"),
    (3, 300, Status::Running, "demo/report:1.1.0"),
    (4, 300, Status::Faulted, "demo/other:1.0.0"),
    (5, -50, Status::Completed, "demo/report:1.0.0"),
    (6, 200, Status::Running, "demo/rep:1.0.0"),
    (7, 300, Status::Waiting, "demo/report:1.0.0"),
    (8, 200, Status::Pending, "demo/report2:1.0.0"),
];

fn write_listed(store: &dyn Store) {
    let batches = LISTED.map(|(number, started_at, status, workflow)| {
        let key = execution("a", number);
        let row = row(&key);
        with_row(&key, ExecutionRow { started_at: Timestamp(started_at), status, workflow: workflow.into(), ..row })
    });
    store.append(batches.into()).unwrap();
    let of_another_tenant = execution("b", 1);
    store.append(vec![with_row(&of_another_tenant, row(&of_another_tenant))]).unwrap();
}

fn numbers(page: &Page<ExecutionRow>) -> Vec<u128> {
    page.items.iter().map(|row| u128::from_be_bytes(row.id.to_bytes())).collect()
}

/// Lists with a filter, in pages of every size, and expects the same each time.
#[track_caller]
fn assert_lists(filter: (Option<Status>, Option<&str>), expected: &[u128]) {
    let filter = ExecutionFilter { status: filter.0, workflow: filter.1.map(Into::into) };
    check(|store| {
        write_listed(&**store);
        store.reopen();
        for items_max in 1..=LISTED.len() + 1 {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = store.list(&tenant("a"), &filter, after.as_deref(), items_max).unwrap();
                assert!(page.items.len() <= items_max);
                found.extend(numbers(&page));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected, "{filter:?} in pages of {items_max}");
        }
    });
}

#[test]
fn all_executions_the_newest_first() {
    assert_lists((None, None), &[7, 4, 3, 2, 8, 6, 1, 5]);
}

#[test]
fn by_status() {
    assert_lists((Some(Status::Running), None), &[3, 6, 1]);
    assert_lists((Some(Status::Suspended), None), &[]);
}

#[test]
fn by_workflow_of_any_version_or_of_one() {
    assert_lists((None, Some("demo/report")), &[7, 3, 2, 1, 5]);
    assert_lists((None, Some("demo/report:1.0.0")), &[7, 2, 1, 5]);
    assert_lists((None, Some("demo/report:1.1.0")), &[3]);
    assert_lists((None, Some("demo/report:2.0.0")), &[]);
    assert_lists((None, Some("demo/re")), &[]);
}

#[test]
fn by_workflow_and_status() {
    assert_lists((Some(Status::Running), Some("demo/report")), &[3, 1]);
    assert_lists((Some(Status::Running), Some("demo/report:1.0.0")), &[1]);
}

#[test]
fn a_page_that_ends_the_list_has_no_next() {
    check(|store| {
        write_listed(&**store);
        let next = |items_max| store.list(&tenant("a"), &Default::default(), None, items_max).unwrap().next;
        assert!(next(LISTED.len() - 1).is_some());
        assert_eq!(next(LISTED.len()), None);
        assert_eq!(
            store.list(&tenant("c"), &Default::default(), None, 10).unwrap(),
            Page { items: vec![], next: None }
        );
    });
}

#[test]
fn a_list_goes_on_where_it_stood_though_executions_come_and_change() {
    check(|store| {
        write_listed(&**store);
        let page = store.list(&tenant("a"), &Default::default(), None, 3).unwrap();
        assert_eq!(numbers(&page), [7, 4, 3]);
        let (newer, changed) = (execution("a", 9), execution("a", 8));
        let newer = with_row(&newer, ExecutionRow { started_at: Timestamp(900), ..row(&newer) });
        let row = ExecutionRow { status: Status::Completed, ..store.row(&changed).unwrap().unwrap() };
        store.append(vec![newer, with_row(&changed, row)]).unwrap();
        let page = store.list(&tenant("a"), &Default::default(), page.next.as_deref(), 10).unwrap();
        assert_eq!(numbers(&page), [2, 8, 6, 1, 5]);
    });
}

#[test]
fn a_token_that_no_page_gave_is_refused() {
    check(|store| {
        write_listed(&**store);
        let token = store.list(&tenant("a"), &Default::default(), None, 1).unwrap().next.unwrap();
        let other_digit = if token.starts_with('0') { "1" } else { "0" };
        let flipped = format!("{other_digit}{}", &token[1..]);
        let longer = format!("{token}00");
        for wrong in ["", "x", "00", &token[2..], &flipped, &longer, "ä"] {
            let result = store.list(&tenant("a"), &Default::default(), Some(wrong), 1);
            assert!(matches!(result, Err(StoreError::Invalid { .. })), "{wrong}: {result:?}");
        }
        let result = store.list(&tenant("b"), &Default::default(), Some(&token), 1);
        assert!(matches!(result, Err(StoreError::Invalid { .. })), "of another tenant: {result:?}");
    });
}

#[test]
fn a_filter_that_lets_few_through_gets_short_pages() {
    for (older, is_more) in [(ROWS_LOOKED_AT_MAX - 1, false), (ROWS_LOOKED_AT_MAX, true)] {
        check(|store| {
            let batches = (0..=older as u128).map(|number| {
                let key = execution("a", number);
                let status = if number == 0 { Status::Faulted } else { Status::Completed };
                with_row(&key, ExecutionRow { status, ..row(&key) })
            });
            store.append(batches.collect::<Vec<Batch>>()).unwrap();
            let filter = ExecutionFilter { status: Some(Status::Faulted), workflow: Some("demo/report".into()) };
            let page = store.list(&tenant("a"), &filter, None, 10).unwrap();
            assert_eq!((page.items.len(), page.next.is_some()), if is_more { (0, true) } else { (1, false) });
            if is_more {
                let page = store.list(&tenant("a"), &filter, page.next.as_deref(), 10).unwrap();
                assert_eq!((numbers(&page), page.next), (vec![0], None));
            }
        });
    }
}
