//! Engines that die, come back, and meet others.

use std::sync::Arc;
use std::time::Duration;

use sandmill_engine::ports::{Deliveries as _, TaskQueue as _, TaskResult};
use sandmill_store::redis::queue::{OwnerError, QueueOptions};
use sandmill_testkit::Proxy;

use super::stage::{
    Counting, completion, connect, done, drive, ended, engine, id, message, next, nothing_comes, open_engine, options,
    output, settle, soon, until, work, worker,
};
use crate::kit::{Server, tenant, wait};

#[test]
fn an_engine_that_died_finds_what_waits_runs_and_has_ended() {
    let server = Server::start();
    wait(async {
        let first = engine(&server.redis).await;
        let worker = worker(&server.redis, "worker-1").await;
        for number in 0..3 {
            first.queue.enqueue(message(number)).await;
        }
        let ended = next(&*worker).await;
        let running = next(&*worker).await;
        worker.complete(done(&ended, "0")).await;
        assert_eq!(completion(&*first.queue).await.id, id(0));
        drop(first);
        let second = engine(&server.redis).await;
        for number in 0..3 {
            second.queue.enqueue(message(number)).await;
        }
        let again = completion(&*second.queue).await;
        assert_eq!((again.id, again.attempt), (id(0), 1));
        settle(&*second.queue, &again);
        worker.complete(done(&running, "1")).await;
        let end = completion(&*second.queue).await;
        assert_eq!(end.id, id(1));
        settle(&*second.queue, &end);
        let last = next(&*worker).await;
        assert_eq!(last.dispatch.id, id(2));
        worker.complete(done(&last, "2")).await;
        let end = completion(&*second.queue).await;
        settle(&*second.queue, &end);
        assert_eq!(output(end), "2");
        nothing_comes(worker.next()).await;
        nothing_comes(second.queue.completion()).await;
        server.tidied().await;
    });
}

#[test]
fn an_engine_that_dies_over_and_over_runs_no_task_twice() {
    let server = Server::start();
    wait(async {
        let runner = Arc::new(Counting { took: Duration::from_millis(20), ..Counting::default() });
        let worker = worker(&server.redis, "worker-1").await;
        let working = work(&worker, &runner, 4);
        for _ in 0..5 {
            let engine = engine(&server.redis).await;
            for number in 0..100 {
                engine.queue.enqueue(message(number)).await;
            }
            completion(&*engine.queue).await;
        }
        let last = engine(&server.redis).await;
        for number in 0..100 {
            last.queue.enqueue(message(number)).await;
        }
        drive(&*last.queue, 0..100).await;
        assert!(runner.begun.lock().unwrap().values().all(|times| *times == 1));
        server.tidied().await;
        working.abort();
    });
}

#[test]
fn a_prefix_has_one_engine_and_the_same_one_takes_it_at_once() {
    let server = Server::start();
    wait(async {
        let first = engine(&server.redis).await;
        let refused = open_engine(&server.redis, "engine-2", options()).await.err().unwrap();
        let OwnerError::Taken { prefix, holder } = &refused else { panic!("{refused}") };
        assert_eq!(prefix, "sandmill");
        assert!(holder.contains("engine-1") && holder.contains(&std::process::id().to_string()), "{holder}");
        let again = engine(&server.redis).await;
        drop(first);
        again.queue.close().await;
        let second = open_engine(&server.redis, "engine-2", options()).await.unwrap();
        again.queue.close().await;
        assert!(engine_is_refused(&server).await, "closing twice takes nothing from another");
        drop(second);
    });
}

async fn engine_is_refused(server: &Server) -> bool {
    matches!(open_engine(&server.redis, "engine-3", options()).await, Err(OwnerError::Taken { .. }))
}

#[test]
fn an_engine_that_is_gone_leaves_its_prefix_after_a_while() {
    let server = Server::start();
    wait(async {
        drop(engine(&server.redis).await);
        assert!(engine_is_refused(&server).await);
        soon(async {
            while engine_is_refused(&server).await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
    });
}

#[test]
fn a_prefix_sees_nothing_of_another_one() {
    let server = Server::start();
    let other = super::stage::connect_as(server.server.url(), "other");
    wait(async {
        let ours = engine(&server.redis).await;
        let theirs = engine(&other).await;
        let worker = worker(&other, "worker-1").await;
        ours.queue.enqueue(message(1)).await;
        theirs.queue.enqueue(message(2)).await;
        assert_eq!(next(&*worker).await.dispatch.id, id(2));
        nothing_comes(worker.next()).await;
    });
}

#[test]
fn a_closed_queue_takes_nothing_and_comes_to_an_end() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        engine.queue.close().await;
        engine.queue.enqueue(message(1)).await;
        assert_eq!(engine.queue.depth(), 0);
        assert!(soon(engine.queue.completion()).await.is_none());
    });
}

#[test]
fn an_idle_engine_and_an_idle_worker_ask_little() {
    let server = Server::start();
    let redis = connect(server.server.url());
    wait(async {
        let idle = QueueOptions::default();
        let _engine = open_engine(&redis, "engine-1", idle.clone()).await.unwrap();
        let _worker = super::stage::open_worker(&redis, "worker-1", 4, idle).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let before = redis.requests();
        tokio::time::sleep(Duration::from_secs(6)).await;
        let asked = redis.requests() - before;
        assert!(asked <= 15, "{asked} requests in 6 s");
    });
}

#[test]
fn a_cancelled_task_of_which_redis_knows_nothing_has_stopped() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        engine.queue.enqueue(message(1)).await;
        let streams = || server.keys("stream:").iter().map(|stream| server.length(stream)).sum::<u64>();
        until(|| streams() == 1).await;
        engine.queue.cancel(&tenant("a"), &[id(1), id(2)]).await;
        let end = completion(&*engine.queue).await;
        assert!(matches!(end.result, TaskResult::Stopped));
        assert_eq!(end.id, id(1));
        assert_eq!(streams(), 0);
        nothing_comes(engine.queue.completion()).await;
        server.tidied().await;
    });
}

#[test]
fn a_cancelled_task_whose_worker_died_stops_with_the_next_worker() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        engine.queue.enqueue(message(1)).await;
        let first = worker(&server.redis, "worker-1").await;
        next(&*first).await;
        drop(first);
        engine.queue.cancel(&tenant("a"), &[id(1)]).await;
        let second = worker(&server.redis, "worker-2").await;
        let end = completion(&*engine.queue).await;
        assert!(matches!(end.result, TaskResult::Stopped));
        settle(&*engine.queue, &end);
        nothing_comes(second.next()).await;
        server.tidied().await;
    });
}

#[test]
fn a_cancelled_task_whose_worker_died_stops_when_its_lease_is_over() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        engine.queue.enqueue(message(1)).await;
        let only = worker(&server.redis, "worker-1").await;
        next(&*only).await;
        drop(only);
        engine.queue.cancel(&tenant("a"), &[id(1)]).await;
        let end = completion(&*engine.queue).await;
        assert!(matches!(end.result, TaskResult::Stopped));
        engine.queue.settled(&end.tenant, end.id, None);
        server.tidied().await;
        nothing_comes(engine.queue.completion()).await;
    });
}

#[test]
fn a_worker_that_comes_back_to_a_cancelled_task_is_told_to_stop_and_its_end_is_refused() {
    let server = Server::start();
    let proxy = Proxy::start(server.server.port());
    let far = connect(proxy.url());
    wait(async {
        let engine = engine(&server.redis).await;
        let worker = worker(&far, "worker-1").await;
        engine.queue.enqueue(message(1)).await;
        let given = next(&*worker).await;
        proxy.refuse(true);
        proxy.cut();
        engine.queue.cancel(&tenant("a"), &[id(1)]).await;
        let end = completion(&*engine.queue).await;
        engine.queue.settled(&end.tenant, end.id, None);
        proxy.refuse(false);
        assert_eq!(soon(worker.cancelled()).await, (tenant("a"), id(1)));
        worker.complete(ended(&given, TaskResult::Stopped)).await;
        nothing_comes(engine.queue.completion()).await;
        server.tidied().await;
    });
}

#[test]
fn a_cancelled_task_is_not_taken_from_a_worker_that_renews() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        let worker = worker(&server.redis, "worker-1").await;
        engine.queue.enqueue(message(1)).await;
        let given = next(&*worker).await;
        engine.queue.cancel(&tenant("a"), &[id(1)]).await;
        let busy = options().lease * 3;
        assert!(tokio::time::timeout(busy, engine.queue.completion()).await.is_err(), "its guest runs on");
        worker.complete(ended(&given, TaskResult::Stopped)).await;
        let end = completion(&*engine.queue).await;
        engine.queue.settled(&end.tenant, end.id, None);
        server.tidied().await;
    });
}

#[test]
fn an_engine_whose_prefix_another_one_has_is_told_who() {
    let server = Server::start();
    wait(async {
        let first = engine(&server.redis).await;
        let other = r#"{"engine":"engine-2","host":"elsewhere","pid":7,"since":0}"#;
        let _ = server.server.cli(&["SET", &server.redis.keys().owner(), other]);
        until(|| first.lost.lock().unwrap().is_some()).await;
        let told = first.lost.lock().unwrap().clone().unwrap();
        assert!(told.contains("engine engine-2 on elsewhere, process 7"), "{told}");
        // What it still wants to put in is refused.
        first.queue.enqueue(message(1)).await;
        let worker = worker(&server.redis, "worker-1").await;
        nothing_comes(worker.next()).await;
    });
}
