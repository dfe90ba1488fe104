//! What is left in Redis of a task that has ended another way: taken out, so that nobody runs it for nothing.

use sandmill_core::definition::Priority;
use sandmill_engine::ports::{Deliveries as _, TaskQueue as _, TaskResult};
use sandmill_store::redis::queue::QueueOptions;

use super::stage::{
    Engine, completion, done, engine, id, message, next, nothing_comes, open_engine, open_worker, options, output,
    process, settle, until, with, worker,
};
use crate::kit::{Server, tenant, wait};

fn stream(server: &Server) -> String {
    server.redis.keys().stream(&"default".parse().unwrap(), Default::default())
}

#[test]
fn a_copy_that_waits_goes_with_the_end_of_its_task() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        let busy = open_worker(&server.redis, "worker-1", 1, QueueOptions { claims_ahead: 0, ..options() }).await;
        engine.queue.enqueue(message(1)).await;
        let given = next(&*busy).await;
        server.server.flush_all();
        until(|| server.length(&stream(&server)) == 1).await;
        // It takes no more, or it would find the copy itself.
        busy.stop().await;
        busy.complete(done(&given, "1")).await;
        let end = completion(&*engine.queue).await;
        settle(&*engine.queue, &end);
        assert_eq!(output(end), "1");
        until(|| server.length(&stream(&server)) == 0).await;
        let idle = worker(&server.redis, "worker-2").await;
        nothing_comes(idle.next()).await;
        server.tidied().await;
    });
}

#[test]
fn a_copy_of_a_task_that_ended_without_redis_goes_too() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        engine.queue.enqueue(message(1)).await;
        until(|| server.length(&stream(&server)) == 1).await;
        engine.queue.settled(&tenant("a"), id(1), Some(1));
        server.tidied().await;
        assert_eq!(engine.queue.depth(), 0);
    });
}

/// Says what a worker says that does not find its config, whose state and entry are gone with that.
fn ask_for_repair(server: &Server) {
    let keys = server.redis.keys();
    let _ = server.server.cli(&["HDEL", &keys.state(&tenant("a"), id(1)), "worker", "stream", "entry"]);
    let _ = server.server.cli(&["DEL", &stream(server)]);
    let completions = keys.completions(&process("engine-1"));
    let task = id(1).to_string();
    let report = ["task", &task, "tenant", "a", "attempt", "1", "epoch", "1", "kind", "repair", "reason", "a test"];
    let added = server.server.cli(&[&["XADD", &completions, "*"], &report[..]].concat());
    assert!(added.contains('-'), "{added}");
}

async fn stopped(engine: &Engine) {
    let end = completion(&*engine.queue).await;
    assert!(matches!(end.result, TaskResult::Stopped), "{end:?}");
    engine.queue.settled(&end.tenant, end.id, None);
}

#[test]
fn a_cancelled_task_whose_config_is_asked_for_leaves_nothing_behind() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        engine.queue.enqueue(message(1)).await;
        until(|| server.length(&stream(&server)) == 1).await;
        let state = server.redis.keys().state(&tenant("a"), id(1));
        assert_eq!(server.server.cli(&["HSET", &state, "worker", "worker-1"]), "1");
        engine.queue.cancel(&tenant("a"), &[id(1)]).await;
        until(|| server.server.cli(&["HGET", &state, "cancelled"]) == "1").await;
        ask_for_repair(&server);
        stopped(&engine).await;
        server.tidied().await;
    });
}

#[test]
fn a_task_that_is_cancelled_while_it_waits_to_be_put_back_leaves_nothing_behind() {
    let server = Server::start();
    wait(async {
        // No more than one is in Redis, and the other one is more urgent.
        let one = QueueOptions { waiting_min: 1, waiting_per_slot: 0, ..options() };
        let engine = open_engine(&server.redis, "engine-1", one).await.unwrap();
        engine.queue.enqueue(message(1)).await;
        until(|| server.length(&stream(&server)) == 1).await;
        engine.queue.enqueue(with(message(2), |dispatch| dispatch.delivery.priority = Priority::High)).await;
        ask_for_repair(&server);
        let urgent = server.redis.keys().stream(&"default".parse().unwrap(), Priority::High);
        until(|| server.length(&urgent) == 1).await;
        assert_eq!(engine.queue.depth(), 1);
        engine.queue.cancel(&tenant("a"), &[id(1)]).await;
        stopped(&engine).await;
        engine.queue.cancel(&tenant("a"), &[id(2)]).await;
        stopped(&engine).await;
        server.tidied().await;
    });
}
