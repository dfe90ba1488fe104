//! An engine and workers that meet in a real Redis, each a process of its own, and any of them killed.
//!
//! Here is what these tests share: the processes, a workflow with many tasks of the same kind, and a ledger for each worker, which is the record
//! outside of which task ran where. Nothing is waited for by the clock: a fault comes once so many tasks have run, and a test goes on once it shows.

mod engine;
mod server;
mod workers;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use sandmill_testkit::{RedisServer, RedisSetup};
use serde_json::json;
use tempfile::TempDir;

use crate::kit::{PATIENCE, Process, Server, data, sandmill};

/// Everything that is waited for in seconds is short, so that a test sees it happen.
const QUICK: [&str; 8] = [
    "queue.lease=2s",
    "queue.renew=500ms",
    "queue.heartbeat=1s",
    "queue.scan=1s",
    "queue.owner-lease=3s",
    "redis.response-time=1s",
    "redis.connect-time=1s",
    "redis.backoff-max=500ms",
];

/// As many tasks as the input says, each one its number plus one after so many loops.
const CROWD: &str = "
document: { dsl: '1.0.3', namespace: redis, name: crowd, version: '1.0.0' }
do:
  - each:
      metadata: { for: { mode: map, concurrency: 100 } }
      for: { in: '${ [range(.items)] }' }
      do:
        - step: { call: 'witness:0.1.0@default', with: { number: '${ $item }', loops: '${ $workflow.input.loops }' } }
";

/// Loops that take a task some milliseconds, and some tenths of a second.
const SHORT: u64 = 3_000_000;
const LONG: u64 = 100_000_000;

/// How often a test meets its fault, each time at another moment.
fn rounds() -> u64 {
    if std::env::var_os("SANDMILL_SOAK").is_some() { 20 } else { 1 }
}

/// After how many tasks a fault comes: at another moment in each round.
fn moment(round: u64, bound: usize) -> usize {
    let seed = (u64::from(std::process::id()) << 8 | round).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let moment = 1 + usize::try_from(seed >> 33).unwrap() % bound;
    eprintln!("round {round}: the fault comes after {moment} tasks");
    moment
}

/// A worker, which tells in a ledger of its own what it ran.
struct Worker {
    process: Process,
    ledger: PathBuf,
}

impl Worker {
    /// How often each task ran to its line in the ledger.
    fn ledger(&self) -> BTreeMap<String, usize> {
        read(&self.ledger)
    }

    /// What this process used of a core, in hundredths of a second.
    fn cpu_ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        // The name in parentheses may hold anything; user and system time are the 12th and 13th after it.
        let (_, after) = stat.rsplit_once(") ").unwrap();
        after.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }
}

fn read(ledger: &PathBuf) -> BTreeMap<String, usize> {
    let mut ran = BTreeMap::new();
    for line in fs::read_to_string(ledger).unwrap_or_default().lines() {
        *ran.entry(line.split(' ').next().unwrap().to_owned()).or_default() += 1;
    }
    ran
}

/// An engine that runs no task, its Redis, and workers.
struct Cluster {
    server: Option<Server>,
    workers: Vec<Worker>,
    redis: RedisServer,
    settings: Vec<&'static str>,
    data: PathBuf,
    ledgers: Vec<PathBuf>,
    _folder: TempDir,
}

impl Cluster {
    /// An engine and two workers of two slots, where everything is quick and Redis keeps all that it acknowledged.
    async fn quick() -> Self {
        Self::start(RedisSetup::default(), &QUICK, 2).await
    }

    async fn start(setup: RedisSetup, settings: &[&'static str], workers: usize) -> Self {
        let (folder, data) = data();
        let redis = RedisServer::start(setup);
        let settings = settings.to_vec();
        let mut cluster =
            Self { server: None, workers: Vec::new(), redis, settings, data, ledgers: Vec::new(), _folder: folder };
        cluster.start_server();
        cluster.server().register("witness").await;
        cluster.server().deploy(CROWD).await;
        for _ in 0..workers {
            cluster.start_worker(2);
        }
        cluster
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn start_server(&mut self) {
        let url = self.redis.url();
        self.server = Some(Server::start(&self.data, &self.server_arguments(&url)));
    }

    fn server_arguments<'a>(&self, url: &'a str) -> Vec<&'a str> {
        let mut arguments = vec!["--redis", url, "--no-local-worker"];
        arguments.extend(self.settings.iter().flat_map(|setting| ["--set", setting]));
        arguments
    }

    fn start_worker(&mut self, slots: usize) {
        let number = self.ledgers.len();
        let ledger = self.data.with_file_name(format!("ledger-{number}"));
        let (url, slots) = (self.redis.url(), slots.to_string());
        let mut command = sandmill(&["worker", "--redis", &url, "--slots", &slots, "--set", "log.level=warn"]);
        command.args(["--set", "worker.claims-ahead=2"]);
        command.args(self.settings.iter().flat_map(|setting| ["--set", setting]));
        command.arg("--data-dir").arg(self.data.with_file_name(format!("worker-{number}")));
        command.arg("--test-ledger").arg(&ledger);
        let (process, _) = Process::try_start(command).unwrap();
        self.ledgers.push(ledger.clone());
        self.workers.push(Worker { process, ledger });
    }

    /// Starts the workflow with so many tasks, and gives its id.
    async fn run(&self, items: usize, loops: u64) -> String {
        let request = self.server().request(Method::POST, "/v1/workflows/redis/crowd/executions");
        let body = json!({ "items": items, "loops": loops }).to_string();
        let (status, execution) = self.server().answer(request.body(body)).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{execution}");
        execution["id"].as_str().unwrap().to_owned()
    }

    /// The execution comes to its end with every result, each in its place.
    async fn completes(&self, id: &str, items: usize) {
        let ended = self.server().ended_execution(id).await;
        let results: Vec<usize> = (1..=items).collect();
        assert_eq!((&ended["status"], &ended["output"]), (&json!("completed"), &json!(results)), "{ended}");
        let ran = self.ran();
        let of_this = ran.keys().filter(|task| task.starts_with(id)).count();
        assert_eq!(of_this, items, "what completed stands in a ledger");
    }

    /// How often each task ran to its line in any ledger, those of killed workers too.
    fn ran(&self) -> BTreeMap<String, usize> {
        let mut ran = BTreeMap::new();
        for (task, times) in self.ledgers.iter().flat_map(read) {
            *ran.entry(task).or_default() += times;
        }
        ran
    }

    /// Returns once so many tasks have run.
    async fn have_run(&self, count: usize) {
        until("tasks run", async || self.ran().len() >= count).await;
    }

    /// Returns once the server says that it is ready, or that it is not because of its queue.
    async fn is_ready(&self, wanted: bool) {
        until("readiness changes", async || match self.server().get("/readyz").await {
            (StatusCode::OK, _) => wanted,
            (StatusCode::SERVICE_UNAVAILABLE, problem) => !wanted && problem["code"] == "queue-unavailable",
            other => panic!("{other:?}"),
        })
        .await;
    }
}

/// Returns once it is so.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "{what}: it does not come to that");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Nothing ran more than once.
#[track_caller]
fn each_once(ran: &BTreeMap<String, usize>) {
    let again: Vec<_> = ran.iter().filter(|(_, times)| **times > 1).collect();
    assert!(again.is_empty(), "these ran again: {again:?}");
}
