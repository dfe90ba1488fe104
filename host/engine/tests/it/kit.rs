//! Definitions, a runner, a clock and a store that fails on demand.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use sandmill_core::definition::{
    Call, Defaults, Definition, DefinitionName, For, Input, Kind, Map, MapStrategy, Node, NodeId, Output, PinnedPlugin,
    Span, Then,
};
use sandmill_core::expression::{Mode, Template};
use sandmill_core::ids::{Digest, JsonPointer, TaskExecId, TenantId};
use sandmill_core::machine::IdempotencyKey;
use sandmill_core::time::{Millis, Timestamp};
use sandmill_core::value::Value;
use sandmill_engine::ports::*;
use sandmill_engine::{Engine, Live, MemoryQueue, Options, Parts, Start};
use sandmill_store::MemoryStore;
use tokio::sync::{Notify, watch};

pub(crate) fn value(json: &str) -> Value {
    Value::from_json(json.as_bytes()).unwrap()
}

pub(crate) fn tenant() -> TenantId {
    TenantId::new("test").unwrap()
}

/// `call` tasks that each add 1 to `n`, with a wait of the given length after the first.
pub(crate) fn steps(count: u32, wait: Option<Millis>) -> Arc<Definition> {
    let mut kinds: Vec<(String, Kind)> =
        (0..count).map(|step| (format!("step{step}"), call("${ {n: (.n + 1)} }", &[]))).collect();
    if let Some(wait) = wait {
        kinds.insert(1, ("pause".into(), Kind::Wait(Span::Fixed(wait))));
    }
    define(&format!("steps-{count}"), kinds, Vec::new())
}

/// One parallel map over `.items`, a call for each.
pub(crate) fn map(concurrency: u32) -> Arc<Definition> {
    let variables = ["item", "index"];
    let body = vec![("work".to_string(), call("${ {n: $item} }", &variables))];
    let options = Map { concurrency, batch: None, strategy: MapStrategy::FailFast, ordered: true };
    let repeat = For {
        each: "item".into(),
        at: "index".into(),
        items: template("${ .items }", &[]),
        condition: None,
        body: Arc::from([NodeId(1)]),
        map: Some(options),
    };
    define("map", vec![("each".into(), Kind::For(Box::new(repeat)))], body)
}

fn template(text: &str, variables: &[&str]) -> Template {
    Template::compile(&Value::from(text), variables, Mode::Strict).unwrap()
}

fn call(with: &str, variables: &[&str]) -> Kind {
    Kind::Call(Call { plugin: 0, with: template(with, variables), retry: None })
}

fn define(name: &str, tasks: Vec<(String, Kind)>, inner: Vec<(String, Kind)>) -> Arc<Definition> {
    let count = u32::try_from(tasks.len()).unwrap();
    let node = |(index, (name, kind)): (usize, (String, Kind))| Node {
        pointer: JsonPointer::root().child("do").index(index).child(&name),
        name: name.into(),
        definition: Value::null(),
        condition: None,
        input: Input::default(),
        output: Output::default(),
        export: None,
        timeout: None,
        then: Then::Continue,
        kind,
    };
    let plugin = PinnedPlugin { name: "work".into(), version: "1.0.0".into(), digest: Digest::of(b"work") };
    Arc::new(Definition {
        digest: Digest::of(name.as_bytes()),
        name: DefinitionName { namespace: "test".into(), name: name.into(), version: "1.0.0".into() },
        document: Value::null(),
        input: Input::default(),
        output: Output::default(),
        timeout: None,
        defaults: Defaults::default(),
        retention: None,
        nodes: tasks.into_iter().chain(inner).enumerate().map(node).collect(),
        body: (0..count).map(NodeId).collect(),
        plugins: vec![plugin],
    })
}

/// What a run of a task leaves behind outside of the engine.
pub(crate) type Effect = (TaskExecId, u32, IdempotencyKey);

/// Gives back each task's config, unless it holds them.
#[derive(Default)]
pub(crate) struct FakeRunner {
    pub(crate) effects: Mutex<Vec<Effect>>,
    /// The task that was begun last.
    pub(crate) last: Mutex<Option<TaskMessage>>,
    /// While it holds, tasks wait until they are cancelled or it lets go.
    pub(crate) holds: std::sync::atomic::AtomicBool,
    pub(crate) changed: Notify,
    cancelled: Mutex<Vec<TaskExecId>>,
}

#[async_trait]
impl Runner for FakeRunner {
    async fn run(&self, message: TaskMessage) -> TaskResult {
        let dispatch = &message.dispatch;
        self.effects.lock().unwrap().push((dispatch.id, dispatch.attempt, dispatch.idempotency_key));
        *self.last.lock().unwrap() = Some(message.clone());
        self.changed.notify_waiters();
        loop {
            let changed = self.changed.notified();
            if self.cancelled.lock().unwrap().contains(&dispatch.id) {
                return TaskResult::Stopped;
            }
            if !self.holds.load(Ordering::SeqCst) {
                return TaskResult::Completed(Value::from_json(&message.config).unwrap());
            }
            changed.await;
        }
    }

    fn cancel(&self, _: &TenantId, id: TaskExecId) {
        self.cancelled.lock().unwrap().push(id);
        self.changed.notify_waiters();
    }
}

impl FakeRunner {
    pub(crate) fn hold(&self, holds: bool) {
        self.holds.store(holds, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// Waits until so many tasks were begun.
    pub(crate) async fn begun(&self, count: usize) {
        loop {
            let changed = self.changed.notified();
            if self.effects.lock().unwrap().len() >= count {
                return;
            }
            changed.await;
        }
    }
}

/// A clock that stands still until the test lets time pass.
pub(crate) struct TestClock(watch::Sender<Timestamp>);

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    async fn sleep_until(&self, at: Timestamp) {
        let mut now = self.0.subscribe();
        // The sender is ours, so this ends only when the time has come.
        let _ = now.wait_for(|now| *now >= at).await;
    }
}

/// The definitions of a test.
#[derive(Default)]
struct Shelf(Mutex<HashMap<Digest, Arc<Definition>>>);

impl Definitions for Shelf {
    fn definition(&self, _: &TenantId, digest: Digest) -> Result<Option<Arc<Definition>>, StoreError> {
        Ok(self.0.lock().unwrap().get(&digest).cloned())
    }
}

/// How a journal misbehaves at its n-th append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It never does.
    Never,
    /// Nothing is written, and it says so.
    RefusesAt(u64),
    /// Nothing is written, and nobody knows.
    FailsAt(u64),
    /// It is written, and nobody knows: the acknowledgement is lost.
    LosesAcknowledgementAt(u64),
}

/// A store whose journal fails as it is told, and from then on always.
pub(crate) struct FaultyStore {
    inner: Arc<MemoryStore>,
    failure: Failure,
    appends: AtomicU64,
    /// Called before lines are added to a log.
    before_logs: Box<dyn Fn() + Send + Sync>,
}

impl FaultyStore {
    pub(crate) fn new(
        inner: Arc<MemoryStore>,
        failure: Failure,
        before_logs: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self { inner, failure, appends: AtomicU64::new(0), before_logs: Box::new(before_logs) }
    }
}

impl Logs for FaultyStore {
    fn append_logs(&self, execution: &ExecutionKey, lines: Vec<LogLine>) -> Result<(), StoreError> {
        (self.before_logs)();
        self.inner.append_logs(execution, lines)
    }

    fn logs(
        &self,
        execution: &ExecutionKey,
        after: Option<&str>,
        lines_max: usize,
    ) -> Result<Page<LogLine>, StoreError> {
        self.inner.logs(execution, after, lines_max)
    }
}

impl Journal for FaultyStore {
    fn append(&self, batches: Vec<Batch>) -> Result<(), StoreError> {
        let append = self.appends.fetch_add(1, Ordering::SeqCst);
        let reason = "the test wants it so".to_string();
        match self.failure {
            Failure::RefusesAt(at) if append == at => Err(StoreError::Refused { reason }),
            Failure::FailsAt(at) if append >= at => Err(StoreError::Failed { reason }),
            Failure::LosesAcknowledgementAt(at) if append > at => Err(StoreError::Failed { reason }),
            Failure::LosesAcknowledgementAt(at) if append == at => {
                self.inner.append(batches)?;
                Err(StoreError::Failed { reason })
            }
            _ => self.inner.append(batches),
        }
    }

    fn records(
        &self,
        execution: &ExecutionKey,
        from: u64,
        entries_max: usize,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        self.inner.records(execution, from, entries_max)
    }

    fn snapshot(&self, execution: &ExecutionKey) -> Result<Option<Snapshot>, StoreError> {
        self.inner.snapshot(execution)
    }

    fn remove(&self, execution: &ExecutionKey, rows_max: usize) -> Result<bool, StoreError> {
        self.inner.remove(execution, rows_max)
    }

    fn health(&self) -> StoreHealth {
        self.inner.health()
    }
}

/// Hands everything but the journal on.
macro_rules! hand_on {
    ($($port:ident { $(fn $name:ident(&self $(, $argument:ident: $kind:ty)*) -> $result:ty;)* })*) => {$(
        impl $port for FaultyStore {
            $(fn $name(&self $(, $argument: $kind)*) -> $result {
                self.inner.$name($($argument),*)
            })*
        }
    )*};
}

hand_on! {
    Executions {
        fn row(&self, execution: &ExecutionKey) -> Result<Option<ExecutionRow>, StoreError>;
        fn list(&self, tenant: &TenantId, filter: &ExecutionFilter, after: Option<&str>, items_max: usize) -> Result<Page<ExecutionRow>, StoreError>;
        fn active(&self, after: Option<&ExecutionKey>, items_max: usize) -> Result<Vec<ExecutionKey>, StoreError>;
        fn due(&self, until: Timestamp, items_max: usize) -> Result<Vec<(Timestamp, ExecutionKey)>, StoreError>;
        fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;
        fn expired(&self, until: Timestamp, items_max: usize) -> Result<Vec<ExecutionKey>, StoreError>;
    }
    Values {
        fn value(&self, execution: &ExecutionKey, digest: Digest) -> Result<Option<Bytes>, StoreError>;
    }
    Catalog {
        fn put_plugin(&self, tenant: &TenantId, plugin: PluginRow, component: Bytes) -> Result<(), CatalogError>;
        fn plugins(&self, tenant: &TenantId, name: Option<&str>) -> Result<Vec<PluginRow>, StoreError>;
        fn component(&self, tenant: &TenantId, digest: Digest) -> Result<Option<Bytes>, StoreError>;
        fn remove_plugin(&self, tenant: &TenantId, name: &str, version: &str) -> Result<bool, CatalogError>;
        fn put_definition(&self, tenant: &TenantId, definition: DefinitionRow, document: Bytes) -> Result<(), CatalogError>;
        fn definitions(&self, tenant: &TenantId, name: Option<&str>) -> Result<Vec<DefinitionRow>, StoreError>;
        fn document(&self, tenant: &TenantId, digest: Digest) -> Result<Option<(DefinitionRow, Bytes)>, StoreError>;
        fn remove_definition(&self, tenant: &TenantId, name: &str, version: &str) -> Result<bool, CatalogError>;
    }
    Directory {
        fn create_tenant(&self, tenant: TenantRow) -> Result<bool, StoreError>;
        fn tenants(&self) -> Result<Vec<TenantRow>, StoreError>;
        fn put_key(&self, key: KeyRow) -> Result<(), StoreError>;
        fn keys(&self) -> Result<Vec<KeyRow>, StoreError>;
        fn key(&self, hash: Digest) -> Result<Option<KeyRow>, StoreError>;
        fn remove_key(&self, id: &str) -> Result<bool, StoreError>;
    }
}

#[async_trait]
impl ConfigStore for FaultyStore {
    async fn save(&self, tenant: &TenantId, id: TaskExecId, config: Bytes) -> Result<(), ConfigError> {
        self.inner.save(tenant, id, config).await
    }

    async fn get(&self, tenant: &TenantId, id: TaskExecId) -> Result<Bytes, ConfigError> {
        self.inner.get(tenant, id).await
    }

    async fn delete(&self, tenant: &TenantId, id: TaskExecId) -> Result<(), ConfigError> {
        self.inner.delete(tenant, id).await
    }
}

/// A store, a runner and definitions, over which engines come and go.
pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) runner: Arc<FakeRunner>,
    definitions: Arc<Shelf>,
    /// Told when the store has failed.
    pub(crate) failed: Arc<Notify>,
    clock: Arc<TestClock>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            runner: Arc::default(),
            definitions: Arc::default(),
            failed: Arc::default(),
            clock: Arc::new(TestClock(watch::channel(Timestamp(1_000_000)).0)),
        }
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, span: Millis) {
        self.clock.0.send_modify(|now| *now = now.after(span));
    }

    /// Waits until an execution is parked, so that time alone will wake it.
    pub(crate) async fn parked(&self) {
        while self.store.next_due().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn launch(&self) -> Engine {
        self.launch_with(Failure::Never)
    }

    pub(crate) fn launch_with(&self, failure: Failure) -> Engine {
        self.launch_as(failure, Options { shards: 2, slots: 64, ..Options::default() })
    }

    pub(crate) fn launch_as(&self, failure: Failure, options: Options) -> Engine {
        let failed = Arc::clone(&self.failed);
        let store: SharedStore = Arc::new(FaultyStore::new(Arc::clone(&self.store), failure, || {}));
        let parts = Parts {
            live: Live::start(Arc::clone(&store)).unwrap(),
            store,
            definitions: Arc::clone(&self.definitions) as Arc<dyn Definitions>,
            queue: Arc::new(MemoryQueue::default()),
            runner: Arc::clone(&self.runner) as Arc<dyn Runner>,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            on_store_failure: Arc::new(move |_| failed.notify_one()),
        };
        Engine::launch(parts, options).unwrap()
    }

    /// A request to start a definition, which is put on the shelf.
    pub(crate) fn request(&self, definition: &Arc<Definition>, input: &str, key: &str) -> Start {
        self.definitions.0.lock().unwrap().insert(definition.digest, Arc::clone(definition));
        Start {
            tenant: tenant(),
            definition: Arc::clone(definition),
            input: value(input),
            idempotency_key: Some(key.into()),
            random: 0,
        }
    }

    pub(crate) async fn start(&self, engine: &Engine, definition: &Arc<Definition>, input: &str) -> ExecutionKey {
        let id = engine.start(self.request(definition, input, "one")).await.unwrap();
        ExecutionKey { tenant: tenant(), id }
    }
}

/// How an execution ended, with its output or error.
pub(crate) async fn end(engine: &Engine, key: &ExecutionKey) -> (Status, Option<Value>) {
    let row = engine.ended(key).await.unwrap().expect("the execution exists");
    let result = engine.result(key, &row).unwrap();
    (row.status, result)
}
