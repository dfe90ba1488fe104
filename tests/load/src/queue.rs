//! How many tasks a second go through Redis, with one, two and four workers, beside workers that send the same requests and run no guest.
//!
//! The driver is the engine's end of the queue alone: it puts tasks of `echo` with a config of 200 bytes in, takes their completions and settles
//! them. Requests are counted on both ends; a script is one, and the commands inside are printed from the server's own statistics.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use sandmill_core::definition::DefinitionName;
use sandmill_core::ids::{Digest, JsonPointer, TaskExecId, WorkflowExecId};
use sandmill_core::machine::{
    ContextHandle, Delivery, Dispatch, IdempotencyKey, SharedContext, Target as Runs, WorkflowInfo,
};
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;
use sandmill_engine::Live;
use sandmill_engine::ports::{SharedStore, TaskMessage, TaskQueue as _, TaskResult};
use sandmill_speed::figures::median;
use sandmill_speed::machine::temporary_folder;
use sandmill_speed::report::{Report, Target};
use sandmill_store::redis::queue::{QueueOptions, RedisQueue};
use sandmill_testkit::RedisServer;

use crate::remote::{With, Worker, connect, engine_end, server};
use crate::stage::{self, tenant};
use crate::workflow::value_of_200_bytes;

/// Tasks of one run.
const TASKS: u32 = 20_000;

/// Tasks of one execution.
const TASKS_PER_EXECUTION: u32 = 100;

/// Tasks that are in the queue or with a worker at a time: more than four workers take, so that there is always one for each.
const OUTSTANDING: u32 = 4_000;

/// Workers that share the tasks.
const WORKERS: [usize; 3] = [1, 2, 4];

/// Runs of which the median counts.
const RUNS: usize = 5;

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(report))
}

async fn measure(report: &mut Report) -> Result<()> {
    let folder = temporary_folder()?;
    let (store, _) = stage::open_store(&folder.path().join("store"))?;
    let plugin = stage::register(&*store, &stage::echo()?)?;
    let server = server();
    let bench = Bench { server, store, plugin };
    let mut speeds: [[Vec<f64>; 2]; 3] = Default::default();
    let mut requests = Vec::new();
    // By turns, so that what else the machine does meets all of them.
    for round in 0..RUNS {
        for (number, workers) in WORKERS.into_iter().enumerate() {
            let run = u128::try_from(number * 10 + round)? * 2;
            speeds[number][1].push(bench.tasks_per_s(workers, With::NoGuests, run).await?.0);
            let (speed, per_task) = bench.tasks_per_s(workers, With::Guests, run + 1).await?;
            speeds[number][0].push(speed);
            requests.push(per_task);
        }
    }
    let speeds = speeds.map(|[ours, bare]| (median(&ours), median(&bare)));
    for (workers, (ours, bare)) in WORKERS.into_iter().zip(speeds) {
        report.row(&format!("{workers} workers, tasks/s"), ours, Target::Baseline);
        report.row(&format!("{workers} workers, bare, tasks/s"), bare, Target::Baseline);
    }
    for line in bench.server.cli(&["INFO", "commandstats"]).lines().filter(|line| line.starts_with("cmdstat_")) {
        let Some((name, figures)) = line.split_once(':') else { continue };
        let calls = figures.split(',').next().and_then(|calls| calls.strip_prefix("calls=")?.parse::<f64>().ok());
        report.row(&format!("{} a task", &name[8..]), calls.unwrap_or(0.0) / total_tasks(), Target::Baseline);
    }
    let ratios: Vec<f64> = speeds.iter().map(|(ours, bare)| ours / bare).collect();
    report.result("queue_tasks_per_s", speeds[1].0, Target::Baseline);
    report.result("queue_requests_per_task", median(&requests), Target::AtMost(6.0));
    report.result("queue_ratio", median(&ratios), Target::AtLeast(0.5));
    report.result("queue_scaling", speeds[2].0 / speeds[0].0, Target::AtLeast(0.9));
    Ok(())
}

fn total_tasks() -> f64 {
    f64::from(TASKS) * (2 * RUNS * WORKERS.len()) as f64
}

struct Bench {
    server: RedisServer,
    store: SharedStore,
    plugin: Digest,
}

impl Bench {
    /// Tasks a second, and requests for each of them.
    async fn tasks_per_s(&self, workers: usize, with: With, run: u128) -> Result<(f64, f64)> {
        // What other runs left there costs this one nothing, not even a log that is written anew meanwhile.
        self.server.flush_all();
        let url = self.server.url();
        let live = Live::start(Arc::clone(&self.store))?;
        let redis = connect(&url).await?;
        let queue = engine_end(redis.clone(), &self.store, live, QueueOptions::default()).await?;
        let mut started = Vec::new();
        for number in 0..workers {
            started.push(Worker::start(&url, number, with.clone()).await?);
        }
        // A first few tell every worker what it compiles once.
        self.drive(&queue, run << 32 | 1 << 31, 0..TASKS_PER_EXECUTION * 4).await?;
        let requests = || redis.requests() + started.iter().map(|worker| worker.redis.requests()).sum::<u64>();
        let (before, begin) = (requests(), Instant::now());
        self.drive(&queue, run << 32, 0..TASKS).await?;
        let span = begin.elapsed().as_secs_f64();
        let per_task = (requests() - before) as f64 / f64::from(TASKS);
        for worker in started {
            worker.stop().await?;
        }
        queue.close().await;
        Ok((f64::from(TASKS) / span, per_task))
    }

    /// Puts tasks in, so that a bounded number is outstanding, and returns once all have ended.
    async fn drive(&self, queue: &RedisQueue, run: u128, numbers: std::ops::Range<u32>) -> Result<()> {
        let mut waiting = numbers.map(|number| self.message(run, number));
        let mut outstanding = 0;
        loop {
            while outstanding < OUTSTANDING {
                let Some(message) = waiting.next() else { break };
                queue.enqueue(message).await;
                outstanding += 1;
            }
            if outstanding == 0 {
                return Ok(());
            }
            let completion = queue.completion().await.context("the queue is closed")?;
            let is_done = matches!(completion.result, TaskResult::Completed(_));
            ensure!(is_done, "task {} ended with {:?}", completion.id, completion.result);
            queue.settled(&completion.tenant, completion.id, Some(completion.attempt));
            outstanding -= 1;
        }
    }

    fn message(&self, run: u128, number: u32) -> TaskMessage {
        let workflow = WorkflowExecId::from_random(run << 16 | u128::from(number / TASKS_PER_EXECUTION));
        let id = TaskExecId { workflow, number: number % TASKS_PER_EXECUTION };
        message(self.plugin, id, &value_of_200_bytes())
    }
}

/// A task of `echo`, which gives a value back.
pub(crate) fn message(plugin: Digest, id: TaskExecId, value: &Value) -> TaskMessage {
    message_with(plugin, id, &Value::object([("value", value.clone())]), Delivery::default())
}

/// A task of `echo` with that config, on its way as asked for.
pub(crate) fn message_with(plugin: Digest, id: TaskExecId, config: &Value, delivery: Delivery) -> TaskMessage {
    let workflow = WorkflowInfo {
        id: id.workflow,
        name: DefinitionName { namespace: "bench".into(), name: "queue".into(), version: "1.0.0".into() },
        input: Value::null(),
        started_at: Timestamp(0),
    };
    let shared = SharedContext::new(Arc::new(workflow), Value::null(), Value::null());
    let dispatch = Dispatch {
        id,
        attempt: 1,
        round: 1,
        pointer: JsonPointer::from("/do/0/call"),
        target: Runs::Plugin(plugin),
        idempotency_key: IdempotencyKey(u128::from(id.number)),
        context: ContextHandle::new(Arc::new(shared), Value::null(), 0),
        deadline: None,
        delivery,
    };
    TaskMessage::new(tenant(), Arc::new(dispatch), config.to_json().into())
}
