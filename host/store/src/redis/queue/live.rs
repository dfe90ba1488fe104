//! What tasks say while they run, on its way from a worker to its engine: lines of logs, and progress.
//!
//! Bounded and lossy by design (rule 6): a worker never waits for it, a stream keeps so many entries and no more, and a crash loses the last of them.
//! Within one task the order is kept, and what a task said is sent before its end is.

use std::collections::HashMap;
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sandmill_core::ids::{TaskExecId, TenantId};
use sandmill_engine::Live;
use sandmill_engine::ports::{ExecutionKey, LogLine, Progress, TaskMessage, TaskObserver};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use super::super::keys::ProcessId;
use super::super::{Redis, cmd};

/// Entries that wait in a worker at most; more are dropped, the oldest first.
const WAITING_MAX: usize = 10_000;

/// Entries that share a flight.
const ENTRIES_PER_FLIGHT: usize = 500;

/// How long the end of a task waits for what it said to be sent: while Redis is away, its lines are not worth more.
const FLUSH_MAX: Duration = Duration::from_secs(2);

/// One thing that a task said.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    Line(LogLine),
    Progress(Progress),
}

/// What waits to be sent.
pub(super) struct Outbox {
    redis: Redis,
    entries_max: usize,
    waiting: Mutex<Waiting>,
    came: Notify,
    /// How many were sent or given up.
    done: watch::Sender<u64>,
}

#[derive(Default)]
struct Waiting {
    entries: std::collections::VecDeque<(ProcessId, String, String, String)>,
    taken: u64,
}

impl Outbox {
    pub(super) fn new(redis: Redis, entries_max: usize) -> Self {
        Self { redis, entries_max, waiting: Mutex::default(), came: Notify::new(), done: watch::channel(0).0 }
    }

    fn put(&self, message: &TaskMessage, engine: &ProcessId, said: &Said) {
        let text = serde_json::to_string(said).expect("what a task says is made of text and numbers");
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.taken += 1;
        waiting.entries.push_back((engine.clone(), message.tenant.to_string(), message.dispatch.id.to_string(), text));
        if waiting.entries.len() > WAITING_MAX {
            waiting.entries.pop_front();
            self.done.send_modify(|done| *done += 1);
        }
        drop(waiting);
        self.came.notify_one();
    }

    /// Returns once everything that was said before is sent, or it is not worth waiting for it any longer.
    pub(super) async fn flush(&self) {
        let taken = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).taken;
        let mut done = self.done.subscribe();
        // Late or not at all: the end of the task matters more.
        let _ = tokio::time::timeout(FLUSH_MAX, done.wait_for(|done| *done >= taken)).await;
    }
}

/// Sends what was said, until it is aborted.
pub(super) async fn send(outbox: Arc<Outbox>) {
    loop {
        let entries: Vec<_> = {
            let mut waiting = outbox.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let count = waiting.entries.len().min(ENTRIES_PER_FLIGHT);
            waiting.entries.drain(..count).collect()
        };
        if entries.is_empty() {
            outbox.came.notified().await;
            continue;
        }
        let requests = entries.iter().map(|(engine, tenant, task, said)| {
            let mut command = cmd("XADD");
            command.arg(outbox.redis.keys().live(engine)).arg("MAXLEN").arg("~").arg(outbox.entries_max).arg("*");
            command.arg("tenant").arg(tenant).arg("task").arg(task).arg("said").arg(said);
            command.into()
        });
        if let Err(failure) = outbox.redis.run_all(requests.collect()).await {
            tracing::debug!(%failure, lines = entries.len(), "what tasks said is lost");
        }
        outbox.done.send_modify(|done| *done += entries.len() as u64);
    }
}

/// Takes what the tasks of a worker say.
pub struct RedisObserver {
    outbox: Arc<Outbox>,
}

impl RedisObserver {
    pub(super) const fn new(outbox: Arc<Outbox>) -> Self {
        Self { outbox }
    }

    fn said(&self, message: &TaskMessage, said: &Said) {
        let engine = message.remote.as_ref().and_then(|remote| ProcessId::new(&remote.engine).ok());
        if let Some(engine) = engine {
            self.outbox.put(message, &engine, said);
        }
    }
}

impl TaskObserver for RedisObserver {
    fn log(&self, message: &TaskMessage, line: LogLine) {
        self.said(message, &Said::Line(line));
    }

    fn progress(&self, message: &TaskMessage, progress: Progress) {
        self.said(message, &Said::Progress(progress));
    }
}

/// Takes over what tasks said elsewhere.
pub(super) fn take_over(live: &Live, entries: &[(String, HashMap<String, Bytes>)]) {
    for (entry, fields) in entries {
        let text = |name: &str| fields.get(name).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
        let said = serde_json::from_str(text("said"));
        let (Ok(tenant), Ok(id), Ok(said)) = (TenantId::new(text("tenant")), TaskExecId::from_str(text("task")), said)
        else {
            tracing::warn!(entry, "what a task said cannot be read");
            continue;
        };
        let key = ExecutionKey { tenant, id: id.workflow };
        match said {
            Said::Line(line) => live.take_line(key, line),
            Said::Progress(progress) => live.take_progress(&key, id.number, progress),
        }
    }
}
