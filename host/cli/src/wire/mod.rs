//! The composition root: the one place that names concrete stores, queues and runtimes, and gives each the settings that are its own.

mod clock;
mod ledger;
mod redis;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sandmill_api::{ApiOptions, Parts as ApiParts};
use sandmill_core::definition::AttemptPolicy;
use sandmill_core::expression::Budget;
use sandmill_core::ids::TenantId;
use sandmill_core::machine::Settings as MachineSettings;
use sandmill_core::time::Millis;
use sandmill_engine::ports::{Catalog, Clock, SharedStore, StoreError, TaskDefaults, TaskObserver, TenantRow};
use sandmill_engine::{Engine, Live, Options, Parts, Registry, Workers};
use sandmill_runtime::{ArtifactOptions, Runtime, RuntimeOptions, TaskLimits};
use sandmill_store::{EmbeddedOptions, EmbeddedStore, MemoryStore};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::catalogs::Catalogs;
use crate::failure::{Failure, Outcome};
use crate::settings::Settings;
use clock::SystemClock;
use ledger::Ledger;
pub(crate) use redis::{Worker, desk, is_wanted as is_redis_wanted, queues, way};

/// Threads that serve requests and drive executions: neither ever blocks for long.
const SERVER_THREADS: usize = 2;

/// What tests of durability ask for, on the command line of `up`.
#[derive(Debug, Default)]
pub(crate) struct TestHooks {
    pub(crate) ledger: Option<PathBuf>,
    pub(crate) sync_report: Option<PathBuf>,
    pub(crate) no_fsync: bool,
}

impl TestHooks {
    /// What the runtime tells about tasks, and the test's ledger before it where one is kept.
    fn observer(&self, inner: Arc<dyn TaskObserver>) -> Result<Arc<dyn TaskObserver>, Failure> {
        match &self.ledger {
            Some(path) => Ok(Arc::new(Ledger::open(path, inner).map_err(|error| failed(&error))?)),
            None => Ok(inner),
        }
    }
}

/// An engine with everything around it.
pub(crate) struct Host {
    pub(crate) store: SharedStore,
    pub(crate) registry: Arc<Registry>,
    pub(crate) engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
}

/// A host whose API listens.
pub(crate) struct Server {
    host: Host,
    stopping: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Host {
    /// Opens the store, and brings back what was active when the last process ended. Must be called within a runtime.
    pub(crate) async fn open(settings: &Settings, hooks: &TestHooks) -> Result<Self, Failure> {
        let store = store(settings, hooks)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let live = Live::start(Arc::clone(&store)).map_err(|error| failed(&error))?;
        let observer: Arc<dyn TaskObserver> = live.clone();
        let observer = hooks.observer(observer)?;
        let catalog: Arc<dyn Catalog> = store.clone();
        let runtime = Runtime::new(&runtime_options(settings), catalog, &observer);
        let runtime = Arc::new(runtime.map_err(|error| failed_with_causes(&error))?);
        let components = Arc::<Runtime>::clone(&runtime);
        let registry = Registry::new(Arc::clone(&store), components, Arc::clone(&clock))
            .with_component_bytes_max(settings.bytes("api.component-bytes"))
            .with_functions(Arc::new(Catalogs::parse(settings.text("catalogs"))?));
        let registry = Arc::new(registry);
        let definitions = Arc::<Registry>::clone(&registry);
        let workers = if redis::is_wanted(settings) {
            redis::workers(settings, Arc::clone(&store), (&live, runtime)).await?
        } else {
            Workers::here(runtime)
        };
        let parts = Parts {
            store: Arc::clone(&store),
            definitions,
            workers,
            live,
            clock: Arc::clone(&clock),
            on_store_failure: Arc::new(end_process),
        };
        let engine = Engine::launch(parts, engine_options(settings)).map_err(|error| failed(&error))?;
        Ok(Self { store, registry, engine: Arc::new(engine), clock })
    }

    /// Makes the tenant that everybody has who names none.
    pub(crate) fn make_default_tenant(&self) -> Result<(), Failure> {
        let row = TenantRow { id: default_tenant(), created_at: self.clock.now(), defaults: TaskDefaults::default() };
        self.store.create_tenant(row).map(drop).map_err(|error| failed(&error))
    }

    /// Answers requests from now on.
    pub(crate) fn serve(
        self,
        listener: TcpListener,
        settings: &Settings,
        metrics: impl Fn() -> String + Send + Sync + 'static,
    ) -> Result<Server, Failure> {
        let parts = ApiParts {
            engine: Arc::clone(&self.engine),
            registry: Arc::clone(&self.registry),
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            metrics: Arc::new(metrics),
            options: api_options(settings),
        };
        let stopping = CancellationToken::new();
        let connections = parts.options.connections.clone();
        let router = sandmill_api::router(parts);
        let serving =
            tokio::spawn(sandmill_api::serve(listener, router, connections, stopping.clone().cancelled_owned()));
        Ok(Server { host: self, stopping, serving })
    }

    /// Lets what runs come to an end, and returns once everything is recorded.
    pub(crate) async fn close(self) {
        self.engine.stop().await;
    }
}

impl Server {
    /// Takes nothing new, answers what was asked already, lets running tasks end, and returns once everything is recorded.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        self.stopping.cancel();
        self.host.close().await;
        let served = self.serving.await.map_err(|error| failed(&error))?;
        served.map_err(|error| failed(&error))
    }
}

fn store(settings: &Settings, hooks: &TestHooks) -> Result<SharedStore, Failure> {
    if settings.text("store") == "memory" {
        return Ok(Arc::new(MemoryStore::new()));
    }
    let options = EmbeddedOptions {
        free_bytes_reserve: settings.bytes("free-disk-reserve"),
        fsync: !hooks.no_fsync,
        sync_report: hooks.sync_report.clone(),
        ..EmbeddedOptions::new(settings.text("data-dir"))
    };
    let store = EmbeddedStore::open(options).map_err(|error| Failure::new(Outcome::Failed, error.to_string()))?;
    Ok(Arc::new(store))
}

fn runtime_options(settings: &Settings) -> RuntimeOptions {
    let folder = Path::new(settings.text("data-dir"));
    let artifacts = (settings.text("store") != "memory")
        .then(|| ArtifactOptions { folder: folder.join("artifacts"), key_file: folder.join("artifacts.key") });
    RuntimeOptions {
        artifacts,
        limits: task_limits(settings),
        live_tasks_max: narrow(slots(settings)),
        ..RuntimeOptions::default()
    }
}

fn task_limits(settings: &Settings) -> TaskLimits {
    TaskLimits {
        cpu_ms: millis(settings.time("task.cpu-time")).0,
        wall_ms: millis(settings.time("task.wall-time")).0,
        memory_bytes: settings.bytes("task.memory"),
        table_elements: settings.count("task.table-elements"),
        instances: settings.count("task.instances"),
        output_bytes: settings.bytes("task.output-bytes"),
        log_bytes: settings.bytes("task.log-bytes"),
        host_calls: settings.count("task.host-calls"),
        host_call_bytes: settings.bytes("task.host-call-bytes"),
        stack_bytes: settings.bytes("task.stack-bytes"),
    }
}

fn engine_options(settings: &Settings) -> Options {
    Options {
        slots: slots(settings),
        retention: millis(settings.time("engine.retention")),
        starts_waiting_max: settings.count("engine.starts-waiting"),
        executions_in_memory_max: settings.count("engine.executions-in-memory"),
        queue_depth_max: settings.count("engine.queue-depth"),
        drain: millis(settings.time("drain")),
        settings: machine_settings(settings),
        ..Options::default()
    }
}

/// How many tasks run at a time, where 0 leaves it to the engine.
fn slots(settings: &Settings) -> usize {
    match settings.count("engine.slots") {
        0 => Options::default().slots,
        slots => slots,
    }
}

fn machine_settings(settings: &Settings) -> MachineSettings {
    let attempts = AttemptPolicy { attempts_max: settings.count("task.attempts"), ..AttemptPolicy::default() };
    MachineSettings {
        budget: Budget { ticks: settings.count("expression.ticks"), elements: settings.count("expression.elements") },
        tasks_max: settings.count("workflow.steps"),
        open_tasks_max: settings.count("workflow.open-tasks"),
        config_bytes_max: settings.bytes("workflow.config-bytes"),
        active_ms_max: millis(settings.time("workflow.active-time")),
        attempts,
        task_timeout: Some(millis(settings.time("task.timeout"))).filter(|timeout| timeout.0 > 0),
        ..MachineSettings::default()
    }
}

fn api_options(settings: &Settings) -> ApiOptions {
    ApiOptions {
        body_bytes_max: settings.bytes("api.body-bytes"),
        component_bytes_max: settings.bytes("api.component-bytes"),
        request_time: settings.time("api.request-time"),
        wait_max: settings.time("api.wait"),
        requests_max: settings.count("api.concurrency"),
        ..ApiOptions::default()
    }
}

/// Nobody knows any more what is durable (rule 7): the process ends, and the next one recovers from what is on disk.
fn end_process(error: &StoreError) {
    tracing::error!(%error, "the store failed: the process ends, and recovers from what is on disk when it is started again");
    std::process::abort();
}

fn millis(time: Duration) -> Millis {
    Millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The tenant of whoever names none.
pub(crate) fn default_tenant() -> TenantId {
    TenantId::new("default").expect("it is a DNS label")
}

/// Randomness for an id.
pub(crate) fn random() -> Result<u128, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| failed(&error))?;
    Ok(u128::from_be_bytes(bytes))
}

/// The runtime of a command that asks a server: one thread is plenty.
pub(crate) fn client_runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))
}

/// The runtime of the API and the engine. Guests run on threads of their own.
pub(crate) fn server_runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(SERVER_THREADS)
        .enable_all()
        .build()
        .map_err(|error| failed(&error))
}

fn failed_with_causes(error: &dyn std::error::Error) -> Failure {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    Failure::new(Outcome::Failed, text)
}

fn failed(reason: &impl std::fmt::Display) -> Failure {
    Failure::new(Outcome::Failed, reason.to_string())
}
