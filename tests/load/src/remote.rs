//! Workers behind a real Redis, in this process: each with an end of the queue, a runtime and components of its own, so that nothing is shared but
//! the server, as between processes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use sandmill_core::ids::{Digest, QueueName, TaskExecId, TenantId};
use sandmill_core::machine::Delivery;
use sandmill_core::value::Value;
use sandmill_engine::ports::{ComponentBytes, Deliveries, Runner, SharedStore, TaskMessage, TaskObserver, TaskResult};
use sandmill_engine::{Live, work};
use sandmill_runtime::{Runtime, RuntimeOptions};
use sandmill_speed::figures::{median, millis};
use sandmill_store::redis::keys::ProcessId;
use sandmill_store::redis::queue::{EngineParts, QueueOptions, RedisDeliveries, RedisQueue, WorkerParts};
use sandmill_store::redis::{Redis, RedisComponents, RedisOptions};
use sandmill_testkit::{AppendOnly, RedisServer, RedisSetup};
use tokio::task::JoinHandle;

use crate::queue::message_with;
use crate::workflow::prose;

/// Runs of which the median counts, where both ways are measured.
const RUNS: usize = 3;

/// Slots of a worker.
pub(crate) const SLOTS: usize = 128;

/// A connection of its own to a server.
pub(crate) async fn connect(url: &str) -> Result<Redis> {
    Ok(Redis::connect(RedisOptions::new(url)).await?)
}

/// The engine's end.
pub(crate) async fn engine_end(
    redis: Redis,
    store: &SharedStore,
    live: Arc<Live>,
    options: QueueOptions,
) -> Result<Arc<RedisQueue>> {
    let parts = EngineParts {
        redis,
        engine: ProcessId::new("bench")?,
        catalog: store.clone(),
        live,
        limits: BTreeMap::new(),
        on_lost: Arc::new(|error| panic!("{error}")),
    };
    Ok(RedisQueue::open(parts, options).await?)
}

/// A server that syncs its log once a second, as the guide for operators says.
pub(crate) fn server() -> RedisServer {
    RedisServer::start(RedisSetup { append_only: AppendOnly::EverySecond, ..RedisSetup::default() })
}

/// Measures with configs by id and with configs that come with the envelope, by turns, and gives the median of each.
pub(crate) async fn both_ways(measure: impl AsyncFn(bool) -> Result<f64>) -> Result<(f64, f64)> {
    let (mut by_id, mut inlined) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        by_id.push(measure(false).await?);
        inlined.push(measure(true).await?);
    }
    Ok((median(&by_id), median(&inlined)))
}

/// A task with a config of that size, another one for each seed, of which the guest reads all and gives back a word.
pub(crate) fn wordy_task(
    plugin: Digest,
    id: TaskExecId,
    (bytes, seed): (usize, u64),
    queue: &QueueName,
) -> TaskMessage {
    let config = Value::object([("text", Value::from(prose(bytes, seed))), ("value", Value::from("done"))]);
    message_with(plugin, id, &config, Delivery { queue: queue.clone(), ..Delivery::default() })
}

/// What a worker does with a task.
#[derive(Clone)]
pub(crate) enum With {
    /// Runs its component.
    Guests,
    /// The same, and tells how long it took from reading the envelope to the return of the guest.
    TimedGuests(Arc<Times>),
    /// Gives its config back, and runs nothing: what is left is the queue.
    NoGuests,
}

/// Milliseconds.
#[derive(Default)]
pub(crate) struct Times(Mutex<Vec<f64>>);

impl Times {
    /// All that were taken since this was asked for last.
    pub(crate) fn take(&self) -> Vec<f64> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How a worker takes tasks.
pub(crate) struct Setup {
    pub(crate) number: usize,
    pub(crate) queue: QueueName,
    pub(crate) slots: usize,
    pub(crate) options: QueueOptions,
}

impl Setup {
    async fn open(&self, redis: &Redis) -> Result<Arc<RedisDeliveries>> {
        let worker = ProcessId::new(&format!("bench-{}", self.number))?;
        let parts = WorkerParts { redis: redis.clone(), worker, queues: vec![self.queue.clone()], slots: self.slots };
        Ok(RedisDeliveries::open(parts, self.options.clone()).await?)
    }
}

/// A worker.
pub(crate) struct Worker {
    pub(crate) redis: Redis,
    deliveries: Arc<RedisDeliveries>,
    working: JoinHandle<()>,
}

impl Worker {
    /// Begins to take tasks.
    pub(crate) async fn start(url: &str, number: usize, with: With) -> Result<Self> {
        Self::start_as(url, number, with, QueueOptions::default()).await
    }

    /// Begins to take tasks from a queue that behaves as asked for.
    pub(crate) async fn start_as(url: &str, number: usize, with: With, options: QueueOptions) -> Result<Self> {
        let redis = connect(url).await?;
        let setup = Setup { number, queue: QueueName::default(), slots: SLOTS, options };
        let deliveries = setup.open(&redis).await?;
        let runner: Arc<dyn Runner> = match with {
            With::Guests => Arc::new(runtime(&redis, Arc::new(deliveries.observer()))?),
            With::TimedGuests(times) => {
                Arc::new(Timed { inner: Arc::new(runtime(&redis, Arc::new(deliveries.observer()))?), times })
            }
            With::NoGuests => Arc::new(NoGuests),
        };
        Ok(Self::over(redis, deliveries, runner, SLOTS))
    }

    /// Begins to take tasks for a runner that is there already.
    pub(crate) async fn start_with(url: &str, setup: Setup, runner: Arc<dyn Runner>) -> Result<Self> {
        let redis = connect(url).await?;
        let deliveries = setup.open(&redis).await?;
        Ok(Self::over(redis, deliveries, runner, setup.slots))
    }

    fn over(redis: Redis, deliveries: Arc<RedisDeliveries>, runner: Arc<dyn Runner>, slots: usize) -> Self {
        let taken: Arc<dyn Deliveries> = deliveries.clone();
        let working = tokio::spawn(work(taken, runner, slots));
        Self { redis, deliveries, working }
    }

    /// How many tasks it has, begun or not.
    pub(crate) fn in_hand(&self) -> usize {
        self.deliveries.in_hand()
    }

    /// Takes no more tasks, and leaves.
    pub(crate) async fn stop(self) -> Result<()> {
        self.deliveries.stop().await;
        self.working.await.context("the worker panicked")?;
        self.deliveries.leave().await;
        Ok(())
    }
}

/// The runtime of a worker.
pub(crate) fn runtime(redis: &Redis, observer: Arc<dyn TaskObserver>) -> Result<Runtime> {
    let components: Arc<dyn ComponentBytes> = Arc::new(RedisComponents::new(redis.clone()));
    let options =
        RuntimeOptions { live_tasks_max: u32::try_from(SLOTS).unwrap_or(u32::MAX), ..RuntimeOptions::default() };
    Ok(Runtime::new(&options, components, &observer)?)
}

/// Takes the time of each task: from reading its envelope where it came over Redis, else from the moment when it is given to this.
pub(crate) struct Timed {
    pub(crate) inner: Arc<dyn Runner>,
    pub(crate) times: Arc<Times>,
}

#[async_trait]
impl Runner for Timed {
    async fn run(&self, message: TaskMessage) -> TaskResult {
        let begin = message.remote.as_ref().map_or_else(Instant::now, |remote| remote.read_at);
        let result = self.inner.run(message).await;
        self.times.0.lock().unwrap_or_else(PoisonError::into_inner).push(millis(begin.elapsed()));
        result
    }

    fn cancel(&self, tenant: &TenantId, id: TaskExecId) {
        self.inner.cancel(tenant, id);
    }
}

/// Gives back each task's config.
struct NoGuests;

#[async_trait]
impl Runner for NoGuests {
    async fn run(&self, message: TaskMessage) -> TaskResult {
        Value::from_json(&message.config).map_or(TaskResult::Lost, TaskResult::Completed)
    }

    fn cancel(&self, _: &TenantId, _: TaskExecId) {}
}
