//! Configs that are not where they should be, or not what they should be: put back by the engine, and given up when that does not help.

use std::sync::Arc;
use std::time::Duration;

use sandmill_core::ids::Digest;
use sandmill_core::machine::Target;
use sandmill_engine::ports::{Deliveries as _, ExecutionKey, TaskQueue as _, TaskResult};
use sandmill_store::redis::{Keys, cmd};

use super::stage::{
    Engine, completion, done, engine, id, message, next, open_worker, options, output, problem, settle, until, with,
    worker,
};
use crate::kit::{Server, tenant, wait};

fn key() -> ExecutionKey {
    ExecutionKey { tenant: tenant("a"), id: id(0).workflow }
}

/// Puts a task into the queue before any worker is there, and waits until Redis has it.
async fn waiting(server: &Server) -> Engine {
    let engine = engine(&server.redis).await;
    engine.queue.enqueue(message(1)).await;
    let stream = server.redis.keys().stream(&"default".parse().unwrap(), Default::default());
    until(|| server.length(&stream) == 1).await;
    engine
}

/// Damages what a task needs, and lets it run.
#[track_caller]
fn check(damage: impl Fn(&Server, &Keys)) {
    let server = Server::start();
    wait(async {
        let engine = waiting(&server).await;
        damage(&server, server.redis.keys());
        let worker = worker(&server.redis, "worker-1").await;
        let given = next(&*worker).await;
        assert_eq!(given.config, message(1).config);
        worker.complete(done(&given, "1")).await;
        let end = completion(&*engine.queue).await;
        settle(&*engine.queue, &end);
        assert_eq!(output(end), "1");
        server.tidied().await;
    });
}

#[test]
fn a_record_that_is_gone_is_put_back() {
    check(|server, keys| {
        assert_eq!(server.server.cli(&["DEL", &keys.task(&key(), 1)]), "1");
    });
}

#[test]
fn a_config_that_is_gone_is_put_back() {
    check(|server, keys| {
        let body = keys.body(&key(), Digest::of(&message(1).config));
        assert_eq!(server.server.cli(&["DEL", &body]), "1");
    });
}

#[test]
fn a_damaged_record_and_a_damaged_config_are_replaced() {
    check(|server, keys| {
        let _ = server.server.cli(&["SET", &keys.task(&key(), 1), "garbage"]);
    });
    check(|server, keys| {
        let _ = server.server.cli(&["SET", &keys.body(&key(), Digest::of(&message(1).config)), "rgarbage"]);
    });
}

#[test]
fn what_is_no_text_at_all_is_replaced() {
    check(|server, keys| {
        let _ = server.server.cli(&["DEL", &keys.task(&key(), 1)]);
        let _ = server.server.cli(&["LPUSH", &keys.task(&key(), 1), "garbage"]);
    });
}

#[test]
fn a_record_of_another_tenant_is_never_run() {
    check(|server, keys| {
        let own = server.server.cli(&["GET", &keys.task(&key(), 1)]);
        let other = own.replace("\"tenant\":\"a\"", "\"tenant\":\"b\"");
        assert_ne!(own, other);
        let _ = server.server.cli(&["SET", &keys.task(&key(), 1), &other]);
    });
}

#[test]
fn a_record_that_has_expired_is_put_back() {
    check(|server, keys| {
        let _ = server.server.cli(&["SETRANGE", &keys.task(&key(), 1), "2", "000000000000001"]);
    });
}

#[test]
fn a_config_that_is_never_readable_fails_the_task() {
    let server = Server::start();
    wait(async {
        let engine = waiting(&server).await;
        let redis = server.redis.clone();
        let record = redis.keys().task(&key(), 1);
        let spoiling = tokio::spawn(async move {
            loop {
                let spoil = cmd("SET").arg(&record).arg("garbage").clone();
                let _ = redis.run::<()>(spoil).await;
            }
        });
        let worker = worker(&server.redis, "worker-1").await;
        let asking = tokio::spawn(async move { worker.next().await.map(|message| message.dispatch.id) });
        let end = completion(&*engine.queue).await;
        spoiling.abort();
        asking.abort();
        settle(&*engine.queue, &end);
        let problem = problem(end);
        assert!(problem.kind.ends_with("/config-unavailable"), "{problem:?}");
        let streams = server.keys("stream:");
        until(|| streams.iter().all(|stream| server.length(stream) == 0)).await;
        assert_eq!(engine.queue.depth(), 0);
    });
}

#[test]
fn a_component_that_no_catalog_has_stops_nobody_else() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        let worker = worker(&server.redis, "worker-1").await;
        engine.queue.enqueue(with(message(1), |dispatch| dispatch.target = Target::Plugin(Digest::of(b"none")))).await;
        engine.queue.enqueue(message(2)).await;
        assert_eq!(next(&*worker).await.dispatch.id, id(1));
        assert_eq!(next(&*worker).await.dispatch.id, id(2));
    });
}

#[test]
fn a_later_attempt_may_have_another_config() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        let worker = worker(&server.redis, "worker-1").await;
        engine.queue.enqueue(message(1)).await;
        let first = next(&*worker).await;
        worker.complete(super::stage::ended(&first, TaskResult::Lost)).await;
        settle(&*engine.queue, &completion(&*engine.queue).await);
        let mut second = super::stage::attempt(1, 2);
        second.config = "{\"other\":true}".into();
        engine.queue.enqueue(second.clone()).await;
        assert_eq!(next(&*worker).await.config, second.config);
    });
}

#[test]
fn a_config_lives_as_long_as_its_task_runs() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        let worker = open_worker(&server.redis, "worker-1", 4, options()).await;
        let short =
            with(message(1), |dispatch| dispatch.delivery.config_ttl = Some(sandmill_core::time::Millis(1_500)));
        engine.queue.enqueue(short).await;
        let given = next(&*worker).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let record = server.redis.keys().task(&key(), 1);
        assert_eq!(server.server.cli(&["EXISTS", &record]), "1");
        let context = Arc::clone(given.remote.as_ref().unwrap());
        assert!(context.context.member("context", None).await.is_ok());
        worker.complete(done(&given, "1")).await;
        assert_eq!(output(completion(&*engine.queue).await), "1");
    });
}
