//! What the tests stand on: components that are built once, a catalog in memory, an observer that keeps what it sees, and messages.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use parking_lot::Mutex;
use sandmill_core::definition::DefinitionName;
use sandmill_core::ids::{Digest, JsonPointer, TaskExecId, TenantId, WorkflowExecId};
use sandmill_core::machine::{ContextHandle, Delivery, Dispatch, IdempotencyKey, SharedContext, Target, WorkflowInfo};
use sandmill_core::problem::Problem;
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;
use sandmill_engine::ports::{
    Catalog, CatalogError, Components as _, DefinitionRow, InspectError, LogLine, PluginDescription, PluginRow,
    Progress, Runner as _, StoreError, TaskMessage, TaskObserver, TaskResult,
};
use sandmill_runtime::{
    ArtifactOptions, CallError, ComponentSource, PROBLEM_PREFIX, Runtime, RuntimeOptions, TaskLimits,
};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A component that cargo builds, by the name of its package.
pub(crate) fn component(package: &str) -> Bytes {
    let file = package.replace('-', "_");
    let path = BUILT.join(format!("{file}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into()
}

/// Where the components are, once they are built.
static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target folder");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", "plugin", "--target", "wasm32-wasip2"])
        .args(["-p", "echo", "-p", "greet", "-p", "guests"])
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap_or_else(|error| panic!("cargo does not start: {error}"));
    assert!(status.success(), "the components do not build");
    target.join("wasm32-wasip2/plugin")
});

/// A runtime with everything that a test looks at.
pub(crate) struct Bench {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) catalog: Arc<MemoryCatalog>,
    pub(crate) seen: Arc<Seen>,
}

/// Options that are small enough for many runtimes in one process, which share what they compiled.
pub(crate) fn options() -> RuntimeOptions {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let artifacts = ArtifactOptions { folder: folder.join("artifacts"), key_file: folder.join("artifacts.key") };
    RuntimeOptions {
        live_tasks_max: 8,
        guest_threads: 2,
        compile_threads: 1,
        artifacts: Some(artifacts),
        ..RuntimeOptions::default()
    }
}

pub(crate) fn limited(limits: TaskLimits) -> RuntimeOptions {
    RuntimeOptions { limits, ..options() }
}

impl Bench {
    pub(crate) fn new(options: &RuntimeOptions) -> Self {
        let catalog = Arc::new(MemoryCatalog::default());
        Self { catalog: Arc::clone(&catalog), ..Self::over(options, catalog) }
    }

    /// With components from there, and a catalog that nobody asks.
    pub(crate) fn over(options: &RuntimeOptions, components: impl Into<ComponentSource>) -> Self {
        let seen = Arc::new(Seen::default());
        let observer: Arc<dyn TaskObserver> = seen.clone();
        let runtime = Runtime::new(options, components, &observer).unwrap_or_else(|error| panic!("{error}"));
        Self { runtime: Arc::new(runtime), catalog: Arc::default(), seen }
    }

    /// Gives the default tenant a component.
    pub(crate) fn add(&self, component: &Bytes) -> Digest {
        self.catalog.add(&tenant("default"), component)
    }

    /// Lets the guest do something.
    pub(crate) async fn behave(&self, config: &str) -> TaskResult {
        let guests = self.add(&component("guests"));
        self.run(message(guests, 0, config)).await
    }

    /// Begins a task that a test waits for later.
    pub(crate) fn start(&self, message: TaskMessage) -> JoinHandle<TaskResult> {
        let runtime = Arc::clone(&self.runtime);
        tokio::spawn(async move { runtime.run(message).await })
    }

    pub(crate) fn cancel(&self, number: u32) {
        self.runtime.cancel(&tenant("default"), task_id(number));
    }

    pub(crate) async fn run(&self, message: TaskMessage) -> TaskResult {
        self.runtime.run(message).await
    }

    pub(crate) async fn call(&self, message: TaskMessage) -> Result<String, CallError> {
        self.runtime.call(message).await
    }

    pub(crate) async fn inspect(&self, component: Bytes) -> Result<PluginDescription, InspectError> {
        self.runtime.inspect(component).await
    }
}

#[track_caller]
pub(crate) fn completed(result: TaskResult) -> Value {
    match result {
        TaskResult::Completed(output) => output,
        other => panic!("the task did not complete: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn failed(result: TaskResult) -> Problem {
    match result {
        TaskResult::Failed(problem) => *problem,
        other => panic!("the task did not fail: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn stopped(result: TaskResult) {
    assert!(matches!(result, TaskResult::Stopped), "the task did not stop: {result:?}");
}

/// What a failure is called under our prefix.
#[track_caller]
pub(crate) fn code(result: TaskResult) -> String {
    let problem = failed(result);
    let code = problem.kind.strip_prefix(PROBLEM_PREFIX);
    code.unwrap_or_else(|| panic!("this is no problem of ours: {problem:?}")).to_owned()
}

#[track_caller]
pub(crate) fn json(text: &str) -> Value {
    Value::from_json(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("tests name tenants well")
}

pub(crate) fn task_id(number: u32) -> TaskExecId {
    TaskExecId { workflow: WorkflowExecId::from_random(7), number }
}

fn workflow() -> Arc<WorkflowInfo> {
    let name = DefinitionName { namespace: "tests".into(), name: "runtime".into(), version: "1.2.3".into() };
    let id = WorkflowExecId::from_random(7);
    Arc::new(WorkflowInfo { id, name, input: json(r#"{"order":1}"#), started_at: Timestamp(0) })
}

/// A task of the default tenant, over a small context.
pub(crate) fn message(plugin: Digest, number: u32, config: &str) -> TaskMessage {
    let context = json(r#"{"files":[{"name":"a"},{"name":"b"}],"text":"long"}"#);
    let shared = SharedContext::new(workflow(), context, json(r#"{"in":true}"#));
    let dispatch = Dispatch {
        id: task_id(number),
        attempt: 2,
        round: 3,
        pointer: JsonPointer::from("/do/0/task"),
        target: Target::Plugin(plugin),
        idempotency_key: IdempotencyKey(0xabc),
        context: ContextHandle::new(Arc::new(shared), json(r#""the item""#), 5),
        deadline: None,
        delivery: Delivery::default(),
    };
    let config = Bytes::copy_from_slice(config.as_bytes());
    TaskMessage::new(tenant("default"), Arc::new(dispatch), config)
}

/// The same task over another context.
pub(crate) fn message_over(context: Value, mut message: TaskMessage) -> TaskMessage {
    let mut dispatch = (*message.dispatch).clone();
    let handle = &dispatch.context;
    let shared = SharedContext::new(workflow(), context, handle.input().clone());
    let (item, index) = handle.item().expect("these tasks are in a loop");
    dispatch.context = ContextHandle::new(Arc::new(shared), item.clone(), index);
    message.dispatch = Arc::new(dispatch);
    message
}

/// What tasks wrote and reported.
#[derive(Default)]
pub(crate) struct Seen {
    lines: Mutex<Vec<LogLine>>,
    progress: Mutex<Vec<Progress>>,
    changed: Notify,
}

/// A line with this message makes the observer panic.
pub(crate) const PANIC: &str = "the observer panics on this";

impl Seen {
    pub(crate) fn lines(&self) -> Vec<LogLine> {
        self.lines.lock().clone()
    }

    pub(crate) fn messages(&self) -> Vec<String> {
        self.lines().into_iter().map(|line| line.message).collect()
    }

    pub(crate) fn progress(&self) -> Vec<Progress> {
        self.progress.lock().clone()
    }

    /// Waits until so many reports have come.
    pub(crate) async fn reports(&self, count: usize) {
        loop {
            let changed = self.changed.notified();
            if self.progress.lock().len() >= count {
                return;
            }
            changed.await;
        }
    }
}

impl TaskObserver for Seen {
    fn log(&self, message: &TaskMessage, line: LogLine) {
        assert_eq!(message.dispatch.id, line.task);
        assert_ne!(line.message, PANIC);
        self.lines.lock().push(line);
    }

    fn progress(&self, _: &TaskMessage, progress: Progress) {
        self.progress.lock().push(progress);
        self.changed.notify_waiters();
    }
}

/// The components of tenants, and nothing else of a catalog.
#[derive(Default)]
pub(crate) struct MemoryCatalog {
    components: Mutex<Vec<(TenantId, Digest, Bytes)>>,
    reads: Mutex<usize>,
}

impl MemoryCatalog {
    pub(crate) fn add(&self, tenant: &TenantId, component: &Bytes) -> Digest {
        let digest = Digest::of(component);
        self.add_as(tenant, digest, component);
        digest
    }

    /// Under a digest that need not be theirs.
    pub(crate) fn add_as(&self, tenant: &TenantId, digest: Digest, component: &Bytes) {
        self.components.lock().push((tenant.clone(), digest, component.clone()));
    }

    /// How often a component was asked for.
    pub(crate) fn reads(&self) -> usize {
        *self.reads.lock()
    }
}

fn no_part() -> StoreError {
    StoreError::Invalid { reason: "this catalog has components alone".into() }
}

impl Catalog for MemoryCatalog {
    fn put_plugin(&self, _: &TenantId, _: PluginRow, _: Bytes) -> Result<(), CatalogError> {
        Err(no_part().into())
    }

    fn plugins(&self, _: &TenantId, _: Option<&str>) -> Result<Vec<PluginRow>, StoreError> {
        Err(no_part())
    }

    fn component(&self, tenant: &TenantId, digest: Digest) -> Result<Option<Bytes>, StoreError> {
        *self.reads.lock() += 1;
        let components = self.components.lock();
        let found = components.iter().find(|(owner, of, _)| owner == tenant && *of == digest);
        Ok(found.map(|(_, _, bytes)| bytes.clone()))
    }

    fn remove_plugin(&self, _: &TenantId, _: &str, _: &str) -> Result<bool, CatalogError> {
        Err(no_part().into())
    }

    fn put_definition(&self, _: &TenantId, _: DefinitionRow, _: Bytes) -> Result<(), CatalogError> {
        Err(no_part().into())
    }

    fn definitions(&self, _: &TenantId, _: Option<&str>) -> Result<Vec<DefinitionRow>, StoreError> {
        Err(no_part())
    }

    fn document(&self, _: &TenantId, _: Digest) -> Result<Option<(DefinitionRow, Bytes)>, StoreError> {
        Err(no_part())
    }

    fn remove_definition(&self, _: &TenantId, _: &str, _: &str) -> Result<bool, CatalogError> {
        Err(no_part().into())
    }
}
