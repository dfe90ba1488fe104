//! Stores under test, and the rows that cases write into them.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use sandmill_core::ids::{Digest, TenantId, WorkflowExecId};
use sandmill_core::time::{Millis, Timestamp};
use sandmill_engine::ports::{
    Batch, ConfigStore, DefinitionRow, ExecutionKey, ExecutionRow, JournalEntry, Lineage, PluginRow, Residence, Status,
    Store,
};
use sandmill_store::redis::{Backoff, Records, Redis, RedisComponents, RedisConfigs, RedisOptions, RedisValues};
use sandmill_store::{EmbeddedOptions, EmbeddedStore, MemoryStore};
use sandmill_testkit::{RedisServer, RedisSetup};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A store under test.
pub(crate) struct Subject {
    store: Option<Box<dyn Store>>,
    folder: Option<TempDir>,
}

impl Deref for Subject {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        self.store.as_deref().expect("a subject holds a store but while it is opened again")
    }
}

impl Subject {
    /// Closes the store and opens it again, where it outlives that.
    pub(crate) fn reopen(&mut self) {
        if let Some(folder) = &self.folder {
            self.store = None;
            self.store = Some(Box::new(open(folder.path())));
        }
    }
}

/// Runs a case against every adapter.
#[track_caller]
pub(crate) fn check(case: impl Fn(&mut Subject)) {
    case(&mut Subject { store: Some(Box::new(MemoryStore::new())), folder: None });
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    case(&mut Subject { store: Some(Box::new(store)), folder: Some(folder) });
}

/// An embedded store that takes on work however little disk is free.
pub(crate) fn options(path: &Path) -> EmbeddedOptions {
    EmbeddedOptions { free_bytes_reserve: 0, ..EmbeddedOptions::new(path.join("store")) }
}

/// The embedded store below a folder.
#[track_caller]
pub(crate) fn open(path: &Path) -> EmbeddedStore {
    EmbeddedStore::open(options(path)).unwrap()
}

/// Tells a child process which folder it works on, and so that it is the child.
const CHILD: &str = "SANDMILL_STORE_TEST_CHILD";

/// The folder to work on, in a child process that [`run_as_child`] started.
pub(crate) fn folder_of_child() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(Into::into)
}

/// Runs a test once more in a process of its own, which gets an error and no signal where it makes a file larger than it may.
pub(crate) fn run_as_child(test: &str, folder: &Path) -> Output {
    Command::new("sh")
        .args(["-c", "trap '' XFSZ && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, folder)
        .output()
        .unwrap()
}

/// Where everything asynchronous runs: a connection to Redis lives on the runtime that made it.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

/// Runs what is asynchronous.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

/// A Redis server, and a way to it.
pub(crate) struct Server {
    pub(crate) server: RedisServer,
    pub(crate) redis: Redis,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(RedisSetup::default())
    }

    pub(crate) fn with(setup: RedisSetup) -> Self {
        let server = RedisServer::start(setup);
        let redis = wait(Redis::connect(redis_options(server.url()))).unwrap();
        Self { server, redis }
    }

    pub(crate) fn records(&self) -> Records {
        Records::new(self.redis.clone())
    }

    pub(crate) fn configs(&self) -> RedisConfigs {
        RedisConfigs::new(self.records())
    }

    pub(crate) fn values(&self) -> RedisValues {
        RedisValues::new(self.records(), HOUR)
    }

    pub(crate) fn components(&self) -> RedisComponents {
        RedisComponents::new(self.redis.clone())
    }

    /// Milliseconds that a key has left.
    #[track_caller]
    pub(crate) fn left(&self, key: &str) -> i64 {
        self.server.cli(&["PTTL", key]).parse().unwrap()
    }

    /// Keys of all kinds that hold a text.
    pub(crate) fn keys(&self, part: &str) -> Vec<String> {
        let pattern = format!("*{part}*");
        let keys = self.server.cli(&["KEYS", &pattern]);
        keys.lines().filter(|line| !line.is_empty()).map(Into::into).collect()
    }
}

/// Options that lose no time, for a server on this machine.
pub(crate) fn redis_options(url: String) -> RedisOptions {
    let backoff = Backoff { min: Duration::from_millis(2), max: Duration::from_millis(50) };
    RedisOptions { backoff, ..RedisOptions::new(url) }
}

/// A time to live that no test outlasts.
pub(crate) const HOUR: Millis = Millis(3_600_000);

/// Runs a case of the config store against every adapter.
#[track_caller]
pub(crate) fn check_configs(case: impl Fn(&dyn ConfigStore)) {
    case(&MemoryStore::new());
    let folder = tempfile::tempdir().unwrap();
    case(&open(folder.path()));
    case(&Server::start().configs());
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

pub(crate) fn execution(tenant_name: &str, number: u128) -> ExecutionKey {
    ExecutionKey { tenant: tenant(tenant_name), id: WorkflowExecId::from_random(number) }
}

pub(crate) fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub(crate) fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

/// The row of an execution of `demo/report:1.0.0` that runs since moment 100.
pub(crate) fn row(key: &ExecutionKey) -> ExecutionRow {
    ExecutionRow {
        id: key.id,
        workflow: "demo/report:1.0.0".into(),
        definition: digest("definition"),
        status: Status::Running,
        started_at: Timestamp(100),
        ended_at: None,
        expires_at: None,
        input: digest("input"),
        result: None,
        lineage: Lineage::default(),
    }
}

/// The row of one that completed.
pub(crate) fn ended_row(key: &ExecutionKey) -> ExecutionRow {
    ExecutionRow {
        status: Status::Completed,
        ended_at: Some(Timestamp(200)),
        expires_at: Some(Timestamp(300)),
        ..row(key)
    }
}

pub(crate) fn entry(position: u64) -> JournalEntry {
    JournalEntry { position, record: text(&format!("record {position}")) }
}

/// A batch with one record.
pub(crate) fn step(key: &ExecutionKey, position: u64) -> Batch {
    Batch { entry: Some(entry(position)), ..Batch::new(key.clone()) }
}

/// A batch with an index row and nothing else.
pub(crate) fn with_row(key: &ExecutionKey, row: ExecutionRow) -> Batch {
    Batch { row: Some(row), ..Batch::new(key.clone()) }
}

/// A batch that moves an execution and does nothing else.
pub(crate) fn moved(key: &ExecutionKey, before: Option<Residence>, after: Option<Residence>) -> Batch {
    Batch { residence: Some((before, after)), ..Batch::new(key.clone()) }
}

/// What an engine writes when it accepts an execution.
pub(crate) fn start(key: &ExecutionKey) -> Batch {
    Batch { row: Some(row(key)), residence: Some((None, Some(Residence::Active))), ..step(key, 0) }
}

pub(crate) fn plugin(name: &str, version: &str, component: &str) -> PluginRow {
    PluginRow {
        name: name.into(),
        version: version.into(),
        digest: digest(component),
        summary: "Says what it hears.".into(),
        config_schema: "{}".into(),
        output_schema: "true".into(),
        bytes: component.len() as u64,
        created_at: Timestamp(1),
    }
}

pub(crate) fn definition(name: &str, version: &str, document: &str) -> DefinitionRow {
    DefinitionRow {
        name: name.into(),
        version: version.into(),
        digest: digest(document),
        plugins: Vec::new(),
        functions: Vec::new(),
        created_at: Timestamp(2),
    }
}

/// A definition that was deployed on a plugin.
pub(crate) fn pinned_to(definition: DefinitionRow, plugin: &PluginRow) -> DefinitionRow {
    let pin = (plugin.name.clone(), plugin.version.clone(), plugin.digest);
    DefinitionRow { plugins: vec![pin], ..definition }
}
