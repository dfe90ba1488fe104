//! `sandmill events` and `sandmill logs`: what happens in an execution, up to now or as it happens.

use futures::StreamExt as _;
use serde_json::Value;

use crate::arguments::Follow;
use crate::client::Client;
use crate::commands::executions::pages;
use crate::failure::Failure;
use crate::output::{Output, cell};

/// A pause in a stream that was asked for what is there already means that everything was shown.
const CAUGHT_UP_AFTER: std::time::Duration = std::time::Duration::from_millis(500);

/// Prints lifecycle events, one a line.
pub(crate) async fn events(client: &Client, follow: Follow, output: Output) -> Result<(), Failure> {
    let events = client.events(&format!("/v1/executions/{}/events", follow.id)).await?;
    let mut events = std::pin::pin!(events);
    loop {
        let next = match follow.follow {
            true => events.next().await,
            false => tokio::time::timeout(CAUGHT_UP_AFTER, events.next()).await.unwrap_or(None),
        };
        let Some(event) = next.transpose()? else { return Ok(()) };
        // Progress comes in between, under a name of its own: it is live, and no part of what happened.
        if let Some(value) = parse(&event.data).filter(|_| event.event == "message") {
            print_event(&value, output);
        }
    }
}

fn print_event(event: &Value, output: Output) {
    if output.json {
        return output.line(&event.to_string());
    }
    let kind = cell(event, "type");
    let kind = kind.trim_start_matches("io.serverlessworkflow.").trim_end_matches(".v1");
    let task = match cell(event, "data.task") {
        task if task.is_empty() => cell(event, "data.reference"),
        task => task,
    };
    output.line(format!("{}  {kind:<20} {task}", cell(event, "time")).trim_end());
}

/// Prints log lines.
pub(crate) async fn logs(client: &Client, follow: Follow, output: Output) -> Result<(), Failure> {
    let path = format!("/v1/executions/{}/logs", follow.id);
    if !follow.follow {
        for line in pages(client, &path, &[], usize::MAX).await? {
            print_line(&line, output);
        }
        return Ok(());
    }
    let lines = client.events(&format!("{path}?follow=true")).await?;
    let mut lines = std::pin::pin!(lines);
    while let Some(event) = lines.next().await.transpose()? {
        if let Some(line) = parse(&event.data) {
            print_line(&line, output);
        }
    }
    Ok(())
}

fn print_line(line: &Value, output: Output) {
    output.line(&if output.json { line.to_string() } else { log_line(line) });
}

/// A log line as people read it.
pub(crate) fn log_line(line: &Value) -> String {
    let fields = line["fields"].as_object().into_iter().flatten();
    let fields: String =
        fields.map(|(name, value)| format!(" {name}={}", value.as_str().unwrap_or_default())).collect();
    let (at, level, task) = (cell(line, "at"), cell(line, "level").to_uppercase(), cell(line, "task"));
    format!("{at} {level:<5} {task} {}{fields}", cell(line, "message"))
}

fn parse(data: &str) -> Option<Value> {
    serde_json::from_str(data).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_log_line_shows_its_fields() {
        let line = json!({ "at": "2026-01-01T00:00:00Z", "level": "info", "task": "x-3", "message": "done", "fields": { "file": "a.rs" } });
        assert_eq!(log_line(&line), "2026-01-01T00:00:00Z INFO  x-3 done file=a.rs");
    }
}
