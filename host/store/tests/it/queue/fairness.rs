//! Whose turn it is, and how much waits in Redis.

use std::collections::HashSet;

use sandmill_core::definition::Priority;
use sandmill_engine::ports::{Deliveries as _, TaskMessage, TaskQueue as _};
use sandmill_store::redis::queue::QueueOptions;

use super::stage::{
    completion, done, id, message, next, nothing_comes, open_engine, open_worker, options, settle, until, with, worker,
    worker_of,
};
use crate::kit::{Server, tenant, wait};

fn tight() -> QueueOptions {
    QueueOptions { waiting_min: 8, claims_ahead: 0, ..options() }
}

fn of(name: &str, number: u32) -> TaskMessage {
    TaskMessage { tenant: tenant(name), ..message(number) }
}

#[test]
fn a_tenant_with_many_tasks_does_not_hold_up_one_with_few() {
    let server = Server::start();
    wait(async {
        let engine = open_engine(&server.redis, "engine-1", tight()).await.unwrap();
        for number in 0..10_000 {
            engine.queue.enqueue(of("a", number)).await;
        }
        engine.queue.enqueue(of("b", 10_000)).await;
        let worker = open_worker(&server.redis, "worker-1", 2, tight()).await;
        let mut place = 0;
        loop {
            let given = next(&*worker).await;
            worker.complete(done(&given, "1")).await;
            settle(&*engine.queue, &completion(&*engine.queue).await);
            place += 1;
            if given.tenant == tenant("b") {
                break;
            }
        }
        assert!(place <= 40, "it came as number {place}");
    });
}

#[test]
fn only_so_many_tasks_wait_in_redis() {
    let server = Server::start();
    wait(async {
        let engine = open_engine(&server.redis, "engine-1", tight()).await.unwrap();
        for number in 0..1_000 {
            engine.queue.enqueue(message(number)).await;
        }
        let stream = server.redis.keys().stream(&"default".parse().unwrap(), Priority::Normal);
        until(|| server.length(&stream) == 8).await;
        let worker = open_worker(&server.redis, "worker-1", 10, tight()).await;
        until(|| server.length(&stream) == 20).await;
        assert_eq!(engine.queue.depth(), 980);
        for _ in 0..100 {
            let given = next(&*worker).await;
            worker.complete(done(&given, "1")).await;
            settle(&*engine.queue, &completion(&*engine.queue).await);
            assert!(server.length(&stream) <= 20);
        }
    });
}

#[test]
fn the_more_urgent_goes_first_and_queues_are_apart() {
    let server = Server::start();
    wait(async {
        let engine = open_engine(&server.redis, "engine-1", options()).await.unwrap();
        let (gpu, high, low) = ("gpu".parse().unwrap(), Priority::High, Priority::Low);
        for (number, priority) in [low, Priority::Normal, high, low, high].into_iter().enumerate() {
            engine.queue.enqueue(with(message(number as u32), |dispatch| dispatch.delivery.priority = priority)).await;
        }
        engine.queue.enqueue(with(message(9), |dispatch| dispatch.delivery.queue = gpu)).await;
        until(|| engine.queue.depth() == 0).await;
        until(|| server.keys("stream:").iter().map(|stream| server.length(stream)).sum::<u64>() == 6).await;
        let special = worker_of(&server.redis, "gpu-1", &["gpu"], (4, options())).await;
        assert_eq!(next(&*special).await.dispatch.id, id(9));
        nothing_comes(special.next()).await;
        let other = worker(&server.redis, "worker-1").await;
        let mut came = Vec::new();
        for _ in 0..5 {
            came.push(next(&*other).await.dispatch.id.number);
        }
        assert_eq!(came, [2, 4, 1, 0, 3]);
        assert_eq!(came.iter().collect::<HashSet<_>>().len(), 5);
    });
}
