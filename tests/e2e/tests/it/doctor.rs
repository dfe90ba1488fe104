//! `sandmill doctor` with a real server: every trouble of the list is made for real, and the doctor has to name it, its place and what to do.

use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, Instant};

use sandmill_testkit::RedisServer;
use serde_json::Value;
use tempfile::TempDir;

use crate::kit::{PATIENCE, Server, data, json, sandmill};

/// A call that computes for so long that every limit ends it.
const ENDLESS: &str = "
document: { dsl: '1.0.3', namespace: doctor, name: endless, version: '1.0.0' }
do:
  - work: { call: 'witness:0.1.0@default', with: { number: 1, loops: 20000000000 } }
";

/// A call in a queue of its own.
const QUEUED: &str = "
document: { dsl: '1.0.3', namespace: doctor, name: queued, version: '1.0.0' }
do:
  - work: { call: 'witness:0.1.0@default', with: { number: 1 }, metadata: { task: { queue: gpu } } }
";

const SLEEPY: &str = "
document: { dsl: '1.0.3', namespace: doctor, name: sleepy, version: '1.0.0' }
do:
  - sleep: { wait: { hours: 1 } }
";

const PARENT: &str = "
document: { dsl: '1.0.3', namespace: doctor, name: parent, version: '1.0.0' }
do:
  - child: { run: { workflow: { namespace: doctor, name: sleepy, version: '1.0.0' } } }
";

/// A server, and the folder that its doctor works in.
struct Patient {
    folder: TempDir,
    data: PathBuf,
    server: Server,
}

impl Patient {
    fn new(arguments: &[&str]) -> Self {
        let (folder, data) = data();
        let server = Server::start(&data, arguments);
        Self { folder, data, server }
    }

    /// What the doctor says, where something is bad and where all is well.
    #[track_caller]
    fn doctor(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let setting = format!("data-dir={}", self.data.display());
        let mut command = sandmill(&["doctor", "--json", "--server", &self.server.url]);
        command.args(["--set", &setting, "--set", "free-disk-reserve=0"]).args(arguments);
        let output = command.current_dir(self.folder.path()).output().unwrap();
        (output.status.code(), json(&output))
    }

    /// Something is bad, and what is said of it has all these words.
    #[track_caller]
    fn check_bad(&self, arguments: &[&str], what: &str, words: &[&str]) {
        let (code, checks) = self.doctor(arguments);
        assert_eq!(code, Some(1), "{checks:#}");
        check(&checks, what, "bad", words);
    }

    /// Nothing is bad, and what is said of one thing has all these words.
    #[track_caller]
    fn check_well(&self, arguments: &[&str], what: &str, verdict: &str, words: &[&str]) {
        let (code, checks) = self.doctor(arguments);
        assert_eq!(code, Some(0), "{checks:#}");
        check(&checks, what, verdict, words);
    }

    /// A document on its disk.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Output {
        let output = self.server.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        output
    }

    fn start(&self, workflow: &str) -> String {
        json(&self.run(&["trigger", workflow, "--json"]))["id"].as_str().unwrap().to_owned()
    }
}

/// One of the checks of that name has that verdict, and all these words.
#[track_caller]
fn check(checks: &Value, what: &str, verdict: &str, words: &[&str]) {
    let is_it = |check: &&Value| {
        let found = check["found"].as_str().unwrap();
        check["check"] == what && check["verdict"] == verdict && words.iter().all(|word| found.contains(word))
    };
    assert!(checks.as_array().unwrap().iter().any(|check| is_it(&check)), "{what}, {verdict}, {words:?}: {checks:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_does_not_convert() {
    let patient = Patient::new(&[]);
    let broken = patient.file("broken.yaml", &SLEEPY.replace("wait:", "wiat:"));
    let validate = format!("`sandmill workflow validate {broken}`");
    patient.check_bad(&["--file", &broken], "file", &["does not convert", "line 4", "/do/0/sleep", &validate]);
    let text = sandmill(&["doctor", "--file", &broken]).current_dir(patient.folder.path()).output().unwrap();
    assert!(String::from_utf8_lossy(&text.stdout).contains("bad"), "{text:?}");
    let nowhere = patient.folder.path().join("nowhere.yaml").display().to_string();
    patient.check_bad(&["--file", &nowhere], "file", &["nowhere.yaml cannot be read"]);
    let whole = patient.file("whole.yaml", SLEEPY);
    patient.check_well(&["--file", &whole], "file", "good", &["doctor/sleepy:1.0.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_is_not_registered() {
    let patient = Patient::new(&[]);
    let endless = patient.file("endless.yaml", ENDLESS);
    let words = ["plugin not registered", "line 4", "/do/0/work", "`sandmill plugin add witness:0.1.0 FILE`"];
    patient.check_bad(&["--file", &endless], "file-plugins", &words);
    patient.server.register("witness").await;
    patient.check_well(&["--file", &endless], "file-plugins", "good", &["registered: witness"]);
    let misspelt = patient.file("misspelt.yaml", &ENDLESS.replace("'witness:", "'witnes:"));
    patient.check_bad(&["--file", &misspelt], "file-plugins", &["did you mean `witness`?"]);

    patient.server.deploy(ENDLESS).await;
    let both = ["--workflow", "doctor/endless", "--file", &endless];
    patient.check_well(&both, "workflow-plugins", "good", &["registered: witness:0.1.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_of_a_catalog() {
    let (folder, _) = data();
    let catalog = folder.path().join("catalog");
    fs::create_dir_all(catalog.join("functions/log/1.0.0")).unwrap();
    fs::write(catalog.join("functions/log/1.0.0/function.yaml"), "set: { logged: true }").unwrap();
    let named = format!("https://example.com/catalog={}", catalog.display());
    let patient = Patient::new(&["--catalog", &named]);
    let document = "
document: { dsl: '1.0.3', namespace: doctor, name: logs, version: '1.0.0' }
use: { catalogs: { shared: { endpoint: 'https://example.com/catalog' } } }
do:
  - log: { call: 'log:1.0.0@shared' }
";
    let there = patient.file("there.yaml", document);
    patient.check_well(&["--file", &there], "file", "good", &["doctor/logs:1.0.0"]);
    let gone = patient.file("gone.yaml", &document.replace("log:1.0.0", "log:2.0.0"));
    patient.check_bad(&["--file", &gone], "file-functions", &["unknown function", "/do/0/log", "`2.0.0`", "--catalog"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_workflow() {
    let patient = Patient::new(&[]);
    patient.check_bad(&["--workflow", "doctor/sleepy"], "workflow", &["unknown workflow", "none is deployed"]);
    let parent = patient.file("parent.yaml", PARENT);
    let words = ["/do/0/child", "unknown workflow", "`doctor/sleepy`", "`sandmill workflow apply FILE`"];
    patient.check_bad(&["--file", &parent], "file-workflows", &words);
    patient.server.deploy(PARENT).await;
    patient.check_bad(&["--workflow", "doctor/parent"], "workflow-workflows", &words);

    patient.server.deploy(SLEEPY).await;
    patient.check_well(&["--workflow", "doctor/parent"], "workflow-workflows", "good", &["doctor/sleepy"]);
    let words = ["unknown workflow", "did you mean `doctor/sleepy`, in 1.0.0?", "`sandmill workflow apply FILE`"];
    patient.check_bad(&["--workflow", "doctor/slepy"], "workflow", &words);
    patient.check_bad(&["--workflow", "doctor/sleepy:2.0.0"], "workflow", &["no version 2.0.0", "only 1.0.0"]);
    patient.check_well(&["--workflow", "doctor/sleepy:1.0.0"], "workflow", "good", &["is deployed since"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_that_waits_or_stands_still() {
    let patient = Patient::new(&[]);
    patient.server.deploy(SLEEPY).await;
    patient.server.deploy(PARENT).await;
    let unknown = "6f1c2a7e9b3d4c5f8a0b1c2d3e4f5a6b";
    patient.check_bad(&["--execution", unknown], "execution", &["unknown execution", unknown, "`sandmill ps`"]);

    let parent = patient.start("doctor/parent");
    let told = |id: &str| patient.doctor(&["--execution", id]).1;
    let child = until("the child begins", || {
        let tasks = json(&patient.run(&["show", &parent, "--json"]));
        tasks["tasks"][0]["execution"].as_str().map(str::to_owned)
    });
    let advice = format!("`sandmill doctor --execution {child}`");
    check(&told(&parent), "execution-task", "good", &["/do/0/child waits for the execution", &advice]);
    until("the child waits", || told(&child).to_string().contains("is waiting").then_some(()));
    check(&told(&child), "execution-task", "good", &["/do/0/sleep is a `wait` and waits until 20"]);

    patient.run(&["suspend", &child]);
    let words = ["doctor/sleepy:1.0.0 is suspended", &format!("`sandmill resume {child}`")];
    patient.check_well(&["--execution", &child], "execution", "fair", &words);
    patient.run(&["cancel", &parent]);
    assert_eq!(patient.server.ended_execution(&parent).await["status"], "cancelled");
    patient.check_well(&["--execution", &parent], "execution", "fair", &["cancelled at", "sandmill rerun"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_whose_task_no_worker_takes() {
    let mut redis = RedisServer::plain();
    let patient = Patient::new(&["--redis", &redis.url()]);
    patient.server.register("witness").await;
    patient.server.deploy(QUEUED).await;
    let id = patient.start("doctor/queued");
    let url = redis.url();
    let with_redis = ["--execution", &id, "--redis", &url];
    let stream = "sandmill:{queue}:stream:gpu:normal";
    until("the task comes to Redis", || (redis.cli(&["XLEN", stream]) == "1").then_some(()));
    let words = ["no worker takes the queue `gpu`", "`sandmill worker --redis URL --queue gpu`"];
    patient.check_bad(&with_redis, "execution-queue", &words);
    let text = patient.doctor(&["--execution", &id]).1;
    check(&text, "execution-queue", "fair", &["name its Redis with --redis URL"]);

    redis.kill();
    until("the server misses Redis", || {
        let checks = patient.doctor(&["--execution", &id]).1.to_string();
        checks.contains("until the server is ready").then_some(())
    });
    let words = ["tasks wait until the server is ready", "`sandmill explain queue-unavailable`"];
    patient.check_bad(&["--execution", &id], "execution-queue", &words);
    patient.check_bad(&with_redis, "redis", &["start it"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_took_too_long() {
    let patient = Patient::new(&["--set", "task.cpu-time=300ms"]);
    let slow = Patient::new(&["--set", "task.cpu-time=5m", "--set", "task.wall-time=300ms"]);
    let endless = ["`sandmill explain limit-cpu-time`", "/do/0/work (attempt 1)", "--set task.cpu-time=TIME"];
    check_fault(&patient, ENDLESS, &endless).await;
    let endless = ["`sandmill explain limit-wall-time`", "/do/0/work (attempt 1)", "--set task.wall-time=TIME"];
    check_fault(&slow, ENDLESS, &endless).await;

    let patient = Patient::new(&["--set", "task.cpu-time=5m", "--set", "task.wall-time=5m"]);
    let own = ENDLESS.replace("} }", "}, timeout: { after: PT0.3S } }").replace("endless", "own");
    check_fault(&patient, &own, &["/do/0/work (attempt 1) failed: timeout", "PT0.3S", "set at `/do/0/work/timeout`"])
        .await;
    let whole = ENDLESS.replace("do:\n", "timeout: { after: PT0.3S }\ndo:\n").replace("endless", "whole");
    check_fault(&patient, &whole, &["the workflow failed: timeout", "PT0.3S", "set at `/timeout`"]).await;
    let patient = Patient::new(&["--set", "task.timeout=300ms"]);
    check_fault(&patient, ENDLESS, &["failed: timeout", "tenant defaults", "--set task.timeout=TIME"]).await;
}

/// Runs a workflow that faults, and looks at what is said of it.
async fn check_fault(patient: &Patient, document: &str, words: &[&str]) {
    let name = document.split("name: ").nth(1).unwrap().split(',').next().unwrap();
    patient.server.register("witness").await;
    patient.server.deploy(document).await;
    let id = patient.start(&format!("doctor/{name}"));
    assert_eq!(patient.server.ended_execution(&id).await["status"], "faulted");
    let rerun = format!("`sandmill rerun {id}`");
    patient.check_bad(&["--execution", &id], "execution-fault", &[words, &[&rerun]].concat());
}

#[test]
fn a_store_that_cannot_be_reached() {
    let patient = Patient::new(&[]);
    let process = format!("process {} (`sandmill up`)", patient.server.process.id());
    patient.check_well(&[], "data-dir", "good", &["is in use by", &process]);
    let elsewhere = ["--server", "http://127.0.0.1:9"];
    let setting = format!("data-dir={}", patient.data.display());
    let doctor = |arguments: &[&str]| {
        let mut command = sandmill(&["doctor", "--json"]);
        let output = command.args(elsewhere).args(arguments).current_dir(patient.folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        json(&output)
    };
    let held = doctor(&["--set", &setting, "--set", "free-disk-reserve=0"]);
    check(
        &held,
        "data-dir",
        "bad",
        &[&patient.data.display().to_string(), "is held by", &process, "--set data-dir=FOLDER"],
    );
    check(&held, "server", "fair", &["cannot be reached", "sandmill up"]);
    let unwritable = doctor(&["--set", "data-dir=/proc/nothing"]);
    check(&unwritable, "data-dir", "bad", &["/proc cannot be written", "--set data-dir=FOLDER"]);
    let full = doctor(&["--set", "free-disk-reserve=1000TiB"]);
    check(&full, "data-dir", "bad", &["MiB left", "free-disk-reserve", "free some of it"]);
    let unasked = doctor(&["--set", "free-disk-reserve=0", "--execution", "6f1c", "--workflow", "doctor/sleepy"]);
    check(&unasked, "execution", "bad", &["cannot be reached"]);
    check(&unasked, "workflow", "bad", &["cannot be reached"]);
}

/// Waits until there is something.
#[track_caller]
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
