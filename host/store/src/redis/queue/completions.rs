//! What comes back from workers: completions, and the lines and progress of tasks that run.
//!
//! An entry of the first goes when the journal has it, one of the second at once. After a restart every completion that is still there comes again.

use std::collections::HashMap;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use sandmill_core::ids::{Digest, TaskExecId, TenantId};
use sandmill_core::problem::{ErrorKind, Problem};
use sandmill_core::value::Value;
use sandmill_engine::ports::{Completion, ExecutionKey, TaskResult};

use super::super::{RedisFailure, cmd};
use super::assignment;
use super::engine::Shared;
use super::errands::Settled;
use super::live;
use super::outstanding::Repairing;
use super::trouble::Source;

/// Entries that are read at a time.
const ENTRIES_PER_READ: usize = 512;

/// Entries of a stream: id and fields.
type Entries = Vec<(String, HashMap<String, Bytes>)>;

/// Reads until it is aborted.
pub(super) async fn read(shared: Arc<Shared>) {
    let mut failures = 0;
    loop {
        match follow(&shared, &mut failures).await {
            Ok(()) => {}
            Err(failure) => {
                failures += 1;
                // That Redis is away is told by others, who need not wait for a completion to see that it is back.
                if failure.kind().is_some() {
                    shared.troubles.met(Source::Completions, &failure);
                }
                shared.redis.pause(failures).await;
            }
        }
    }
}

/// How far each stream was read over one connection. The next one may lead to a replica that took over and counts from before that: it begins anew,
/// and what comes twice is known.
struct Cursor {
    completions: String,
    live: String,
}

impl Default for Cursor {
    /// Before the first entry.
    fn default() -> Self {
        Self { completions: "0-0".into(), live: "0-0".into() }
    }
}

async fn follow(shared: &Shared, failures: &mut u32) -> Result<(), RedisFailure> {
    let mut cursor = Cursor::default();
    let keys = shared.redis.keys();
    let (completions, live) = (keys.completions(&shared.parts.engine), keys.live(&shared.parts.engine));
    let mut connection = shared.redis.blocking_connection().await?;
    loop {
        if shared.begins_anew.swap(false, Ordering::SeqCst) {
            cursor = Cursor::default();
        }
        let mut command = cmd("XREAD");
        command.arg("COUNT").arg(ENTRIES_PER_READ).arg("BLOCK").arg(shared.options.block.as_millis() as u64);
        command.arg("STREAMS").arg(&live).arg(&completions).arg(&cursor.live).arg(&cursor.completions);
        let read: Option<Vec<(String, Entries)>> = connection.run(command, shared.options.block).await?;
        let (said, ended): (Vec<_>, Vec<_>) = read.into_iter().flatten().partition(|(stream, _)| *stream == live);
        let mut has_more_to_say = false;
        for (_, entries) in said {
            has_more_to_say |= entries.len() == ENTRIES_PER_READ;
            take_live(shared, &mut cursor, &entries).await;
        }
        // What a task said comes before its end: the completions are read again after the rest of it.
        for (_, entries) in ended.into_iter().filter(|_| !has_more_to_say) {
            let last = entries.last().map(|(id, _)| id.clone());
            take(shared, entries).await?;
            cursor.completions = last.unwrap_or_else(|| cursor.completions.clone());
        }
        *failures = 0;
        shared.troubles.over(Source::Completions);
    }
}

/// Takes lines and progress over, and deletes them, with all before them that an earlier time has left there.
async fn take_live(shared: &Shared, cursor: &mut Cursor, entries: &Entries) {
    let Some((last, _)) = entries.last() else { return };
    live::take_over(&shared.parts.live, entries);
    cursor.live.clone_from(last);
    let Some((time, number)) = last.split_once('-').and_then(|(time, n)| Some((time, n.parse::<u64>().ok()?))) else {
        return;
    };
    let mut command = cmd("XTRIM");
    command.arg(shared.redis.keys().live(&shared.parts.engine)).arg("MINID").arg(format!("{time}-{}", number + 1));
    if let Err(failure) = shared.redis.run::<u64>(command).await {
        tracing::debug!(%failure, "lines that were taken over stay in Redis until the next ones come, and may be seen twice");
    }
}

/// Takes completions over. One that cannot be read is left where it is, for an engine of another version, and said so.
async fn take(shared: &Shared, entries: Entries) -> Result<(), RedisFailure> {
    let mut wanted = Vec::new();
    let read: Vec<_> = entries.into_iter().map(|(entry, fields)| (Report::of(&fields), entry)).collect();
    for (report, _) in &read {
        if let Some(Report { key, value: Some(Form::Digest(digest)), .. }) = report {
            wanted.push((key.clone(), *digest));
        }
    }
    let mut bodies = shared.records.bodies(&wanted).await?.into_iter();
    for (report, entry) in read {
        let Some(report) = report else {
            tracing::error!(entry, "a completion in Redis cannot be read, and is left there");
            continue;
        };
        let text = match &report.value {
            Some(Form::Inline(text)) => Some(text.clone()),
            Some(Form::Digest(_)) => bodies.next().and_then(Result::ok).flatten(),
            None => None,
        };
        if report.kind == "repair" {
            repair(shared, report, entry).await?;
        } else {
            let Report { key, number, attempt, epoch, .. } = &report;
            let id = TaskExecId { workflow: key.id, number: *number };
            let completion = Completion {
                tenant: key.tenant.clone(),
                id,
                attempt: *attempt,
                epoch: *epoch,
                result: report.result(text.as_ref()),
            };
            shared.arrive(completion, entry);
        }
    }
    Ok(())
}

/// What a worker said of a task.
struct Report {
    key: ExecutionKey,
    number: u32,
    attempt: u32,
    epoch: u32,
    kind: String,
    value: Option<Form>,
    reason: String,
}

enum Form {
    Inline(Bytes),
    Digest(Digest),
}

impl Report {
    fn of(fields: &HashMap<String, Bytes>) -> Option<Self> {
        let text = |name: &str| fields.get(name).and_then(|bytes| std::str::from_utf8(bytes).ok());
        let id = TaskExecId::from_str(text("task")?).ok()?;
        let tenant = TenantId::new(text("tenant")?).ok()?;
        let value = match (fields.get("inline"), text("digest")) {
            (Some(inline), _) => Some(Form::Inline(inline.clone())),
            (None, Some(digest)) => Some(Form::Digest(digest.parse().ok()?)),
            (None, None) => None,
        };
        Some(Self {
            key: ExecutionKey { tenant, id: id.workflow },
            number: id.number,
            attempt: text("attempt")?.parse().ok()?,
            epoch: text("epoch")?.parse().ok()?,
            kind: text("kind")?.into(),
            value,
            reason: text("reason").unwrap_or_default().into(),
        })
    }

    /// What it means. A result whose body Redis has lost counts as never made: the task runs again.
    fn result(&self, text: Option<&Bytes>) -> TaskResult {
        match self.kind.as_str() {
            "completed" => {
                text.and_then(|text| Value::from_json(text).ok()).map_or(TaskResult::Lost, TaskResult::Completed)
            }
            "failed" => {
                let problem = text.and_then(|text| serde_json::from_slice(text).ok());
                problem.map_or(TaskResult::Lost, |problem| TaskResult::Failed(Box::new(problem)))
            }
            "stopped" => TaskResult::Stopped,
            "poison" => failed(
                ErrorKind::WorkerLost,
                "every worker that ran this task died of it; it is among the dead letters",
            ),
            "unreadable" => failed(ErrorKind::Configuration, &self.reason),
            _ => TaskResult::Lost,
        }
    }
}

fn failed(kind: ErrorKind, detail: &str) -> TaskResult {
    TaskResult::Failed(Box::new(Problem::new(kind, detail)))
}

/// Puts back what a worker did not find, or fails the task where that has not helped.
async fn repair(shared: &Shared, report: Report, entry: String) -> Result<(), RedisFailure> {
    let Report { key, number, attempt, reason, .. } = report;
    let id = TaskExecId { workflow: key.id, number };
    // The entry goes whatever becomes of it; a worker that needs more will say so again.
    let settled = Settled { tenant: key.tenant.clone(), id, attempt, entry };
    let Some(message) = shared.table().message(&key.tenant, id, attempt) else {
        shared.done_with(settled);
        return Ok(());
    };
    // Whatever is wrong with it, nothing of it is relied on any more.
    shared.records.forget(&assignment::draft(shared, &message)).await?;
    if let Some(component) = message.dispatch.plugin() {
        shared.components.invalidate(&(key.tenant.clone(), component));
    }
    metrics::counter!(super::super::metrics::REPAIRS).increment(1);
    tracing::info!(tenant = key.tenant.as_str(), task = %id, attempt, reason, "a worker asks for a config again");
    let repairing = shared.table().repair(&message, shared.options.repairs_max);
    match repairing {
        Repairing::Nothing => {}
        Repairing::Again => shared.work.notify_one(),
        Repairing::Stopped => {
            shared.take_out(&key.tenant, id, attempt);
            shared.stopped(&key.tenant, id, attempt);
        }
        Repairing::Hopeless => {
            let problem = config_unavailable(&reason, shared.options.repairs_max);
            let result = TaskResult::Failed(Box::new(problem));
            shared.hand_over(Completion { tenant: key.tenant.clone(), id, attempt, epoch: 0, result });
        }
    }
    shared.done_with(settled);
    Ok(())
}

fn config_unavailable(reason: &str, repairs: u32) -> Problem {
    Problem {
        kind: "https://sandmill.dev/problems/config-unavailable".into(),
        status: 500,
        title: "Config unavailable".into(),
        detail: Some(format!(
            "no worker can read the config of this task, which was put back {repairs} times: {reason}"
        )),
        instance: None,
        data: None,
        retryable: false,
    }
}
