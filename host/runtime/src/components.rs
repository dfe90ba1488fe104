//! Components by digest: compiled once, kept ready, and shared between tenants that have them.
//!
//! Only compiled code is shared (rule 5): a tenant reaches a component through what is its own, and the first call of each tenant asks there. A
//! component is compiled once at a time, on threads of a lower priority, never on those that serve or that run guests.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use dashmap::DashMap;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use sandmill_abi::v0_1::TaskPre;
use sandmill_core::ids::{Digest, TenantId};
use sandmill_engine::ports::StoreError;
use tokio::sync::oneshot;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::artifacts::Artifacts;
use crate::capabilities::{self, Call};
use crate::home::Home;
use crate::limits::TaskLimits;
use crate::options::RuntimeOptions;
use crate::source::ComponentSource;
use crate::{contract, engine, source};

/// How much less a compiling thread is worth than one that serves: a quarter of the time where both want the processor.
const NICENESS: i32 = 10;

/// Why a component is not ready.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum PrepareError {
    /// The tenant has no such component.
    #[error("the component {0} is not in this tenant's catalog")]
    Unknown(Digest),
    /// It is not where the engine puts components for its workers.
    #[error("the component {0} is not among those that this worker may fetch for the tenant")]
    Absent(Digest),
    /// What holds components for workers cannot be reached.
    #[error("the component {digest} cannot be fetched: {reason}")]
    Unreachable {
        /// Which one.
        digest: Digest,
        /// What is in the way.
        reason: String,
    },
    /// Other bytes came than were asked for.
    #[error("the stored bytes of the component {0} are not those that it was registered with: register it again")]
    Damaged(Digest),
    /// It is not what the contract asks for.
    #[error("{0}")]
    Refused(String),
    /// The catalog failed.
    #[error(transparent)]
    Store(StoreError),
    /// The host failed.
    #[error("the component could not be compiled: {0}")]
    Host(String),
}

/// A component that only waits to be instantiated.
pub(crate) struct Prepared {
    /// Its imports are linked already.
    pub(crate) pre: TaskPre<Call>,
    /// How many slots of the pool a call takes.
    pub(crate) slots: u32,
    digest: Digest,
    /// When it was used last, counted in uses.
    used: AtomicU64,
}

type Flight = Shared<BoxFuture<'static, Result<Arc<Prepared>, PrepareError>>>;

/// All components that this host has at hand.
pub(crate) struct Components {
    compiler: Arc<Compiler>,
    source: ComponentSource,
    /// What a tenant may run: found among its own before.
    permitted: DashMap<(TenantId, Digest), Arc<Prepared>>,
    prepared: DashMap<Digest, Arc<Prepared>>,
    flights: Mutex<HashMap<Digest, Flight>>,
    uses: AtomicU64,
    ready_max: usize,
}

/// What turns bytes into components.
struct Compiler {
    engine: Engine,
    linker: Linker<Call>,
    artifacts: Option<Artifacts>,
    threads: ThreadPool,
    limits: TaskLimits,
    slots_max: u32,
}

impl Components {
    /// No components yet.
    pub(crate) fn new(
        engine: &Engine,
        options: &RuntimeOptions,
        artifacts: Option<Artifacts>,
        source: ComponentSource,
    ) -> Result<Self, NewError> {
        let mut linker = Linker::new(engine);
        capabilities::link(&mut linker).map_err(NewError::Link)?;
        let threads = threads(options.compile_threads).map_err(NewError::Threads)?;
        let compiler = Compiler {
            engine: engine.clone(),
            linker,
            artifacts,
            threads,
            limits: options.limits,
            slots_max: options.live_tasks_max,
        };
        Ok(Self {
            compiler: Arc::new(compiler),
            source,
            permitted: DashMap::new(),
            prepared: DashMap::new(),
            flights: Mutex::default(),
            uses: AtomicU64::new(0),
            ready_max: options.components_max.max(1),
        })
    }

    /// A component that this tenant has. What lies elsewhere is fetched from where the call came.
    pub(crate) async fn get(
        &self,
        tenant: &TenantId,
        digest: Digest,
        home: &Home,
    ) -> Result<Arc<Prepared>, PrepareError> {
        let key = (tenant.clone(), digest);
        if let Some(component) = self.permitted.get(&key) {
            self.touch(&component);
            return Ok(Arc::clone(&component));
        }
        let bytes = self.fetch(tenant.clone(), digest, home).await?;
        let component = self.prepare(digest, bytes).await?;
        self.permitted.insert(key, Arc::clone(&component));
        self.make_room();
        Ok(component)
    }

    /// A component of these bytes, whoever has it.
    pub(crate) async fn prepare(&self, digest: Digest, bytes: Bytes) -> Result<Arc<Prepared>, PrepareError> {
        if let Some(component) = self.prepared.get(&digest) {
            self.touch(&component);
            return Ok(Arc::clone(&component));
        }
        let flight = {
            let mut flights = self.flights.lock();
            flights.entry(digest).or_insert_with(|| self.compiler.take_off(digest, bytes)).clone()
        };
        let landed = flight.await;
        if let Ok(component) = &landed {
            self.touch(component);
            self.prepared.insert(digest, Arc::clone(component));
        }
        self.flights.lock().remove(&digest);
        self.make_room();
        landed
    }

    async fn fetch(&self, tenant: TenantId, digest: Digest, home: &Home) -> Result<Bytes, PrepareError> {
        match self.source.clone() {
            ComponentSource::Catalog(catalog) => {
                let read = move || source::from_catalog(&*catalog, &tenant, digest);
                self.compiler.run(move || read().and_then(|bytes| source::verified(digest, bytes))).await
            }
            ComponentSource::Elsewhere(bytes) => {
                let fetched = home.run(async move { source::from_elsewhere(&*bytes, &tenant, digest).await }).await;
                let bytes = fetched.unwrap_or_else(|reason| Err(PrepareError::Unreachable { digest, reason }))?;
                self.compiler.run(move || source::verified(digest, bytes)).await
            }
        }
    }

    fn touch(&self, component: &Prepared) {
        component.used.store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Forgets the components that were not used for longest. Calls that run on them keep them until they end.
    fn make_room(&self) {
        while self.prepared.len() > self.ready_max {
            let oldest = self.prepared.iter().min_by_key(|entry| entry.used.load(Ordering::Relaxed));
            let Some(digest) = oldest.map(|entry| entry.digest) else { return };
            self.prepared.remove(&digest);
            self.permitted.retain(|(_, permitted), _| *permitted != digest);
        }
    }
}

/// Why there can be no components.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NewError {
    #[error("the host's functions do not link")]
    Link(#[source] wasmtime::Error),
    #[error("the threads that compile do not start")]
    Threads(#[source] ThreadPoolBuildError),
}

fn threads(count: usize) -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new()
        .num_threads(count.max(1))
        .thread_name(|index| format!("sandmill-compile-{index}"))
        // To Linux, no process means this thread. Where it is refused, compiling is only less polite.
        .start_handler(|_| {
            let _ = rustix::process::setpriority_process(None, NICENESS);
        })
        .build()
}

impl Compiler {
    fn take_off(self: &Arc<Self>, digest: Digest, bytes: Bytes) -> Flight {
        let compiler = Arc::clone(self);
        let compiled = self.run(move || compiler.compile(digest, &bytes).map(Arc::new));
        compiled.boxed().shared()
    }

    /// Does work that blocks or takes long. A panic there is an error of that work alone.
    fn run<T: Send + 'static, Work>(
        &self,
        work: Work,
    ) -> impl Future<Output = Result<T, PrepareError>> + Send + use<T, Work>
    where
        Work: FnOnce() -> Result<T, PrepareError> + Send + 'static,
    {
        let (done, result) = oneshot::channel();
        self.threads.spawn(move || {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            let result = result.unwrap_or_else(|_| Err(PrepareError::Host("the compiler panicked".into())));
            // Nobody waits any more: then nobody misses it.
            let _ = done.send(result);
        });
        async { result.await.unwrap_or_else(|_| Err(PrepareError::Host("the host is shutting down".into()))) }
    }

    fn compile(&self, digest: Digest, bytes: &[u8]) -> Result<Prepared, PrepareError> {
        let kept = self.artifacts.as_ref().and_then(|artifacts| artifacts.load(&self.engine, digest));
        let component = match kept {
            Some(component) => component,
            None => self.compile_anew(digest, bytes)?,
        };
        let refused = |error: wasmtime::Error| PrepareError::Refused(contract::explain(&error));
        let pre = self.linker.instantiate_pre(&component).and_then(TaskPre::new).map_err(refused)?;
        Ok(Prepared { pre, slots: self.slots(&component)?, digest, used: AtomicU64::new(0) })
    }

    fn compile_anew(&self, digest: Digest, bytes: &[u8]) -> Result<Component, PrepareError> {
        contract::check_bytes(bytes).map_err(PrepareError::Refused)?;
        let component = Component::from_binary(&self.engine, bytes)
            .map_err(|error| PrepareError::Refused(contract::explain_compile(&error, &self.limits)))?;
        contract::check(&component).map_err(PrepareError::Refused)?;
        if let Some(artifacts) = &self.artifacts {
            artifacts.save(digest, &component);
        }
        Ok(component)
    }

    fn slots(&self, component: &Component) -> Result<u32, PrepareError> {
        let slots = engine::slots(component);
        if slots <= self.slots_max {
            return Ok(slots);
        }
        Err(PrepareError::Refused(format!(
            "the component needs the room of {slots} tasks, and this host has room for {}: raise `live_tasks_max`",
            self.slots_max
        )))
    }
}
