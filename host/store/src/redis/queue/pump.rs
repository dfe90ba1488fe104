//! What goes from the engine to Redis: records and then envelopes, cancellations, and the completions that may be forgotten.
//!
//! One flight at a time, with as much as has come together meanwhile: under load a round trip carries hundreds of tasks, and alone each goes at once.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sandmill_core::ids::{Digest, TenantId};
use sandmill_engine::ports::{ComponentBytes as _, ConfigError, ExecutionKey, TaskMessage};

use super::super::records::TaskToSave;
use super::super::{RedisComponents, RedisFailure, Request, cmd};
use super::assignment;
use super::engine::{Cancel, Errands, Shared};
use super::envelope::{ENVELOPE_VERSION, Envelope, Kind, traceparent};
use super::scripts::{CANCEL, ENQUEUE, SETTLE};

/// Tasks that share a flight.
pub(super) const TASKS_PER_FLIGHT: usize = 256;

/// How long workers are kept from beginning what belongs to a group that is cancelled. Each of its tasks is cancelled too, so this need not last.
const GROUP_LIVES: Duration = Duration::from_secs(60 * 60);

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

/// Puts tasks into Redis, as often as it takes, as far as somebody still waits for them.
pub(super) async fn put(shared: &Shared, messages: &[TaskMessage]) {
    let mut failures = 0;
    loop {
        let flight = shared.flights.read().await;
        let wanted: Vec<TaskMessage> = {
            let table = shared.table();
            messages.iter().filter(|message| table.wants(message)).cloned().collect()
        };
        if wanted.is_empty() {
            return;
        }
        match put_once(shared, &wanted).await {
            Ok(()) => return withdraw(shared, &wanted),
            Err(failure) => {
                drop(flight);
                failures += 1;
                if failures == 1 {
                    tracing::warn!(%failure, tasks = messages.len(), "tasks cannot be put into the queue right now");
                }
                shared.redis.pause(failures).await;
            }
        }
    }
}

/// Tasks that nobody wants any more may have come to Redis after the word that they should go.
fn withdraw(shared: &Shared, put: &[TaskMessage]) {
    let unwanted: Vec<_> = {
        let table = shared.table();
        let unwanted = put.iter().filter(|message| !table.wants(message));
        let cancel = |message: &TaskMessage| (message.tenant.clone(), message.dispatch.id, message.dispatch.attempt);
        unwanted.map(cancel).collect()
    };
    if !unwanted.is_empty() {
        shared.errands().cancel.extend(unwanted);
        shared.has_errands.notify_one();
    }
}

async fn put_once(shared: &Shared, messages: &[TaskMessage]) -> Result<(), RedisFailure> {
    shared.clock.know(&shared.redis).await?;
    put_components(shared, messages).await?;
    let drafts: Vec<TaskToSave> = messages.iter().map(|message| assignment::draft(shared, message)).collect();
    save(shared, &drafts).await.map_err(|error| RedisFailure::Unavailable { reason: error.to_string() })?;
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
            .arg(dispatch.delivery.group.map(|group| group.to_string()).unwrap_or_default())
            .arg(envelope(shared, message).to_json());
    }
    let added: i64 = shared.redis.run(call).await?;
    if added < 0 {
        return Err(RedisFailure::Unavailable { reason: "another engine has the prefix".into() });
    }
    Ok(())
}

/// Saves records. One of an earlier attempt, which had another config, goes: what the engine holds is right.
async fn save(shared: &Shared, drafts: &[TaskToSave]) -> Result<(), ConfigError> {
    let saved = shared.records.save(drafts).await;
    if !matches!(saved, Err(ConfigError::Conflict)) {
        return saved;
    }
    for draft in drafts {
        shared.records.delete(&draft.execution, draft.record.id.number).await?;
    }
    shared.records.save(drafts).await
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
    let _flight = shared.flights.write().await;
    let errands = {
        let mut all = shared.errands();
        Errands {
            cancel: take_up_to(&mut all.cancel, TASKS_PER_FLIGHT),
            groups: take_up_to(&mut all.groups, TASKS_PER_FLIGHT),
            settle: take_up_to(&mut all.settle, TASKS_PER_FLIGHT),
        }
    };
    let count = errands.cancel.len() + errands.groups.len() + errands.settle.len();
    if let Err(failure) = run(shared, &errands).await {
        let mut all = shared.errands();
        all.cancel.extend(errands.cancel);
        all.groups.extend(errands.groups);
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
    for (tenant, id) in &errands.groups {
        let lives = GROUP_LIVES.as_millis() as u64;
        requests.push(cmd("SET").arg(keys.group(tenant, *id)).arg(1).arg("PX").arg(lives).into());
        requests.push(cmd("PUBLISH").arg(keys.cancel()).arg(format!("{tenant} {id}")).into());
    }
    if !errands.cancel.is_empty() {
        let state_ttl = shared.options.state_ttl.as_millis() as u64;
        let mut call = CANCEL.call().arg(keys.cancel()).arg(state_ttl);
        for (tenant, id, attempt) in &errands.cancel {
            call = call.key(keys.state(tenant, *id)).arg(id.to_string()).arg(tenant.as_str()).arg(*attempt);
        }
        requests.push(call.into());
    }
    let mut answers = shared.redis.run_all(requests).await?;
    if errands.cancel.is_empty() {
        return answers.into_iter().try_for_each(|answer| answer.map(drop));
    }
    let told = answers.pop().ok_or_else(|| RedisFailure::protocol("an answer is missing"))??;
    let told: Vec<String> =
        super::super::from_redis_value(told).map_err(|error| RedisFailure::protocol(error.to_string()))?;
    for (cancel, answer) in errands.cancel.iter().zip(told) {
        cancelled(shared, cancel, &answer);
    }
    answers.into_iter().try_for_each(|answer| answer.map(drop))
}

fn cancelled(shared: &Shared, (tenant, id, last): &Cancel, answer: &str) {
    if matches!(answer, "withdrawn" | "unknown") {
        let mut table = shared.table();
        // One that nobody waits for has told its end already.
        let Some(attempt) = table.attempt(tenant, *id).filter(|attempt| attempt <= last) else { return };
        table.settle(tenant, *id, None);
        drop(table);
        shared.work.notify_one();
        shared.stopped(tenant, *id, attempt);
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
