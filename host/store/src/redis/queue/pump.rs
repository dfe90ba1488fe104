//! What goes from the engine to Redis for tasks that are to run: components, records and then envelopes.
//!
//! One flight at a time, with as much as has come together meanwhile: under load a round trip carries hundreds of tasks, and alone each goes at once.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sandmill_core::ids::{Digest, TenantId};
use sandmill_core::time::Timestamp;
use sandmill_engine::ports::{Completion, ExecutionKey, TaskMessage, TaskResult};

use super::super::RedisFailure;
use super::super::adapters::save_component;
use super::super::records::{SaveError, TaskToSave};
use super::assignment;
use super::engine::Shared;
use super::envelope::{ENVELOPE_VERSION, Envelope, Kind, traceparent};
use super::flights::{self, Cargo, Met, Refusal};
use super::scripts::ENQUEUE;
use super::trouble::Source;

/// Tasks that share a flight.
pub(super) const TASKS_PER_FLIGHT: usize = 256;

/// Sends what may go out, until it is aborted.
pub(super) async fn send(shared: Arc<Shared>) {
    loop {
        let messages = shared.table().take(&shared.options, TASKS_PER_FLIGHT);
        if messages.is_empty() {
            shared.work.notified().await;
        } else {
            put(&shared, messages).await;
        }
    }
}

/// Puts tasks into Redis, as far as somebody still waits for them. Returns once each has gone or is refused.
pub(super) async fn put(shared: &Shared, messages: Vec<TaskMessage>) {
    flights::send_all(&shared.redis, shared, messages).await;
    shared.troubles.over(Source::Tasks);
}

#[async_trait]
impl Cargo for Shared {
    type Item = TaskMessage;

    async fn send(&self, messages: &[TaskMessage]) -> Result<(), Met> {
        let _flight = self.flights.read().await;
        let wanted: Vec<TaskMessage> = {
            let table = self.table();
            messages.iter().filter(|message| table.wants(message)).cloned().collect()
        };
        if !wanted.is_empty() {
            put_once(self, &wanted).await?;
            self.table().accepted(&wanted);
            withdraw(self, &wanted);
        }
        Ok(())
    }

    fn waits(&self, failure: &RedisFailure) {
        self.troubles.met(Source::Tasks, failure);
    }

    /// A task that is too large fails. Any other refusal is told, and the task is tried again with each scan, as if Redis had lost it.
    fn refused(&self, message: TaskMessage, refusal: &Refusal) {
        let TaskMessage { tenant, dispatch, .. } = &message;
        let task = dispatch.id;
        match refusal {
            Refusal::Said(failure) => {
                if self.table().refuse(&message, failure) {
                    tracing::error!(%failure, %task, "Redis refuses a task; it is tried again and again");
                }
            }
            Refusal::TooLarge(problem) if self.table().wants(&message) => {
                tracing::error!(%task, detail = problem.detail, "a task is too large for Redis");
                self.table().settle(tenant, task, None);
                self.work.notify_one();
                let result = TaskResult::Failed(Box::new(problem.clone()));
                let (tenant, attempt) = (tenant.clone(), dispatch.attempt);
                self.hand_over(Completion { tenant, id: task, attempt, epoch: 0, result });
            }
            Refusal::TooLarge(_) => {}
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

async fn put_once(shared: &Shared, messages: &[TaskMessage]) -> Result<(), Met> {
    shared.clock.know(&shared.redis).await?;
    put_components(shared, messages).await?;
    let drafts: Vec<TaskToSave> = messages.iter().map(|message| assignment::draft(shared, message)).collect();
    let bytes = drafts.iter().flat_map(|draft| &draft.bodies).map(|(_, body)| body.len()).max().unwrap_or(0);
    save(shared, &drafts).await.map_err(|failure| Met { failure, bytes })?;
    let mut call = ENQUEUE.call().key(shared.redis.keys().owner());
    let state_ttl = shared.options.state_ttl.as_millis() as u64;
    call = call.arg(shared.parts.engine.as_str()).arg(state_ttl);
    for (message, draft) in messages.iter().zip(&drafts) {
        let (dispatch, keys) = (&message.dispatch, shared.redis.keys());
        call = call
            .key(keys.state(&message.tenant, dispatch.id))
            .key(keys.stream(&dispatch.delivery.queue, dispatch.delivery.priority))
            .key(keys.completions(&shared.parts.engine))
            .arg(dispatch.attempt)
            .arg(dispatch.id.to_string())
            .arg(message.tenant.as_str())
            .arg(dispatch.delivery.group.map(|group| group.to_string()).unwrap_or_default())
            .arg(envelope(shared, message).to_json())
            .arg(if shared.options.inlines_configs { assignment::to_inlined(draft) } else { Vec::new() });
    }
    let added: i64 = shared.redis.run(call).await?;
    if added < 0 {
        return Err(RedisFailure::unavailable("another engine has the prefix").into());
    }
    Ok(())
}

/// Saves records. One of an earlier attempt, which had another config, goes: what the engine holds is right.
async fn save(shared: &Shared, drafts: &[TaskToSave]) -> Result<(), RedisFailure> {
    if shared.options.inlines_configs {
        return save_shared(shared, drafts).await;
    }
    match shared.records.try_save(drafts).await {
        Ok(()) => return Ok(()),
        Err(SaveError::Redis(failure)) => return Err(failure),
        Err(SaveError::Conflict) => {}
    }
    for draft in drafts {
        shared.records.try_delete(&draft.execution, draft.record.id.number).await?;
    }
    match shared.records.try_save(drafts).await {
        Err(SaveError::Conflict) => {
            Err(RedisFailure::unavailable("another config stands under a task, which was deleted just now"))
        }
        Err(SaveError::Redis(failure)) => Err(failure),
        Ok(()) => Ok(()),
    }
}

/// Saves what tasks share, without their configs.
async fn save_shared(shared: &Shared, drafts: &[TaskToSave]) -> Result<(), RedisFailure> {
    for TaskToSave { execution, record, bodies } in drafts {
        let bodies: Vec<_> = bodies.iter().filter(|(digest, _)| *digest != record.config).cloned().collect();
        if !bodies.is_empty() {
            let saved = shared.records.save_bodies(execution, &bodies, record.ttl_ms).await;
            saved.map_err(|error| RedisFailure::unavailable(error.to_string()))?;
        }
    }
    Ok(())
}

fn envelope(shared: &Shared, message: &TaskMessage) -> Envelope {
    let dispatch = &message.dispatch;
    let waited = shared.table().waited(message).unwrap_or_default();
    Envelope {
        v: ENVELOPE_VERSION,
        kind: Kind::Call,
        task_exec_id: dispatch.id,
        tenant: message.tenant.clone(),
        component: dispatch.plugin().expect("other workflows are run by the engine"),
        group_id: dispatch.delivery.group,
        attempt: dispatch.attempt,
        engine: shared.parts.engine.to_string(),
        created_at: Timestamp(shared.clock.now_there().0.saturating_sub_unsigned(waited.as_millis() as u64)),
        deadline: dispatch.deadline.map(|deadline| shared.clock.there(deadline)),
        traceparent: Some(traceparent(dispatch.id)),
    }
}

/// Sees to it that workers find the components of tasks.
async fn put_components(shared: &Shared, messages: &[TaskMessage]) -> Result<(), Met> {
    let needed: HashSet<(&TenantId, Digest)> =
        messages.iter().filter_map(|message| Some((&message.tenant, message.dispatch.plugin()?))).collect();
    for (tenant, digest) in needed {
        let key = (tenant.clone(), digest);
        if shared.components.contains_key(&key) {
            continue;
        }
        let (catalog, owner) = (Arc::clone(&shared.parts.catalog), tenant.clone());
        let read = tokio::task::spawn_blocking(move || catalog.component(&owner, digest)).await;
        match read {
            Ok(Ok(Some(component))) => {
                let stored = save_component(&shared.redis, tenant, digest, &component).await;
                stored.map_err(|failure| Met { failure, bytes: component.len() })?;
                shared.components.insert(key, ());
            }
            // Its worker finds no component, and the task fails with that.
            Ok(Ok(None)) => tracing::error!(%tenant, %digest, "a component is not in the catalog"),
            Ok(Err(error)) => return Err(RedisFailure::unavailable(error.to_string()).into()),
            Err(error) => return Err(RedisFailure::unavailable(error.to_string()).into()),
        }
    }
    Ok(())
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
