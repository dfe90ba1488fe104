//! `sandmill trigger`: starts an execution, and waits for its end where that was asked for.

use std::process::ExitCode;

use futures::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::arguments::{Definition, Trigger};
use crate::client::{Answer, Client};
use crate::failure::{Failure, Outcome};
use crate::input;
use crate::output::{Output, cell, pretty};

/// How long the server is asked to wait at a time.
const WAIT: &str = "30s";

pub(crate) async fn run(client: &Client, trigger: Trigger, output: Output) -> Result<ExitCode, Failure> {
    let answer = start(client, &trigger).await?;
    if !trigger.wait {
        output.value(&answer.body, |execution| cell(execution, "id"));
        return Ok(ExitCode::SUCCESS);
    }
    let execution =
        if answer.status == StatusCode::OK { answer.body } else { wait(client, &answer.body, output).await? };
    Ok(report(&execution, output))
}

async fn start(client: &Client, trigger: &Trigger) -> Result<Answer, Failure> {
    let Definition { namespace, name, version } = &trigger.workflow;
    let mut request = client
        .request(Method::POST, &format!("/v1/workflows/{namespace}/{name}/executions"))
        .header("content-type", "application/json")
        .body(input::read(trigger.input.as_deref())?);
    if let Some(version) = version {
        request = request.query(&[("version", version)]);
    }
    if let Some(key) = &trigger.key {
        request = request.header("idempotency-key", key);
    }
    // A person sees progress instead of waiting in silence; a program waits with its request.
    if trigger.wait && !std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        request = request.query(&[("wait", WAIT)]);
    }
    client.send(request).await
}

/// Follows the events of an execution until it has ended, and shows how many tasks have.
async fn wait(client: &Client, execution: &Value, output: Output) -> Result<Value, Failure> {
    let path = format!("/v1/executions/{}", cell(execution, "id"));
    let events = client.events(&format!("{path}/events")).await?;
    let mut events = std::pin::pin!(events);
    let bar = bar(output);
    let (mut started, mut ended) = (0_u64, 0_u64);
    while let Some(event) = events.next().await.transpose()? {
        let event: Value = serde_json::from_str(&event.data).unwrap_or_default();
        let kind = cell(&event, "type");
        match () {
            () if kind.contains(".task.started") => started += 1,
            () if [".task.completed", ".task.faulted", ".task.cancelled"].iter().any(|end| kind.contains(end)) => {
                ended += 1
            }
            () => continue,
        }
        bar.set_length(started);
        bar.set_position(ended.min(started));
    }
    bar.finish_and_clear();
    client.get(&path).await
}

/// A bar that counts tasks, where somebody looks.
pub(crate) fn bar(output: Output) -> ProgressBar {
    if !output.is_watched() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {elapsed} {bar:30} {pos}/{len} tasks");
    ProgressBar::new(0).with_style(style.expect("the template is right"))
}

/// Prints the output, or the error, and gives the exit code.
pub(crate) fn report(execution: &Value, output: Output) -> ExitCode {
    let status = cell(execution, "status");
    match status.as_str() {
        "completed" => {
            output.line(&pretty(&execution["output"]));
            ExitCode::SUCCESS
        }
        "faulted" => {
            output.note(&format!("execution {} faulted:", cell(execution, "id")));
            eprintln!("{}", pretty(&execution["error"]));
            Outcome::Faulted.into()
        }
        "cancelled" => {
            output.note(&format!("execution {} was cancelled", cell(execution, "id")));
            Outcome::Cancelled.into()
        }
        _ => {
            output.note(&format!("execution {} is {status}: the wait is over", cell(execution, "id")));
            Outcome::StillRunning.into()
        }
    }
}
