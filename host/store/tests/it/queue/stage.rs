//! Engines, workers and tasks for the cases.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use sandmill_core::definition::DefinitionName;
use sandmill_core::ids::{JsonPointer, TaskExecId, TenantId, WorkflowExecId};
use sandmill_core::machine::{ContextHandle, Delivery, Dispatch, IdempotencyKey, SharedContext, Target, WorkflowInfo};
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;
use sandmill_engine::Live;
use sandmill_engine::ports::{Catalog as _, Completion, Deliveries, Runner, TaskMessage, TaskQueue, TaskResult};
use sandmill_store::MemoryStore;
use sandmill_store::redis::keys::ProcessId;
use sandmill_store::redis::queue::{EngineParts, OwnerError, QueueOptions, RedisDeliveries, RedisQueue, WorkerParts};
use sandmill_store::redis::{Prefix, Redis, RedisOptions, cmd};
use tokio::task::JoinHandle;

use crate::kit::{Server, digest, plugin, redis_options, tenant, text, wait};

/// How long anything may take before a test gives up on it.
const LIMIT: Duration = Duration::from_secs(30);

/// Times that are short enough to wait for.
pub(super) fn options() -> QueueOptions {
    let millis = Duration::from_millis;
    QueueOptions {
        lease: millis(1_000),
        renew_every: millis(300),
        heartbeat_every: millis(500),
        heartbeat_lives: millis(1_500),
        forget_worker_after: millis(2_000),
        scan_every: millis(1_000),
        owner_lease: millis(2_000),
        count_workers_every: millis(200),
        measure_every: millis(200),
        block: millis(500),
        ..QueueOptions::default()
    }
}

pub(super) fn process(name: &str) -> ProcessId {
    ProcessId::new(name).unwrap()
}

/// A connection of its own.
pub(super) fn connect(url: String) -> Redis {
    wait(Redis::connect(redis_options(url))).unwrap()
}

/// A connection of its own, under another prefix.
pub(super) fn connect_as(url: String, prefix: &str) -> Redis {
    let options = RedisOptions { prefix: Prefix::new(prefix).unwrap(), ..redis_options(url) };
    wait(Redis::connect(options)).unwrap()
}

/// An engine's end, with what stands behind it.
pub(super) struct Engine {
    pub(super) queue: Arc<RedisQueue>,
    pub(super) store: Arc<MemoryStore>,
    pub(super) live: Arc<Live>,
    /// What it was told when another engine had taken its prefix.
    pub(super) lost: Arc<Mutex<Option<String>>>,
}

pub(super) async fn open_engine(redis: &Redis, name: &str, options: QueueOptions) -> Result<Engine, OwnerError> {
    let store = Arc::new(MemoryStore::new());
    for owner in ["a", "b"] {
        store.put_plugin(&tenant(owner), plugin("echo", "1.0.0", "component"), text("component")).unwrap();
    }
    let live = Live::start(store.clone()).unwrap();
    let lost = Arc::<Mutex<Option<String>>>::default();
    let told = Arc::clone(&lost);
    let parts = EngineParts {
        redis: redis.clone(),
        engine: process(name),
        catalog: store.clone(),
        live: Arc::clone(&live),
        limits: [("memory_bytes".to_owned(), 7)].into(),
        on_lost: Arc::new(move |error| *told.lock().unwrap() = Some(error.to_string())),
    };
    Ok(Engine { queue: RedisQueue::open(parts, options).await?, store, live, lost })
}

pub(super) async fn engine(redis: &Redis) -> Engine {
    open_engine(redis, "engine-1", options()).await.unwrap()
}

pub(super) async fn open_worker(
    redis: &Redis,
    name: &str,
    slots: usize,
    options: QueueOptions,
) -> Arc<RedisDeliveries> {
    worker_of(redis, name, &["default"], (slots, options)).await
}

pub(super) async fn worker_of(
    redis: &Redis,
    name: &str,
    queues: &[&str],
    (slots, options): (usize, QueueOptions),
) -> Arc<RedisDeliveries> {
    let queues = queues.iter().map(|queue| queue.parse().unwrap()).collect();
    let parts = WorkerParts { redis: redis.clone(), worker: process(name), queues, slots };
    RedisDeliveries::open(parts, options).await.unwrap()
}

pub(super) async fn worker(redis: &Redis, name: &str) -> Arc<RedisDeliveries> {
    open_worker(redis, name, 4, options()).await
}

pub(super) fn id(number: u32) -> TaskExecId {
    TaskExecId { workflow: WorkflowExecId::from_random(7), number }
}

pub(super) fn json(text: &str) -> Value {
    Value::from_json(text.as_bytes()).unwrap()
}

/// A handle over a context, inside of a loop.
pub(super) fn handle(context: Value, input: Value) -> ContextHandle {
    let name = DefinitionName { namespace: "tests".into(), name: "queue".into(), version: "1.2.3".into() };
    let info = WorkflowInfo {
        id: WorkflowExecId::from_random(7),
        name,
        input: json(r#"{"order":1}"#),
        started_at: Timestamp(0),
    };
    ContextHandle::new(Arc::new(SharedContext::new(Arc::new(info), context, input)), json(r#""the item""#), 5)
}

/// The first attempt of a task of tenant `a`.
pub(super) fn message(number: u32) -> TaskMessage {
    let dispatch = Dispatch {
        id: id(number),
        attempt: 1,
        round: 0,
        pointer: JsonPointer::from("/do/0/task"),
        target: Target::Plugin(digest("component")),
        idempotency_key: IdempotencyKey(0xabc),
        context: handle(json(r#"{"small":1}"#), json("true")),
        deadline: None,
        delivery: Delivery::default(),
    };
    TaskMessage::new(tenant("a"), Arc::new(dispatch), Bytes::from(format!("{{\"number\":{number}}}")))
}

/// A task with something else about it.
pub(super) fn with(mut message: TaskMessage, change: impl FnOnce(&mut Dispatch)) -> TaskMessage {
    change(Arc::make_mut(&mut message.dispatch));
    message
}

pub(super) fn attempt(number: u32, attempt: u32) -> TaskMessage {
    with(message(number), |dispatch| dispatch.attempt = attempt)
}

/// What comes of something that must not take for ever.
#[track_caller]
pub(super) fn soon<'a, T>(future: impl Future<Output = T> + 'a) -> impl Future<Output = T> + 'a {
    let caller = std::panic::Location::caller();
    async move {
        let result = tokio::time::timeout(LIMIT, future).await;
        result.unwrap_or_else(|_| panic!("nothing came for {LIMIT:?} at {caller}"))
    }
}

/// Waits until something is so.
#[track_caller]
pub(super) fn until<'a>(mut is_so: impl FnMut() -> bool + 'a) -> impl Future<Output = ()> + 'a {
    soon(async move {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
}

#[track_caller]
pub(super) fn next(deliveries: &dyn Deliveries) -> impl Future<Output = TaskMessage> + '_ {
    let next = soon(deliveries.next());
    async move { next.await.expect("the worker was not stopped") }
}

#[track_caller]
pub(super) fn completion(queue: &dyn TaskQueue) -> impl Future<Output = Completion> + '_ {
    let completion = soon(queue.completion());
    async move { completion.await.expect("the queue was not closed") }
}

/// Nothing comes, for a moment that is long beside what it would take.
pub(super) async fn nothing_comes<T: std::fmt::Debug>(future: impl Future<Output = T>) {
    if let Ok(came) = tokio::time::timeout(Duration::from_millis(300), future).await {
        panic!("{came:?} came");
    }
}

pub(super) fn ended(message: &TaskMessage, result: TaskResult) -> Completion {
    let epoch = message.remote.as_ref().map_or(0, |remote| remote.epoch);
    let (tenant, dispatch) = (message.tenant.clone(), &message.dispatch);
    Completion { tenant, id: dispatch.id, attempt: dispatch.attempt, epoch, result }
}

pub(super) fn done(message: &TaskMessage, output: &str) -> Completion {
    ended(message, TaskResult::Completed(json(output)))
}

#[track_caller]
pub(super) fn output(completion: Completion) -> String {
    match completion.result {
        TaskResult::Completed(output) => String::from_utf8(output.to_json()).unwrap(),
        other => panic!("the task did not complete: {other:?}"),
    }
}

#[track_caller]
pub(super) fn problem(completion: Completion) -> sandmill_core::problem::Problem {
    match completion.result {
        TaskResult::Failed(problem) => *problem,
        other => panic!("the task did not fail: {other:?}"),
    }
}

/// Tells the queue that the journal has a completion.
pub(super) fn settle(queue: &dyn TaskQueue, completion: &Completion) {
    queue.settled(&completion.tenant, completion.id, Some(completion.attempt));
}

/// A runner that takes a moment for each task, and counts.
#[derive(Default)]
pub(super) struct Counting {
    pub(super) took: Duration,
    pub(super) begun: Mutex<HashMap<(TaskExecId, u32), u32>>,
}

#[async_trait]
impl Runner for Counting {
    async fn run(&self, message: TaskMessage) -> TaskResult {
        *self.begun.lock().unwrap().entry((message.dispatch.id, message.dispatch.attempt)).or_default() += 1;
        tokio::time::sleep(self.took).await;
        TaskResult::Completed(Value::from_json(&message.config).unwrap())
    }

    fn cancel(&self, _: &TenantId, _: TaskExecId) {}
}

/// Lets a worker run what comes.
pub(super) fn work(deliveries: &Arc<RedisDeliveries>, runner: &Arc<Counting>, slots: usize) -> JoinHandle<()> {
    tokio::spawn(sandmill_engine::work(deliveries.clone(), runner.clone(), slots))
}

/// Takes completions as an engine does: each attempt ends once, one that was lost is put in again, and what is journaled is settled. Returns when all
/// have completed, with how many completions had to be ignored.
pub(super) async fn drive(queue: &dyn TaskQueue, numbers: impl IntoIterator<Item = u32>) -> usize {
    let mut attempts: HashMap<TaskExecId, u32> = numbers.into_iter().map(|number| (id(number), 1)).collect();
    let (mut ignored, until) = (0, Instant::now() + LIMIT);
    while !attempts.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        let came = tokio::time::timeout(left, queue.completion()).await;
        let Ok(Some(completion)) = came else { panic!("{} tasks did not complete: {attempts:?}", attempts.len()) };
        if attempts.get(&completion.id) != Some(&completion.attempt) {
            ignored += 1;
            settle(queue, &completion);
            continue;
        }
        settle(queue, &completion);
        match completion.result {
            TaskResult::Completed(output) => {
                assert_eq!(output, json(&format!("{{\"number\":{}}}", completion.id.number)));
                attempts.remove(&completion.id);
            }
            TaskResult::Lost => {
                attempts.insert(completion.id, completion.attempt + 1);
                queue.enqueue(attempt(completion.id.number, completion.attempt + 1)).await;
            }
            other => panic!("{other:?} of a task that echoes"),
        }
    }
    ignored
}

/// Settles what comes, for ever: whatever it is, it ended before.
pub(super) async fn ignore(queue: &dyn TaskQueue) {
    while let Some(completion) = queue.completion().await {
        settle(queue, &completion);
    }
}

impl Server {
    /// Returns once everything is gone, while an engine ignores what comes a second time.
    pub(super) async fn tidied_by(&self, queue: &dyn TaskQueue) {
        tokio::select! {
            () = ignore(queue) => {}
            () = self.tidied() => {}
        }
    }

    /// Entries of a stream.
    pub(super) fn length(&self, stream: &str) -> u64 {
        self.server.cli(&["XLEN", stream]).parse().unwrap_or(0)
    }

    /// Returns once everything of the queue in Redis is gone, but for what lives by itself.
    #[track_caller]
    pub(super) fn tidied(&self) -> impl Future<Output = ()> + '_ {
        until(|| {
            let streams = self.keys("stream:");
            self.keys("state:").is_empty()
                && streams.iter().chain(&self.keys(":completions")).all(|stream| self.length(stream) == 0)
        })
    }

    /// Puts an entry into the stream of the default queue.
    pub(super) fn add(&self, fields: &[(&str, &str)]) {
        let stream = self.redis.keys().stream(&"default".parse().unwrap(), Default::default());
        let mut command = cmd("XADD");
        command.arg(stream).arg("*");
        for (name, value) in fields {
            command.arg(name).arg(value);
        }
        wait(self.redis.run::<String>(command)).unwrap();
    }
}
