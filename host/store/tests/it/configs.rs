//! Configs: of one task execution, written by the journal or on their own.

use bytes::Bytes;
use sandmill_core::ids::TaskExecId;
use sandmill_engine::ports::{Batch, ConfigError, ConfigStore, ExecutionKey};

use crate::kit::{HOUR, check, check_configs, execution, tenant, text, wait};

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
fn a_config_is_saved_once_and_outlives_the_store() {
    check(|store| {
        let (tenant, id) = (tenant("a"), task(&execution("a", 1), 3));
        wait(store.save(&tenant, &[(id, text("{}"))], HOUR)).unwrap();
        store.reopen();
        assert_eq!(wait(store.save(&tenant, &[(id, text("[]"))], HOUR)), Err(ConfigError::Conflict));
        assert_eq!(wait(ConfigStore::get(&**store, &tenant, id)), Ok(text("{}")));
    });
}

#[test]
fn another_config_under_the_same_id_is_a_conflict_and_changes_nothing() {
    check_configs(|store| {
        let (tenant, key) = (tenant("a"), execution("a", 1));
        let (first, second) = (task(&key, 3), task(&key, 4));
        wait(store.save(&tenant, &[(first, text("{}"))], HOUR)).unwrap();
        wait(store.save(&tenant, &[(first, text("{}"))], HOUR)).unwrap();
        let both = [(second, text("1")), (first, text("[]"))];
        assert_eq!(wait(store.save(&tenant, &both, HOUR)), Err(ConfigError::Conflict));
        assert_eq!(wait(store.get(&tenant, first)), Ok(text("{}")));
        assert_eq!(wait(store.get(&tenant, second)), Err(ConfigError::NotFound), "all of an execution, or nothing");
    });
}

#[test]
fn many_configs_are_saved_at_once() {
    check_configs(|store| {
        let tenant = tenant("a");
        let large = Bytes::from(format!("\"{}\"", "large ".repeat(10_000)));
        let mut configs = vec![(task(&execution("a", 9), 0), text("")), (task(&execution("a", 9), u32::MAX), large)];
        for number in 0..50 {
            let key = execution("a", u128::from(number % 3));
            configs.push((task(&key, number), Bytes::from(number.to_string())));
        }
        wait(store.save(&tenant, &configs, HOUR)).unwrap();
        for (id, config) in configs {
            assert_eq!(wait(store.get(&tenant, id)), Ok(config), "{id}");
        }
        wait(store.save(&tenant, &[], HOUR)).unwrap();
    });
}

#[test]
fn a_config_is_of_one_tenant_and_one_task_execution() {
    check_configs(|store| {
        let id = task(&execution("a", 1), 3);
        wait(store.save(&tenant("a"), &[(id, text("{}"))], HOUR)).unwrap();
        assert_eq!(wait(store.get(&tenant("b"), id)), Err(ConfigError::NotFound));
        assert_eq!(wait(store.get(&tenant("a"), task(&execution("a", 2), 3))), Err(ConfigError::NotFound));
        assert_eq!(wait(store.get(&tenant("a"), task(&execution("a", 1), 4))), Err(ConfigError::NotFound));
    });
}

#[test]
fn a_config_can_be_forgotten_twice() {
    check_configs(|store| {
        let (tenant, id) = (tenant("a"), task(&execution("a", 1), 3));
        wait(store.save(&tenant, &[(id, text("{}"))], HOUR)).unwrap();
        for _ in 0..2 {
            wait(store.delete(&tenant, id)).unwrap();
            assert_eq!(wait(store.get(&tenant, id)), Err(ConfigError::NotFound));
        }
        wait(store.save(&tenant, &[(id, text("[]"))], HOUR)).unwrap();
        assert_eq!(wait(store.get(&tenant, id)), Ok(text("[]")));
    });
}

#[test]
fn the_time_of_a_config_that_is_not_there_cannot_be_extended() {
    check_configs(|store| {
        let (tenant, id) = (tenant("a"), task(&execution("a", 1), 3));
        assert_eq!(wait(store.extend(&tenant, id, HOUR)), Err(ConfigError::NotFound));
        wait(store.save(&tenant, &[(id, text("{}"))], HOUR)).unwrap();
        assert_eq!(wait(store.extend(&tenant, id, HOUR)), Ok(()));
        assert_eq!(wait(store.get(&tenant, id)), Ok(text("{}")));
    });
}

#[test]
fn a_store_that_is_there_says_so() {
    check_configs(|store| assert_eq!(wait(store.reachable()), Ok(())));
}
