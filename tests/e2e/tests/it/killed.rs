//! One real kill -9 in the middle of every kind of task: each workflow comes to the outcome that it has without it.
//!
//! Every workflow gets to where it is in the middle of its task and stays there for a while; then the process is killed, and the next one goes on.
//! What happens at every other moment is for the simulations, which take every scenario through crashes at each append.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::kit::{PATIENCE, Server, data};

/// Loops that keep a guest busy for some seconds in a debug build of the host.
const LONG: &str = "20000000000";

/// So much computing needs more than a task has where nobody says otherwise.
const PATIENT: [&str; 4] = ["--set", "task.cpu-time=5m", "--set", "task.wall-time=5m"];

struct Middle {
    /// The kind of task, which is the workflow's name.
    kind: &'static str,
    /// The tasks of the workflow.
    tasks: String,
    /// The task that is under way when the process is killed.
    task: &'static str,
    /// The output of the workflow.
    output: Value,
}

fn middle(kind: &'static str, task: &'static str, tasks: &str, output: Value) -> Middle {
    Middle { kind, tasks: tasks.replace("LONG", LONG), task, output }
}

/// Every kind of task, in its middle.
fn middles() -> Vec<Middle> {
    let pause = "{ pause: { wait: PT10S } }";
    vec![
        middle("wait", "pause", &format!("[ {pause}, {{ done: {{ set: {{ n: 1 }} }} }} ]"), json!({ "n": 1 })),
        middle("call", "work", "[ { work: { call: witness, with: { number: 1, loops: LONG } } } ]", json!(2)),
        middle(
            "do",
            "pause",
            &format!("[ {{ inner: {{ do: [ {pause}, {{ done: {{ set: '${{ 2 }}' }} }} ] }} }} ]"),
            json!(2),
        ),
        middle(
            "for",
            "pause",
            &format!(
                "[ {{ each: {{ for: {{ in: '${{ [1, 2] }}' }}, do: [ {pause}, {{ add: {{ set: {{ sum: '${{ (.sum // 0) + $item }}' }} }} }} ] }} }} ]"
            ),
            json!({ "sum": 3 }),
        ),
        middle(
            "map",
            "pause",
            &format!(
                "[ {{ each: {{ metadata: {{ for: {{ mode: map, concurrency: 2 }} }}, for: {{ in: '${{ [1, 2, 3] }}' }}, do: [ {{ slow: {{ if: '${{ $index > 0 }}', do: [ {pause} ] }} }}, {{ give: {{ set: '${{ $item * 10 }}' }} }} ] }} }} ]"
            ),
            json!([10, 20, 30]),
        ),
        middle(
            "fork",
            "pause",
            &format!(
                "[ {{ both: {{ fork: {{ branches: [ {{ quick: {{ set: '${{ 1 }}' }} }}, {{ slow: {{ do: [ {pause}, {{ two: {{ set: '${{ 2 }}' }} }} ] }} }} ] }} }} }} ]"
            ),
            json!([1, 2]),
        ),
        middle(
            "race",
            "pause",
            &format!(
                "[ {{ first: {{ fork: {{ compete: true, branches: [ {{ slow: {{ do: [ {pause}, {{ two: {{ set: '${{ 2 }}' }} }} ] }} }}, {{ never: {{ wait: PT1H }} }} ] }} }} }} ]"
            ),
            json!(2),
        ),
        middle(
            "retry",
            "careful",
            "[ { careful: { try: [ { risky: { raise: { error: { type: 'urn:x', status: 500 } } } } ], catch: { retry: { delay: PT10S, limit: { attempt: { count: 1 } } }, do: [ { handled: { set: { handled: true } } } ] } } } ]",
            json!({ "handled": true }),
        ),
        middle(
            "catch",
            "pause",
            &format!(
                "[ {{ careful: {{ try: [ {{ risky: {{ raise: {{ error: {{ type: 'urn:x', status: 500 }} }} }} }} ], catch: {{ as: problem, do: [ {pause}, {{ handled: {{ set: '${{ $problem.status }}' }} }} ] }} }} }} ]"
            ),
            json!(500),
        ),
        middle(
            "timeout",
            "bounded",
            "[ { careful: { try: [ { bounded: { wait: PT1H, timeout: { after: PT10S } } } ], catch: { errors: { with: { status: 408 } }, do: [ { late: { set: { late: true } } } ] } } } ]",
            json!({ "late": true }),
        ),
        middle(
            "run",
            "child",
            "[ { child: { run: { workflow: { namespace: killed, name: wait, version: latest } } } } ]",
            json!({ "n": 1 }),
        ),
        middle("function", "pause", "[ { called: { call: slowly, with: { n: 7 } } } ]", json!(7)),
        middle(
            "switch",
            "pause",
            &format!(
                "[ {{ choose: {{ switch: [ {{ later: {{ then: pause }} }} ] }} }}, {{ never: {{ set: {{ n: 0 }} }} }}, {pause}, {{ done: {{ set: {{ n: 2 }} }} }} ]"
            ),
            json!({ "n": 2 }),
        ),
        middle(
            "extension",
            "pause",
            "[ { extended: { raise: { error: { type: 'urn:x', status: 500 } } } } ]",
            json!({ "mocked": true }),
        ),
    ]
}

fn document(middle: &Middle) -> String {
    let used = match middle.kind {
        "function" => {
            "use: { functions: { slowly: { do: [ { pause: { wait: PT10S } }, { give: { set: '${ .n }' } } ] } } }\n"
        }
        "extension" => {
            "use: { extensions: [ { mock: { extend: raise, before: [ { pause: { wait: PT10S } }, { answer: { set: { mocked: true }, then: exit } } ] } } ] }\n"
        }
        _ => "",
    };
    let kind = middle.kind;
    format!(
        "document: {{ dsl: '1.0.3', namespace: killed, name: {kind}, version: '1.0.0' }}\n{used}do: {}\n",
        middle.tasks
    )
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
    let middles = middles();
    let server = Server::start(&data, &PATIENT);
    server.register("witness").await;
    for middle in &middles {
        server.deploy(&document(middle)).await;
    }
    let mut ids = Vec::new();
    for middle in &middles {
        ids.push(start(&server, middle.kind).await);
    }
    for (middle, id) in middles.iter().zip(&ids) {
        under_way(&server, id, middle.task).await;
    }
    server.kill();
    let server = Server::start(&data, &PATIENT);
    for (middle, id) in middles.iter().zip(&ids) {
        let ended = server.ended_execution(id).await;
        assert_eq!(
            (&ended["status"], &ended["output"]),
            (&json!("completed"), &middle.output),
            "{}: {ended}",
            middle.kind
        );
    }
}
