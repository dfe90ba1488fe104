//! What a worker says of itself: that it is there, for which queues, and how many tasks it takes.
//!
//! The engine counts slots by it, and operators see it. It decides nothing about a task: whether a worker is dead is seen from its leases alone.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::keys::ProcessId;
use super::super::{Redis, RedisFailure, cmd};
use super::claims;
use super::worker::{Shared, WorkerParts};

/// What a worker says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct WorkerCard {
    pub(super) worker: String,
    pub(super) host: String,
    pub(super) pid: u32,
    pub(super) version: String,
    pub(super) queues: Vec<String>,
    pub(super) slots: usize,
    pub(super) in_hand: usize,
    /// Milliseconds since 1970, by the clock of Redis.
    pub(super) heard: i64,
}

impl WorkerCard {
    /// Those of all workers that were heard of lately: others have run out.
    pub(super) async fn all(redis: &Redis) -> Result<Vec<Self>, RedisFailure> {
        let keys = redis.keys();
        let names: Vec<String> = redis.run(cmd("ZRANGE").arg(keys.workers()).arg(0).arg(-1)).await?;
        let workers: Vec<ProcessId> = names.iter().filter_map(|name| ProcessId::new(name).ok()).collect();
        if workers.is_empty() {
            return Ok(Vec::new());
        }
        let cards: Vec<String> = workers.iter().map(|worker| keys.worker(worker)).collect();
        let cards: Vec<Option<String>> = redis.run(cmd("MGET").arg(cards)).await?;
        Ok(cards.into_iter().flatten().filter_map(|card| serde_json::from_str(&card).ok()).collect())
    }
}

/// Says that this worker is there, until it is aborted; what failed the last time is said again as soon as Redis is back.
pub(super) async fn beat(shared: Arc<Shared>, mut failures: u32) {
    loop {
        match failures {
            0 => tokio::time::sleep(shared.options.heartbeat_every).await,
            _ => shared.redis.pause(failures).await,
        }
        let beaten = async {
            shared.clock.compare(&shared.redis).await?;
            beat_once(&shared).await?;
            claims::forget_consumers(&shared).await
        };
        match beaten.await {
            Ok(()) => failures = 0,
            Err(failure) => {
                failures = failures.saturating_add(1);
                tracing::debug!(%failure, "no heartbeat right now");
            }
        }
    }
}

pub(super) async fn beat_once(shared: &Shared) -> Result<(), RedisFailure> {
    let WorkerParts { worker, queues, slots, .. } = &shared.parts;
    shared.clock.know(&shared.redis).await?;
    let now = shared.clock.now_there().0;
    let card = WorkerCard {
        worker: worker.to_string(),
        host: host(),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").into(),
        queues: queues.iter().map(ToString::to_string).collect(),
        slots: *slots,
        in_hand: shared.hand().claims.len(),
        heard: now,
    };
    let card = serde_json::to_string(&card).expect("a card is made of text and numbers");
    let (keys, options) = (shared.redis.keys(), &shared.options);
    let lives = options.heartbeat_lives.min(options.forget_worker_after).as_millis() as u64;
    let oldest = now - options.forget_worker_after.as_millis() as i64;
    let requests = vec![
        cmd("SET").arg(keys.worker(worker)).arg(card).arg("PX").arg(lives).into(),
        cmd("ZADD").arg(keys.workers()).arg(now).arg(worker.as_str()).into(),
        cmd("ZREMRANGEBYSCORE").arg(keys.workers()).arg("-inf").arg(oldest).into(),
        cmd("SADD").arg(keys.queues()).arg(queues.iter().map(ToString::to_string).collect::<Vec<_>>()).into(),
    ];
    shared.redis.run_all(requests).await?.into_iter().try_for_each(|answer| answer.map(drop))
}

/// The name of this machine, for people.
pub(super) fn host() -> String {
    std::fs::read_to_string("/etc/hostname").map_or_else(|_| "unknown".into(), |name| name.trim().to_owned())
}
