//! What an operator and the followers of an execution see.

use std::time::Duration;

use sandmill_core::time::Timestamp;
use sandmill_engine::ports::{
    Deliveries as _, ExecutionKey, LogLevel, LogLine, Logs as _, Progress, TaskObserver as _, TaskQueue as _,
};
use sandmill_store::redis::queue::QueueDesk;

use super::stage::{completion, done, engine, id, message, next, soon, until, worker};
use crate::kit::{Server, tenant, wait};

#[test]
fn lines_come_in_order_and_before_the_end() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        let worker = worker(&server.redis, "worker-1").await;
        let observer = worker.observer();
        engine.queue.enqueue(message(1)).await;
        let given = next(&*worker).await;
        let key = ExecutionKey { tenant: tenant("a"), id: id(1).workflow };
        for number in 0..3_000 {
            let line = LogLine {
                at: Timestamp(number),
                task: id(1),
                attempt: 1,
                level: LogLevel::Info,
                message: number.to_string(),
                fields: Vec::new(),
            };
            observer.log(&given, line);
        }
        observer.progress(&given, Progress { fraction: Some(0.5), message: Some("half".into()) });
        soon(worker.complete(done(&given, "1"))).await;
        completion(&*engine.queue).await;
        assert_eq!(engine.live.progress_of(&key)[&1].fraction, Some(0.5));
        soon(engine.live.flush()).await;
        let lines = engine.store.logs(&key, None, 10_000).unwrap().items;
        assert!(lines.into_iter().map(|line| line.message).eq((0..3_000).map(|number| number.to_string())));
        let live = server.redis.keys().live(&super::stage::process("engine-1"));
        until(|| server.length(&live) == 0).await;
    });
}

#[test]
fn the_desk_shows_what_waits_what_runs_and_who_is_there() {
    let server = Server::start();
    wait(async {
        let desk = QueueDesk::new(server.redis.clone(), Duration::from_secs(10));
        let empty = desk.stats().await.unwrap();
        assert!(empty.streams.is_empty() && empty.workers.is_empty() && empty.owner.is_none());
        let engine = engine(&server.redis).await;
        let worker = super::stage::open_worker(&server.redis, "worker-1", 1, super::stage::options()).await;
        engine.queue.enqueue(message(1)).await;
        let _given = next(&*worker).await;
        worker.stop().await;
        engine.queue.enqueue(message(2)).await;
        let stream = server.redis.keys().stream(&"default".parse().unwrap(), Default::default());
        until(|| server.length(&stream) == 2).await;
        let stats = desk.stats().await.unwrap();
        let default = stats.streams.iter().find(|stream| stream.priority == "normal").unwrap();
        assert_eq!((&*default.queue, default.waiting, default.leased), ("default", 1, 1));
        assert!(default.oldest_ms.is_some());
        assert_eq!((&*stats.workers[0].worker, stats.workers[0].slots), ("worker-1", 1));
        assert_eq!(stats.owner.unwrap()["engine"], "engine-1");
        assert_eq!(stats.dead, 0);
    });
}
