//! Redis, as this program uses it: where it is, how patient to be with it, and the two ends of the queue that meet there.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use sandmill_core::ids::QueueName;
use sandmill_engine::ports::{ComponentBytes, Deliveries, Runner, TaskObserver};
use sandmill_engine::{Live, LocalWorker, Workers};
use sandmill_runtime::Runtime;
use sandmill_store::redis::keys::ProcessId;
use sandmill_store::redis::queue::{EngineParts, QueueDesk, QueueOptions, RedisDeliveries, RedisQueue, WorkerParts};
use sandmill_store::redis::{Backoff, Prefix, Redis, RedisComponents, RedisOptions};

use super::{TestHooks, failed, failed_with_causes, random, runtime_options, slots, task_limits};
use crate::failure::{Failure, Outcome};
use crate::settings::Settings;

/// The value of `redis.url` where there is none.
const NONE: &str = "none";

/// True where the settings name a Redis.
pub(crate) fn is_wanted(settings: &Settings) -> bool {
    settings.text("redis.url") != NONE
}

/// The way to the Redis of the settings, which need not be there yet.
pub(crate) fn way(settings: &Settings) -> Result<Redis, Failure> {
    if !is_wanted(settings) {
        let reason = "no Redis is named: use `--redis redis://HOST:PORT`, or the setting `redis.url`";
        return Err(Failure::new(Outcome::Refused, reason.to_owned()));
    }
    let given = |name| Some(settings.text(name)).filter(|text| *text != NONE).map(str::to_owned);
    let prefix = Prefix::new(settings.text("redis.prefix"));
    let options = RedisOptions {
        prefix: prefix.map_err(|error| Failure::new(Outcome::Refused, format!("`redis.prefix`: {error}")))?,
        username: given("redis.username"),
        password: given("redis.password"),
        tls_ca: given("redis.tls-ca").map(Into::into),
        connect_timeout: settings.time("redis.connect-time"),
        response_timeout: settings.time("redis.response-time"),
        backoff: Backoff { max: settings.time("redis.backoff-max"), ..Backoff::default() },
        ..RedisOptions::new(settings.text("redis.url"))
    };
    Redis::new(options).map_err(|error| Failure::new(Outcome::Refused, error.to_string()))
}

/// How the queue behaves.
fn queue_options(settings: &Settings) -> QueueOptions {
    QueueOptions {
        lease: settings.time("queue.lease"),
        renew_every: settings.time("queue.renew"),
        heartbeat_every: settings.time("queue.heartbeat"),
        heartbeat_lives: settings.time("queue.heartbeat") * 3,
        forget_worker_after: settings.time("queue.heartbeat") * 4,
        losses_max: settings.count("queue.losses"),
        scan_every: settings.time("queue.scan"),
        owner_lease: settings.time("queue.owner-lease"),
        waiting_per_slot: settings.count("queue.waiting-per-slot"),
        repairs_max: settings.count("queue.repairs"),
        config_ttl: settings.time("queue.config-ttl"),
        context_cache_bytes: settings.bytes("worker.context-cache"),
        claims_ahead: settings.count("worker.claims-ahead"),
        ..QueueOptions::default()
    }
}

/// What an operator sees of the queue.
pub(crate) fn desk(settings: &Settings) -> Result<QueueDesk, Failure> {
    Ok(QueueDesk::new(way(settings)?, queue_options(settings).forget_worker_after))
}

/// The workers behind Redis, and the one of this process where it is wanted.
pub(super) async fn workers(
    settings: &Settings,
    store: sandmill_engine::ports::SharedStore,
    (live, runtime): (&Arc<Live>, Arc<Runtime>),
) -> Result<Workers, Failure> {
    let redis = way(settings)?;
    let catalog = store;
    let parts = EngineParts {
        redis: redis.clone(),
        engine: engine_id(settings)?,
        catalog,
        live: Arc::clone(live),
        limits: task_limits(settings).named(),
        on_lost: Arc::new(|error| {
            tracing::error!(%error, "the process ends: two engines must never decide for the same executions");
            std::process::exit(Outcome::Failed as i32);
        }),
    };
    let queue = RedisQueue::open(parts, queue_options(settings)).await;
    let queue = queue.map_err(|error| Failure::new(Outcome::Failed, error.to_string()))?;
    let local = match settings.text("worker.local") {
        "no" => None,
        _ => {
            let deliveries: Arc<dyn Deliveries> = deliveries(settings, redis).await?;
            let runner: Arc<dyn Runner> = runtime;
            Some(LocalWorker { deliveries, runner })
        }
    };
    Ok(Workers { queue, local })
}

async fn deliveries(settings: &Settings, redis: Redis) -> Result<Arc<RedisDeliveries>, Failure> {
    let worker = ProcessId::new(&format!("{:032x}", random()?)).map_err(|error| failed(&error))?;
    let parts = WorkerParts { redis, worker, queues: queues(settings)?, slots: worker_slots(settings) };
    RedisDeliveries::open(parts, queue_options(settings)).await.map_err(|error| failed(&error))
}

/// The queues that a worker takes tasks from, in the order in which they are named.
pub(crate) fn queues(settings: &Settings) -> Result<Vec<QueueName>, Failure> {
    let mut seen = HashSet::new();
    let names = settings.text("worker.queues").split(',').map(str::trim).filter(|name| seen.insert(*name));
    let parse = |name: &str| {
        QueueName::new(name).map_err(|error| Failure::new(Outcome::Refused, format!("`worker.queues`: {error}")))
    };
    names.map(parse).collect()
}

/// As many tasks as there are slots, and no more than fit into the memory that a worker may use.
fn worker_slots(settings: &Settings) -> usize {
    let memory: u64 = settings.bytes("worker.memory");
    let fitting = memory / settings.bytes::<u64>("task.memory").max(1);
    match memory {
        0 => slots(settings),
        _ => slots(settings).min(usize::try_from(fitting).unwrap_or(usize::MAX)).max(1),
    }
}

/// Who this engine is: the same as long as its data directory is.
fn engine_id(settings: &Settings) -> Result<ProcessId, Failure> {
    let fresh = format!("{:032x}", random()?);
    let parse = |id: &str| ProcessId::new(id.trim()).map_err(|error| failed(&error));
    if settings.text("store") == "memory" {
        return parse(&fresh);
    }
    let path = Path::new(settings.text("data-dir")).join("engine-id");
    match std::fs::read_to_string(&path) {
        Ok(id) => parse(&id),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let written = std::fs::write(&path, &fresh);
            written.map_err(|error| failed(&format!("{} cannot be written: {error}", path.display())))?;
            parse(&fresh)
        }
        Err(error) => Err(failed(&format!("{} cannot be read: {error}", path.display()))),
    }
}

/// A worker in a process of its own.
pub(crate) struct Worker {
    deliveries: Arc<RedisDeliveries>,
    runner: Arc<dyn Runner>,
    slots: usize,
    redis: Redis,
}

impl Worker {
    /// Starts the threads that run guests, and begins to take tasks once Redis is there. Must be called within a runtime.
    pub(crate) async fn open(settings: &Settings, hooks: &TestHooks) -> Result<Self, Failure> {
        let redis = way(settings)?;
        let deliveries = deliveries(settings, redis.clone()).await?;
        let observer: Arc<dyn TaskObserver> = Arc::new(deliveries.observer());
        let observer = hooks.observer(observer)?;
        let components: Arc<dyn ComponentBytes> = Arc::new(RedisComponents::new(redis.clone()));
        let runtime = Runtime::new(&runtime_options(settings), components, &observer);
        let runner: Arc<dyn Runner> = Arc::new(runtime.map_err(|error| failed_with_causes(&error))?);
        Ok(Self { deliveries, runner, slots: worker_slots(settings), redis })
    }

    /// How many tasks it runs at a time.
    pub(crate) const fn slots(&self) -> usize {
        self.slots
    }

    /// The way to the server, for those who want to know how the worker is.
    pub(crate) fn redis(&self) -> Redis {
        self.redis.clone()
    }

    /// Runs tasks until `stop` is done; then takes no more, lets running ones end for a while, and gives the others back.
    pub(crate) async fn work(self, stop: impl Future<Output = ()>, drain: std::time::Duration) {
        let deliveries: Arc<dyn Deliveries> = Arc::<RedisDeliveries>::clone(&self.deliveries);
        let working = sandmill_engine::work(deliveries, self.runner, self.slots);
        let mut working = std::pin::pin!(working);
        tokio::select! {
            () = &mut working => return,
            () = stop => {}
        }
        self.deliveries.stop().await;
        if tokio::time::timeout(drain, working).await.is_err() {
            tracing::warn!(tasks = self.deliveries.in_hand(), "tasks still run: they are given back");
        }
        self.deliveries.leave().await;
    }
}
