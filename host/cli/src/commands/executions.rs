//! `sandmill ps`, `show`, `cancel`, `suspend` and `resume`: executions of a server.

use reqwest::Method;
use serde_json::{Value, json};

use crate::arguments::{Execution, Ps, Show};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Output, cell, pretty, table};

/// Items that are asked for at a time.
const PAGE: usize = 100;

pub(crate) async fn list(client: &Client, arguments: Ps, output: Output) -> Result<(), Failure> {
    let mut query = vec![];
    query.extend(arguments.status.map(|status| ("status", status)));
    query.extend(arguments.workflow.map(|workflow| ("workflow", workflow)));
    let items = pages(client, "/v1/executions", &query, arguments.limit).await?;
    let columns = [
        ("ID", "id"),
        ("WORKFLOW", "workflow"),
        ("STATUS", "status"),
        ("STARTED", "started_at"),
        ("ENDED", "ended_at"),
    ];
    output.value(&Value::Array(items), |items| table(&columns, items));
    Ok(())
}

pub(crate) async fn show(client: &Client, arguments: Show, output: Output) -> Result<(), Failure> {
    let path = format!("/v1/executions/{}", arguments.id);
    let execution = client.get(&path).await?;
    let tasks = Value::Array(pages(client, &format!("{path}/tasks"), &[], usize::MAX).await?);
    let shown = json!({ "execution": execution, "tasks": tasks });
    output.value(&shown, |shown| describe(&shown["execution"], &shown["tasks"], arguments.tasks));
    Ok(())
}

fn describe(execution: &Value, tasks: &Value, with_data: bool) -> String {
    let line = |name: &str| match cell(execution, name) {
        text if text.is_empty() => String::new(),
        text => format!("{name:<12}{text}\n"),
    };
    let mut text = ["id", "workflow", "status", "started_at", "ended_at", "rerun_of", "parent"].map(line).concat();
    for result in ["output", "error"] {
        if let Some(value) = execution.get(result).filter(|value| !value.is_null()) {
            text.push_str(&format!("{result}\n{}\n", indented(value)));
        }
    }
    let columns = [
        ("TASK", "id"),
        ("POINTER", "pointer"),
        ("STATUS", "status"),
        ("ATTEMPT", "attempt"),
        ("STARTED", "started_at"),
        ("ENDED", "ended_at"),
    ];
    text.push_str(&format!("\n{}\n", table(&columns, tasks)));
    if with_data {
        tasks.as_array().into_iter().flatten().for_each(|task| text.push_str(&task_data(task)));
    }
    text.trim_end().to_owned()
}

fn task_data(task: &Value) -> String {
    let mut text = format!("\n{} {}\n", cell(task, "id"), cell(task, "pointer"));
    if task.get("execution").is_some() {
        text.push_str(&format!("ran execution {}\n", cell(task, "execution")));
    }
    for member in ["config", "output", "error"] {
        if let Some(value) = task.get(member).filter(|value| !value.is_null()) {
            text.push_str(&format!("{member}\n{}\n", indented(value)));
        }
    }
    text
}

fn indented(value: &Value) -> String {
    pretty(value).lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

pub(crate) async fn control(client: &Client, execution: Execution, verb: &str) -> Result<(), Failure> {
    let path = format!("/v1/executions/{}/{verb}", execution.id);
    client.send(client.request(Method::POST, &path)).await.map(drop)
}

/// The items of a list, page after page, up to a number.
pub(crate) async fn pages(
    client: &Client,
    path: &str,
    query: &[(&str, String)],
    items_max: usize,
) -> Result<Vec<Value>, Failure> {
    let mut items = Vec::new();
    let mut after: Option<String> = None;
    while items.len() < items_max {
        let limit = PAGE.min(items_max - items.len()).to_string();
        let mut request = client.request(Method::GET, path).query(query).query(&[("limit", limit)]);
        if let Some(after) = &after {
            request = request.query(&[("after", after)]);
        }
        let mut page = client.send(request).await?.body;
        if let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) {
            items.extend(found);
        }
        match page.get("next") {
            Some(Value::Null) | None => break,
            Some(next) => after = Some(next.as_str().map_or_else(|| next.to_string(), Into::into)),
        }
    }
    Ok(items)
}
