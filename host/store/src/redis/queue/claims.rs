//! How tasks come to a worker: claimed, renewed, given back, and let go when nobody wants them.
//!
//! Nothing polls: where there is nothing to take, the server is waited on. A worker that is taken for dead loses its tasks to whoever looks for lost
//! ones first, and learns that when it renews.

use std::collections::HashMap;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt as _;
use sandmill_core::definition::Priority;
use sandmill_core::ids::{GroupId, TaskExecId, TenantId};
use sandmill_core::time::Millis;

use super::super::keys::ProcessId;
use super::super::{Call, RedisFailure, cmd};
use super::envelope::Envelope;
use super::scripts::{FORGET, GIVE_BACK, RENEW, REPORT, TAKE};
use super::worker::{Claim, Shared, Why};

/// Tasks that are claimed at a time.
const TASKS_PER_TAKE: usize = 256;

/// A subscription that lasted so long was a good one: the next is made at once.
const LISTENED_WELL: Duration = Duration::from_secs(5);

/// What a script hands out: stream, entry, epoch, fields.
type Found = (String, String, u32, HashMap<String, Bytes>);

/// Which tasks are taken.
#[derive(Debug, Clone, Copy)]
enum Of {
    Nobody,
    DeadWorkers,
}

/// Takes tasks that nobody has, until the worker stops.
pub(super) async fn take(shared: Arc<Shared>) {
    let mut failures = 0;
    while !shared.is_stopping() {
        match take_and_wait(&shared).await {
            Ok(()) => failures = 0,
            Err(failure) => {
                failures += 1;
                tracing::debug!(%failure, "no tasks can be taken right now");
                shared.redis.pause(failures).await;
            }
        }
    }
    // What came while the worker was told to stop.
    give_back_idle(&shared).await;
}

async fn take_and_wait(shared: &Shared) -> Result<(), RedisFailure> {
    let streams = streams(shared);
    let mut connection = shared.redis.blocking_connection().await?;
    while !shared.is_stopping() {
        let room = shared.room.notified();
        if shared.free() == 0 {
            room.await;
            continue;
        }
        let lasts = take_once(shared, &streams, Of::Nobody).await?;
        // Where there was something, there may be more.
        if lasts.len() < streams.len() {
            continue;
        }
        let mut command = cmd("XREAD");
        command.arg("COUNT").arg(1).arg("BLOCK").arg(shared.options.block.as_millis() as u64);
        command.arg("STREAMS").arg(&streams).arg(&lasts);
        let stopping = shared.stopping.notified();
        tokio::select! {
            arrived = connection.run::<super::super::Value>(command, shared.options.block) => drop(arrived?),
            () = stopping => return Ok(()),
        }
    }
    Ok(())
}

/// Takes the tasks of workers that do not renew their leases, until the worker stops.
pub(super) async fn take_lost(shared: Arc<Shared>) {
    let streams = streams(&shared);
    while !shared.is_stopping() {
        tokio::time::sleep(shared.options.lease / 3).await;
        if let Err(failure) = take_lost_once(&shared, &streams).await {
            tracing::debug!(%failure, "lost tasks cannot be looked for right now");
        }
    }
    give_back_idle(&shared).await;
}

async fn take_lost_once(shared: &Shared, streams: &[String]) -> Result<(), RedisFailure> {
    // A worker that could not renew for a while would take its own tasks for lost, and run them a second time.
    renew_once(shared).await?;
    if shared.free() > 0 {
        take_once(shared, streams, Of::DeadWorkers).await?;
    }
    Ok(())
}

/// The streams of this worker, in the order in which it takes from them.
fn streams(shared: &Shared) -> Vec<String> {
    let keys = shared.redis.keys();
    let of = |priority| shared.parts.queues.iter().map(move |queue| keys.stream(queue, priority));
    Priority::ALL.into_iter().flat_map(of).collect()
}

/// Takes what there is, and gives the last ids of the streams where there was nothing.
async fn take_once(shared: &Shared, streams: &[String], of: Of) -> Result<Vec<String>, RedisFailure> {
    let wanted = shared.free().min(TASKS_PER_TAKE);
    // The others that take tasks for this worker may have filled it meanwhile.
    if wanted == 0 {
        return Ok(Vec::new());
    }
    shared.clock.know(&shared.redis).await?;
    let mut call = TAKE.call();
    for stream in streams {
        call = call.key(stream);
    }
    let options = &shared.options;
    let call = call
        .arg(shared.redis.keys().control())
        .arg(shared.parts.worker.as_str())
        .arg(wanted)
        .arg(match of {
            Of::Nobody => "new",
            Of::DeadWorkers => "lost",
        })
        .arg(options.lease.as_millis() as u64)
        .arg(options.losses_max)
        .arg(options.state_ttl.as_millis() as u64);
    let (found, lasts): (Vec<Found>, Vec<String>) = shared.redis.run(call).await?;
    if matches!(of, Of::DeadWorkers) && !found.is_empty() {
        metrics::counter!(super::super::metrics::REDELIVERIES).increment(found.len() as u64);
        tracing::info!(tasks = found.len(), "tasks of workers that are gone are taken over");
    }
    for found in found {
        claim(shared, found).await;
    }
    Ok(lasts)
}

async fn claim(shared: &Shared, (stream, entry, epoch, fields): Found) {
    let text = fields.get("envelope").cloned().unwrap_or_default();
    let reason = match Envelope::from_json(&text) {
        Ok(_) if epoch == 0 => "a field beside the envelope is missing".into(),
        Ok(envelope) if !agrees(&envelope, &fields) => "the fields beside the envelope say something else".into(),
        Ok(envelope) => {
            let (config_ttl, read_at) = (shared.options.config_ttl, Instant::now());
            let inlined = fields.get("inlined").filter(|_| shared.options.inlines_configs).cloned();
            let (has_begun, extended) = (false, read_at);
            shared.claim(Claim { envelope, stream, entry, epoch, read_at, inlined, has_begun, config_ttl, extended });
            return;
        }
        Err(error) => error.to_string(),
    };
    if let Err(failure) = bury(shared, (&stream, &entry, epoch), &fields, &reason).await {
        tracing::warn!(%failure, entry, "a dead letter is not written: the next worker tries again when the lease is over");
    }
}

/// True where the fields beside an envelope name the same task: leases are kept by the fields, and tasks run by the envelope.
fn agrees(envelope: &Envelope, fields: &HashMap<String, Bytes>) -> bool {
    let is = |name: &str, value: &str| fields.get(name).is_some_and(|field| field.as_ref() == value.as_bytes());
    is("task_exec_id", &envelope.task_exec_id.to_string())
        && is("tenant", envelope.tenant.as_str())
        && is("engine", &envelope.engine)
        && is("attempt", &envelope.attempt.to_string())
}

/// Puts an entry that nobody can read among the dead letters, and tells its engine, where it says which that is.
async fn bury(
    shared: &Shared,
    (stream, entry, epoch): (&str, &str, u32),
    fields: &HashMap<String, Bytes>,
    reason: &str,
) -> Result<(), RedisFailure> {
    let text = |name: &str| fields.get(name).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
    let keys = shared.redis.keys();
    let tenant = TenantId::new(text("tenant"));
    let id = TaskExecId::from_str(text("task_exec_id"));
    let engine = ProcessId::new(text("engine"));
    let attempt = text("attempt").parse::<u32>();
    tracing::error!(stream, entry, reason, "a message of the queue goes to the dead letters");
    let (state, completions, engine) = match (&tenant, &id, &engine, &attempt) {
        (Ok(tenant), Ok(id), Ok(engine), Ok(_)) => (keys.state(tenant, *id), keys.completions(engine), engine.as_str()),
        // Whom to tell is not known: the letter is all that is left.
        _ => (keys.dead(), keys.dead(), ""),
    };
    let call = REPORT.call().key(completions).key(state).key(stream).key(keys.dead());
    let call = call.arg(entry).arg(epoch).arg(text("task_exec_id")).arg(text("tenant")).arg(engine);
    let call = call.arg(text("attempt")).arg("unreadable").arg(reason).arg(shared.parts.worker.as_str());
    let envelope = fields.get("envelope").cloned().unwrap_or_default();
    let call = call.arg(envelope.as_ref()).arg(shared.options.state_ttl.as_millis() as u64);
    shared.redis.run::<i64>(call).await.map(drop)
}

/// Tells the engine that a task cannot be run as it lies in Redis.
pub(super) async fn ask_for_repair(shared: &Shared, claim: &Claim, reason: &str) -> Result<(), RedisFailure> {
    let (keys, envelope) = (shared.redis.keys(), &claim.envelope);
    let Ok(engine) = ProcessId::new(&envelope.engine) else { return Ok(()) };
    let state = keys.state(&envelope.tenant, envelope.task_exec_id);
    let call = REPORT.call().key(keys.completions(&engine)).key(state).key(&claim.stream).key(keys.dead());
    let call = call.arg(&claim.entry).arg(claim.epoch).arg(envelope.task_exec_id.to_string());
    let call = call.arg(envelope.tenant.as_str()).arg(engine.as_str()).arg(envelope.attempt).arg("repair").arg(reason);
    let call = call.arg(shared.parts.worker.as_str()).arg("").arg(shared.options.state_ttl.as_millis() as u64);
    shared.redis.run::<i64>(call).await.map(drop)
}

/// Renews leases, until it is aborted.
pub(super) async fn renew(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(shared.options.renew_every).await;
        if let Err(failure) = renew_once(&shared).await {
            tracing::debug!(%failure, "leases cannot be renewed right now");
        }
    }
}

async fn renew_once(shared: &Shared) -> Result<(), RedisFailure> {
    let claims: Vec<Claim> = shared.hand().claims.values().cloned().collect();
    metrics::gauge!(super::super::metrics::LEASES).set(claims.len() as f64);
    for claims in claims.chunks(TASKS_PER_TAKE) {
        let mut call = RENEW.call().arg(shared.parts.worker.as_str());
        for claim in claims {
            let state = shared.redis.keys().state(&claim.envelope.tenant, claim.envelope.task_exec_id);
            call = call.key(state).key(&claim.stream);
            call = call.arg(&claim.entry).arg(claim.envelope.attempt).arg(claim.epoch);
        }
        let answers: Vec<String> = shared.redis.run(call).await?;
        for (claim, answer) in claims.iter().zip(answers) {
            if answer != "kept" {
                tracing::info!(task = %claim.envelope.task_exec_id, epoch = claim.epoch, answer, "a task is let go");
                let why = if answer == "lost" { Why::Lost } else { Why::Unwanted };
                shared.drop_claim(&claim.key(), why);
            }
        }
        keep_configs(shared, claims).await?;
    }
    Ok(())
}

/// A config lives as long as its task runs: it is extended after a quarter of its time.
async fn keep_configs(shared: &Shared, claims: &[Claim]) -> Result<(), RedisFailure> {
    for claim in claims.iter().filter(|claim| claim.extended.elapsed() >= claim.config_ttl / 4) {
        let (execution, number) = super::assignment::place_of(&claim.envelope);
        let ttl = Millis(claim.config_ttl.as_millis() as u64);
        if let Err(error) = shared.records.extend(&execution, number, ttl).await {
            tracing::debug!(%error, "a config is not extended right now");
            continue;
        }
        if let Some(claim) = shared.hand().claims.get_mut(&claim.key()) {
            claim.extended = Instant::now();
        }
    }
    Ok(())
}

/// Listens for tasks that nobody wants any more, until it is aborted. What is said while nobody listens is learnt with the next renewal.
pub(super) async fn listen(shared: Arc<Shared>) {
    let mut failures = 0;
    loop {
        let begun = Instant::now();
        if let Err(failure) = listen_once(&shared).await {
            tracing::debug!(%failure, "cancellations cannot be heard right now");
        }
        failures = if begun.elapsed() > LISTENED_WELL { 1 } else { failures + 1 };
        shared.redis.pause(failures).await;
    }
}

async fn listen_once(shared: &Shared) -> Result<(), RedisFailure> {
    let mut subscription = shared.redis.pubsub().await?;
    subscription.subscribe(shared.redis.keys().cancel()).await.map_err(RedisFailure::from)?;
    // What was said while nobody listened.
    renew_once(shared).await?;
    let mut messages = subscription.on_message();
    while let Some(message) = messages.next().await {
        let Ok(text) = message.get_payload::<String>() else { continue };
        let Some((tenant, id)) = text.split_once(' ') else { continue };
        let Ok(tenant) = TenantId::new(tenant) else { continue };
        match (TaskExecId::from_str(id), GroupId::from_str(id)) {
            (Ok(id), _) => shared.drop_task(&tenant, id),
            (_, Ok(group)) => shared.drop_group(&tenant, group),
            _ => {}
        }
    }
    Ok(())
}

/// Gives tasks back that have not begun, or that this worker will not finish. Without Redis, their leases run out.
pub(super) async fn give_back(shared: &Shared, claims: &[Claim]) {
    for claims in claims.chunks(TASKS_PER_TAKE) {
        let mut call = GIVE_BACK.call().arg(shared.parts.worker.as_str());
        for claim in claims {
            let state = shared.redis.keys().state(&claim.envelope.tenant, claim.envelope.task_exec_id);
            call = call.key(state).key(&claim.stream);
            call = call.arg(&claim.entry).arg(claim.envelope.attempt).arg(claim.epoch);
        }
        match shared.redis.run::<u64>(call).await {
            Ok(count) => tracing::info!(count, "tasks are given back"),
            Err(failure) => tracing::warn!(%failure, "tasks are not given back: their leases run out"),
        }
    }
}

/// Gives back what has not begun.
async fn give_back_idle(shared: &Shared) {
    let idle = shared.hand().take_idle();
    give_back(shared, &idle).await;
}

/// Forgets workers that are gone and own nothing any more.
pub(super) async fn forget_consumers(shared: &Shared) -> Result<(), RedisFailure> {
    let call = streams(shared).iter().fold(FORGET.call(), Call::key);
    let gone_after = shared.options.forget_worker_after.as_millis() as u64;
    shared.redis.run::<u64>(call.arg(shared.parts.worker.as_str()).arg(gone_after)).await.map(drop)
}
