//! What it costs a task that its config is in Redis: one that fetches 7 KB, alone, through Redis and in this process.
//!
//! The time is taken in the worker, from reading the envelope to the return of the guest, plain and through a proxy that adds 5 ms to each round trip.
//! What the same task takes in this process, where its config is at hand, is taken off. Requests are those of engine and worker together, from the
//! moment when the task is put in to the moment when its completion is settled.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sandmill_core::ids::{Digest, TaskExecId, WorkflowExecId};
use sandmill_core::value::Value;
use sandmill_engine::Live;
use sandmill_engine::ports::{Runner as _, SharedStore, TaskMessage, TaskQueue as _, TaskResult};
use sandmill_speed::figures::{median, millis, quantile};
use sandmill_speed::machine::temporary_folder;
use sandmill_speed::report::{Report, Target};
use sandmill_store::redis::queue::QueueOptions;
use sandmill_testkit::Proxy;

use crate::queue::message;
use crate::remote::{Timed, Times, With, Worker, connect, engine_end, server};
use crate::stage;

/// Tasks of one run, one after the other.
const TASKS: u32 = 400;

/// Tasks before that, which compile and connect.
const WARM_UP: u32 = 20;

/// Bytes of a config.
const CONFIG_BYTES: usize = 7 * 1024;

/// What the proxy adds to a round trip.
const INJECTED: Duration = Duration::from_millis(5);

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(report))
}

async fn measure(report: &mut Report) -> Result<()> {
    let folder = temporary_folder()?;
    let (store, _) = stage::open_store(&folder.path().join("store"))?;
    let plugin = stage::register(&*store, &stage::echo()?)?;
    let here = median(&in_process(&store, plugin).await?);
    report.row("in this process p50, ms", here, Target::Baseline);
    let server = server();
    let proxy = Proxy::start(server.port());
    // Half of it on each way.
    proxy.delay(INJECTED / 2);
    let runs = [
        ("plain", server.url(), ("config_fetch_p95_ms", 1.0)),
        ("5 ms injected", proxy.url(), ("config_fetch_injected_p95_ms", 10.0)),
    ];
    for (number, (name, url, (figure, limit))) in runs.into_iter().enumerate() {
        let there = through_redis(&url, &store, plugin, number as u128).await?;
        report.row(&format!("{name}: envelope to return p50, ms"), median(&there.times), Target::Baseline);
        report.row(&format!("{name}: enqueue to completion p50, ms"), median(&there.whole), Target::Baseline);
        report.row(&format!("{name}: requests a task"), there.requests, Target::Baseline);
        report.result(figure, quantile(&there.times, 0.95) - here, Target::AtMost(limit));
    }
    Ok(())
}

fn tasks(plugin: Digest, run: u128) -> impl Iterator<Item = TaskMessage> {
    let value = Value::from("x".repeat(CONFIG_BYTES));
    (0..WARM_UP + TASKS).map(move |number| {
        let workflow = WorkflowExecId::from_random(run << 32 | u128::from(number));
        message(plugin, TaskExecId { workflow, number: 0 }, &value)
    })
}

async fn in_process(store: &SharedStore, plugin: Digest) -> Result<Vec<f64>> {
    let times = Arc::new(Times::default());
    let runner = Timed { inner: stage::runtime(store)?, times: Arc::clone(&times) };
    for task in tasks(plugin, 0) {
        let result = runner.run(task).await;
        ensure!(matches!(result, TaskResult::Completed(_)), "{result:?}");
    }
    Ok(times.take().split_off(WARM_UP as usize))
}

/// What tasks took through Redis, in milliseconds.
struct There {
    times: Vec<f64>,
    whole: Vec<f64>,
    requests: f64,
}

async fn through_redis(url: &str, store: &SharedStore, plugin: Digest, run: u128) -> Result<There> {
    let redis = connect(url).await?;
    let queue = engine_end(redis.clone(), store, Live::start(Arc::clone(store))?, QueueOptions::default()).await?;
    let times = Arc::new(Times::default());
    let worker = Worker::start(url, 0, With::TimedGuests(Arc::clone(&times))).await?;
    let (mut whole, mut before) = (Vec::new(), 0);
    for (number, task) in (0..).zip(tasks(plugin, run)) {
        if number == WARM_UP {
            before = redis.requests() + worker.redis.requests();
        }
        let begin = Instant::now();
        queue.enqueue(task).await;
        let completion = queue.completion().await.context("the queue is closed")?;
        whole.push(millis(begin.elapsed()));
        ensure!(matches!(completion.result, TaskResult::Completed(_)), "{:?}", completion.result);
        queue.settled(&completion.tenant, completion.id, Some(1));
    }
    let requests = (redis.requests() + worker.redis.requests() - before) as f64 / f64::from(TASKS);
    worker.stop().await?;
    queue.close().await;
    let measured = |all: Vec<f64>| all.into_iter().skip(WARM_UP as usize).collect();
    Ok(There { times: measured(times.take()), whole: measured(whole), requests })
}
