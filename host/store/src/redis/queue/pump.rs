//! What goes from the engine to Redis: records and then envelopes, cancellations, and the completions that may be forgotten.
//!
//! One flight at a time, with as much as has come together meanwhile: under load a round trip carries hundreds of tasks, and alone each goes at once.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sandmill_core::ids::{Digest, TaskExecId, TenantId};
use sandmill_engine::ports::{ComponentBytes as _, ExecutionKey, TaskMessage};

use super::super::records::TaskToSave;
use super::super::{RedisComponents, RedisFailure, Request};
use super::assignment;
use super::engine::{Errands, Shared};
use super::envelope::{ENVELOPE_VERSION, Envelope, Kind, traceparent};
use super::flights::Flight;
use super::scripts::{CANCEL, ENQUEUE, SETTLE};

/// Tasks that share a flight.
pub(super) const TASKS_PER_FLIGHT: usize = 256;

/// Sends what may go out, until it is aborted.
pub(super) async fn send(shared: Arc<Shared>) {
    loop {
        let messages = shared.table().take(&shared.options, TASKS_PER_FLIGHT);
        if messages.is_empty() {
            shared.work.notified().await;
        } else {
            put(&shared, &messages).await;
        }
    }
}

/// Puts tasks into Redis, as often as it takes.
pub(super) async fn put(shared: &Shared, messages: &[TaskMessage]) {
    let mut failures = 0;
    loop {
        match put_once(shared, messages).await {
            Ok(()) => return,
            Err(failure) => {
                failures += 1;
                if failures == 1 {
                    tracing::warn!(%failure, tasks = messages.len(), "tasks cannot be put into the queue right now");
                }
                shared.redis.pause(failures).await;
            }
        }
    }
}

async fn put_once(shared: &Shared, messages: &[TaskMessage]) -> Result<(), RedisFailure> {
    let (_flight, messages) = Flight::depart(shared, messages);
    if messages.is_empty() {
        return Ok(());
    }
    let messages = &messages[..];
    put_components(shared, messages).await?;
    let drafts: Vec<TaskToSave> = messages.iter().map(|message| assignment::draft(shared, message)).collect();
    shared.records.save(&drafts).await.map_err(|error| RedisFailure::Unavailable { reason: error.to_string() })?;
    let mut call = ENQUEUE.call().key(shared.redis.keys().owner());
    let state_ttl = shared.options.state_ttl.as_millis() as u64;
    call = call.arg(shared.parts.engine.as_str()).arg(state_ttl);
    for message in messages {
        let (dispatch, keys) = (&message.dispatch, shared.redis.keys());
        call = call
            .key(keys.state(&message.tenant, dispatch.id))
            .key(keys.stream(&dispatch.delivery.queue, dispatch.delivery.priority))
            .key(keys.completions(&shared.parts.engine))
            .arg(dispatch.attempt)
            .arg(dispatch.id.to_string())
            .arg(message.tenant.as_str())
            .arg(envelope(shared, message).to_json());
    }
    let added: i64 = shared.redis.run(call).await?;
    if added < 0 {
        return Err(RedisFailure::Unavailable { reason: "another engine has the prefix".into() });
    }
    Ok(())
}

fn envelope(shared: &Shared, message: &TaskMessage) -> Envelope {
    let dispatch = &message.dispatch;
    Envelope {
        v: ENVELOPE_VERSION,
        kind: Kind::Call,
        task_exec_id: dispatch.id,
        tenant: message.tenant.clone(),
        component: dispatch.plugin().expect("other workflows are run by the engine"),
        group_id: dispatch.delivery.group,
        attempt: dispatch.attempt,
        engine: shared.parts.engine.to_string(),
        created_at: shared.clock.now_there(),
        deadline: dispatch.deadline.map(|deadline| shared.clock.there(deadline)),
        traceparent: Some(traceparent(dispatch.id)),
    }
}

/// Sees to it that workers find the components of tasks.
async fn put_components(shared: &Shared, messages: &[TaskMessage]) -> Result<(), RedisFailure> {
    let needed: HashSet<(&TenantId, Digest)> =
        messages.iter().filter_map(|message| Some((&message.tenant, message.dispatch.plugin()?))).collect();
    let components = RedisComponents::new(shared.redis.clone());
    for (tenant, digest) in needed {
        let key = (tenant.clone(), digest);
        if shared.components.contains_key(&key) {
            continue;
        }
        let (catalog, owner) = (Arc::clone(&shared.parts.catalog), tenant.clone());
        let read = tokio::task::spawn_blocking(move || catalog.component(&owner, digest)).await;
        match read {
            Ok(Ok(Some(component))) => {
                let stored = components.put(tenant, digest, component).await;
                stored.map_err(|error| RedisFailure::Unavailable { reason: error.to_string() })?;
                shared.components.insert(key, ());
            }
            // Its worker finds no component, and the task fails with that.
            Ok(Ok(None)) => tracing::error!(%tenant, %digest, "a component is not in the catalog"),
            Ok(Err(error)) => return Err(RedisFailure::Unavailable { reason: error.to_string() }),
            Err(error) => return Err(RedisFailure::Unavailable { reason: error.to_string() }),
        }
    }
    Ok(())
}

/// Runs errands until it is aborted.
pub(super) async fn run_errands(shared: Arc<Shared>) {
    let mut failures = 0;
    loop {
        match run_errands_once(&shared).await {
            Ok(0) => {
                failures = 0;
                shared.has_errands.notified().await;
            }
            Ok(_) => failures = 0,
            Err(_) => {
                failures += 1;
                shared.redis.pause(failures).await;
            }
        }
    }
}

/// Runs what errands there are, and tells how many. Those that fail are there again.
pub(super) async fn run_errands_once(shared: &Shared) -> Result<usize, RedisFailure> {
    let errands = {
        let mut all = shared.errands();
        let cancel = take_up_to(&mut all.cancel, TASKS_PER_FLIGHT);
        let settle = take_up_to(&mut all.settle, TASKS_PER_FLIGHT);
        let (later, settle) = settle.into_iter().partition(|ended| shared.flights.has(&ended.tenant, ended.id));
        all.settle.extend::<Vec<_>>(later);
        Errands { cancel, settle }
    };
    let count = errands.cancel.len() + errands.settle.len();
    if let Err(failure) = run(shared, &errands).await {
        let mut all = shared.errands();
        all.cancel.extend(errands.cancel);
        all.settle.extend(errands.settle);
        return Err(failure);
    }
    Ok(count)
}

fn take_up_to<T>(items: &mut Vec<T>, count: usize) -> Vec<T> {
    let rest = items.split_off(items.len().min(count));
    std::mem::replace(items, rest)
}

async fn run(shared: &Shared, errands: &Errands) -> Result<(), RedisFailure> {
    let keys = shared.redis.keys();
    let mut requests: Vec<Request> = Vec::new();
    if !errands.settle.is_empty() {
        let mut call = SETTLE.call().key(keys.completions(&shared.parts.engine));
        for settled in &errands.settle {
            call = call.key(keys.state(&settled.tenant, settled.id)).arg(&settled.entry).arg(settled.attempt);
        }
        requests.push(call.into());
    }
    if !errands.cancel.is_empty() {
        let state_ttl = shared.options.state_ttl.as_millis() as u64;
        let mut call = CANCEL.call().arg(keys.cancel()).arg(state_ttl);
        for (tenant, id) in &errands.cancel {
            call = call.key(keys.state(tenant, *id)).arg(id.to_string()).arg(tenant.as_str());
        }
        requests.push(call.into());
    }
    let mut answers = shared.redis.run_all(requests).await?;
    if errands.cancel.is_empty() {
        return answers.pop().unwrap_or(Ok(super::super::Value::Nil)).map(drop);
    }
    let told = answers.pop().ok_or_else(|| RedisFailure::protocol("an answer is missing"))??;
    let told: Vec<String> =
        super::super::from_redis_value(told).map_err(|error| RedisFailure::protocol(error.to_string()))?;
    for ((tenant, id), answer) in errands.cancel.iter().zip(told) {
        cancelled(shared, (tenant, *id), &answer);
    }
    answers.into_iter().try_for_each(|answer| answer.map(drop))
}

fn cancelled(shared: &Shared, (tenant, id): (&TenantId, TaskExecId), answer: &str) {
    if matches!(answer, "withdrawn" | "unknown") {
        let attempt = shared.table().attempt(tenant, id).unwrap_or(0);
        shared.table().settle(tenant, id, None);
        shared.stopped(tenant, id, attempt);
    }
}

/// How long the config of a task lives: as its document says, or the default; and never less than twice the time that its workflow may take.
pub(super) fn config_ttl(shared: &Shared, message: &TaskMessage) -> Duration {
    let delivery = &message.dispatch.delivery;
    let named = delivery.config_ttl.map_or(shared.options.config_ttl, |ttl| Duration::from_millis(ttl.0));
    let twice =
        delivery.workflow_timeout.map_or(Duration::ZERO, |timeout| Duration::from_millis(timeout.0.saturating_mul(2)));
    named.max(twice)
}

/// The execution of a task.
pub(super) fn execution_of(message: &TaskMessage) -> ExecutionKey {
    ExecutionKey { tenant: message.tenant.clone(), id: message.dispatch.id.workflow }
}
