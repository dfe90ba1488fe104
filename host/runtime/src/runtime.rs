//! The runtime of a host: what the engine's ports [`Runner`] and [`Components`] are here.
//!
//! Guests have threads of their own, so that one that computes holds up neither the journal nor a request. A semaphore bounds the calls in flight,
//! so that the pool of instances never runs out; what comes on top waits its turn.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use dashmap::DashMap;
use sandmill_core::ids::{Digest, TaskExecId, TenantId};
use sandmill_core::problem::{ErrorKind, Problem};
use sandmill_core::value::Value;
use sandmill_engine::ports::{self, InspectError, PluginDescription, Runner, TaskMessage, TaskObserver, TaskResult};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::task::AbortOnDropHandle;

use crate::artifacts::{ArtifactError, Artifacts};
use crate::bounded::Bounded;
use crate::cancelled::Early;
use crate::capabilities::Capabilities;
use crate::components::{Components, PrepareError, Prepared};
use crate::guard::guarded;
use crate::home::Home;
use crate::live::{Live, Task};
use crate::options::RuntimeOptions;
use crate::outcome::{self, CallError};
use crate::source::ComponentSource;
use crate::ticker::Ticker;
use crate::{call, engine, inspect};

/// Why a runtime does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// These options do not make an engine.
    #[error("the Wasm engine does not start with these options: {0}")]
    Engine(String),
    /// The folder of artifacts cannot be used.
    #[error(transparent)]
    Artifacts(#[from] ArtifactError),
    /// The system gives no threads.
    #[error("the threads of the runtime do not start")]
    Threads(#[source] std::io::Error),
}

/// Runs tasks, each in a fresh instance of its component.
pub struct Runtime {
    shared: Arc<Shared>,
    /// Taken when the runtime goes, for it may go where blocking is not allowed.
    guests: Option<tokio::runtime::Runtime>,
}

struct Shared {
    components: Components,
    capabilities: Bounded,
    descriptor_capabilities: Arc<Capabilities>,
    slots: Semaphore,
    live: DashMap<TaskExecId, Arc<Live>>,
    early: Early,
    ticker: Ticker,
}

impl Runtime {
    /// Starts the threads of a runtime. Components come from a catalog or from elsewhere; what tasks write while they run goes to the observer.
    pub fn new(
        options: &RuntimeOptions,
        components: impl Into<ComponentSource>,
        observer: &Arc<dyn TaskObserver>,
    ) -> Result<Self, StartError> {
        Self::start(options, components.into(), observer)
    }

    fn start(
        options: &RuntimeOptions,
        source: ComponentSource,
        observer: &Arc<dyn TaskObserver>,
    ) -> Result<Self, StartError> {
        let engine = engine::engine(options).map_err(|error| StartError::Engine(format!("{error:#}")))?;
        let artifacts = options.artifacts.as_ref().map(|artifacts| Artifacts::open(artifacts, &engine)).transpose()?;
        let components = Components::new(&engine, options, artifacts, source)
            .map_err(|error| StartError::Engine(error.to_string()))?;
        let guests = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(options.guest_threads.max(1))
            .thread_name("sandmill-guest")
            .enable_time()
            .build()
            .map_err(StartError::Threads)?;
        let descriptor_limits = inspect::limits(options.limits);
        let shared = Shared {
            components,
            capabilities: Bounded::new(options.limits, observer),
            descriptor_capabilities: Arc::new(Capabilities::configure(descriptor_limits, observer)),
            slots: Semaphore::new(options.live_tasks_max.max(1) as usize),
            live: DashMap::new(),
            early: Early::default(),
            ticker: Ticker::start(&engine).map_err(StartError::Threads)?,
        };
        Ok(Self { shared: Arc::new(shared), guests: Some(guests) })
    }

    /// Runs one attempt to its output, which is text that nobody has looked into: bytes in, bytes out.
    pub async fn call(&self, message: TaskMessage) -> Result<String, CallError> {
        let (shared, home) = (Arc::clone(&self.shared), Home::of(&message));
        self.on_guest_thread(async move { shared.run(message, home).await }).await?
    }

    /// Calls that hold or wait for an instance at this moment.
    #[must_use]
    pub fn live_tasks(&self) -> usize {
        self.shared.live.len()
    }

    /// A panic of the host while it serves a guest is a failure of that call alone. Whoever stops waiting for a call ends it.
    async fn on_guest_thread<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, CallError> {
        let guests = self.guests.as_ref().expect("taken only when the runtime goes");
        AbortOnDropHandle::new(guests.spawn(work)).await.map_err(|error| {
            let what =
                if error.is_panic() { "the host panicked while it ran the task" } else { "the host is stopping" };
            CallError::failed(Problem { retryable: !error.is_panic(), ..Problem::new(ErrorKind::Runtime, what) })
        })
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(guests) = self.guests.take() {
            guests.shutdown_background();
        }
    }
}

#[async_trait]
impl Runner for Runtime {
    async fn run(&self, message: TaskMessage) -> TaskResult {
        let (shared, home) = (Arc::clone(&self.shared), Home::of(&message));
        let run = async move { shared.run(message, home).await.and_then(|output| decode(&output)) };
        match self.on_guest_thread(run).await {
            Ok(Ok(output)) => TaskResult::Completed(output),
            Ok(Err(CallError::Stopped)) => TaskResult::Stopped,
            Ok(Err(CallError::Failed(problem))) | Err(CallError::Failed(problem)) => TaskResult::Failed(problem),
            Err(CallError::Stopped) => TaskResult::Lost,
        }
    }

    fn cancel(&self, tenant: &TenantId, id: TaskExecId) {
        let live = self.shared.live.get(&id).map(|live| Arc::clone(&live));
        match live {
            Some(live) if live.task().is_some_and(|task| task.message.tenant == *tenant) => live.cancel(),
            Some(_) => {}
            None => self.shared.cancel_early(tenant, id),
        }
    }
}

#[async_trait]
impl ports::Components for Runtime {
    async fn inspect(&self, component: Bytes) -> Result<PluginDescription, InspectError> {
        let shared = Arc::clone(&self.shared);
        let inspected = self.on_guest_thread(async move { shared.inspect(component).await });
        inspected.await.map_err(inspect::from_call)?
    }
}

fn decode(output: &str) -> Result<Value, CallError> {
    Value::from_json(output.as_bytes()).map_err(|error| {
        let detail = format!("the task's output is no JSON: {error}");
        CallError::failed(outcome::of_ours("output-invalid", "The output is no JSON", detail))
    })
}

impl Shared {
    async fn run(&self, message: TaskMessage, home: Home) -> Result<String, CallError> {
        let id = message.dispatch.id;
        let capabilities = self.capabilities.of(&message);
        let limits = capabilities.limits;
        let live = Arc::new(Live::new(Some(Task::new(message, home))));
        let _registered = Registered::new(self, id, &live);
        let output = guarded(&live, self.run_registered(&live, capabilities)).await;
        let output = output.unwrap_or_else(|stop| Err(stop.into_error(&limits)));
        // Its result is ignored in any case, so that it does not depend on who was faster.
        if live.is_cancelled() { Err(CallError::Stopped) } else { output }
    }

    async fn run_registered(&self, live: &Arc<Live>, capabilities: Arc<Capabilities>) -> Result<String, CallError> {
        let Task { message, home, .. } = live.task().expect("a call of a task has one");
        let plugin = message.dispatch.plugin().expect("other workflows are run by the engine");
        let component = self.components.get(&message.tenant, plugin, home).await.map_err(not_ready)?;
        let _slots = self.slots(&component).await?;
        let _ticking = self.ticker.begin();
        let call = capabilities.prepare(Arc::clone(live));
        call::run(&component.pre, call).await
    }

    async fn inspect(&self, bytes: Bytes) -> Result<PluginDescription, InspectError> {
        let prepared = self.components.prepare(Digest::of(&bytes), bytes).await;
        let component = prepared.map_err(inspect::from_prepare)?;
        let live = Arc::new(Live::new(None));
        let limits = self.descriptor_capabilities.limits;
        let describe = async {
            let _slots = self.slots(&component).await?;
            let _ticking = self.ticker.begin();
            let call = Arc::clone(&self.descriptor_capabilities).prepare(Arc::clone(&live));
            call::describe(&component.pre, call).await
        };
        let descriptor = guarded(&live, describe).await.unwrap_or_else(|stop| Err(stop.into_error(&limits)));
        inspect::check(descriptor.map_err(inspect::from_call)?)
    }

    /// Waits for room. The semaphore is fair: a component that takes many slots gets its turn.
    async fn slots(&self, component: &Prepared) -> Result<SemaphorePermit<'_>, CallError> {
        let slots = self.slots.acquire_many(component.slots).await;
        slots.map_err(|_| CallError::failed(Problem::new(ErrorKind::Runtime, "the host is stopping")))
    }

    /// A task may be cancelled on its way from the queue to here.
    fn cancel_early(&self, tenant: &TenantId, id: TaskExecId) {
        self.early.insert(tenant, id);
        // It may have arrived in between: whoever comes second sees the other.
        if let Some(live) = self.live.get(&id)
            && self.early.take(tenant, id)
        {
            live.cancel();
        }
    }
}

/// A call that can be cancelled, as long as this lives.
struct Registered<'a> {
    shared: &'a Shared,
    id: TaskExecId,
    live: &'a Arc<Live>,
}

impl<'a> Registered<'a> {
    fn new(shared: &'a Shared, id: TaskExecId, live: &'a Arc<Live>) -> Self {
        // An attempt comes only after the one before is lost: should that still run, nobody waits for it.
        if let Some(before) = shared.live.insert(id, Arc::clone(live)) {
            before.cancel();
        }
        if let Some(task) = live.task()
            && shared.early.take(&task.message.tenant, id)
        {
            live.cancel();
        }
        Self { shared, id, live }
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.shared.live.remove_if(&self.id, |_, live| Arc::ptr_eq(live, self.live));
    }
}

fn not_ready(error: PrepareError) -> CallError {
    let detail = error.to_string();
    CallError::failed(match error {
        PrepareError::Absent(_) | PrepareError::Unreachable { .. } | PrepareError::Store(_) | PrepareError::Host(_) => {
            Problem { retryable: true, ..Problem::new(ErrorKind::Runtime, detail) }
        }
        PrepareError::Unknown(_) | PrepareError::Damaged(_) | PrepareError::Refused(_) => {
            Problem::new(ErrorKind::Configuration, detail)
        }
    })
}
