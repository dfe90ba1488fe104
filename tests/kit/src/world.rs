//! A store, a runner and definitions, over which engines come and go.

use std::sync::Arc;

use sandmill_core::definition::Definition;
use sandmill_core::ids::TenantId;
use sandmill_core::time::Millis;
use sandmill_core::value::Value;
use sandmill_engine::ports::{Clock, Definitions, ExecutionKey, Executions as _, Runner, SharedStore, Status};
use sandmill_engine::{Engine, Live, Options, Parts, Start, Workers};
use sandmill_store::MemoryStore;
use tokio::sync::Notify;

use crate::{FakeRunner, Faults, FaultyStore, NoFaults, Shelf, TestClock};

/// The value of a JSON text.
#[must_use]
pub fn value(json: &str) -> Value {
    Value::from_json(json.as_bytes()).unwrap()
}

/// The tenant of tests.
#[must_use]
pub fn tenant() -> TenantId {
    TenantId::new("test").unwrap()
}

/// What outlives an engine.
#[derive(Default)]
pub struct World {
    /// What is durable.
    pub store: Arc<MemoryStore>,
    /// What runs tasks.
    pub runner: Arc<FakeRunner>,
    /// The definitions.
    pub shelf: Arc<Shelf>,
    /// Told when the store has failed.
    pub failed: Arc<Notify>,
    /// The time.
    pub clock: Arc<TestClock>,
}

impl World {
    /// A world in which nothing has happened.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets time pass.
    pub fn pass(&self, span: Millis) {
        self.clock.pass(span);
    }

    /// Waits until an execution is parked, so that time alone will wake it.
    pub async fn parked(&self) {
        while self.store.next_due().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    }

    /// An engine over a store that does as it should.
    #[must_use]
    pub fn launch(&self) -> Engine {
        self.launch_over(Arc::new(NoFaults), Options { shards: 2, slots: 64, ..Options::default() })
    }

    /// An engine over a store that misbehaves.
    #[must_use]
    pub fn launch_over(&self, faults: Arc<dyn Faults>, options: Options) -> Engine {
        Engine::launch(self.parts(faults), options).unwrap()
    }

    /// What an engine needs from outside.
    #[must_use]
    pub fn parts(&self, faults: Arc<dyn Faults>) -> Parts {
        let failed = Arc::clone(&self.failed);
        let store: SharedStore = Arc::new(FaultyStore::new(Arc::clone(&self.store), faults));
        Parts {
            live: Live::start(Arc::clone(&store)).unwrap(),
            store,
            definitions: Arc::clone(&self.shelf) as Arc<dyn Definitions>,
            workers: Workers::here(Arc::clone(&self.runner) as Arc<dyn Runner>),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            on_store_failure: Arc::new(move |_| failed.notify_one()),
        }
    }

    /// A request to start a definition, which is put on the shelf.
    #[must_use]
    pub fn request(&self, definition: &Arc<Definition>, input: &str, key: &str) -> Start {
        self.shelf.put(definition);
        Start {
            tenant: tenant(),
            definition: Arc::clone(definition),
            input: value(input),
            idempotency_key: Some(key.into()),
            random: 0,
            origin: None,
        }
    }

    /// Starts an execution.
    pub async fn start(&self, engine: &Engine, definition: &Arc<Definition>, input: &str) -> ExecutionKey {
        let id = engine.start(self.request(definition, input, "one")).await.unwrap();
        ExecutionKey { tenant: tenant(), id }
    }
}

/// How an execution ended, with its output or error.
pub async fn end(engine: &Engine, key: &ExecutionKey) -> (Status, Option<Value>) {
    let row = engine.ended(key).await.unwrap().expect("the execution exists");
    let result = engine.result(key, &row).unwrap();
    (row.status, result)
}
