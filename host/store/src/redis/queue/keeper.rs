//! What keeps an engine's end in order: the prefix is its own, nothing that Redis has lost stays lost, and the workers are counted.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sandmill_core::ids::QueueName;
use serde::{Deserialize, Serialize};

use super::super::RedisFailure;
use super::dead::QueueDesk;
use super::engine::{OwnerError, Shared};
use super::heartbeat::{WorkerCard, host};
use super::pump;
use super::scripts::{DISOWN, OWN};
use super::trouble::Source;

/// Who has a prefix.
#[derive(Debug, Serialize, Deserialize)]
struct Owner {
    engine: String,
    host: String,
    pid: u32,
    /// Milliseconds since 1970.
    since: i64,
}

/// A prefix that is an engine's own.
pub(super) struct Owned {
    /// It was nobody's before.
    is_new: bool,
    /// Why nothing can be written, though the prefix is kept.
    refused: Option<RedisFailure>,
}

/// Takes the prefix, or tells who has it.
pub(super) async fn own(shared: &Shared) -> Result<Owned, OwnerError> {
    let owner = Owner {
        engine: shared.parts.engine.to_string(),
        host: host(),
        pid: std::process::id(),
        since: shared.clock.now_there().0,
    };
    let card = serde_json::to_string(&owner).expect("an owner is made of text and numbers");
    let call = OWN.call().key(shared.redis.keys().owner()).arg(&owner.engine).arg(card);
    let call = call.arg(shared.options.owner_lease.as_millis() as u64);
    let (is_ours, holder, is_new, refused): (bool, String, bool, String) = shared.redis.run(call).await?;
    if is_ours {
        let refused = (!refused.is_empty()).then(|| RedisFailure::in_script(&refused));
        return Ok(Owned { is_new, refused });
    }
    let holder = serde_json::from_str::<Owner>(&holder)
        .map_or(holder, |owner| format!("engine {} on {}, process {}", owner.engine, owner.host, owner.pid));
    Err(OwnerError::Taken { prefix: shared.redis.keys().prefix().as_str().into(), holder })
}

/// Takes the prefix where Redis is there, and tells whether it was. What does not pass by waiting is an error.
pub(super) async fn begin(shared: &Shared) -> Result<bool, OwnerError> {
    let owned = async {
        shared.clock.know(&shared.redis).await?;
        own(shared).await
    };
    match owned.await {
        Ok(_) => Ok(true),
        Err(OwnerError::Redis(failure)) if failure.is_passing() => {
            shared.troubles.met(Source::Owner, &failure);
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Gives the prefix back at once, for the next engine need not wait.
pub(super) async fn disown(shared: &Shared) {
    let call = DISOWN.call().key(shared.redis.keys().owner()).arg(shared.parts.engine.as_str());
    // Without Redis, it runs out by itself.
    let _ = shared.redis.run::<u64>(call).await;
}

/// Renews the ownership, until another engine has it. Where Redis had forgotten it, it has forgotten more.
pub(super) async fn keep(shared: Arc<Shared>, mut was_owner: bool) {
    let mut ticks = tokio::time::interval(shared.options.owner_lease / 20);
    loop {
        ticks.tick().await;
        match own(&shared).await {
            Ok(Owned { is_new, refused }) => {
                match refused {
                    Some(failure) => shared.troubles.met(Source::Owner, &failure),
                    None => shared.troubles.over(Source::Owner),
                }
                if is_new && was_owner {
                    begin_anew(&shared);
                }
                was_owner = true;
            }
            Err(error @ OwnerError::Taken { .. }) => {
                tracing::error!(%error, "this engine has lost its prefix");
                (shared.parts.on_lost)(&error);
                return;
            }
            Err(OwnerError::Redis(failure)) => shared.troubles.met(Source::Owner, &failure),
        }
    }
}

fn begin_anew(shared: &Shared) {
    tracing::warn!("Redis has lost what it held: everything that is outstanding is put there again");
    shared.records.forget_sent();
    shared.components.invalidate_all();
    shared.begins_anew.store(true, Ordering::SeqCst);
    shared.rescan.notify_one();
}

/// Puts in again what was sent long ago and may be lost, and everything where Redis has lost what it held.
pub(super) async fn scan(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(shared.options.scan_every);
    loop {
        tokio::select! {
            _ = ticks.tick() => rescan(&shared, shared.options.scan_every).await,
            () = shared.rescan.notified() => rescan(&shared, Duration::ZERO).await,
        }
        if let Err(failure) = shared.clock.compare(&shared.redis).await {
            tracing::debug!(%failure, "the clock of Redis cannot be read right now");
        }
    }
}

async fn rescan(shared: &Shared, age: Duration) {
    let old = shared.table().take_old(age);
    for messages in old.chunks(pump::TASKS_PER_FLIGHT) {
        pump::put(shared, messages.to_vec()).await;
    }
    let cancelled = shared.table().cancelled();
    if !cancelled.is_empty() {
        shared.errands().cancel.extend(cancelled);
        shared.has_errands.notify_one();
    }
}

/// Counts the slots of the workers of each queue, so that twice as many tasks wait in Redis.
pub(super) async fn count_workers(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(shared.options.count_workers_every);
    loop {
        ticks.tick().await;
        match slots(&shared).await {
            Ok(slots) => {
                shared.troubles.over(Source::Workers);
                shared.table().set_slots(&slots, shared.options.waiting_per_slot);
                shared.work.notify_one();
            }
            Err(failure) => shared.troubles.met(Source::Workers, &failure),
        }
    }
}

/// Says over and over how the queue is.
pub(super) async fn measure_all(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(shared.options.measure_every);
    loop {
        ticks.tick().await;
        if let Err(failure) = measure(&shared).await {
            tracing::debug!(%failure, "the queue cannot be measured right now");
        }
    }
}

async fn slots(shared: &Shared) -> Result<HashMap<QueueName, usize>, RedisFailure> {
    let mut slots = HashMap::new();
    for card in WorkerCard::all(&shared.redis).await? {
        for queue in card.queues.iter().filter_map(|queue| queue.parse().ok()) {
            *slots.entry(queue).or_default() += card.slots;
        }
    }
    Ok(slots)
}

/// Puts into gauges what waits, here and in Redis, and who works.
async fn measure(shared: &Shared) -> Result<(), RedisFailure> {
    let stats = QueueDesk::new(shared.redis.clone(), shared.options.forget_worker_after).stats().await?;
    let (waiting, oldest) = {
        let table = shared.table();
        (table.waiting() as u64, table.oldest_waiting())
    };
    let waiting = waiting + stats.streams.iter().map(|stream| stream.waiting).sum::<u64>();
    let oldest_there = stats.streams.iter().filter_map(|stream| stream.oldest_waiting_ms).max();
    let oldest = oldest.max(oldest_there.map(Duration::from_millis)).unwrap_or_default();
    let slots: usize = stats.workers.iter().map(|worker| worker.slots).sum();
    shared.meters.depth.set(waiting as f64);
    shared.meters.oldest.set(oldest.as_secs_f64());
    shared.meters.workers.set(stats.workers.len() as f64);
    shared.meters.slots.set(slots as f64);
    shared.meters.dead.set(stats.dead as f64);
    Ok(())
}
