//! The crash test: hundreds of workflows, a process that is killed at random moments, a log that is cut back to what was synced, and a
//! record outside of it all of which task ran when.
//!
//! `kill -9` alone proves nothing, for the page cache survives it: so after each kill the log is cut to the length that the last sync
//! reported, and a torn tail is added. The plugin writes a log line, and a hook of the host adds the task, its attempt and its
//! idempotency key to the ledger before that line returns. With fsync switched off, the same test must fail: one case checks that.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::kit::{Server, data};

/// Ten calls, each one more than the one before.
const WORKFLOW: &str = "
document: { dsl: '1.0.3', namespace: crash, name: count, version: '1.0.0' }
do:
  - one: { call: 'witness:0.1.0@default', with: { number: '${ .number }' }, output: { as: '${ { number: . } }' } }
  - more:
      for: { each: i, in: '${ [range(8)] }' }
      do:
        - step: { call: 'witness:0.1.0@default', with: { number: '${ .number }' }, output: { as: '${ { number: . } }' } }
  - last: { call: 'witness:0.1.0@default', with: { number: '${ .number }' } }
";

/// Rounds of start and kill, and workflows that are started in each.
fn size() -> (usize, usize) {
    if std::env::var_os("SANDMILL_SOAK").is_some() { (100, 10) } else { (8, 25) }
}

/// Small, seeded and printed: enough to kill at other moments each round, and to do so again.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    task: String,
    attempt: u32,
    key: String,
}

struct Trial {
    data: PathBuf,
    syncs: PathBuf,
    ledger: PathBuf,
    fsync: bool,
}

impl Trial {
    fn new(data: &Path, fsync: bool) -> Self {
        let beside = |name: &str| data.with_file_name(name);
        Self { data: data.into(), syncs: beside("syncs"), ledger: beside("ledger"), fsync }
    }

    fn start(&self) -> Server {
        let (syncs, ledger) = (self.syncs.display().to_string(), self.ledger.display().to_string());
        let mut arguments = vec!["--test-sync-report", &syncs, "--test-ledger", &ledger];
        if !self.fsync {
            arguments.push("--test-no-fsync");
        }
        Server::start(&self.data, &arguments)
    }

    /// What a machine that lost its power keeps of the log: what was synced, and something torn after it.
    fn lose_power(&self, random: &mut Random) {
        let syncs = fs::read_to_string(&self.syncs).unwrap();
        let last = syncs.lines().last().expect("the store reports when it opens");
        let (log, offset) = last.rsplit_once(' ').unwrap();
        let mut file = OpenOptions::new().write(true).open(log).unwrap();
        file.set_len(offset.parse().unwrap()).unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        let torn: Vec<u8> = (0..random.below(40)).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
        file.write_all(&torn).unwrap();
    }

    fn ledger(&self) -> Vec<Line> {
        let text = fs::read_to_string(&self.ledger).unwrap_or_default();
        let parse = |line: &str| {
            let parts: Vec<&str> = line.split(' ').collect();
            Line { task: parts[0].into(), attempt: parts[1].parse().unwrap(), key: parts[2].into() }
        };
        text.lines().map(parse).collect()
    }
}

/// Starts an execution, and gives its id once the server said that it is durable; `None` where the server died before that.
async fn start(server: &Server, key: &str, number: usize) -> Option<String> {
    let request = server
        .request(Method::POST, "/v1/workflows/crash/count/executions")
        .header("idempotency-key", key)
        .body(json!({ "number": number }).to_string());
    let response = request.send().await.ok()?;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let body: Value = serde_json::from_slice(&response.bytes().await.ok()?).unwrap();
    Some(body["id"].as_str().unwrap().into())
}

/// The tasks of all given executions that the server shows as completed: what it shows, it will never run again.
async fn completed_tasks(server: &Server, ids: impl Iterator<Item = &String>) -> BTreeSet<String> {
    let mut completed = BTreeSet::new();
    for id in ids {
        let Ok(response) = server.request(Method::GET, &format!("/v1/executions/{id}/tasks?limit=500")).send().await
        else {
            continue;
        };
        let Ok(bytes) = response.bytes().await else { continue };
        let page: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let tasks = page["items"].as_array().into_iter().flatten();
        completed.extend(
            tasks.filter(|task| task["status"] == "completed").map(|task| task["id"].as_str().unwrap().to_owned()),
        );
    }
    completed
}

/// Kills a server again and again, and says what went wrong; `Ok` where nothing did.
async fn torment(trial: &Trial, seed: u64) -> Result<(), String> {
    let (rounds, each) = size();
    let mut random = Random(seed);
    let server = trial.start();
    server.register("witness").await;
    server.deploy(WORKFLOW).await;
    let mut server = Some(server);
    let mut accepted: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut all_keys = Vec::new();
    for round in 0..rounds {
        let running = server.take().unwrap_or_else(|| trial.start());
        let durable = completed_tasks(&running, accepted.values().map(|(_, id)| id)).await;
        // Every line of what is durable by then stands in the ledger already.
        let before = trial.ledger().len();
        for number in 0..each {
            let key = format!("{round}-{number}");
            all_keys.push((key.clone(), number));
            if let Some(id) = start(&running, &key, number).await {
                accepted.insert(key, (number, id));
            }
        }
        tokio::time::sleep(Duration::from_millis(random.below(120))).await;
        running.kill();
        trial.lose_power(&mut random);
        let again = trial.ledger()[before..].iter().find(|line| durable.contains(&line.task)).cloned();
        if let Some(line) = again {
            return Err(format!("round {round}: {line:?} ran after its completion was durable"));
        }
    }
    let server = trial.start();
    settle(&server, trial, &accepted, &all_keys).await
}

/// Everything that was accepted is there and completes with the right output, and the ledger holds what it must.
async fn settle(
    server: &Server,
    trial: &Trial,
    accepted: &BTreeMap<String, (usize, String)>,
    all_keys: &[(String, usize)],
) -> Result<(), String> {
    for (key, (number, id)) in accepted {
        let (status, _) = server.get(&format!("/v1/executions/{id}")).await;
        if status != StatusCode::OK {
            return Err(format!("execution {id} was accepted and is lost: {status}"));
        }
        let again = start(server, key, *number).await;
        if again.as_ref() != Some(id) {
            return Err(format!("the key {key} started {again:?} after {id}"));
        }
        let execution = server.ended_execution(id).await;
        if execution["status"] != "completed" || execution["output"] != json!(number + 10) {
            return Err(format!("the outcome is wrong: {execution}"));
        }
    }
    // Starts that nobody heard of again either happened or did not: the same key finds out, and they complete too.
    for (key, number) in all_keys {
        let id = start(server, key, *number).await.expect("nobody kills this server");
        let execution = server.ended_execution(&id).await;
        if execution["output"] != json!(number + 10) {
            return Err(format!("the outcome is wrong: {execution}"));
        }
    }
    check_ledger(server, trial, accepted).await
}

async fn check_ledger(
    server: &Server,
    trial: &Trial,
    accepted: &BTreeMap<String, (usize, String)>,
) -> Result<(), String> {
    let mut keys: BTreeMap<String, String> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for line in trial.ledger() {
        let key = keys.entry(line.task.clone()).or_insert_with(|| line.key.clone());
        if *key != line.key {
            return Err(format!("{line:?} has another idempotency key than the attempt before: {key}"));
        }
        seen.insert(line.task);
    }
    let distinct: BTreeSet<&String> = keys.values().collect();
    if distinct.len() != keys.len() {
        return Err("two tasks share an idempotency key".into());
    }
    let calls = completed_calls(server, accepted.values().map(|(_, id)| id)).await;
    match calls.iter().find(|call| !seen.contains(*call)) {
        Some(call) => Err(format!("{call} completed, and nobody saw it run")),
        None if calls.len() != accepted.len() * 10 => {
            Err(format!("{} calls of {} executions", calls.len(), accepted.len()))
        }
        None => Ok(()),
    }
}

/// The completed tasks that were calls of the plugin.
async fn completed_calls(server: &Server, ids: impl Iterator<Item = &String>) -> BTreeSet<String> {
    let mut calls = BTreeSet::new();
    for id in ids {
        let (_, page) = server.get(&format!("/v1/executions/{id}/tasks?limit=500")).await;
        let tasks = page["items"].as_array().unwrap().iter();
        let is_call = |task: &&Value| task["pointer"] != "/do/1/more" && task["status"] == "completed";
        calls.extend(tasks.filter(is_call).map(|task| task["id"].as_str().unwrap().to_owned()));
    }
    calls
}

/// Where a failing run prints the seed that it can be repeated with.
fn seed() -> u64 {
    let given = std::env::var("SANDMILL_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| u64::from(std::process::id()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_runs_again_however_often_the_process_is_killed() {
    let (_folder, data) = data();
    let seed = seed();
    let result = torment(&Trial::new(&data, true), seed).await;
    assert_eq!(result, Ok(()), "SANDMILL_SEED={seed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_fsync_the_same_test_fails() {
    let (_folder, data) = data();
    let trial = Trial::new(&data, false);
    let server = trial.start();
    server.register("witness").await;
    server.deploy(WORKFLOW).await;
    let id = start(&server, "a", 1).await.unwrap();
    server.ended_execution(&id).await;
    server.kill();
    trial.lose_power(&mut Random(1));
    let server = trial.start();
    let (status, _) = server.get(&format!("/v1/executions/{id}")).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "what was never synced is gone, so the crash test would have noticed");
}
