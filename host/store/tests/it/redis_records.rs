//! Records of tasks in Redis: how many round trips, what is stored once, and what becomes of damage.

use bytes::Bytes;
use sandmill_core::ids::{Digest, TaskExecId};
use sandmill_core::time::Millis;
use sandmill_engine::ports::{ComponentBytes, ConfigError, ConfigStore, ExecutionKey, SharedValues};
use sandmill_store::redis::{ContextRef, Records, TaskRecord, TaskToSave, ValueRef, cmd};

use crate::kit::{HOUR, Server, execution, tenant, text, wait};

/// A task with that config and nothing else.
fn task(execution: &ExecutionKey, number: u32, config: &Bytes) -> TaskToSave {
    let id = TaskExecId { workflow: execution.id, number };
    let digest = Digest::of(config);
    TaskToSave {
        execution: execution.clone(),
        record: TaskRecord::new(execution.tenant.clone(), id, digest, HOUR),
        bodies: vec![(digest, config.clone())],
    }
}

fn large() -> Bytes {
    Bytes::from(format!("{{\"text\":\"{}\"}}", "a large config ".repeat(1_000)))
}

#[track_caller]
fn read(records: &Records, execution: &ExecutionKey, number: u32) -> Result<(TaskRecord, Bytes), ConfigError> {
    wait(records.read(&[(execution.clone(), number)])).pop().unwrap()
}

#[track_caller]
fn damaged<T: std::fmt::Debug>(result: Result<T, ConfigError>, expected: &str) {
    match result {
        Err(ConfigError::Damaged { reason }) => assert!(reason.contains(expected), "{reason}"),
        other => panic!("{other:?} where {expected} was expected"),
    }
}

#[test]
fn many_tasks_are_one_round_trip_and_their_config_is_stored_once() {
    let server = Server::start();
    let (records, key, config) = (server.records(), execution("a", 1), large());
    let tasks: Vec<_> = (0..1_000).map(|number| task(&key, number, &config)).collect();
    wait(records.save(&tasks[..1])).unwrap();
    let before = server.redis.requests();
    wait(records.save(&tasks)).unwrap();
    assert_eq!(server.redis.requests() - before, 1, "one script for the execution");
    assert_eq!(server.keys(":task:").len(), 1_000);
    assert_eq!(server.keys(":body:").len(), 1);

    let wanted: Vec<_> = (0..1_000).map(|number| (key.clone(), number)).collect();
    wait(records.read(&wanted[..1]));
    let before = server.redis.requests();
    let found = wait(records.read(&wanted));
    assert_eq!(server.redis.requests() - before, 1, "one script for the execution");
    for (number, found) in found.into_iter().enumerate() {
        let (record, body) = found.unwrap();
        assert_eq!((record.id.number as usize, body), (number, config.clone()));
    }
}

#[test]
fn what_is_found_stands_where_it_was_asked_for() {
    let server = Server::start();
    let records = server.records();
    let (one, two) = (execution("a", 1), execution("b", 1));
    wait(records.save(&[task(&one, 1, &text("1")), task(&two, 2, &text("2"))])).unwrap();
    let wanted = [(two.clone(), 2), (one.clone(), 1), (two.clone(), 1), (one.clone(), 1), (one, 2)];
    let found: Vec<_> = wait(records.read(&wanted)).into_iter().map(|found| found.map(|(_, config)| config)).collect();
    let none = || Err(ConfigError::NotFound);
    assert_eq!(found, [Ok(text("2")), Ok(text("1")), none(), Ok(text("1")), none()]);
    assert!(wait(records.read(&[])).is_empty());
}

#[test]
fn a_body_is_sent_once() {
    let server = Server::start();
    let (records, key, config) = (server.records(), execution("a", 1), large());
    let sent = || server.server.info("total_net_input_bytes");
    wait(records.save(&[task(&key, 0, &text("{}"))])).unwrap();
    let before = sent();
    wait(records.save(&[task(&key, 1, &config)])).unwrap();
    let first = sent() - before;
    let before = sent();
    wait(records.save(&[task(&key, 2, &config)])).unwrap();
    let second = sent() - before;
    assert!(second < first, "{first} bytes, and then {second}");
}

#[test]
fn a_body_that_the_server_lost_is_sent_again() {
    let server = Server::start();
    let (records, key, config) = (server.records(), execution("a", 1), large());
    wait(records.save(&[task(&key, 1, &config)])).unwrap();
    server.server.flush_all();
    assert_eq!(read(&records, &key, 1), Err(ConfigError::NotFound));
    wait(records.save(&[task(&key, 1, &config), task(&key, 2, &text("{}"))])).unwrap();
    assert_eq!(read(&records, &key, 1).unwrap().1, config);
    assert_eq!(read(&records, &key, 2).unwrap().1, text("{}"));
}

#[test]
fn a_server_that_knows_no_script_is_told() {
    let server = Server::start();
    let (records, key) = (server.records(), execution("a", 1));
    for _ in 0..2 {
        wait(server.redis.run::<()>(cmd("SCRIPT").arg("FLUSH"))).unwrap();
        wait(records.save(&[task(&key, 1, &text("{}")), task(&execution("b", 1), 1, &text("1"))])).unwrap();
        assert_eq!(read(&records, &key, 1).unwrap().1, text("{}"));
    }
}

#[test]
fn a_record_may_change_where_its_config_does_not() {
    let server = Server::start();
    let (records, key) = (server.records(), execution("a", 1));
    let mut saved = task(&key, 1, &text("{}"));
    wait(records.save(std::slice::from_ref(&saved))).unwrap();
    saved.record.engine = "other".into();
    wait(records.save(std::slice::from_ref(&saved))).unwrap();
    assert_eq!(read(&records, &key, 1).unwrap().0.engine, "other");
    assert_eq!(wait(records.save(&[task(&key, 1, &text("[]"))])), Err(ConfigError::Conflict));
}

#[test]
fn values_of_a_task_are_read_by_their_digests() {
    let server = Server::start();
    let (records, key) = (server.records(), execution("a", 1));
    let (member, body) = ValueRef::of(large());
    let mut saved = task(&key, 1, &text("{}"));
    saved.record.context = Some(ContextRef::Members(vec![("large".into(), member.clone())]));
    saved.bodies.extend(body);
    wait(records.save(std::slice::from_ref(&saved))).unwrap();
    let (record, _) = read(&records, &key, 1).unwrap();
    assert_eq!(record.context, saved.record.context);
    assert_eq!(wait(records.body(&key, member.digest().unwrap(), HOUR)), Ok(Some(large())));
    assert_eq!(wait(server.values().get(&key, member.digest().unwrap())), Ok(Some(large())));
}

#[test]
fn a_damaged_record_is_told_and_not_read() {
    let server = Server::start();
    let (records, key) = (server.records(), execution("a", 1));
    wait(records.save(&[task(&key, 1, &text("{}"))])).unwrap();
    let place = server.redis.keys().task(&key, 1);
    let stored: String = wait(server.redis.run(cmd("GET").arg(&place))).unwrap();
    let set = |stored: &str| wait(server.redis.run::<()>(cmd("SET").arg(&place).arg(stored))).unwrap();
    for (change, to, expected) in [
        ("1 ", "2 ", "version 1"),
        ("\n", "", "version 1"),
        ("\"v\":1", "\"v\":2", "version 2"),
        ("\"v\":1", "\"v\":", "cannot be read"),
        ("\"json\"", "\"deferred\"", "`deferred`"),
        ("\"tenant\":\"a\"", "\"tenant\":\"b\"", "tenant b"),
    ] {
        set(&stored.replacen(change, to, 1));
        damaged(read(&records, &key, 1), expected);
    }
    set("");
    damaged(read(&records, &key, 1), "version 1");
    set(&stored);
    assert_eq!(read(&records, &key, 1).unwrap().1, text("{}"));
}

#[test]
fn a_damaged_body_is_told_and_not_read() {
    let server = Server::start();
    let (records, key, config) = (server.records(), execution("a", 1), large());
    wait(records.save(&[task(&key, 1, &config)])).unwrap();
    let digest = Digest::of(&config);
    let place = server.redis.keys().body(&key, digest);
    let set = |stored: &str| wait(server.redis.run::<()>(cmd("SET").arg(&place).arg(stored))).unwrap();
    for (stored, expected) in [("r{}", "the body of"), ("znonsense", "Zstandard"), ("x{}", "byte 120"), ("", "empty")] {
        set(stored);
        damaged(read(&records, &key, 1), expected);
        damaged(wait(records.body(&key, digest, HOUR)), expected);
    }
    wait(server.redis.run::<()>(cmd("DEL").arg(&place))).unwrap();
    assert_eq!(read(&records, &key, 1), Err(ConfigError::NotFound), "it can be saved again");

    let components = server.components();
    wait(components.put(&tenant("a"), digest, config)).unwrap();
    let place = server.redis.keys().component(&tenant("a"), digest);
    wait(server.redis.run::<()>(cmd("SET").arg(place).arg("rother"))).unwrap();
    damaged(wait(components.get(&tenant("a"), digest)), "the body of");
}

#[test]
fn a_store_that_is_away_says_so() {
    let mut server = Server::start();
    let (configs, records) = (server.configs(), server.records());
    server.server.kill();
    let is_unavailable = |error| matches!(error, ConfigError::Unavailable { .. });
    assert!(is_unavailable(wait(configs.reachable()).unwrap_err()));
    assert!(is_unavailable(read(&records, &execution("a", 1), 1).unwrap_err()));
    server.server.restart();
    let back = || async { server.redis.run::<String>(cmd("PING")).await };
    assert_eq!(wait(server.redis.retry(back)), Ok("PONG".into()));
    assert_eq!(wait(configs.reachable()), Ok(()));
    assert_eq!(
        wait(configs.extend(&tenant("a"), task(&execution("a", 1), 1, &text("")).record.id, Millis(1))),
        Err(ConfigError::NotFound)
    );
}
