//! The host under test: the real program over a directory of its own, alone or with workers behind a Redis, and the components that scenarios call.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};
use sandmill_testkit::RedisServer;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};

use crate::client::Tenant;

/// What scenarios may call: the first-party plugins, and the guests of the tests.
pub(crate) const PLUGINS: [&str; 5] = ["echo", "greet", "report", "guests", "witness"];

/// The version under which each of them is registered.
pub(crate) const PLUGIN_VERSION: &str = "0.1.0";

/// The endpoint of the catalog that the host knows: the folder `catalog` beside the features.
const CATALOG: &str = "https://example.com/catalog";

/// Workers, where they are processes of their own: two, so that the tasks of one execution run in different ones.
const WORKERS: usize = 2;

/// What is run.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) sandmill: PathBuf,
    /// The folder of the components.
    pub(crate) components: PathBuf,
}

/// Where tasks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// In the process of the engine.
    OneProcess,
    /// In workers that share a Redis with an engine that runs none.
    Workers,
}

/// A running host. It ends when this is dropped.
pub(crate) struct Host {
    url: String,
    http: reqwest::Client,
    components: BTreeMap<&'static str, Vec<u8>>,
    _processes: Vec<Child>,
    /// Goes after those who use it.
    _redis: Option<RedisServer>,
    _data: TempDir,
}

impl Host {
    /// Starts it on a free port, and compiles every component once: compiled code is shared by all tenants.
    pub(crate) async fn start(program: &Program, profile: Profile) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let redis = (profile == Profile::Workers).then(RedisServer::plain);
        let mut server = up(&program.sandmill, &data.path().join("data"));
        let mut processes = Vec::new();
        if let Some(redis) = &redis {
            server.args(["--redis", &redis.url(), "--no-local-worker"]);
            for number in 0..WORKERS {
                let worker = worker(&program.sandmill, &data.path().join(format!("worker-{number}")), redis);
                processes.push(spawn(worker).await?.0);
            }
        }
        let (process, line) = spawn(server).await?;
        processes.push(process);
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.with_context(|| format!("the host says {line:?}"))?.to_owned();
        // An error means that one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let components = components(&program.components)?;
        let http = reqwest::Client::builder().build()?;
        let host = Self { url, http, components, _processes: processes, _redis: redis, _data: data };
        let warm = host.tenant("warm").await?;
        for plugin in PLUGINS {
            host.register(&warm, plugin, PLUGIN_VERSION).await?;
        }
        Ok(host)
    }

    /// A tenant of its own.
    pub(crate) async fn tenant(&self, name: &str) -> Result<Tenant> {
        Tenant::make(self.http.clone(), self.url.clone(), name.to_owned()).await
    }

    /// Registers one of the components for a tenant.
    pub(crate) async fn register(&self, tenant: &Tenant, plugin: &str, version: &str) -> Result<()> {
        let component = self.components.get(plugin);
        let component = component.with_context(|| format!("`{plugin}` is none of the plugins {PLUGINS:?}"))?;
        let (status, body) = tenant.put(&format!("/v1/plugins/{plugin}/{version}"), component.clone()).await?;
        ensure!(status.is_success(), "the plugin {plugin} cannot be registered: {status} {body}");
        Ok(())
    }
}

fn up(sandmill: &Path, data: &Path) -> Command {
    let mut command = Command::new(sandmill);
    command
        .args(["up", "--listen", "127.0.0.1:0", "--set", "log.level=warn", "--set", "free-disk-reserve=0"])
        .arg("--set")
        .arg(format!("catalogs={CATALOG}={}/catalog", env!("CARGO_MANIFEST_DIR")))
        .arg("--data-dir")
        .arg(data);
    command
}

fn worker(sandmill: &Path, data: &Path, redis: &RedisServer) -> Command {
    let mut command = Command::new(sandmill);
    command.args(["worker", "--redis", &redis.url(), "--set", "log.level=warn", "--data-dir"]).arg(data);
    command
}

/// Starts a process of the program, and gives the line that it prints once it is ready.
async fn spawn(mut command: Command) -> Result<(Child, String)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SANDMILL_")) {
        command.env_remove(name);
    }
    let program = command.as_std().get_program().to_owned();
    let cannot = || format!("{} cannot be started: build `sandmill-cli` first", program.display());
    let mut process = command.spawn().with_context(cannot)?;
    let stdout = process.stdout.take().context("the program has no output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).await?;
    if line.is_empty() {
        let output = process.wait_with_output().await?;
        bail!("the host did not start: {}", String::from_utf8_lossy(&output.stderr));
    }
    if let Some(stderr) = process.stderr.take() {
        show(stderr);
    }
    Ok((process, line))
}

/// What a host logs belongs to the output of the run; a pipe that nobody reads would stop it.
fn show(stderr: ChildStderr) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            eprintln!("| {line}");
        }
    });
}

fn components(folder: &Path) -> Result<BTreeMap<&'static str, Vec<u8>>> {
    let read = |plugin: &'static str| {
        let file = folder.join(plugin.replace('-', "_")).with_extension("wasm");
        let bytes = std::fs::read(&file).with_context(|| format!("{} is not there: build it first", file.display()))?;
        Ok((plugin, bytes))
    };
    PLUGINS.into_iter().map(read).collect()
}
