//! What it costs a task that its config is in Redis: a task that fetches 7 KB, alone, through Redis and in this process.
//!
//! The time is taken from the moment when the engine's end is given the task to the moment when it gives the completion, plain and with 5 ms that a
//! proxy adds to each round trip; requests are counted on both ends. What is compared with the target is what reading the record adds: the time of
//! one read of record and config over the same connection, for that is all that stands between the envelope and the instance.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sandmill_core::ids::{TaskExecId, WorkflowExecId};
use sandmill_core::value::Value;
use sandmill_engine::Live;
use sandmill_engine::ports::{ExecutionKey, TaskQueue as _, TaskResult};
use sandmill_speed::figures::{median, millis, quantile};
use sandmill_speed::machine::temporary_folder;
use sandmill_speed::report::{Report, Target};
use sandmill_store::redis::Records;
use sandmill_testkit::{Proxy, RedisServer};

use crate::queue::message;
use crate::remote::{With, Worker, connect, engine_end};
use crate::stage::{self, tenant};

/// Tasks of one run, one after the other.
const TASKS: u32 = 400;

/// Bytes of a config.
const CONFIG_BYTES: usize = 7 * 1024;

/// What a proxy adds to a round trip.
const INJECTED: Duration = Duration::from_millis(5);

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(report))
}

async fn measure(report: &mut Report) -> Result<()> {
    let server = RedisServer::plain();
    let proxy = Proxy::start(server.port());
    for (name, injected) in [("plain", Duration::ZERO), ("5 ms injected", INJECTED)] {
        proxy.delay(injected);
        let times = times(&proxy.url(), u128::from(injected.as_nanos() > 0)).await?;
        report.row(&format!("{name}: whole task p50, ms"), median(&times.whole), Target::Baseline);
        report.row(&format!("{name}: whole task p95, ms"), quantile(&times.whole, 0.95), Target::Baseline);
        report.row(&format!("{name}: fetch p50, ms"), median(&times.fetch), Target::Baseline);
        report.row(&format!("{name}: requests a task"), times.requests, Target::Baseline);
        let p95 = quantile(&times.fetch, 0.95);
        match injected {
            Duration::ZERO => report.result("config_fetch_p95_ms", p95, Target::AtMost(1.0)),
            _ => report.result("config_fetch_injected_p95_ms", p95, Target::AtMost(10.0)),
        }
    }
    Ok(())
}

struct Times {
    whole: Vec<f64>,
    fetch: Vec<f64>,
    requests: f64,
}

async fn times(url: &str, run: u128) -> Result<Times> {
    let folder = temporary_folder()?;
    let (store, _) = stage::open_store(&folder.path().join("store"))?;
    let plugin = stage::register(&*store, &stage::echo()?)?;
    let redis = connect(url).await?;
    let queue = engine_end(redis.clone(), &store, Live::start(Arc::clone(&store))?).await?;
    let worker = Worker::start(url, 0, With::Guests).await?;
    let records = Records::new(connect(url).await?);
    let value = Value::from("x".repeat(CONFIG_BYTES));
    let (mut whole, mut fetch) = (Vec::new(), Vec::new());
    let mut before = 0;
    for number in 0..TASKS + 20 {
        // The first ones compile and connect.
        if number == 20 {
            before = redis.requests() + worker.redis.requests();
            (whole, fetch) = (Vec::new(), Vec::new());
        }
        let id = TaskExecId { workflow: WorkflowExecId::from_random(run << 32 | u128::from(number)), number: 0 };
        let begin = Instant::now();
        queue.enqueue(message(plugin, id, &value)).await;
        let completion = queue.completion().await.context("the queue is closed")?;
        whole.push(millis(begin.elapsed()));
        ensure!(matches!(completion.result, TaskResult::Completed(_)), "{:?}", completion.result);
        let execution = ExecutionKey { tenant: tenant(), id: id.workflow };
        let begin = Instant::now();
        let read = records.read(&[(execution, 0)]).await.pop().context("there is no answer")?;
        fetch.push(millis(begin.elapsed()));
        ensure!(read.is_ok_and(|(_, config)| config.len() > CONFIG_BYTES), "the config is not in Redis");
        queue.settled(&completion.tenant, completion.id, Some(1));
    }
    let requests = (redis.requests() + worker.redis.requests() - before) as f64 / f64::from(TASKS);
    worker.stop().await?;
    queue.close().await;
    Ok(Times { whole, fetch, requests })
}
