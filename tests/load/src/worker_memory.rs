//! The memory of a worker that has claimed far more than it runs, with configs by id and with configs that come with the envelope.
//!
//! A thousand tasks with configs of 45 KB lie in Redis, and the engine's end is gone, so that what is allocated in this process is the worker's. A
//! worker of fifty slots claims all of them, is held with the first fifty begun until it has everything, and then runs them to their end. What counts
//! is the most that was allocated meanwhile, from the moment when it joins, with its runtime warm.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use async_trait::async_trait;
use sandmill_core::ids::{Digest, QueueName, TaskExecId, TenantId, WorkflowExecId};
use sandmill_engine::Live;
use sandmill_engine::ports::{Runner, SharedStore, TaskMessage, TaskQueue as _, TaskResult};
use sandmill_speed::allocator::Count;
use sandmill_speed::machine::temporary_folder;
use sandmill_speed::report::{Report, Target};
use sandmill_store::redis::queue::QueueOptions;
use tokio::sync::{Semaphore, watch};

use crate::remote::{Setup, Worker, both_ways, connect, engine_end, runtime, server, wordy_task};
use crate::stage::{self, Silent};

/// Tasks that the worker claims.
const TASKS: u32 = 1_000;

/// Those that it runs.
const RUNNING: usize = 50;

/// Bytes of a config.
const CONFIG_BYTES: usize = 45 * 1024;

/// Tasks before that, which compile and connect.
const WARM_UP: u32 = 20;

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(report))
}

async fn measure(report: &mut Report) -> Result<()> {
    let folder = temporary_folder()?;
    let (store, _) = stage::open_store(&folder.path().join("store"))?;
    let plugin = stage::register(&*store, &stage::echo()?)?;
    let (by_id, inlined) = both_ways(async |inlines| peak_bytes(&store, plugin, inlines).await).await?;
    report.row("by id, bytes", by_id, Target::Baseline);
    report.row("inlined, bytes", inlined, Target::Baseline);
    report.result("worker_memory_reduction_pct", 100.0 * (1.0 - by_id / inlined), Target::AtLeast(50.0));
    Ok(())
}

async fn peak_bytes(store: &SharedStore, plugin: Digest, inlines_configs: bool) -> Result<f64> {
    let server = server();
    let options = QueueOptions {
        inlines_configs,
        waiting_min: TASKS as usize,
        claims_ahead: TASKS as usize - RUNNING,
        ..QueueOptions::default()
    };
    let (warm, queue) = (QueueName::new("warm")?, QueueName::default());
    let redis = connect(&server.url()).await?;
    let end = engine_end(redis, store, Live::start(Arc::clone(store))?, options.clone()).await?;
    for (queue, tasks, run) in [(&warm, WARM_UP, 1), (&queue, TASKS, 2)] {
        for number in 0..tasks {
            end.enqueue(task(plugin, queue, run, number)).await;
        }
    }
    for (queue, tasks) in [(&warm, WARM_UP), (&queue, TASKS)] {
        let stream = format!("sandmill:{{queue}}:stream:{queue}:normal");
        let wanted = tasks.to_string();
        while server.cli(&["XLEN", &stream]) != wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    end.close().await;
    drop(end);
    let runtime = runtime(&connect(&server.url()).await?, Arc::new(Silent))?;
    let gate = Arc::new(Gate::new(runtime));
    gate.open.add_permits(WARM_UP as usize);
    let setup = |queue| Setup { number: 0, queue, slots: RUNNING, options: options.clone() };
    let worker = Worker::start_with(&server.url(), setup(warm), gate.clone()).await?;
    gate.have_run(WARM_UP).await?;
    worker.stop().await?;
    let count = Count::begin();
    let worker = Worker::start_with(&server.url(), setup(queue), gate.clone()).await?;
    while worker.in_hand() < TASKS as usize {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    gate.open.add_permits(TASKS as usize);
    gate.have_run(WARM_UP + TASKS).await?;
    let peak = count.peak_bytes() as f64;
    drop(count);
    worker.stop().await?;
    ensure!(peak > 0.0, "nothing was counted");
    Ok(peak)
}

fn task(plugin: Digest, queue: &QueueName, run: u128, number: u32) -> TaskMessage {
    let id = TaskExecId { workflow: WorkflowExecId::from_random(run << 32 | u128::from(number)), number: 0 };
    wordy_task(plugin, id, (CONFIG_BYTES, number.into()), queue)
}

/// Runs as many tasks as it has permits for; the others have begun, and wait.
struct Gate {
    inner: Arc<dyn Runner>,
    open: Semaphore,
    ran: watch::Sender<u32>,
}

impl Gate {
    fn new(runner: impl Runner + 'static) -> Self {
        Self { inner: Arc::new(runner), open: Semaphore::new(0), ran: watch::channel(0).0 }
    }

    async fn have_run(&self, tasks: u32) -> Result<()> {
        self.ran.subscribe().wait_for(|ran| *ran >= tasks).await?;
        Ok(())
    }
}

#[async_trait]
impl Runner for Gate {
    async fn run(&self, message: TaskMessage) -> TaskResult {
        let Ok(permit) = self.open.acquire().await else { return TaskResult::Lost };
        permit.forget();
        let result = self.inner.run(message).await;
        self.ran.send_modify(|ran| *ran += 1);
        result
    }

    fn cancel(&self, tenant: &TenantId, id: TaskExecId) {
        self.inner.cancel(tenant, id);
    }
}
