//! Logs: in the order in which they were written, page by page, and gone with their execution.

use sandmill_core::ids::TaskExecId;
use sandmill_core::time::Timestamp;
use sandmill_engine::ports::{ExecutionKey, LogLevel, LogLine, StoreError};

use crate::kit::{Subject, check, ended_row, execution, step, with_row};

fn line(key: &ExecutionKey, at: i64, message: &str) -> LogLine {
    LogLine {
        at: Timestamp(at),
        task: TaskExecId { workflow: key.id, number: 3 },
        attempt: 2,
        level: LogLevel::Warn,
        message: message.into(),
        fields: vec![("file".into(), "a.rs".into())],
    }
}

fn append(store: &Subject, key: &ExecutionKey, lines: Vec<LogLine>) {
    store.append_logs(lines.into_iter().map(|line| (key.clone(), line)).collect()).unwrap();
}

#[test]
fn lines_come_back_in_the_order_in_which_they_were_written() {
    check(|store| {
        let key = execution("a", 1);
        // The clock went back between the two, and the order is still that of writing.
        append(store, &key, vec![line(&key, 20, "one"), line(&key, 20, "two")]);
        append(store, &key, vec![line(&key, 10, "three")]);
        store.append(vec![step(&key, 0)]).unwrap();
        store.reopen();
        let page = store.logs(&key, None, 10).unwrap();
        assert_eq!(page.items, [line(&key, 20, "one"), line(&key, 20, "two"), line(&key, 10, "three")]);
        assert!(store.logs(&execution("a", 2), None, 10).unwrap().items.is_empty(), "another execution");
        assert!(store.logs(&execution("b", 1), None, 10).unwrap().items.is_empty(), "another tenant");
    });
}

#[test]
fn a_log_is_followed_from_where_the_page_before_ended() {
    check(|store| {
        let key = execution("a", 1);
        let numbers = ["1", "2", "3"].map(|message| line(&key, 5, message));
        append(store, &key, numbers.to_vec());
        let first = store.logs(&key, None, 2).unwrap();
        assert_eq!(first.items, numbers[..2]);
        let second = store.logs(&key, first.next.as_deref(), 2).unwrap();
        assert_eq!(second.items, numbers[2..]);
        assert!(store.logs(&key, second.next.as_deref(), 2).unwrap().items.is_empty());
        append(store, &key, vec![line(&key, 6, "4")]);
        let third = store.logs(&key, second.next.as_deref(), 2).unwrap();
        assert_eq!(third.items, [line(&key, 6, "4")]);
        assert!(matches!(store.logs(&key, Some("nonsense"), 2), Err(StoreError::Invalid { .. })));
    });
}

#[test]
fn a_log_goes_with_its_execution() {
    check(|store| {
        let key = execution("a", 1);
        store.append(vec![with_row(&key, ended_row(&key))]).unwrap();
        append(store, &key, vec![line(&key, 5, "one")]);
        while store.remove(&key, 10).unwrap() {}
        assert!(store.logs(&key, None, 10).unwrap().items.is_empty());
    });
}
