//! Values: under their digest, of one execution.

use sandmill_engine::ports::Batch;

use crate::kit::{check, digest, execution, text};

#[test]
fn a_value_is_found_by_the_execution_that_wrote_it_alone() {
    check(|store| {
        let (key, value) = (execution("a", 1), text("\"a value\""));
        let batch = Batch { values: vec![(digest("one"), value.clone())], ..Batch::new(key.clone()) };
        store.append(vec![batch]).unwrap();
        store.reopen();
        assert_eq!(store.value(&key, digest("one")).unwrap(), Some(value));
        assert_eq!(store.value(&key, digest("two")).unwrap(), None);
        assert_eq!(store.value(&execution("a", 2), digest("one")).unwrap(), None, "another execution");
        assert_eq!(store.value(&execution("b", 1), digest("one")).unwrap(), None, "another tenant");
    });
}

#[test]
fn a_value_that_is_stored_again_is_there_once() {
    check(|store| {
        let key = execution("a", 1);
        let batch = Batch { values: vec![(digest("v"), text("1"))], ..Batch::new(key.clone()) };
        store.append(vec![batch.clone(), batch.clone()]).unwrap();
        store.append(vec![batch]).unwrap();
        assert_eq!(store.value(&key, digest("v")).unwrap(), Some(text("1")));
    });
}

#[test]
fn an_empty_value_is_a_value() {
    check(|store| {
        let key = execution("a", 1);
        store.append(vec![Batch { values: vec![(digest(""), text(""))], ..Batch::new(key.clone()) }]).unwrap();
        store.reopen();
        assert_eq!(store.value(&key, digest("")).unwrap(), Some(text("")));
    });
}
