//! An engine in this process, put together as the program does it: the embedded store with its syncs, the Wasm runtime, the memory queue.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use bytes::Bytes;
use sandmill_core::definition::Definition;
use sandmill_core::ids::{Digest, TenantId};
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;
use sandmill_engine::ports::{
    Catalog, Clock, Definitions, ExecutionKey, LogLine, PluginRow, Progress, Runner, SharedStore, Status, StoreError,
    TaskMessage, TaskObserver,
};
use sandmill_engine::{Engine, Live, Options, Parts, Start, Workers};
use sandmill_runtime::{Runtime, RuntimeOptions};
use sandmill_store::{EmbeddedOptions, EmbeddedStore};

use crate::counted::{Counted, Counts};

/// The tenant of all benches.
pub(crate) fn tenant() -> TenantId {
    TenantId::new("default").expect("a DNS label")
}

/// The component of the plugin `echo`, built as a plugin is released.
pub(crate) fn echo() -> Result<Bytes> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).context("this program lies in no target folder")?;
    let status = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
        .args(["build", "--quiet", "--locked", "--profile", "plugin", "--target", "wasm32-wasip2", "-p", "echo"])
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .context("cannot start cargo")?;
    ensure!(status.success(), "the plugin `echo` does not build");
    let path = target.join("wasm32-wasip2/plugin/echo.wasm");
    Ok(std::fs::read(&path).with_context(|| path.display().to_string())?.into())
}

/// Puts a component into the tenant's catalog.
pub(crate) fn register(catalog: &dyn Catalog, component: &Bytes) -> Result<Digest> {
    let digest = Digest::of(component);
    let row = PluginRow {
        name: "echo".into(),
        version: "0.1.0".into(),
        digest,
        summary: "Returns what it is given.".into(),
        config_schema: "{}".into(),
        output_schema: "{}".into(),
        bytes: component.len() as u64,
        created_at: Timestamp(0),
    };
    catalog.put_plugin(&tenant(), row, component.clone())?;
    Ok(digest)
}

/// The store that survives, in a folder, and what counts its syncs.
pub(crate) fn open_store(folder: &Path) -> Result<(SharedStore, Arc<Counts>)> {
    let inner: SharedStore = Arc::new(EmbeddedStore::open(EmbeddedOptions::new(folder))?);
    let counts = Arc::new(Counts::default());
    Ok((Arc::new(Counted { inner, counts: Arc::clone(&counts) }), counts))
}

/// The Wasm runtime with the limits that a host has by default.
pub(crate) fn runtime(store: &SharedStore) -> Result<Arc<Runtime>> {
    let observer: Arc<dyn TaskObserver> = Arc::new(Silent);
    let store = Arc::clone(store);
    let catalog: Arc<dyn Catalog> = store;
    Ok(Arc::new(Runtime::new(&RuntimeOptions::default(), catalog, &observer)?))
}

/// A running engine.
pub(crate) struct Stage {
    pub(crate) engine: Engine,
    next: AtomicU64,
}

impl Stage {
    /// Puts an engine together. Must be called within a runtime of tokio.
    pub(crate) fn launch(
        store: SharedStore,
        runner: Arc<dyn Runner>,
        definitions: Arc<dyn Definitions>,
        options: Options,
    ) -> Result<Self> {
        let live = Live::start(Arc::clone(&store))?;
        let parts = Parts {
            store,
            live,
            definitions,
            workers: Workers::here(runner),
            clock: Arc::new(SystemClock),
            on_store_failure: Arc::new(fail),
        };
        Ok(Self::over(Engine::launch(parts, options)?))
    }

    /// A stage with an engine that stands already.
    pub(crate) const fn over(engine: Engine) -> Self {
        Self { engine, next: AtomicU64::new(1) }
    }

    /// Starts an execution and returns once that is durable.
    pub(crate) async fn start(&self, definition: &Arc<Definition>, input: &Value) -> Result<ExecutionKey> {
        // Ids are drawn over their whole range, as random ones are.
        let drawn = u128::from(self.next.fetch_add(1, Ordering::Relaxed))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let start = Start {
            tenant: tenant(),
            definition: Arc::clone(definition),
            input: input.clone(),
            idempotency_key: None,
            random: drawn,
            origin: None,
        };
        Ok(ExecutionKey { tenant: tenant(), id: self.engine.start(start).await? })
    }

    /// Starts an execution and waits for its output. One that does not complete is an error.
    pub(crate) async fn complete(&self, definition: &Arc<Definition>, input: &Value) -> Result<()> {
        let key = self.start(definition, input).await?;
        let row = self.engine.ended(&key).await?.context("the execution has no row")?;
        if row.status != Status::Completed {
            let result = self.engine.result(&key, &row)?;
            anyhow::bail!("the execution ended as {:?}: {result:?}", row.status);
        }
        Ok(())
    }
}

fn fail(error: &StoreError) {
    eprintln!("the store failed, and the process ends: {error}");
    std::process::abort();
}

/// The time of the system.
pub(crate) struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    async fn sleep_until(&self, at: Timestamp) {
        tokio::time::sleep(Duration::from_millis(at.since(self.now()).0)).await;
    }
}

/// Hears nothing: the plugin of the benches writes no log.
pub(crate) struct Silent;

impl TaskObserver for Silent {
    fn log(&self, _: &TaskMessage, _: LogLine) {}

    fn progress(&self, _: &TaskMessage, _: Progress) {}
}
