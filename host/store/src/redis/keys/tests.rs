//! No two things share a key, and no name breaks out of its own.

use std::collections::BTreeMap;

use sandmill_core::ids::WorkflowExecId;

use super::*;

fn keys() -> Keys {
    Keys::new(Prefix::default())
}

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

fn execution(name: &str, number: u128) -> ExecutionKey {
    ExecutionKey { tenant: tenant(name), id: WorkflowExecId::from_random(number) }
}

#[test]
fn keys_look_like_this() {
    let (keys, key) = (keys(), execution("acme", 0xab));
    let id = TaskExecId { workflow: key.id, number: 7 };
    let digest = Digest::of(b"");
    let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let exec = "000000000000000000000000000000ab";
    assert_eq!(keys.task(&key, 7), format!("sandmill:{{acme.{exec}}}:task:7"));
    assert_eq!(keys.body(&key, digest), format!("sandmill:{{acme.{exec}}}:body:{hex}"));
    assert_eq!(keys.names(&key), format!("sandmill:{{acme.{exec}}}:names"));
    assert_eq!(keys.component(&key.tenant, digest), format!("sandmill:component:acme:{hex}"));
    assert_eq!(keys.stream(&QueueName::new("gpu").unwrap(), Priority::High), "sandmill:{queue}:stream:gpu:high");
    assert_eq!(keys.state(&key.tenant, id), format!("sandmill:{{queue}}:state:acme:{exec}-7"));
    assert_eq!(keys.completions(&ProcessId::new("e1").unwrap()), "sandmill:{queue}:engine:e1:completions");
    assert_eq!(keys.live(&ProcessId::new("e1").unwrap()), "sandmill:{queue}:engine:e1:live");
    assert_eq!(keys.worker(&ProcessId::new("w1").unwrap()), "sandmill:{queue}:worker:w1");
    let fixed = [keys.dead(), keys.owner(), keys.workers(), keys.cancel(), keys.queues()];
    assert_eq!(
        fixed,
        ["dead", "owner", "workers", "cancel", "queues"].map(|name| format!("sandmill:{{queue}}:{name}"))
    );
}

/// Every key of every combination of ids that look alike.
#[test]
fn no_two_different_ids_give_the_same_key() {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut add = |key: String, of: String| {
        if let Some(other) = seen.insert(key.clone(), of.clone()) {
            panic!("{key} is the key of {other} and of {of}");
        }
    };
    let names = ["a", "b", "a-b", "a1", "1", "11", "queue", "component", "body", "task", "dead", "live", "engine"];
    for prefix in ["sandmill", "sandmill.a", "sandmill-a", "a", "b"] {
        let keys = Keys::new(Prefix::new(prefix).unwrap());
        for name in names {
            let digests = [Digest::of(b"a"), Digest::of(b"b")];
            for digest in digests {
                add(keys.component(&tenant(name), digest), format!("component {prefix} {name} {digest}"));
            }
            for number in [0, 1, u128::MAX] {
                let key = execution(name, number);
                for digest in digests {
                    add(keys.body(&key, digest), format!("body {prefix} {key:?} {digest}"));
                }
                for task in [0, 1, 11, u32::MAX] {
                    let id = TaskExecId { workflow: key.id, number: task };
                    add(keys.task(&key, task), format!("task {prefix} {key:?} {task}"));
                    let group = GroupId { workflow: key.id, number: task };
                    add(keys.group(&key.tenant, group), format!("group {prefix} {name} {group}"));
                    add(keys.state(&key.tenant, id), format!("state {prefix} {name} {id}"));
                }
            }
            for priority in Priority::ALL {
                let queue = QueueName::new(name).unwrap();
                add(keys.stream(&queue, priority), format!("stream {prefix} {name} {priority}"));
            }
            let process = ProcessId::new(name).unwrap();
            add(keys.completions(&process), format!("completions {prefix} {name}"));
            add(keys.live(&process), format!("live {prefix} {name}"));
            add(keys.worker(&process), format!("worker {prefix} {name}"));
        }
        for key in [keys.dead(), keys.owner(), keys.workers(), keys.cancel(), keys.queues()] {
            add(key.clone(), key);
        }
    }
}

#[test]
fn no_name_breaks_out_of_its_place() {
    for name in ["", "a:b", "a}", "{a", "a.b", "a*", "a b", "a\n", "A", "-a", "a-", "ä", "a\0", &"a".repeat(64)] {
        assert!(TenantId::new(name).is_err(), "{name:?}");
        assert!(QueueName::new(name).is_err(), "{name:?}");
        assert!(ProcessId::new(name).is_err(), "{name:?}");
    }
}

#[test]
fn keys_of_one_execution_share_a_hash_tag_and_those_of_queues_another() {
    let tag = |key: &str| {
        let (_, rest) = key.split_once('{').unwrap();
        let (tag, rest) = rest.split_once('}').unwrap();
        assert!(!rest.contains(['{', '}']));
        tag.to_owned()
    };
    let (keys, key) = (keys(), execution("queue", 1));
    let of_execution = tag(&keys.task(&key, 1));
    assert_eq!(of_execution, tag(&keys.body(&key, Digest::of(b""))));
    let id = TaskExecId { workflow: key.id, number: 1 };
    let of_queues =
        [keys.dead(), keys.state(&key.tenant, id), keys.stream(&QueueName::new("a").unwrap(), Priority::Low)];
    assert!(of_queues.iter().all(|key| tag(key) == "queue"));
    assert_ne!(of_execution, "queue", "a tenant of that name is no queue");
}

#[test]
fn a_prefix_is_short_and_of_few_characters() {
    for prefix in ["a", "A.b_c-9", "sandmill", &"a".repeat(64)] {
        assert_eq!(Prefix::new(prefix).unwrap().as_str(), prefix);
    }
    for prefix in ["", "a:b", "{a}", "a b", "a*", "ä", "a\n", &"a".repeat(65)] {
        assert!(Prefix::new(prefix).is_err(), "{prefix:?}");
    }
}
