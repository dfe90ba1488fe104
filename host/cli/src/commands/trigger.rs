//! `sandmill trigger` and `rerun`: start an execution, and wait for its end where that was asked for.

use std::process::ExitCode;

use futures::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

use crate::arguments::{Definition, Rerun, Trigger};
use crate::client::{Answer, Client};
use crate::failure::{Failure, Outcome};
use crate::input;
use crate::output::{Output, cell, pretty};

/// How long the server is asked to wait at a time.
const WAIT: &str = "30s";

pub(crate) async fn run(client: &Client, trigger: Trigger, output: Output) -> Result<ExitCode, Failure> {
    let answer = start(client, &trigger).await?;
    finish(client, answer, trigger.wait, output).await
}

/// Prints the id of what was started, or waits for its end where that was asked for.
async fn finish(client: &Client, answer: Answer, is_awaited: bool, output: Output) -> Result<ExitCode, Failure> {
    if !is_awaited {
        output.value(&answer.body, |execution| cell(execution, "id"));
        return Ok(ExitCode::SUCCESS);
    }
    let execution =
        if answer.status == StatusCode::OK { answer.body } else { wait(client, &answer.body, output).await? };
    Ok(report(&execution, output))
}

async fn start(client: &Client, trigger: &Trigger) -> Result<Answer, Failure> {
    let Definition { namespace, name, version } = &trigger.workflow;
    let input = input::read(trigger.input.as_deref())?;
    let workflow = format!("/v1/workflows/{namespace}/{name}");
    let (path, body) = match &trigger.start_at {
        Some(task) => {
            (format!("{workflow}/tasks/{task}/executions"), in_the_middle(&input, trigger.context.as_deref())?)
        }
        None => (format!("{workflow}/executions"), input),
    };
    let mut request = client.request(Method::POST, &path).header("content-type", "application/json").body(body);
    if let Some(version) = version {
        request = request.query(&[("version", version)]);
    }
    if let Some(key) = &trigger.key {
        request = request.header("idempotency-key", key);
    }
    client.send(waiting(request, trigger.wait)).await
}

/// The body of a start at a task. Numbers stand there as they were written.
fn in_the_middle(input: &str, context: Option<&str>) -> Result<String, Failure> {
    match context {
        Some(context) => Ok(format!(r#"{{"input":{input},"context":{}}}"#, input::read(Some(context))?)),
        None => Ok(format!(r#"{{"input":{input}}}"#)),
    }
}

/// `sandmill rerun`.
pub(crate) async fn rerun(client: &Client, rerun: Rerun, output: Output) -> Result<ExitCode, Failure> {
    let mut request = client.request(Method::POST, &format!("/v1/executions/{}/rerun", rerun.id));
    if let Some(from) = &rerun.from {
        request = request.query(&[("from", from)]);
    }
    let answer = client.send(waiting(request, rerun.wait)).await?;
    finish(client, answer, rerun.wait, output).await
}

/// A person sees progress instead of waiting in silence; a program waits with its request.
fn waiting(request: RequestBuilder, wait: bool) -> RequestBuilder {
    if wait && !std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        return request.query(&[("wait", WAIT)]);
    }
    request
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
