//! What an execution failed of: which task, with which error, which limit that was, where it is set, and what to do.

use sandmill_core::definition::Definition;
use sandmill_core::problem::{ErrorKind, same_type};
use serde_json::Value;

use super::{Check, bad};
use crate::commands::explain;
use crate::output::cell;
use crate::settings::{Kind, SETTINGS, Setting};

const WHAT: &str = "execution-fault";

/// What stands before the codes of our own problems.
const PROBLEMS: &str = "https://sandmill.dev/problems/";

pub(super) fn check(execution: &Value, tasks: &[Value], definition: Option<&Definition>) -> Check {
    let problem = &execution["error"];
    let (id, kind, place) = (cell(execution, "id"), cell(problem, "type"), cell(problem, "instance"));
    let code = code(&kind);
    let detail = match (cell(problem, "detail"), cell(problem, "title")) {
        (detail, title) if detail.is_empty() => title,
        (detail, _) => detail,
    };
    let advice = code.as_deref().and_then(|code| advice(code, &place, definition));
    let advice = advice.map(|advice| format!("; {advice}")).unwrap_or_default();
    let more = match &code {
        Some(code) => format!("`sandmill explain {code}` says more, "),
        None => String::new(),
    };
    let named = code.unwrap_or(kind);
    let found = format!("{} failed: {named}, status {}", whose(&place, tasks), cell(problem, "status"));
    bad(WHAT, format!("{found}: {detail}{advice}; {more}`sandmill rerun {id}` goes on from there"))
}

/// The task that failed, and the attempt or the execution that it failed with.
fn whose(place: &str, tasks: &[Value]) -> String {
    if place.is_empty() {
        return "the workflow".into();
    }
    let is_it = |task: &&Value| task["pointer"] == place && task["status"] == "faulted";
    let Some(task) = tasks.iter().rev().find(is_it) else { return place.into() };
    match (task.get("execution").and_then(Value::as_str), cell(task, "attempt").as_str()) {
        (Some(child), _) => format!("{place} (`sandmill doctor --execution {child}` says more of what it ran)"),
        (None, "0") => place.into(),
        (None, attempt) => format!("{place} (attempt {attempt})"),
    }
}

/// The code of an error, where it is one that has a page: of ours, or of the specification in any of its spellings.
fn code(kind: &str) -> Option<String> {
    let timeout = ErrorKind::Timeout.type_uri();
    let standard = timeout.strip_suffix("timeout").unwrap_or_default();
    let is_it =
        |code: &String| kind.strip_prefix(PROBLEMS) == Some(code) || same_type(kind, &format!("{standard}{code}"));
    explain::codes().into_iter().find(is_it)
}

fn advice(code: &str, place: &str, definition: Option<&Definition>) -> Option<String> {
    match code {
        "timeout" => Some(timeout(place, definition.map(|definition| definition.document.to_serde()).as_ref())),
        "worker-lost" => {
            Some("look at the logs of the workers from then (too little memory?), and at `sandmill queue dead`".into())
        }
        "config-unavailable" => {
            Some("something damages what lies in Redis: `sandmill doctor --redis URL` looks for that".into())
        }
        code if code.contains("limit") => SETTINGS.iter().find(|setting| setting.code == Some(code)).map(raise),
        _ => None,
    }
}

/// How a setting that bounds something is set to another value.
fn raise(setting: &Setting) -> String {
    let value = match setting.kind {
        Kind::Time => "TIME",
        Kind::Bytes => "SIZE",
        _ => "COUNT",
    };
    let Setting { name, default, .. } = setting;
    format!("the limit is the server's `{name}` ({default} by default): `sandmill up --set {name}={value}` raises it")
}

/// Which timeout ended a task or the workflow: the first that is set, from the task outwards.
fn timeout(place: &str, document: Option<&Value>) -> String {
    let own = if place.is_empty() { vec!["/timeout".to_owned()] } else { of_task(place) };
    let set = own.iter().find_map(|pointer| Some((pointer, document?.pointer(pointer)?)));
    if let Some((pointer, value)) = set {
        return format!(
            "the limit is {value}, set at `{pointer}` of the document: write a longer one there, and deploy it under a new version"
        );
    }
    let setting = if place.is_empty() { "workflow.active-time" } else { "task.timeout" };
    let limit = SETTINGS.iter().find(|known| known.name == setting).map(raise).unwrap_or_default();
    match (document, place.is_empty()) {
        (None, _) => {
            format!("the document is not there to say whether it sets a `timeout`; where it does not, {limit}")
        }
        (Some(_), true) => format!("the document sets no `timeout`, so {limit}"),
        (Some(_), false) => {
            format!(
                "the document sets no `timeout` there, so it is that of `sandmill tenant defaults TENANT --timeout TIME`, or {limit}"
            )
        }
    }
}

/// Where a document sets how long a task may take, or a round of its `try`.
fn of_task(place: &str) -> Vec<String> {
    let own = ["timeout", "catch/retry/limit/attempt/duration"].map(|name| format!("{place}/{name}"));
    own.into_iter().chain(["/document/metadata/defaults/timeout".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_told(error: &Value, wanted: &[&str]) {
        let execution = json!({ "id": "6f1c", "error": error });
        let tasks = [json!({ "pointer": "/do/0/work", "status": "faulted", "attempt": 2 })];
        let found = check(&execution, &tasks, None).found;
        for part in wanted {
            assert!(found.contains(part), "{part}: {found}");
        }
    }

    #[test]
    fn each_fault_is_told_with_its_place_its_page_and_what_to_do() {
        let ours = |code: &str| json!({ "type": format!("{PROBLEMS}{code}"), "status": 500, "instance": "/do/0/work", "detail": "why" });
        check_told(
            &ours("limit-cpu-time"),
            &[
                "/do/0/work (attempt 2) failed: limit-cpu-time",
                "why",
                "--set task.cpu-time=TIME",
                "explain limit-cpu-time",
            ],
        );
        check_told(&ours("limit-memory"), &["--set task.memory=SIZE", "`sandmill rerun 6f1c`"]);
        check_told(&ours("config-unavailable"), &["doctor --redis URL"]);
        let standard = |code: &str| json!({ "type": format!("https://serverlessworkflow.io/spec/1.0.0/errors/{code}"), "status": 408 });
        check_told(&standard("worker-lost"), &["the workflow failed: worker-lost", "sandmill queue dead"]);
        check_told(&standard("timeout"), &["workflow.active-time", "document is not there"]);
        let foreign = json!({ "type": "https://example.com/errors/timeout", "status": 418, "title": "Broken" });
        check_told(&foreign, &["failed: https://example.com/errors/timeout, status 418: Broken; `sandmill rerun"]);
    }

    #[test]
    fn the_timeout_that_ended_a_task_is_found_where_it_is_set() {
        let document = json!({
            "document": { "metadata": { "defaults": { "timeout": "PT5S" } } },
            "timeout": { "after": "PT1M" },
            "do": [{ "own": { "timeout": { "after": "PT2S" } } }, { "other": {} }],
        });
        let told = |place: &str, document: &Value| timeout(place, Some(document));
        assert!(told("/do/0/own", &document).contains("{\"after\":\"PT2S\"}, set at `/do/0/own/timeout`"));
        assert!(told("/do/1/other", &document).contains("\"PT5S\", set at `/document/metadata/defaults/timeout`"));
        assert!(told("", &document).contains("{\"after\":\"PT1M\"}, set at `/timeout`"));
        assert!(told("", &json!({})).contains("--set workflow.active-time=TIME"));
        let nobody = told("/do/1/other", &json!({}));
        assert!(nobody.contains("tenant defaults") && nobody.contains("--set task.timeout=TIME"), "{nobody}");
    }
}
