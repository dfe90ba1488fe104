//! One real kill -9 in the middle of every kind of task: each workflow comes to the outcome that it has without it.
//!
//! Every workflow gets to where it is in the middle of its task and stays there for a while; then the process is killed, and the next one goes on.
//! What happens at every other moment is for the simulations, which take every scenario through crashes at each append.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::kit::{PATIENCE, Server, data};

/// So much computing needs more than a task has where nobody says otherwise.
const PATIENT: [&str; 4] = ["--set", "task.cpu-time=5m", "--set", "task.wall-time=5m"];

struct Middle {
    /// The kind of task, which is the workflow's name.
    kind: &'static str,
    /// The task that is under way when the process is killed.
    task: &'static str,
    /// The tasks of the workflow. `PAUSE` stands for a task that waits.
    tasks: &'static str,
    /// The output of the workflow, as JSON.
    output: &'static str,
}

const fn middle(kind: &'static str, task: &'static str, tasks: &'static str, output: &'static str) -> Middle {
    Middle { kind, task, tasks, output }
}

/// Every kind of task, in its middle.
const MIDDLES: [Middle; 14] = [
    middle("wait", "pause", "[ PAUSE, { done: { set: { n: 1 } } } ]", r#"{ "n": 1 }"#),
    middle("call", "work", "[ { work: { call: witness, with: { number: 1, loops: 20000000000 } } } ]", "2"),
    middle("do", "pause", "[ { inner: { do: [ PAUSE, { done: { set: '${ 2 }' } } ] } } ]", "2"),
    middle(
        "for",
        "pause",
        "[ { each: { for: { in: '${ [1, 2] }' }, do: [ PAUSE, { add: { set: { sum: '${ (.sum // 0) + $item }' } } } ] } } ]",
        r#"{ "sum": 3 }"#,
    ),
    middle(
        "map",
        "pause",
        "[ { each: { metadata: { for: { mode: map, concurrency: 2 } }, for: { in: '${ [1, 2, 3] }' },
             do: [ { slow: { if: '${ $index > 0 }', do: [ PAUSE ] } }, { give: { set: '${ $item * 10 }' } } ] } } ]",
        "[10, 20, 30]",
    ),
    middle(
        "fork",
        "pause",
        "[ { both: { fork: { branches: [ { quick: { set: '${ 1 }' } }, { slow: { do: [ PAUSE, { two: { set: '${ 2 }' } } ] } } ] } } } ]",
        "[1, 2]",
    ),
    middle(
        "race",
        "pause",
        "[ { first: { fork: { compete: true, branches: [ { slow: { do: [ PAUSE, { two: { set: '${ 2 }' } } ] } }, { never: { wait: PT1H } } ] } } } ]",
        "2",
    ),
    middle(
        "retry",
        "careful",
        "[ { careful: { try: [ { risky: { raise: { error: { type: 'urn:x', status: 500 } } } } ],
             catch: { retry: { delay: PT10S, limit: { attempt: { count: 1 } } }, do: [ { handled: { set: { handled: true } } } ] } } } ]",
        r#"{ "handled": true }"#,
    ),
    middle(
        "catch",
        "pause",
        "[ { careful: { try: [ { risky: { raise: { error: { type: 'urn:x', status: 500 } } } } ],
             catch: { as: problem, do: [ PAUSE, { handled: { set: '${ $problem.status }' } } ] } } } ]",
        "500",
    ),
    middle(
        "timeout",
        "bounded",
        "[ { careful: { try: [ { bounded: { wait: PT1H, timeout: { after: PT10S } } } ],
             catch: { errors: { with: { status: 408 } }, do: [ { late: { set: { late: true } } } ] } } } ]",
        r#"{ "late": true }"#,
    ),
    middle(
        "run",
        "child",
        "[ { child: { run: { workflow: { namespace: killed, name: wait, version: latest } } } } ]",
        r#"{ "n": 1 }"#,
    ),
    middle("function", "pause", "[ { called: { call: slowly, with: { n: 7 } } } ]", "7"),
    middle(
        "switch",
        "pause",
        "[ { choose: { switch: [ { later: { then: pause } } ] } }, { never: { set: { n: 0 } } }, PAUSE, { done: { set: { n: 2 } } } ]",
        r#"{ "n": 2 }"#,
    ),
    middle(
        "extension",
        "pause",
        "[ { extended: { raise: { error: { type: 'urn:x', status: 500 } } } } ]",
        r#"{ "mocked": true }"#,
    ),
];

const PAUSE: &str = "{ pause: { wait: PT10S } }";

fn document(middle: &Middle) -> String {
    let used = match middle.kind {
        "function" => "use: { functions: { slowly: { do: [ PAUSE, { give: { set: '${ .n }' } } ] } } }\n",
        "extension" => {
            "use: { extensions: [ { mock: { extend: raise, before: [ PAUSE, { answer: { set: { mocked: true }, then: exit } } ] } } ] }\n"
        }
        _ => "",
    };
    let Middle { kind, tasks, .. } = middle;
    let head = format!("document: {{ dsl: '1.0.3', namespace: killed, name: {kind}, version: '1.0.0' }}");
    format!("{head}\n{used}do: {tasks}\n").replace("PAUSE", PAUSE)
}

async fn start(server: &Server, kind: &str) -> String {
    let request = server.request(Method::POST, &format!("/v1/workflows/killed/{kind}/executions"));
    let (status, execution) = server.answer(request).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{execution}");
    execution["id"].as_str().unwrap().to_owned()
}

/// Returns once a task of that name is under way.
async fn under_way(server: &Server, id: &str, task: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, tasks) = server.get(&format!("/v1/executions/{id}/tasks")).await;
        let items = tasks["items"].as_array().unwrap();
        let is_under_way = |item: &Value| ["running", "waiting"].contains(&item["status"].as_str().unwrap_or_default());
        if items.iter().any(|item| item["name"] == task && is_under_way(item)) {
            return;
        }
        assert!(Instant::now() < deadline, "`{task}` does not begin: {tasks}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_kill_in_the_middle_of_every_kind_of_task_changes_nothing() {
    let (_folder, data) = data();
    let server = Server::start(&data, &PATIENT);
    server.register("witness").await;
    for middle in &MIDDLES {
        server.deploy(&document(middle)).await;
    }
    let mut ids = Vec::new();
    for middle in &MIDDLES {
        ids.push(start(&server, middle.kind).await);
    }
    for (middle, id) in MIDDLES.iter().zip(&ids) {
        under_way(&server, id, middle.task).await;
    }
    server.kill();
    let server = Server::start(&data, &PATIENT);
    for (middle, id) in MIDDLES.iter().zip(&ids) {
        let ended = server.ended_execution(id).await;
        let output: Value = serde_json::from_str(middle.output).unwrap();
        assert_eq!((&ended["status"], &ended["output"]), (&json!("completed"), &output), "{}: {ended}", middle.kind);
    }
}
