//! How long things live in Redis.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sandmill_core::ids::{Digest, TaskExecId};
use sandmill_core::time::Millis;
use sandmill_engine::ports::{ComponentBytes, ConfigError, ConfigStore, SharedValues};
use sandmill_store::redis::{ContextRef, TaskRecord, TaskToSave, ValueRef, cmd};

use crate::kit::{HOUR, Server, execution, tenant, text, wait};

const SHORT: Millis = Millis(30);
const HOUR_MS: i64 = 3_600_000;

fn id(number: u32) -> TaskExecId {
    TaskExecId { workflow: execution("a", 1).id, number }
}

/// Waits for something that takes a time to live.
#[track_caller]
fn until(what: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !what() {
        assert!(Instant::now() < limit, "it never comes true");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[track_caller]
fn about(left: i64, expected: i64) {
    assert!((expected - 60_000..=expected).contains(&left), "{left} ms left, and not about {expected}");
}

#[test]
fn an_expired_config_is_told_apart_from_one_that_never_was() {
    let server = Server::start();
    let (configs, tenant) = (server.configs(), tenant("a"));
    wait(configs.save(&tenant, &[(id(1), text("{}"))], SHORT)).unwrap();
    let key = server.redis.keys().task(&execution("a", 1), 1);
    about(server.left(&key), HOUR_MS + 30);
    until(|| server.keys(":body:").is_empty());
    assert_eq!(wait(configs.get(&tenant, id(1))), Err(ConfigError::Expired));
    assert_eq!(wait(configs.extend(&tenant, id(1), HOUR)), Err(ConfigError::Expired));
    assert_eq!(wait(configs.get(&tenant, id(2))), Err(ConfigError::NotFound));

    wait(configs.save(&tenant, &[(id(1), text("[]"))], HOUR)).unwrap();
    assert_eq!(wait(configs.get(&tenant, id(1))), Ok(text("[]")), "what has expired stands in the way of nothing");
}

#[test]
fn reading_makes_a_task_and_all_that_it_refers_to_live_on() {
    let server = Server::start();
    let (records, key) = (server.records(), execution("a", 1));
    let config = text("{}");
    let (member, body) = ValueRef::of(Bytes::from("1".repeat(1_000)));
    let mut record = TaskRecord::new(key.tenant.clone(), id(1), Digest::of(&config), HOUR);
    record.context = Some(ContextRef::Whole(member.clone()));
    let mut bodies = vec![(Digest::of(&config), config)];
    bodies.extend(body);
    wait(records.save(&[TaskToSave { execution: key.clone(), record, bodies }])).unwrap();

    let keys = server.redis.keys();
    let places = [keys.task(&key, 1), keys.body(&key, Digest::of(b"{}")), keys.body(&key, member.digest().unwrap())];
    for place in &places {
        wait(server.redis.run::<()>(cmd("PEXPIRE").arg(place).arg(100_000))).unwrap();
    }
    let read = || wait(records.read(&[(key.clone(), 1)])).pop().unwrap().unwrap().0.expires_at.unwrap();
    let first = read();
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(read(), first, "what was stored just now lives long enough");
    about(server.left(&places[0]), 100_000);
    // As if a 64th of its time were over, and a little more.
    let earlier = format!("{:015}", first.0 - HOUR_MS / 64 - 1_000);
    wait(server.redis.run::<()>(cmd("SETRANGE").arg(&places[0]).arg(2).arg(earlier))).unwrap();
    let second = read();
    assert!(second > first, "{second} after {first}");
    about(server.left(&places[0]), 2 * HOUR_MS);
    about(server.left(&places[1]), HOUR_MS);
    about(server.left(&places[2]), HOUR_MS);
}

#[test]
fn a_time_to_live_only_ever_grows() {
    let server = Server::start();
    let (configs, tenant, key) = (server.configs(), tenant("a"), execution("a", 1));
    wait(configs.save(&tenant, &[(id(1), text("{}"))], Millis(2 * 3_600_000))).unwrap();
    wait(configs.save(&tenant, &[(id(1), text("{}"))], SHORT)).unwrap();
    wait(configs.save(&tenant, &[(id(2), text("{}"))], SHORT)).unwrap();
    wait(configs.extend(&tenant, id(1), SHORT)).unwrap();
    let (record, body) = (server.redis.keys().task(&key, 1), server.redis.keys().body(&key, Digest::of(b"{}")));
    about(server.left(&record), 3 * HOUR_MS);
    about(server.left(&body), 2 * HOUR_MS);
    wait(configs.extend(&tenant, id(1), Millis(5 * 3_600_000))).unwrap();
    about(server.left(&record), 6 * HOUR_MS);
    about(server.left(&body), 5 * HOUR_MS);
}

#[test]
fn extremes_are_times_to_live_too() {
    let server = Server::start();
    let (configs, tenant) = (server.configs(), tenant("a"));
    wait(configs.save(&tenant, &[(id(1), text("{}"))], Millis(u64::MAX))).unwrap();
    wait(configs.extend(&tenant, id(1), Millis(0))).unwrap();
    wait(configs.extend(&tenant, id(1), Millis(u64::MAX))).unwrap();
    assert_eq!(wait(configs.get(&tenant, id(1))), Ok(text("{}")));
    wait(configs.save(&tenant, &[(id(2), text("2"))], Millis(0))).unwrap();
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(wait(configs.get(&tenant, id(2))), Err(ConfigError::Expired));
}

#[test]
fn values_live_on_when_they_are_read() {
    let server = Server::start();
    let (values, key) = (server.values(), execution("a", 1));
    let digest = Digest::of(b"1");
    wait(values.put(&key, &[(digest, text("1"))], Millis(100_000))).unwrap();
    let place = server.redis.keys().body(&key, digest);
    about(server.left(&place), 100_000);
    wait(values.get(&key, digest)).unwrap();
    about(server.left(&place), HOUR_MS);
    wait(values.put(&key, &[(digest, text("1"))], SHORT)).unwrap();
    about(server.left(&place), HOUR_MS);
}

#[test]
fn a_component_lives_for_thirty_days_after_it_was_read() {
    let server = Server::start();
    let (components, tenant, digest) = (server.components(), tenant("a"), Digest::of(b"\0asm"));
    let month = 30 * 24 * HOUR_MS;
    let place = server.redis.keys().component(&tenant, digest);
    for _ in 0..2 {
        wait(components.put(&tenant, digest, text("\0asm"))).unwrap();
        about(server.left(&place), month);
        wait(server.redis.run::<()>(cmd("PEXPIRE").arg(&place).arg(1_000_000))).unwrap();
    }
    wait(components.get(&tenant, digest)).unwrap();
    about(server.left(&place), month);
}

#[test]
fn the_list_of_what_is_stored_for_an_execution_lives_as_long_as_all_of_it() {
    let server = Server::start();
    let (configs, values, tenant, key) = (server.configs(), server.values(), tenant("a"), execution("a", 1));
    let list = server.redis.keys().names(&key);
    wait(configs.save(&tenant, &[(id(1), text("{}"))], SHORT)).unwrap();
    about(server.left(&list), HOUR_MS + 30);
    wait(configs.save(&tenant, &[(id(2), text("[1]"))], Millis(3 * HOUR.0))).unwrap();
    about(server.left(&list), 4 * HOUR_MS);
    wait(configs.save(&tenant, &[(id(3), text("[]"))], HOUR)).unwrap();
    about(server.left(&list), 4 * HOUR_MS);
    wait(configs.extend(&tenant, id(2), Millis(9 * HOUR.0))).unwrap();
    about(server.left(&list), 10 * HOUR_MS);
    let value = text("\"a value\"");
    wait(values.put(&key, &[(Digest::of(&value), value)], Millis(20 * HOUR.0))).unwrap();
    about(server.left(&list), 20 * HOUR_MS);
    for name in server.server.cli(&["LRANGE", &list, "0", "-1"]).lines() {
        let named = list.replace("names", name);
        // One is asked for a moment after the other.
        assert!(server.left(&named) <= server.left(&list) + 5_000, "{named}");
    }
    assert_eq!(server.server.cli(&["LLEN", &list]), "7", "each is noted once");
}
