//! Workers behind a real Redis, in this process: each with an end of the queue, a runtime and components of its own, so that nothing is shared but
//! the server, as between processes.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use sandmill_core::ids::{QueueName, TaskExecId, TenantId};
use sandmill_core::value::Value;
use sandmill_engine::ports::{ComponentBytes, Deliveries, Runner, SharedStore, TaskMessage, TaskObserver, TaskResult};
use sandmill_engine::{Live, work};
use sandmill_runtime::{Runtime, RuntimeOptions};
use sandmill_store::redis::keys::ProcessId;
use sandmill_store::redis::queue::{EngineParts, QueueOptions, RedisDeliveries, RedisQueue, WorkerParts};
use sandmill_store::redis::{Redis, RedisComponents, RedisOptions};
use tokio::task::JoinHandle;

/// Slots of a worker.
pub(crate) const SLOTS: usize = 128;

/// A connection of its own to a server.
pub(crate) async fn connect(url: &str) -> Result<Redis> {
    Ok(Redis::connect(RedisOptions::new(url)).await?)
}

/// The engine's end.
pub(crate) async fn engine_end(redis: Redis, store: &SharedStore, live: Arc<Live>) -> Result<Arc<RedisQueue>> {
    let parts = EngineParts {
        redis,
        engine: ProcessId::new("bench")?,
        catalog: store.clone(),
        live,
        limits: BTreeMap::new(),
        on_lost: Arc::new(|error| panic!("{error}")),
    };
    Ok(RedisQueue::open(parts, QueueOptions::default()).await?)
}

/// What a worker does with a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum With {
    /// Runs its component.
    Guests,
    /// Gives its config back, and runs nothing: what is left is the queue.
    NoGuests,
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
        let redis = connect(url).await?;
        let worker = ProcessId::new(&format!("bench-{number}"))?;
        let queues = vec![QueueName::default()];
        let parts = WorkerParts { redis: redis.clone(), worker, queues, slots: SLOTS };
        let deliveries = RedisDeliveries::open(parts, QueueOptions::default()).await?;
        let runner: Arc<dyn Runner> = match with {
            With::Guests => Arc::new(runtime(&redis, &deliveries)?),
            With::NoGuests => Arc::new(NoGuests),
        };
        let taken: Arc<dyn Deliveries> = deliveries.clone();
        let working = tokio::spawn(work(taken, runner, SLOTS));
        Ok(Self { redis, deliveries, working })
    }

    /// Takes no more tasks, and leaves.
    pub(crate) async fn stop(self) -> Result<()> {
        self.deliveries.stop().await;
        self.working.await.context("the worker panicked")?;
        self.deliveries.leave().await;
        Ok(())
    }
}

fn runtime(redis: &Redis, deliveries: &RedisDeliveries) -> Result<Runtime> {
    let observer: Arc<dyn TaskObserver> = Arc::new(deliveries.observer());
    let components: Arc<dyn ComponentBytes> = Arc::new(RedisComponents::new(redis.clone()));
    let options =
        RuntimeOptions { live_tasks_max: u32::try_from(SLOTS).unwrap_or(u32::MAX), ..RuntimeOptions::default() };
    Ok(Runtime::new(&options, components, &observer)?)
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
