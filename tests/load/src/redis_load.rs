//! What Redis computes for a thousand tasks a second, with configs by id and with configs that come with the envelope.
//!
//! Two workers run a task with a config of 7 KB of its own, a thousand of which are put in each second, in small portions. The time that the server's
//! process and its children computed is the server's own figure; a point is a hundredth of a core.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sandmill_core::ids::{Digest, QueueName, TaskExecId, WorkflowExecId};
use sandmill_engine::Live;
use sandmill_engine::ports::{SharedStore, TaskMessage, TaskQueue as _, TaskResult};
use sandmill_speed::machine::temporary_folder;
use sandmill_speed::report::{Report, Target};
use sandmill_store::redis::queue::{QueueOptions, RedisQueue};
use sandmill_testkit::RedisServer;

use crate::remote::{With, Worker, both_ways, connect, engine_end, server, wordy_task};
use crate::stage;

/// Tasks a second, and how many of them are put in together.
const TASKS_PER_S: u32 = 1_000;
const PORTION: u32 = 10;

/// Tasks that are measured, and those before them.
const TASKS: u32 = 8_000;
const WARM_UP: u32 = 500;

/// Bytes of a config.
const CONFIG_BYTES: usize = 7 * 1024;

/// Tasks of one execution.
const TASKS_PER_EXECUTION: u32 = 10;

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(report))
}

async fn measure(report: &mut Report) -> Result<()> {
    let folder = temporary_folder()?;
    let (store, _) = stage::open_store(&folder.path().join("store"))?;
    let plugin = stage::register(&*store, &stage::echo()?)?;
    let (by_id, inlined) = both_ways(async |inlines| points(&store, plugin, inlines).await).await?;
    report.row("by id, points of a core", by_id, Target::Baseline);
    report.row("inlined, points of a core", inlined, Target::Baseline);
    report.result("redis_cpu_points", by_id - inlined, Target::AtMost(5.0));
    Ok(())
}

async fn points(store: &SharedStore, plugin: Digest, inlines_configs: bool) -> Result<f64> {
    let server = server();
    let options = QueueOptions { inlines_configs, ..QueueOptions::default() };
    let live = Live::start(Arc::clone(store))?;
    let queue = engine_end(connect(&server.url()).await?, store, live, options.clone()).await?;
    let mut workers = Vec::new();
    for number in 0..2 {
        workers.push(Worker::start_as(&server.url(), number, With::Guests, options.clone()).await?);
    }
    drive(&queue, plugin, 0..WARM_UP).await?;
    let (before, begin) = (cpu_s(&server)?, Instant::now());
    drive(&queue, plugin, WARM_UP..WARM_UP + TASKS).await?;
    let (computed, span) = (cpu_s(&server)? - before, begin.elapsed().as_secs_f64());
    let rate = f64::from(TASKS) / span;
    ensure!(rate > f64::from(TASKS_PER_S) * 0.95, "the machine is too busy: {rate:.0} tasks a second went through");
    for worker in workers {
        worker.stop().await?;
    }
    queue.close().await;
    Ok(100.0 * computed / span)
}

/// Puts tasks in at their pace, and returns once all have ended.
async fn drive(queue: &RedisQueue, plugin: Digest, numbers: std::ops::Range<u32>) -> Result<()> {
    let count = numbers.len();
    let put = async {
        let mut ticks = tokio::time::interval(Duration::from_secs(1) * PORTION / TASKS_PER_S);
        for number in numbers {
            if number % PORTION == 0 {
                ticks.tick().await;
            }
            queue.enqueue(task(plugin, number)).await;
        }
    };
    let take = async {
        for _ in 0..count {
            let completion = queue.completion().await.context("the queue is closed")?;
            ensure!(matches!(completion.result, TaskResult::Completed(_)), "{:?}", completion.result);
            queue.settled(&completion.tenant, completion.id, Some(completion.attempt));
        }
        Ok(())
    };
    tokio::join!(put, take).1
}

fn task(plugin: Digest, number: u32) -> TaskMessage {
    let workflow = WorkflowExecId::from_random(u128::from(number / TASKS_PER_EXECUTION) + 1);
    let id = TaskExecId { workflow, number: number % TASKS_PER_EXECUTION };
    wordy_task(plugin, id, (CONFIG_BYTES, number.into()), &QueueName::default())
}

/// Seconds that the server has computed so far.
fn cpu_s(server: &RedisServer) -> Result<f64> {
    let info = server.cli(&["INFO", "cpu"]);
    let seconds =
        ["used_cpu_sys:", "used_cpu_user:", "used_cpu_sys_children:", "used_cpu_user_children:"].map(|name| {
            let text = info.lines().find_map(|line| line.strip_prefix(name)).context("the server does not tell")?;
            Ok::<f64, anyhow::Error>(text.trim().parse()?)
        });
    seconds.into_iter().sum()
}
