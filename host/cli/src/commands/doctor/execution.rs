//! What `sandmill doctor --execution` says of an execution: what it waits for, who has to do something, and what it failed of.
//!
//! Knows of an execution what the API tells of it and of its tasks; the document says in which queue a call waits, and Redis or the server how that
//! queue is.

use sandmill_author::dry_run::parse_moment;
use sandmill_core::definition::{Definition, Kind, compile};
use sandmill_core::time::Millis;
use serde_json::Value;

use super::calls::Everything;
use super::{Check, bad, fair, fault, good, queue};
use crate::client::Client;
use crate::commands::executions;
use crate::failure::{Failure, Outcome};
use crate::output::cell;
use crate::settings::Settings;

const WHAT: &str = "execution";
const TASK: &str = "execution-task";

/// Tasks that are told one by one: a parallel map may have a thousand under way.
const TASKS_MAX: usize = 10;

pub(super) async fn check(client: &Client, redis: Option<&Settings>, id: &str) -> Vec<Check> {
    let path = format!("/v1/executions/{id}");
    let execution = match client.get(&path).await {
        Ok(execution) => execution,
        Err(failure) if failure.outcome == Outcome::Refused => {
            let advice = "`sandmill ps` lists those of this tenant, and --tenant names another one";
            return vec![bad(WHAT, format!("unknown execution: {failure}: {advice}"))];
        }
        Err(failure) => return vec![bad(WHAT, failure.to_string())],
    };
    let tasks = executions::pages(client, &format!("{path}/tasks"), &[], usize::MAX).await;
    match (cell(&execution, "status").as_str(), tasks) {
        ("suspended", tasks) => vec![suspended(&execution, tasks.err())],
        (_, Err(failure)) => vec![bad(WHAT, format!("its tasks cannot be read: {failure}"))],
        ("faulted", Ok(tasks)) => {
            let definition = definition(client, &execution).await;
            vec![ended(&execution), fault::check(&execution, &tasks, definition.as_ref())]
        }
        ("completed" | "cancelled", Ok(_)) => vec![ended(&execution)],
        (_, Ok(tasks)) => under_way(client, redis, &execution, &tasks).await,
    }
}

fn ended(execution: &Value) -> Check {
    let (id, status) = (cell(execution, "id"), cell(execution, "status"));
    let found = format!("{} {status} at {}", cell(execution, "workflow"), cell(execution, "ended_at"));
    match status.as_str() {
        "completed" => good(WHAT, found),
        "cancelled" => fair(WHAT, format!("{found}: somebody ended it; `sandmill rerun {id}` runs it again")),
        _ => bad(WHAT, found),
    }
}

/// An execution stands still because somebody said so, or because its journal cannot be followed, which is told to whoever asks for its tasks.
fn suspended(execution: &Value, unreadable: Option<Failure>) -> Check {
    let (id, workflow) = (cell(execution, "id"), cell(execution, "workflow"));
    match unreadable {
        None => fair(WHAT, format!("{workflow} is suspended: `sandmill resume {id}` lets it go on")),
        Some(failure) if failure.outcome == Outcome::Refused => {
            let advice = format!(
                "run the server with the version of the program that wrote its journal, or end it with `sandmill cancel {id}`"
            );
            bad(WHAT, format!("{workflow} is held: {failure}: {advice}"))
        }
        Some(failure) => bad(WHAT, format!("{workflow} is suspended, and its tasks cannot be read: {failure}")),
    }
}

async fn under_way(client: &Client, redis: Option<&Settings>, execution: &Value, tasks: &[Value]) -> Vec<Check> {
    let (workflow, status) = (cell(execution, "workflow"), cell(execution, "status"));
    let since = cell(execution, "started_at");
    let first = match tasks.is_empty() {
        true => fair(
            WHAT,
            format!("{workflow} was accepted at {since}, and has not begun: the server has others to begin before it"),
        ),
        false => good(WHAT, format!("{workflow} is {status}, and was started at {since}")),
    };
    let open: Vec<&Value> = tasks.iter().filter(|task| is_leaf(task)).collect();
    let mut checks = vec![first];
    for task in open.iter().take(TASKS_MAX) {
        checks.push(describe(client, task).await);
    }
    if open.len() > TASKS_MAX {
        let more = open.len() - TASKS_MAX;
        checks.push(good(TASK, format!("and {more} more: `sandmill show {}` lists all", cell(execution, "id"))));
    }
    let calls: Vec<&Value> = open.into_iter().filter(|task| is_with_workers(task)).collect();
    if !calls.is_empty() {
        let definition = definition(client, execution).await;
        let queues = calls.iter().map(|task| queue_of(definition.as_ref(), task)).collect();
        checks.extend(queue::check(client, redis, &queues).await);
    }
    checks
}

/// True for a task that something is waited for; a list that runs has such tasks in it.
fn is_leaf(task: &Value) -> bool {
    match cell(task, "status").as_str() {
        "pending" | "waiting" => true,
        "running" => task["attempt"] != 0,
        _ => false,
    }
}

/// True for a call that a worker has, or has to take.
fn is_with_workers(task: &Value) -> bool {
    task.get("execution").is_none() && ["pending", "running"].iter().any(|status| task["status"] == *status)
}

/// What a task waits for.
async fn describe(client: &Client, task: &Value) -> Check {
    let pointer = cell(task, "pointer");
    if let Some(child) = task.get("execution").and_then(Value::as_str) {
        let status = match client.get(&format!("/v1/executions/{child}")).await {
            Ok(execution) => cell(&execution, "status"),
            Err(failure) => failure.to_string(),
        };
        let advice = format!("`sandmill doctor --execution {child}` says more");
        return good(TASK, format!("{pointer} waits for the execution {child} ({status}): {advice}"));
    }
    let (status, attempt, since) = (cell(task, "status"), cell(task, "attempt"), cell(task, "started_at"));
    match status.as_str() {
        "pending" => fair(TASK, format!("{pointer} waits since {since} to be handed to the queue")),
        "waiting" if attempt != "0" => {
            fair(TASK, format!("{pointer} failed in attempt {attempt} and waits for the next one"))
        }
        "waiting" => good(TASK, waiting(&pointer, task)),
        _ => {
            let progress = match cell(task, "progress.message") {
                text if text.is_empty() => text,
                text => format!(": {text}"),
            };
            good(TASK, format!("{pointer} is with the workers since {since}, attempt {attempt}{progress}"))
        }
    }
}

fn waiting(pointer: &str, task: &Value) -> String {
    let until = task.pointer("/config/milliseconds").and_then(Value::as_u64).and_then(|span| {
        let started_at = parse_moment(&cell(task, "started_at"))?;
        Some(started_at.after(Millis(span)))
    });
    match until {
        Some(until) => format!("{pointer} is a `wait` and waits until {until}"),
        None => format!("{pointer} waits for the next round of its `try`"),
    }
}

/// The queue that a call waits in.
fn queue_of(definition: Option<&Definition>, task: &Value) -> String {
    let node = definition.and_then(|definition| Some(definition.node(definition.find(task["pointer"].as_str()?)?)));
    match node.map(|node| &node.kind) {
        Some(Kind::Call(call)) => call.options.queue.to_string(),
        _ => definition.map(|definition| definition.defaults.queue.to_string()).unwrap_or_default(),
    }
}

/// The definition that an execution runs on: `None` where it is not there any more, or says nothing to this program.
async fn definition(client: &Client, execution: &Value) -> Option<Definition> {
    let workflow = cell(execution, "workflow");
    let (name, version) = workflow.rsplit_once(':')?;
    let document = client.bytes(&format!("/v1/workflows/{name}/{version}/document")).await.ok()?;
    compile(&document, &Everything).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Verdict;
    use super::*;

    #[test]
    fn an_execution_that_is_held_is_told_from_one_that_is_suspended() {
        let execution = json!({ "id": "6f1c", "workflow": "demo/report:1.0.0", "status": "suspended" });
        let asleep = suspended(&execution, None);
        assert!(asleep.verdict == Verdict::Fair && asleep.found.contains("`sandmill resume 6f1c`"), "{}", asleep.found);
        let held = suspended(&execution, Some(Failure::new(Outcome::Refused, "at record 3 it diverges")));
        assert!(held.verdict == Verdict::Bad, "{}", held.found);
        assert!(
            held.found.contains("held: at record 3") && held.found.contains("`sandmill cancel 6f1c`"),
            "{}",
            held.found
        );
        let away = suspended(&execution, Some(Failure::new(Outcome::Unavailable, "gone")));
        assert!(away.verdict == Verdict::Bad && !away.found.contains("held"), "{}", away.found);
    }

    #[test]
    fn a_wait_says_until_when_and_a_round_what_it_is() {
        let task = json!({ "started_at": "2026-01-31T12:00:00Z", "config": { "milliseconds": 60_000 } });
        assert!(waiting("/do/0/pause", &task).contains("until 2026-01-31T12:01:00"));
        assert!(waiting("/do/0/careful", &json!({})).contains("next round"));
    }

    #[test]
    fn a_call_waits_in_the_queue_that_its_document_names() {
        let document = "
document: { dsl: '1.0.3', namespace: demo, name: q, version: '1.0.0', metadata: { defaults: { queue: slow } } }
do:
  - a: { call: greet, metadata: { task: { queue: gpu } } }
  - b: { call: greet }
";
        let definition = compile(document.as_bytes(), &Everything).unwrap();
        assert_eq!(queue_of(Some(&definition), &json!({ "pointer": "/do/0/a" })), "gpu");
        assert_eq!(queue_of(Some(&definition), &json!({ "pointer": "/do/1/b" })), "slow");
        assert_eq!(queue_of(Some(&definition), &json!({ "pointer": "outside" })), "slow");
    }

    #[test]
    fn lists_are_not_told_beside_what_runs_in_them() {
        for (task, expected) in [
            (json!({ "status": "running", "attempt": 0 }), false),
            (json!({ "status": "running", "attempt": 1 }), true),
            (json!({ "status": "waiting", "attempt": 0 }), true),
            (json!({ "status": "completed", "attempt": 1 }), false),
        ] {
            assert_eq!(is_leaf(&task), expected, "{task}");
        }
    }
}
