//! Configs: of one task execution, written by the journal or on their own.

use sandmill_core::ids::TaskExecId;
use sandmill_engine::ports::{Batch, ConfigError, ExecutionKey};

use crate::kit::{check, execution, tenant, text, wait};

fn task(key: &ExecutionKey, number: u32) -> TaskExecId {
    TaskExecId { workflow: key.id, number }
}

#[test]
fn the_journal_and_the_config_store_see_the_same_configs() {
    check(|store| {
        let key = execution("a", 1);
        let batch = Batch { configs: vec![(0, text("{\"n\":0}")), (u32::MAX, text("{}"))], ..Batch::new(key.clone()) };
        store.append(vec![batch]).unwrap();
        store.reopen();
        let get = |number| wait(store.get(&key.tenant, task(&key, number)));
        assert_eq!(get(0), Ok(text("{\"n\":0}")));
        assert_eq!(get(u32::MAX), Ok(text("{}")));
        assert_eq!(get(1), Err(ConfigError::NotFound));

        store.append(vec![Batch { configs_removed: vec![0], ..Batch::new(key.clone()) }]).unwrap();
        assert_eq!(get(0), Err(ConfigError::NotFound));
        assert_eq!(get(u32::MAX), Ok(text("{}")));
    });
}

#[test]
fn one_append_may_save_and_remove_a_config() {
    check(|store| {
        let key = execution("a", 1);
        let saves = Batch { configs: vec![(0, text("{}"))], ..Batch::new(key.clone()) };
        let removes = Batch { configs_removed: vec![0], ..Batch::new(key.clone()) };
        store.append(vec![saves.clone(), removes.clone()]).unwrap();
        assert_eq!(wait(store.get(&key.tenant, task(&key, 0))), Err(ConfigError::NotFound));
        store.append(vec![removes, saves]).unwrap();
        store.reopen();
        assert_eq!(wait(store.get(&key.tenant, task(&key, 0))), Ok(text("{}")));
    });
}

#[test]
fn a_config_is_saved_once() {
    check(|store| {
        let (tenant, id) = (tenant("a"), task(&execution("a", 1), 3));
        wait(store.save(&tenant, id, text("{}"))).unwrap();
        wait(store.save(&tenant, id, text("{}"))).unwrap();
        assert_eq!(wait(store.save(&tenant, id, text("[]"))), Err(ConfigError::Conflict));
        store.reopen();
        assert_eq!(wait(store.get(&tenant, id)), Ok(text("{}")));
    });
}

#[test]
fn a_config_is_of_one_tenant_and_one_task_execution() {
    check(|store| {
        let id = task(&execution("a", 1), 3);
        wait(store.save(&tenant("a"), id, text("{}"))).unwrap();
        assert_eq!(wait(store.get(&tenant("b"), id)), Err(ConfigError::NotFound));
        assert_eq!(wait(store.get(&tenant("a"), task(&execution("a", 2), 3))), Err(ConfigError::NotFound));
        assert_eq!(wait(store.get(&tenant("a"), task(&execution("a", 1), 4))), Err(ConfigError::NotFound));
    });
}

#[test]
fn a_config_can_be_forgotten_twice() {
    check(|store| {
        let (tenant, id) = (tenant("a"), task(&execution("a", 1), 3));
        wait(store.save(&tenant, id, text("{}"))).unwrap();
        for _ in 0..2 {
            wait(store.delete(&tenant, id)).unwrap();
            assert_eq!(wait(store.get(&tenant, id)), Err(ConfigError::NotFound));
        }
        wait(store.save(&tenant, id, text("[]"))).unwrap();
        assert_eq!(wait(store.get(&tenant, id)), Ok(text("[]")));
    });
}
