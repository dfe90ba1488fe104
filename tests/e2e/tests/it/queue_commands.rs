//! `sandmill queue`, `doctor` and `config show`, with a real Redis: what operators see of the queue, and what they do about dead letters.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use sandmill_testkit::{AppendOnly, RedisServer, RedisSetup};
use serde_json::{Value, json};

use crate::kit::{PATIENCE, Server, data, json, root, sandmill};

#[track_caller]
fn check_code(output: &Output, code: i32) {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A command with the Redis of a test, in a folder without settings.
fn with_redis(redis: &RedisServer, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    sandmill(arguments).args(["--redis", &redis.url()]).current_dir(folder.path()).output().unwrap()
}

/// A dead letter that was put there by hand; its id.
fn bury(redis: &RedisServer, task: &str, envelope: &str) -> String {
    redis.cli(&[
        "XADD",
        "sandmill:{queue}:dead",
        "*",
        "reason",
        "unreadable",
        "task_exec_id",
        task,
        "tenant",
        "default",
        "engine",
        "e",
        "attempt",
        "1",
        "stream",
        "s",
        "worker",
        "w",
        "envelope",
        envelope,
    ])
}

/// What the doctor says of one thing.
#[track_caller]
fn verdict(checks: &Value, what: &str) -> String {
    let check = checks.as_array().unwrap().iter().find(|check| check["check"] == what);
    check.unwrap_or_else(|| panic!("{what}: {checks:#}"))["verdict"].as_str().unwrap().to_owned()
}

/// A worker in a process of its own; killed when it is dropped.
struct Worker(Child);

impl Worker {
    fn start(redis: &RedisServer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = sandmill(&["worker", "--redis", &redis.url(), "--set", "log.level=warn", "--slots", "2"]);
        let data = folder.keep();
        command.arg("--data-dir").arg(&data).current_dir(&data).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("works on default"), "{line}");
        Self(child)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until something is so.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn dead_letters_are_listed_in_pages_and_dropped() {
    let redis = RedisServer::plain();
    assert_eq!(json(&with_redis(&redis, &["queue", "dead", "--json"])), json!([]));
    let task = format!("{:032x}-7", 0xabc);
    let first = bury(&redis, &task, "{\"v\":2}");
    let second = bury(&redis, "nobody", "no JSON");

    let page = json(&with_redis(&redis, &["queue", "dead", "--json", "--limit", "1"]));
    assert_eq!(page.as_array().unwrap().len(), 1);
    assert_eq!(
        (&page[0]["id"], &page[0]["task_exec_id"], &page[0]["envelope"]),
        (&json!(first), &json!(task), &json!("{\"v\":2}"))
    );
    assert!(page[0]["at"].as_str().unwrap().ends_with('Z'), "{page}");
    let rest = json(&with_redis(&redis, &["queue", "dead", "--json", "--after", &first]));
    assert_eq!((rest.as_array().unwrap().len(), &rest[0]["id"]), (1, &json!(second)));
    let text = with_redis(&redis, &["queue", "dead", "--limit", "1"]);
    let shown = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(shown.contains(&task) && shown.contains("unreadable") && shown.contains("default"), "{shown}");
    assert!(stderr(&text).contains(&format!("--after {first}")), "{}", stderr(&text));

    let stats = json(&with_redis(&redis, &["queue", "stats", "--json"]));
    assert_eq!((&stats["dead"], &stats["owner"], &stats["workers"]), (&json!(2), &Value::Null, &json!([])));
    check_code(&with_redis(&redis, &["queue", "retry", &second]), 3);
    assert!(stderr(&with_redis(&redis, &["queue", "retry", &second])).contains("does not say which task"));
    check_code(&with_redis(&redis, &["queue", "drop", &first]), 0);
    check_code(&with_redis(&redis, &["queue", "drop", &first]), 3);
    check_code(&with_redis(&redis, &["queue", "retry", &first]), 3);
    check_code(&with_redis(&redis, &["queue", "drop", "last"]), 3);
    assert_eq!(json(&with_redis(&redis, &["queue", "dead", "--json"])).as_array().unwrap().len(), 1);
}

#[test]
fn bytes_that_are_no_text_are_shown_as_they_are() {
    let redis = RedisServer::plain();
    let _ = redis.cli(&[
        "EVAL",
        "return redis.call('XADD', KEYS[1], '*', 'envelope', '\\255\\0a')",
        "1",
        "sandmill:{queue}:dead",
    ]);
    let letters = json(&with_redis(&redis, &["queue", "dead", "--json"]));
    assert_eq!(letters[0]["envelope_hex"], "ff0061");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_no_worker_can_read_is_run_again_by_retry() {
    let redis = RedisServer::plain();
    let (_folder, data) = data();
    let server = Server::start(&data, &["--redis", &redis.url(), "--no-local-worker"]);
    server.register("greet").await;
    server.deploy(&std::fs::read_to_string(root().join("examples/hello/workflow.yaml")).unwrap()).await;
    let started = json(&server.run(&["trigger", "examples/hello", "--input", r#"{"name": "Ada"}"#, "--json"]));
    let id = started["id"].as_str().unwrap().to_owned();
    let stream = "sandmill:{queue}:stream:default:normal";
    until("the task comes to Redis", || redis.cli(&["XLEN", stream]) == "1");
    let stats = || json(&with_redis(&redis, &["queue", "stats", "--json"]));
    assert!(stats()["owner"]["pid"].is_u64());

    // Somebody writes over the message, as a newer version might.
    let _ = redis.cli(&["EVAL", BREAK, "1", stream]);
    let _worker = Worker::start(&redis);
    assert_eq!(server.ended_execution(&id).await["status"], "faulted");
    until("the worker is on the list", || stats()["workers"][0]["slots"] == 2);
    assert_eq!(stats()["dead"], 1);
    let letters = json(&with_redis(&redis, &["queue", "dead", "--json"]));
    let (letter, task) = (letters[0]["id"].as_str().unwrap(), letters[0]["task_exec_id"].as_str().unwrap());
    assert!(task.starts_with(&id), "{task}");
    assert!(letters[0]["reason"].as_str().unwrap().contains("version 99"), "{letters}");

    // Without its server, nothing is run again, and the letter stays.
    let alone = with_redis(&redis, &["queue", "retry", letter, "--server", "http://127.0.0.1:9"]);
    check_code(&alone, 6);
    let again = with_redis(&redis, &["queue", "retry", letter, "--json", "--server", &server.url]);
    check_code(&again, 0);
    let again = json(&again);
    assert_eq!(again["rerun_of"], json!(id));
    let ended = server.ended_execution(again["id"].as_str().unwrap()).await;
    assert_eq!((&ended["status"], &ended["output"]), (&json!("completed"), &json!({ "text": "Hello, Ada!" })));
    assert_eq!(stats()["dead"], 0);

    check_metrics(&server).await;
    let checks = json(&with_redis(&redis, &["doctor", "--json", "--server", &server.url]));
    for what in ["queue-engine", "queue-workers", "queue-dead-letters", "redis-permissions"] {
        assert_eq!(verdict(&checks, what), "good", "{what}: {checks:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_measures_how_long_tasks_waited() {
    let redis = RedisServer::plain();
    let (_folder, data) = data();
    let server = Server::start(&data, &["--redis", &redis.url()]);
    server.register("greet").await;
    server.deploy(&std::fs::read_to_string(root().join("examples/hello/workflow.yaml")).unwrap()).await;
    let started = json(&server.run(&["trigger", "examples/hello", "--input", r#"{"name": "Ada"}"#, "--json"]));
    assert_eq!(server.ended_execution(started["id"].as_str().unwrap()).await["status"], "completed");
    let (_, metrics) = server.get("/metrics").await;
    let metrics = metrics.as_str().unwrap();
    let count = metrics.lines().find_map(|line| line.strip_prefix("sandmill_queue_wait_seconds_count "));
    assert_eq!(count, Some("1"), "{metrics}");
}

/// The engine measures its queue every two seconds.
async fn check_metrics(server: &Server) {
    let wanted = [
        "sandmill_queue_depth 0",
        "sandmill_queue_oldest_seconds 0",
        "sandmill_queue_workers 1",
        "sandmill_queue_slots 2",
        "sandmill_queue_dead_letters 0",
    ];
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, metrics) = server.get("/metrics").await;
        let metrics = metrics.as_str().unwrap();
        if wanted.iter().all(|line| metrics.contains(line)) {
            return;
        }
        assert!(Instant::now() < deadline, "{metrics}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Puts the one message of a stream in again, with an envelope of a version that nobody knows.
const BREAK: &str = "\
    local found = redis.call('XRANGE', KEYS[1], '-', '+')[1]
    local fields = found[2]
    for i = 1, #fields, 2 do
      if fields[i] == 'envelope' then fields[i + 1] = '{\"v\":99}' end
    end
    redis.call('DEL', 'sandmill:{queue}:state:default:' .. fields[2])
    redis.call('XDEL', KEYS[1], found[1])
    return redis.call('XADD', KEYS[1], '*', unpack(fields))";

#[test]
fn the_doctor_likes_a_server_that_is_set_up_well() {
    let redis = RedisServer::start(RedisSetup { maxmemory_bytes: Some(256 << 20), ..RedisSetup::default() });
    let output = with_redis(&redis, &["doctor", "--json"]);
    check_code(&output, 0);
    let checks = json(&output);
    let good = ["redis", "redis-version", "redis-role", "redis-eviction", "redis-persistence", "redis-memory"];
    for what in good.iter().chain(&["redis-clock", "redis-permissions", "queue-dead-letters"]) {
        assert_eq!(verdict(&checks, what), "good", "{what}: {checks:#}");
    }
    assert_eq!(verdict(&checks, "queue-engine"), "fair");
    assert_eq!(verdict(&checks, "queue-workers"), "fair");
    assert_eq!(redis.cli(&["DBSIZE"]), "0", "nothing is left behind");
}

#[test]
fn the_doctor_names_what_is_wrong() {
    let redis = RedisServer::start(RedisSetup { append_only: AppendOnly::Never, ..RedisSetup::default() });
    let _ = bury(&redis, "nobody", "");
    assert_eq!(redis.cli(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]), "OK");
    let output = with_redis(&redis, &["doctor", "--json"]);
    check_code(&output, 1);
    let checks = json(&output);
    assert_eq!(verdict(&checks, "redis-eviction"), "bad");
    for what in ["redis-persistence", "redis-memory", "queue-dead-letters"] {
        assert_eq!(verdict(&checks, what), "fair", "{what}: {checks:#}");
    }
    let replica = RedisServer::start(RedisSetup { replica_of: Some(redis.port()), ..RedisSetup::default() });
    let checks = json(&with_redis(&replica, &["doctor", "--json"]));
    assert_eq!(verdict(&checks, "redis-role"), "bad");
    let url = "redis://127.0.0.1:9";
    let folder = tempfile::tempdir().unwrap();
    let away = sandmill(&["doctor", "--json", "--redis", url]).current_dir(folder.path()).output().unwrap();
    check_code(&away, 1);
    assert_eq!(verdict(&json(&away), "redis"), "bad");
}

#[test]
fn the_doctor_names_permissions_that_are_missing() {
    let rules = "on >hush resetchannels ~sandmill:* &sandmill:* +@all -xautoclaim -subscribe -acl -config";
    let user = Some(("sand".to_owned(), rules.to_owned()));
    let redis = RedisServer::start(RedisSetup { user, ..RedisSetup::default() });
    let folder = tempfile::tempdir().unwrap();
    let doctor = |password: &str| {
        let url = format!("redis://sand:{password}@127.0.0.1:{}", redis.port());
        let mut command = sandmill(&["doctor", "--json", "--redis", &url]);
        command.current_dir(folder.path()).output().unwrap()
    };
    let output = doctor("hush");
    check_code(&output, 1);
    let checks = json(&output);
    assert_eq!(verdict(&checks, "redis-permissions"), "bad");
    let text = checks.to_string();
    assert!(text.contains("xautoclaim") && text.contains("subscribe"), "{text}");
    assert_eq!(verdict(&checks, "redis-eviction"), "good", "without the permission for CONFIG");
    let output = doctor("guess");
    check_code(&output, 1);
    assert!(json(&output).to_string().contains("redis.password"), "{output:?}");
}

#[test]
fn passwords_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let output = sandmill(&["config", "show", "--set", "redis.url=redis://sand:hush@example.org:6379/2"])
        .env("SANDMILL_REDIS_PASSWORD", "silence")
        .current_dir(folder.path())
        .output()
        .unwrap();
    check_code(&output, 0);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("redis://sand@example.org:6379/2") && text.contains("(hidden)"), "{text}");
    assert!(!text.contains("hush") && !text.contains("silence"), "{text}");
}

#[test]
fn a_redis_that_is_away_is_told_with_its_own_code() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| sandmill(arguments).current_dir(folder.path()).output().unwrap();
    let output = run(&["queue", "stats", "--redis", "redis://127.0.0.1:9"]);
    check_code(&output, 6);
    assert!(stderr(&output).contains("sandmill doctor"), "{}", stderr(&output));
    let output = run(&["queue", "dead"]);
    check_code(&output, 3);
    assert!(stderr(&output).contains("--redis"), "{}", stderr(&output));
}
