//! An engine and workers that meet in a real Redis, each a process of its own, and any of them killed.
//!
//! Here is what these tests share: the processes, a workflow with many tasks of the same kind, and a ledger for each worker, which is the record
//! outside of which task ran where. Nothing is waited for by the clock: a fault comes once so many tasks have run, and a test goes on once it shows.

mod away;
mod engine;
mod server;
mod workers;

mod clocks;
mod deaths;
mod failover;
mod network;
mod stragglers;
mod strangers;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use sandmill_testkit::{OtherClock, Proxy, RedisServer, RedisSetup};
use serde_json::json;
use tempfile::TempDir;

use crate::kit::{PATIENCE, Process, Server, client, data, sandmill, url_in};

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
      metadata: { for: { mode: map, concurrency: 1000 } }
      for: { in: '${ [range(.items)] }' }
      do:
        - step: { call: 'witness:0.1.0@default', with: { number: '${ $item }', loops: '${ $workflow.input.loops }' } }
";

/// Loops that take a task some milliseconds, some tenths of a second, and a second or more.
const SHORT: u64 = 3_000_000;
const LONG: u64 = 100_000_000;
const STEADY: u64 = 2_000_000_000;

/// What a process uses of a core while it computes for a moment, in hundredths of a second.
const MOMENT: u64 = 30;

/// What a worker sends to say that a task completed, in the protocol of Redis.
const COMPLETED: &[u8] = b"$9\r\ncompleted\r\n";

/// The stream of the default queue.
const STREAM: &str = "sandmill:{queue}:stream:default:normal";

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
    url: String,
}

impl Worker {
    /// How often each task ran to its line in the ledger.
    fn ledger(&self) -> BTreeMap<String, usize> {
        read(&self.ledger)
    }

    /// What a metric stands at.
    async fn metric(&self, name: &str) -> f64 {
        let text = client().get(format!("{}/metrics", self.url)).send().await.unwrap().text().await.unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Returns once so many of its results were refused.
    async fn is_refused(&self, results: f64) {
        let refused = "sandmill_queue_late_results_total";
        until("late results are refused", async || self.metric(refused).await >= results).await;
    }

    /// Returns once it has computed for a moment from here on.
    async fn computes(&self) {
        let before = self.cpu_ticks();
        until("the worker computes", async || self.cpu_ticks() > before + MOMENT).await;
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

/// How often each line stands in ledgers: the id of a task execution, the attempt and the idempotency key.
fn lines<'a>(ledgers: impl IntoIterator<Item = &'a PathBuf>) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    for ledger in ledgers {
        for line in fs::read_to_string(ledger).unwrap_or_default().lines() {
            assert_eq!(line.split(' ').count(), 3, "{line}");
            *lines.entry(line.to_owned()).or_default() += 1;
        }
    }
    lines
}

/// An engine that runs no task, its Redis, and workers.
struct Cluster {
    server: Option<Server>,
    workers: Vec<Worker>,
    redis: RedisServer,
    /// What engine and workers go through to Redis, where there is something.
    proxy: Option<Proxy>,
    /// What the engine and the workers go by.
    clocks: (OtherClock, OtherClock),
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
        let mut cluster = Self::prepare(setup, settings);
        cluster.begin(workers).await;
        cluster
    }

    /// The same as [`Self::quick`], with a proxy before Redis.
    async fn behind_a_proxy() -> Self {
        let mut cluster = Self::prepare(RedisSetup::default(), &QUICK);
        cluster.proxy = Some(Proxy::start(cluster.redis.port()));
        cluster.begin(2).await;
        cluster
    }

    /// A Redis, and nothing that uses it.
    fn prepare(setup: RedisSetup, settings: &[&'static str]) -> Self {
        let (folder, data) = data();
        Self {
            server: None,
            workers: Vec::new(),
            redis: RedisServer::start(setup),
            proxy: None,
            clocks: (OtherClock::ahead(0), OtherClock::ahead(0)),
            settings: settings.to_vec(),
            data,
            ledgers: Vec::new(),
            _folder: folder,
        }
    }

    /// The engine with its workflow, and so many workers.
    async fn begin(&mut self, workers: usize) {
        self.start_server();
        self.server().register("witness").await;
        self.server().deploy(CROWD).await;
        for _ in 0..workers {
            self.start_worker(2);
        }
    }

    fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().unwrap()
    }

    /// Where engine and workers look for Redis.
    fn url(&self) -> String {
        self.proxy.as_ref().map_or_else(|| self.redis.url(), Proxy::url)
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn start_server(&mut self) {
        let url = self.url();
        let mut command = Server::command(&self.data, &self.server_arguments(&url));
        self.clocks.0.apply(&mut command);
        self.server = Some(Server::try_run(command).unwrap());
    }

    fn server_arguments<'a>(&self, url: &'a str) -> Vec<&'a str> {
        let mut arguments = vec!["--redis", url, "--no-local-worker"];
        arguments.extend(self.settings.iter().flat_map(|setting| ["--set", setting]));
        arguments
    }

    fn start_worker(&mut self, slots: usize) {
        self.start_worker_behind(&self.url(), slots);
    }

    /// A worker that looks for Redis elsewhere than the others.
    fn start_worker_behind(&mut self, url: &str, slots: usize) {
        let number = self.ledgers.len();
        let ledger = self.data.with_file_name(format!("ledger-{number}"));
        let slots = slots.to_string();
        let mut command = sandmill(&["worker", "--redis", url, "--slots", &slots, "--set", "log.level=warn"]);
        command.args(["--set", "worker.claims-ahead=2", "--listen", "127.0.0.1:0"]);
        command.args(self.settings.iter().flat_map(|setting| ["--set", setting]));
        command.arg("--data-dir").arg(self.data.with_file_name(format!("worker-{number}")));
        command.arg("--test-ledger").arg(&ledger);
        self.clocks.1.apply(&mut command);
        let (process, line) = Process::try_start(command).unwrap();
        self.ledgers.push(ledger.clone());
        self.workers.push(Worker { process, ledger, url: url_in(&line) });
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

    /// How many ends of tasks stand in the journal, by its events.
    fn recorded(&self, id: &str) -> usize {
        let output = self.server().run(&["events", id, "--json"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let ends = ["task.completed", "task.faulted", "task.cancelled"];
        let is_of_a_step = |line: &&str| line.contains("/step") && ends.iter().any(|end| line.contains(end));
        text.lines().filter(is_of_a_step).count()
    }

    /// The keys in Redis that hold a text.
    fn keys(&self, part: &str) -> Vec<String> {
        let keys = self.redis.cli(&["KEYS", &format!("*{part}*")]);
        keys.lines().filter(|line| !line.is_empty()).map(Into::into).collect()
    }

    /// Tasks in the stream of the default queue: those that wait, and those that workers have.
    fn in_stream(&self) -> usize {
        self.redis.cli(&["XLEN", STREAM]).parse().unwrap()
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
