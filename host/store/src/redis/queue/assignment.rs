//! A task on its two ways through Redis: from the engine's dispatch to a record, and from envelope and record to what a runner is given.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sandmill_core::definition::DefinitionName;
use sandmill_core::ids::{Digest, JsonPointer};
use sandmill_core::machine::{ContextHandle, Delivery, Dispatch, IdempotencyKey, SharedContext, Target, WorkflowInfo};
use sandmill_core::time::{Millis, Timestamp};
use sandmill_core::value::Value;
use sandmill_engine::ports::{ConfigError, ExecutionKey, Remote, TaskMessage};

use super::super::record::{ContextRef, TaskRecord, ValueRef, WorkflowRef};
use super::super::records::TaskToSave;
use super::context::RecordContext;
use super::engine;
use super::envelope::Envelope;
use super::pump::{config_ttl, execution_of};
use super::worker::{self, Claim};

/// What is saved of a task before it goes into the queue.
pub(super) fn draft(shared: &engine::Shared, message: &TaskMessage) -> TaskToSave {
    let (dispatch, context) = (&message.dispatch, &message.dispatch.context);
    let digest = Digest::of(&message.config);
    let mut bodies = vec![(digest, message.config.clone())];
    let mut refer = |value: &Value| {
        let (reference, body) = shared.texts.refer(value);
        bodies.extend(body);
        reference
    };
    let workflow = context.workflow();
    let ttl = Millis(u64::try_from(config_ttl(shared, message).as_millis()).unwrap_or(u64::MAX));
    let mut record = TaskRecord::new(message.tenant.clone(), dispatch.id, digest, ttl);
    record.context = Some(match context.members() {
        Some(members) => ContextRef::Members(members.into_iter().map(|(name, value)| (name, refer(&value))).collect()),
        None => ContextRef::Whole(refer(context.context())),
    });
    record.input = Some(refer(context.input()));
    let variables = context.variables();
    let variables = variables.entries().into_iter().flatten();
    record.vars = variables.map(|(name, value)| (name.into_owned(), refer(&value))).collect();
    record.workflow = Some(WorkflowRef {
        id: workflow.id,
        name: format!("{}/{}", workflow.name.namespace, workflow.name.name),
        version: workflow.name.version.to_string(),
        input: refer(&workflow.input),
    });
    if let Some((item, index)) = context.item() {
        record.item = Some(refer(item));
        record.index = Some(index);
    }
    record.limits.clone_from(&shared.parts.limits);
    record.idempotency_key = Some(dispatch.idempotency_key.to_string());
    record.round = dispatch.round;
    record.deadline = dispatch.deadline.map(|deadline| shared.clock.there(deadline));
    record.engine = shared.parts.engine.to_string();
    TaskToSave { execution: execution_of(message), record, bodies }
}

/// Record and config as they go with the envelope, in a queue that carries them: a line of its own each.
pub(super) fn to_inlined(task: &TaskToSave) -> Vec<u8> {
    let mut inlined = task.record.encode();
    inlined.push(b'\n');
    let config = task.bodies.iter().find(|(digest, _)| *digest == task.record.config);
    inlined.extend(config.iter().flat_map(|(_, config)| config.as_ref()));
    inlined
}

/// The way back from [`to_inlined`].
pub(super) fn from_inlined(envelope: &Envelope, inlined: &Bytes) -> Result<(TaskRecord, Bytes), ConfigError> {
    let end = inlined.iter().position(|byte| *byte == b'\n').ok_or(ConfigError::NotFound)?;
    let record = TaskRecord::decode(&inlined[..end], &envelope.tenant, envelope.task_exec_id)?;
    Ok((record, inlined.slice(end + 1..)))
}

/// Where the record of a task lies.
pub(super) fn place_of(envelope: &Envelope) -> (ExecutionKey, u32) {
    let Envelope { tenant, task_exec_id, .. } = envelope;
    (ExecutionKey { tenant: tenant.clone(), id: task_exec_id.workflow }, task_exec_id.number)
}

/// What a runner is given, and how long its config lives; or why it cannot be made.
pub(super) fn assemble(
    shared: &worker::Shared,
    claim: &Claim,
    (record, config): (TaskRecord, Bytes),
) -> Result<(TaskMessage, Duration), String> {
    let envelope = &claim.envelope;
    let key = record.idempotency_key.as_deref().and_then(|key| u128::from_str_radix(key, 16).ok());
    let idempotency_key = IdempotencyKey(key.ok_or("the record has no idempotency key")?);
    let deadline = envelope.deadline.map(|deadline| shared.clock.here(deadline));
    let dispatch = Dispatch {
        id: envelope.task_exec_id,
        attempt: envelope.attempt,
        round: record.round,
        pointer: JsonPointer::root(),
        target: Target::Plugin(envelope.component),
        idempotency_key,
        context: elsewhere(envelope),
        deadline,
        delivery: Delivery::default(),
    };
    let config_ttl = Duration::from_millis(record.ttl_ms.0);
    let (execution, _) = place_of(envelope);
    let limits = record.limits.clone();
    let context = Box::new(RecordContext::new(execution, record, Arc::clone(&shared.values)));
    let (engine, epoch, read_at) = (envelope.engine.clone(), claim.epoch, claim.read_at);
    let remote = Some(Arc::new(Remote { engine, epoch, read_at, context, limits }));
    let message = TaskMessage { tenant: envelope.tenant.clone(), dispatch: Arc::new(dispatch), config, remote };
    Ok((message, config_ttl))
}

/// A handle without anything in it: what the task reads comes from afar.
fn elsewhere(envelope: &Envelope) -> ContextHandle {
    let name = DefinitionName { namespace: "".into(), name: "".into(), version: "".into() };
    let info = WorkflowInfo {
        id: envelope.task_exec_id.workflow,
        name,
        input: Value::null(),
        started_at: Timestamp(envelope.created_at.0),
    };
    let shared = SharedContext::new(Arc::new(info), Value::null(), Value::null());
    ContextHandle::new(Arc::new(shared), Value::null(), 0)
}

/// The value of a reference that holds it itself.
pub(super) fn inline(reference: &ValueRef) -> Option<Result<Value, String>> {
    match reference {
        ValueRef::Inline(text) => Some(Value::from_json(text.get().as_bytes()).map_err(|error| error.to_string())),
        ValueRef::Digest(_) => None,
    }
}
