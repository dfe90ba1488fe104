//! What an operator sees of the queue, and what can be done about dead letters.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use sandmill_core::definition::Priority;
use sandmill_core::ids::QueueName;
use serde::Serialize;

use super::super::{Redis, RedisFailure, Value, cmd, from_redis_value};
use super::heartbeat::WorkerCard;

/// The queue of a prefix, as an operator sees it.
pub struct QueueDesk {
    redis: Redis,
    forget_worker_after: Duration,
}

/// How the queue is.
#[derive(Debug, Serialize)]
pub struct QueueStats {
    /// Every stream that has or had tasks.
    pub streams: Vec<StreamStats>,
    /// The workers that were heard of lately.
    pub workers: Vec<WorkerStats>,
    /// How many dead letters there are.
    pub dead: u64,
    /// The engine that owns the prefix, as it describes itself.
    pub owner: Option<serde_json::Value>,
}

/// One stream: the tasks of one queue and priority.
#[derive(Debug, Serialize)]
pub struct StreamStats {
    /// The queue.
    pub queue: String,
    /// `high`, `normal` or `low`.
    pub priority: String,
    /// Tasks that no worker has.
    pub waiting: u64,
    /// Tasks that a worker has.
    pub leased: u64,
    /// How long the oldest of them is here, in milliseconds.
    pub oldest_ms: Option<u64>,
    /// How long the oldest that no worker has is here, in milliseconds.
    pub oldest_waiting_ms: Option<u64>,
}

/// One worker.
#[derive(Debug, Serialize)]
pub struct WorkerStats {
    /// Its id.
    pub worker: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// The version of its program.
    pub version: String,
    /// The queues that it takes tasks from.
    pub queues: Vec<String>,
    /// How many tasks it runs at a time.
    pub slots: usize,
    /// How many it has.
    pub in_hand: usize,
    /// How long ago it was heard of, in milliseconds.
    pub heard_ms_ago: u64,
}

/// A message that nobody could read, or a task of which every worker died.
#[derive(Debug, Serialize)]
pub struct DeadLetter {
    /// Its place among the dead letters, which also says when it came there.
    pub id: String,
    /// Why it is there.
    pub reason: String,
    /// Which task, as far as that is known.
    pub task_exec_id: String,
    /// Whose.
    pub tenant: String,
    /// The engine that waited for it.
    pub engine: String,
    /// The attempt.
    pub attempt: String,
    /// The stream that it was in.
    pub stream: String,
    /// The worker that gave it up.
    pub worker: String,
    /// The envelope as text; what is no text in it is replaced.
    pub envelope: String,
    /// Its bytes, in hexadecimal, where they are no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope_hex: Option<String>,
}

impl QueueDesk {
    /// The queue behind a connection.
    #[must_use]
    pub const fn new(redis: Redis, forget_worker_after: Duration) -> Self {
        Self { redis, forget_worker_after }
    }

    /// How the queue is.
    pub async fn stats(&self) -> Result<QueueStats, RedisFailure> {
        let keys = self.redis.keys();
        let (seconds, micros): (i64, i64) = self.redis.run(cmd("TIME")).await?;
        let now = seconds * 1_000 + micros / 1_000;
        let names: Vec<String> = self.redis.run(cmd("SMEMBERS").arg(keys.queues())).await?;
        let mut queues: Vec<QueueName> = names.iter().filter_map(|name| name.parse().ok()).collect();
        queues.sort();
        let mut streams = Vec::new();
        for queue in &queues {
            for priority in Priority::ALL {
                streams.extend(self.stream(queue, priority, now).await?);
            }
        }
        let oldest = now - i64::try_from(self.forget_worker_after.as_millis()).unwrap_or(i64::MAX);
        let cards = WorkerCard::all(&self.redis).await?.into_iter().filter(|card| card.heard >= oldest);
        let owner: Option<String> = self.redis.run(cmd("GET").arg(keys.owner())).await?;
        Ok(QueueStats {
            streams,
            workers: cards.map(|card| WorkerStats::of(card, now)).collect(),
            dead: self.redis.run(cmd("XLEN").arg(keys.dead())).await?,
            owner: owner.and_then(|owner| serde_json::from_str(&owner).ok()),
        })
    }

    async fn stream(
        &self,
        queue: &QueueName,
        priority: Priority,
        now: i64,
    ) -> Result<Option<StreamStats>, RedisFailure> {
        let stream = self.redis.keys().stream(queue, priority);
        let entry_after = |from: &str| {
            let mut command = cmd("XRANGE");
            command.arg(&stream).arg(from).arg("+").arg("COUNT").arg(1);
            command
        };
        let groups = cmd("XINFO").arg("GROUPS").arg(&stream).into();
        let requests = vec![cmd("XLEN").arg(&stream).into(), groups, entry_after("-").into()];
        let mut answers = self.redis.run_all(requests).await?.into_iter();
        let mut next = || answers.next().unwrap_or(Ok(Value::Nil));
        let length: u64 = next().map(from_redis_value)?.unwrap_or(0);
        // A stream that does not exist, or that no worker has asked for yet, has no group: all of it waits.
        let groups = next().ok().and_then(|groups| from_redis_value::<Vec<HashMap<String, Value>>>(groups).ok());
        let group = groups.and_then(|groups| groups.into_iter().next()).unwrap_or_default();
        let field = |name: &str| group.get(name).cloned();
        let leased = field("pending").and_then(|count| from_redis_value::<u64>(count).ok()).unwrap_or(0);
        let read = field("last-delivered-id").and_then(|id| from_redis_value::<String>(id).ok());
        let oldest: Vec<(String, HashMap<String, Bytes>)> = next().map(from_redis_value)?.unwrap_or_default();
        let waiting = length.saturating_sub(leased);
        let oldest_waiting: Vec<(String, HashMap<String, Bytes>)> = match read {
            Some(read) if waiting > 0 => self.redis.run(entry_after(&format!("({read}"))).await?,
            Some(_) => Vec::new(),
            None => oldest.clone(),
        };
        let age = |entries: &[(String, HashMap<String, Bytes>)]| {
            let ms = entries.first()?.0.split_once('-')?.0.parse::<i64>().ok()?;
            Some(u64::try_from(now - ms).unwrap_or(0))
        };
        Ok((length > 0 || priority == Priority::Normal).then(|| StreamStats {
            queue: queue.to_string(),
            priority: priority.as_str().into(),
            waiting,
            leased,
            oldest_ms: age(&oldest),
            oldest_waiting_ms: age(&oldest_waiting),
        }))
    }

    /// A page of dead letters, the oldest first, those after a given one.
    pub async fn dead(&self, after: Option<&str>, letters_max: usize) -> Result<Vec<DeadLetter>, RedisFailure> {
        let from = after.map_or_else(|| "-".to_owned(), |after| format!("({after}"));
        let mut command = cmd("XRANGE");
        command.arg(self.redis.keys().dead()).arg(from).arg("+").arg("COUNT").arg(letters_max);
        let entries: Vec<(String, HashMap<String, Bytes>)> = self.redis.run(command).await?;
        Ok(entries.into_iter().map(|(id, fields)| DeadLetter::of(id, &fields)).collect())
    }

    /// One dead letter.
    pub async fn letter(&self, id: &str) -> Result<Option<DeadLetter>, RedisFailure> {
        let mut command = cmd("XRANGE");
        command.arg(self.redis.keys().dead()).arg(id).arg(id);
        let entries: Vec<(String, HashMap<String, Bytes>)> = self.redis.run(command).await?;
        Ok(entries.into_iter().next().map(|(id, fields)| DeadLetter::of(id, &fields)))
    }

    /// Removes a dead letter, and tells whether there was one.
    pub async fn drop_letter(&self, id: &str) -> Result<bool, RedisFailure> {
        let removed: u64 = self.redis.run(cmd("XDEL").arg(self.redis.keys().dead()).arg(id)).await?;
        Ok(removed > 0)
    }
}

impl WorkerStats {
    fn of(card: WorkerCard, now: i64) -> Self {
        let WorkerCard { worker, host, pid, version, queues, slots, in_hand, heard } = card;
        let heard_ms_ago = u64::try_from(now - heard).unwrap_or(0);
        Self { worker, host, pid, version, queues, slots, in_hand, heard_ms_ago }
    }
}

impl DeadLetter {
    fn of(id: String, fields: &HashMap<String, Bytes>) -> Self {
        let text =
            |name: &str| fields.get(name).map_or_else(String::new, |bytes| String::from_utf8_lossy(bytes).into());
        Self {
            id,
            reason: text("reason"),
            task_exec_id: text("task_exec_id"),
            tenant: text("tenant"),
            engine: text("engine"),
            attempt: text("attempt"),
            stream: text("stream"),
            worker: text("worker"),
            envelope: text("envelope"),
            envelope_hex: fields.get("envelope").filter(|bytes| std::str::from_utf8(bytes).is_err()).map(hex::encode),
        }
    }
}
