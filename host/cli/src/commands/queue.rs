//! `sandmill queue`: the task queue in Redis, as operators see it, and what they do about dead letters.
//!
//! Reads Redis itself, for that is where the queue is whether a server runs or not. Only `retry` asks a server: what a task is run again from is in
//! the engine's journal, and nowhere else.

use std::process::ExitCode;
use std::str::FromStr as _;

use reqwest::Method;
use sandmill_core::ids::TaskExecId;
use sandmill_core::time::Timestamp;
use sandmill_store::redis::RedisFailure;
use sandmill_store::redis::queue::{DeadLetter, QueueDesk};
use serde_json::{Value, json};

use crate::arguments::{Desk, Global, Queue, QueueDead};
use crate::client::Client;
use crate::commands::config;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, cell, table};
use crate::wire;

pub(crate) fn run(global: Global, queue: Queue, output: Output) -> Result<ExitCode, Failure> {
    wire::client_runtime()?.block_on(async {
        match queue {
            Queue::Stats(desk) => stats(&open(&desk)?, output).await,
            Queue::Dead(dead) => list(&open(&dead.desk)?, &dead, output).await,
            Queue::Retry(letter) => retry(global, &open(&letter.desk)?, &checked(letter.id)?, output).await,
            Queue::Drop(letter) => drop_letter(&open(&letter.desk)?, &checked(letter.id)?).await,
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn open(desk: &Desk) -> Result<QueueDesk, Failure> {
    wire::desk(&config::load(&desk.settings, desk.redis.flags())?)
}

/// What a failure of Redis means for a command.
pub(super) fn failure(failure: &RedisFailure) -> Failure {
    let (outcome, hint) = match failure {
        RedisFailure::Unavailable { .. } => (Outcome::Unavailable, ": `sandmill doctor --redis URL` says more"),
        RedisFailure::Refused { code, .. } => match code.as_str() {
            "NOPERM" | "NOAUTH" | "WRONGPASS" => {
                (Outcome::NotAllowed, ": name a user that may (`redis.username`, `redis.password`)")
            }
            _ => (Outcome::Failed, ""),
        },
        RedisFailure::Misconfigured { .. } => (Outcome::Refused, ""),
        RedisFailure::Protocol { .. } | RedisFailure::TooOld { .. } => (Outcome::Failed, ""),
    };
    Failure::new(outcome, format!("{failure}{hint}"))
}

/// The id of a dead letter: the entry of a stream, so anything else is told before a server is asked.
fn checked(id: String) -> Result<String, Failure> {
    let is_number = |text: &str| (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    match id.split_once('-') {
        Some((ms, number)) if is_number(ms) && is_number(number) => Ok(id),
        _ => {
            let reason = format!(
                "`{id}` is no id of a dead letter, such as `1790000000000-0`: `sandmill queue dead` lists them"
            );
            Err(Failure::new(Outcome::Refused, reason))
        }
    }
}

async fn stats(desk: &QueueDesk, output: Output) -> Result<(), Failure> {
    let stats = desk.stats().await.map_err(|error| failure(&error))?;
    let stats = serde_json::to_value(stats).expect("figures of a queue are JSON");
    output.value(&stats, describe);
    Ok(())
}

/// The queue as people read it.
fn describe(stats: &Value) -> String {
    let owner = match &stats["owner"] {
        Value::Null => "none: no engine works with this prefix".to_owned(),
        owner => format!("{} on {}, process {}", cell(owner, "engine"), cell(owner, "host"), cell(owner, "pid")),
    };
    let seconds = |value: &Value| value.as_u64().map_or(Value::Null, |ms| format!("{:.1}s", ms as f64 / 1000.0).into());
    let with = |items: &Value, from: &str| -> Value {
        items
            .as_array()
            .into_iter()
            .flatten()
            .cloned()
            .map(|mut item| {
                item["age"] = seconds(&item[from]);
                if let Some(queues) = item["queues"].as_array() {
                    let names: Vec<&str> = queues.iter().filter_map(Value::as_str).collect();
                    item["queues"] = names.join(",").into();
                }
                item
            })
            .collect()
    };
    let streams = [
        ("QUEUE", "queue"),
        ("PRIORITY", "priority"),
        ("WAITING", "waiting"),
        ("LEASED", "leased"),
        ("OLDEST WAITING", "age"),
    ];
    let workers = [
        ("WORKER", "worker"),
        ("HOST", "host"),
        ("PID", "pid"),
        ("VERSION", "version"),
        ("QUEUES", "queues"),
        ("SLOTS", "slots"),
        ("IN HAND", "in_hand"),
        ("HEARD AGO", "age"),
    ];
    format!(
        "engine        {owner}\ndead letters  {}\n\n{}\n\n{}",
        cell(stats, "dead"),
        table(&streams, &with(&stats["streams"], "oldest_waiting_ms")),
        table(&workers, &with(&stats["workers"], "heard_ms_ago"))
    )
}

async fn list(desk: &QueueDesk, arguments: &QueueDead, output: Output) -> Result<(), Failure> {
    let after = arguments.after.clone().map(checked).transpose()?;
    let limit = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    let letters = desk.dead(after.as_deref(), limit).await.map_err(|error| failure(&error))?;
    let next = letters.last().filter(|_| letters.len() == limit).map(|letter| letter.id.clone());
    let rows = letters.iter().map(row).collect();
    let columns = [
        ("ID", "id"),
        ("WHEN", "at"),
        ("TENANT", "tenant"),
        ("TASK", "task_exec_id"),
        ("ATTEMPT", "attempt"),
        ("REASON", "reason"),
    ];
    output.value(&Value::Array(rows), |rows| table(&columns, rows));
    if let Some(next) = next {
        output.note(&format!("there may be more: --after {next}"));
    }
    Ok(())
}

/// A letter with the moment at which it came, by the clock of Redis.
fn row(letter: &DeadLetter) -> Value {
    let mut row = serde_json::to_value(letter).expect("a dead letter is JSON");
    let ms = letter.id.split_once('-').and_then(|(ms, _)| ms.parse::<i64>().ok());
    row["at"] = ms.map_or(Value::Null, |ms| json!(Timestamp(ms).to_string()));
    row
}

async fn drop_letter(desk: &QueueDesk, id: &str) -> Result<(), Failure> {
    match desk.drop_letter(id).await.map_err(|error| failure(&error))? {
        true => Ok(()),
        false => Err(unknown(id)),
    }
}

fn unknown(id: &str) -> Failure {
    let reason = format!("there is no dead letter `{id}`: `sandmill queue dead` lists them");
    Failure::new(Outcome::Refused, reason)
}

async fn retry(mut global: Global, desk: &QueueDesk, id: &str, output: Output) -> Result<(), Failure> {
    let letter = desk.letter(id).await.map_err(|error| failure(&error))?.ok_or_else(|| unknown(id))?;
    let task = TaskExecId::from_str(&letter.task_exec_id).map_err(|_| {
        let reason = format!(
            "the dead letter `{id}` does not say which task it was (`{}`), so nothing can be run again: look at it with \
             `sandmill queue dead --json`, and drop it with `sandmill queue drop {id}`",
            letter.task_exec_id
        );
        Failure::new(Outcome::Refused, reason)
    })?;
    if global.tenant.is_none() && !letter.tenant.is_empty() {
        global.tenant = Some(letter.tenant);
    }
    let client = Client::new(&global)?;
    let request = client.request(Method::POST, &format!("/v1/executions/{}/rerun", task.workflow));
    // The letter goes last: a retry that is broken off before that can be made again, and starts nothing twice.
    let request = request.header("idempotency-key", format!("dead-letter-{id}-{task}"));
    let started = client.send(request).await?.body;
    if let Err(error) = desk.drop_letter(id).await {
        output.note(&format!("the dead letter stays, drop it with `sandmill queue drop {id}`: {error}"));
    }
    output.value(&started, |execution| cell(execution, "id"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_id_of_a_letter_is_told_at_once() {
        assert!(checked("1790000000000-0".into()).is_ok());
        for id in ["", "-", "1-", "last", "1790000000000", "1-2-3", "111111111111111111111-0"] {
            assert_eq!(checked(id.into()).unwrap_err().outcome, Outcome::Refused, "{id}");
        }
    }

    #[test]
    fn figures_are_shown_as_people_read_them() {
        let stats = json!({
            "streams": [{ "queue": "gpu", "priority": "high", "waiting": 3, "leased": 1, "oldest_waiting_ms": 2_450 }],
            "workers": [{ "worker": "w1", "host": "h", "pid": 7, "version": "0.1.0", "queues": ["gpu", "default"],
                "slots": 8, "in_hand": 1, "heard_ms_ago": 900 }],
            "dead": 2,
            "owner": null,
        });
        let text = describe(&stats);
        for part in ["none: no engine", "gpu", "2.5s", "gpu,default", "0.9s"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
