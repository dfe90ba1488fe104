//! A connection that is cut in the middle of whatever engine and worker say, or are told: each place of a small run is tried once.
//!
//! The place is a number of bytes from the first one on, of all connections in one direction. A run of its own, with a prefix of its own, is made for
//! each, and many of them side by side: they mostly wait.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use sandmill_engine::ports::TaskQueue as _;
use sandmill_store::redis::queue::QueueOptions;
use sandmill_store::redis::{Prefix, Redis, RedisOptions, cmd};
use sandmill_testkit::{Direction, Proxy};

use super::stage::{Counting, drive, ignore, message, open_engine, open_worker, options, soon, work};
use crate::kit::{Server, redis_options, wait};

/// Tasks of a run.
const TASKS: u32 = 3;

/// Runs at a time.
const ABREAST: usize = 16;

/// Bytes from one place to the next; each run of the tests begins at another one. All of them where there is time.
fn step() -> u64 {
    if std::env::var_os("SANDMILL_SOAK").is_some() { 1 } else { 61 }
}

/// Short, for what was handed out over a connection that broke comes again only when its lease is over.
fn brief() -> QueueOptions {
    let millis = Duration::from_millis;
    QueueOptions { lease: millis(400), renew_every: millis(100), scan_every: millis(300), ..options() }
}

/// Returns once nothing is left of the tasks of a prefix.
async fn tidied(redis: &Redis, prefix: &str) {
    loop {
        let states: Vec<String> = redis.run(cmd("KEYS").arg(format!("{prefix}:*:state:*"))).await.unwrap();
        if states.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Some tasks from an engine to a worker and back over a connection that is cut once, and how many bytes went in each direction.
async fn run(server: &Server, number: u64, cut: Option<(Direction, u64)>) -> [u64; 2] {
    let proxy = Proxy::start(server.server.port());
    let prefix = format!("p{number}");
    let options = RedisOptions { prefix: Prefix::new(&prefix).unwrap(), ..redis_options(proxy.url()) };
    let redis = Redis::new(options).unwrap();
    if let Some((direction, bytes)) = cut {
        proxy.cut_at_byte(direction, bytes);
    }
    let engine = open_engine(&redis, "engine-1", brief()).await.unwrap();
    let worker = open_worker(&redis, "worker-1", 2, brief()).await;
    let runner = Arc::new(Counting::default());
    let working = work(&worker, &runner, 2);
    for number in 0..TASKS {
        engine.queue.enqueue(message(number)).await;
    }
    drive(&*engine.queue, 0..TASKS).await;
    // One end may have come twice.
    let settled = async {
        tokio::select! {
            () = ignore(&*engine.queue) => {}
            () = tidied(&server.redis, &prefix) => {}
        }
    };
    soon(settled).await;
    while proxy.is_to_cut() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    working.abort();
    [proxy.bytes_up(), proxy.bytes_down()]
}

#[test]
fn a_connection_that_is_cut_anywhere_loses_nothing() {
    let server = Server::start();
    wait(async {
        // The first one teaches Redis the scripts.
        run(&server, 0, None).await;
        let [up, down] = run(&server, 1, None).await;
        let first = 1 + u64::from(std::process::id()) % step();
        let places = |direction, bytes| (first..=bytes).step_by(step() as usize).map(move |place| (direction, place));
        let places: Vec<_> = places(Direction::Up, up).chain(places(Direction::Down, down)).collect();
        eprintln!("{up} bytes up and {down} down are cut at {} places, from byte {first} on", places.len());
        let runs = futures::stream::iter(places.into_iter().enumerate());
        runs.for_each_concurrent(ABREAST, |(number, cut)| {
            let server = &server;
            async move {
                run(server, number as u64 + 2, Some(cut)).await;
            }
        })
        .await;
    });
}
