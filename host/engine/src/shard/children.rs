//! Child workflows: executions that a task of another one starts, and whose end is the end of that task.
//!
//! A child has the id that follows from its task, so that starting it again finds it. Whoever waits for it is told when its end is durable; after a
//! crash in between the parent asks again, which is why it is found among the active ones as long as a child of it runs.

use std::sync::Arc;

use bytes::Bytes;
use sandmill_core::definition::Definition;
use sandmill_core::ids::{TaskExecId, WorkflowExecId};
use sandmill_core::machine::{ChildWorkflow, Dispatch, Event};
use sandmill_core::problem::{ErrorKind, Problem};
use sandmill_core::time::Millis;
use sandmill_core::value::Value;
use tokio::sync::oneshot;

use super::{Mail, Shard};
use crate::admission::Begin;
use crate::engine::result_of;
use crate::execution::NotDone;
use crate::metrics::EngineMeters;
use crate::ports::{ExecutionKey, ExecutionRow, Lineage, Parent, Status, StoreError};
use crate::shared::Shared;

/// Executions that wait for each other at most: a workflow that runs itself must come to an end.
const CHILDREN_NESTED_MAX: u32 = 50;

/// How long to wait before a child is told again to end that could not be told.
const RETRY_AFTER: Millis = Millis(1_000);

/// How a child ended.
pub(super) enum ChildEnd {
    Completed(Value),
    Faulted(Box<Problem>),
    Cancelled,
}

/// The execution that a task starts.
pub(crate) fn child_of(parent: &ExecutionKey, task: TaskExecId) -> ExecutionKey {
    // No workflow has a name without a slash, so no request can ask for this id.
    let id = WorkflowExecId::from_idempotency_key(&parent.tenant, "child", &task.to_string());
    ExecutionKey { tenant: parent.tenant.clone(), id }
}

impl Shard {
    /// Starts a child, or finds the one that was started before, and says how it ended where it has.
    pub(super) fn begin_child(&self, key: &ExecutionKey, dispatch: &Dispatch, child: &ChildWorkflow, input: &Bytes) {
        let asking = Asking {
            shared: Arc::clone(&self.shared),
            parent: key.clone(),
            task: dispatch.id,
            attempt: dispatch.attempt,
        };
        let child_key = child_of(key, dispatch.id);
        match self.shared.store.row(&child_key) {
            Ok(Some(_)) if !child.is_awaited => asking.started(),
            Ok(Some(row)) => asking.found(&child_key, &row),
            Ok(None) => {
                let depth = match self.executions.get(key).and_then(|parent| parent.row.lineage.parent) {
                    Some(above) if child.is_awaited && above.is_awaited => above.depth + 1,
                    _ => u32::from(child.is_awaited),
                };
                asking.start(child_key, child, input, depth);
            }
            Err(error) => asking.failed(unavailable(&error)),
        }
    }

    pub(super) fn is_child(&self, key: &ExecutionKey, task: TaskExecId) -> bool {
        match self.executions.get(key) {
            Some(execution) => execution.has_child(task.number),
            None => self.shared.store.row(&child_of(key, task)).is_ok_and(|row| row.is_some()),
        }
    }

    /// Cancels a child, and tells its parent once that is done.
    pub(super) fn cancel_child(&self, key: &ExecutionKey, task: TaskExecId) {
        let asking = Asking { shared: Arc::clone(&self.shared), parent: key.clone(), task, attempt: 0 };
        tokio::spawn(asking.cancel(child_of(key, task)));
    }

    /// An execution has ended, and that is durable: the task that waits for it ends too.
    pub(super) fn tell_parent(&self, key: &ExecutionKey, end: ChildEnd) {
        let lineage = match self.executions.get(key) {
            Some(execution) => Some(execution.row.lineage.clone()),
            // Its row says the same. One that cannot be read now is asked for after a restart.
            None => self.shared.store.row(key).ok().flatten().map(|row| row.lineage),
        };
        let Some(Parent { task, attempt, is_awaited: true, .. }) = lineage.and_then(|lineage| lineage.parent) else {
            return;
        };
        let parent = ExecutionKey { tenant: key.tenant.clone(), id: task.workflow };
        Asking { shared: Arc::clone(&self.shared), parent, task, attempt }.ended(key, end);
    }
}

/// A task that runs another workflow.
struct Asking {
    shared: Arc<Shared>,
    parent: ExecutionKey,
    task: TaskExecId,
    attempt: u32,
}

impl Asking {
    fn start(self, key: ExecutionKey, child: &ChildWorkflow, input: &Bytes, depth: u32) {
        let begun = self.describe(child, input, depth).and_then(|begin| {
            let (answer, durable) = oneshot::channel();
            let execution = self.shared.new_execution(&key, begin, answer).map_err(|error| unavailable(&error))?;
            Ok((execution, durable))
        });
        let (execution, durable) = match begun {
            Ok(begun) => begun,
            Err(problem) => return self.failed(problem),
        };
        EngineMeters::execution_started(&key.tenant);
        self.shared.send(&key.clone(), Mail::Start(Box::new(execution)));
        let is_awaited = child.is_awaited;
        tokio::spawn(async move {
            match durable.await {
                Ok(Ok(())) if !is_awaited => self.started(),
                Ok(Ok(())) => {}
                Ok(Err(refusal)) => self.failed(unavailable(&refusal.into())),
                // The engine is about to stop: the next one asks again.
                Err(_) => {}
            }
        });
    }

    fn describe(&self, child: &ChildWorkflow, input: &Bytes, depth: u32) -> Result<Begin, Problem> {
        if depth > CHILDREN_NESTED_MAX {
            let detail = format!(
                "more than {CHILDREN_NESTED_MAX} workflows wait for each other: look for one that runs itself, or run it with `await: false`"
            );
            return Err(Problem::new(ErrorKind::Runtime, detail));
        }
        let definition = self.definition(child)?;
        let input = Value::from_json(input).map_err(|error| Problem::new(ErrorKind::Runtime, error.to_string()))?;
        let parent = Parent { task: self.task, attempt: self.attempt, is_awaited: child.is_awaited, depth };
        Ok(Begin { definition, input, origin: None, lineage: Lineage { rerun_of: None, parent: Some(parent) } })
    }

    fn definition(&self, child: &ChildWorkflow) -> Result<Arc<Definition>, Problem> {
        let name = format!("{}/{}", child.namespace, child.name);
        let found = self.shared.definitions.named(&self.parent.tenant, &name, child.version.as_deref());
        found.map_err(|error| unavailable(&error))?.ok_or_else(|| {
            let version = child.version.as_deref().map(|version| format!(" in version {version}")).unwrap_or_default();
            let detail = format!("there is no workflow {name}{version}: deploy it before it is run");
            Problem::new(ErrorKind::Configuration, detail)
        })
    }

    /// A child that is there already. One that still runs will say how it ended.
    fn found(self, key: &ExecutionKey, row: &ExecutionRow) {
        let end = match row.status {
            Status::Cancelled => ChildEnd::Cancelled,
            Status::Completed | Status::Faulted => match result_of(&self.shared.store, key, row) {
                Ok(Some(result)) if row.status == Status::Completed => ChildEnd::Completed(result),
                Ok(result) => {
                    let problem = result.as_ref().and_then(Problem::from_value);
                    let unknown =
                        || Problem::new(ErrorKind::Runtime, "the workflow has faulted, and its error is gone");
                    ChildEnd::Faulted(Box::new(problem.unwrap_or_else(unknown)))
                }
                Err(error) => return self.failed(unavailable(&error)),
            },
            _ => return,
        };
        self.ended(key, end);
    }

    fn ended(&self, key: &ExecutionKey, end: ChildEnd) {
        let (task, attempt) = (self.task.number, self.attempt);
        let problem = match end {
            ChildEnd::Completed(output) => return self.tell(Event::TaskCompleted { task, attempt, output }),
            // Where it stood in the other document says nothing in this one.
            ChildEnd::Faulted(problem) => Problem { instance: None, retryable: false, ..*problem },
            ChildEnd::Cancelled => Problem::new(
                ErrorKind::Runtime,
                format!("the workflow that it ran, execution {}, was cancelled", key.id),
            ),
        };
        self.failed(problem);
    }

    /// A child that nobody waits for has started.
    fn started(&self) {
        self.tell(Event::TaskCompleted { task: self.task.number, attempt: self.attempt, output: Value::null() });
    }

    fn failed(&self, problem: Problem) {
        let (task, attempt) = (self.task.number, self.attempt);
        self.tell(Event::TaskFailed { task, attempt, problem: Box::new(problem) });
    }

    async fn cancel(self, key: ExecutionKey) {
        loop {
            let is_over = self.shared.store.row(&key).is_ok_and(|row| row.is_some_and(|row| row.status.is_ended()));
            let (answer, durable) = oneshot::channel();
            if !is_over {
                self.shared.send(&key, Mail::Deliver(key.clone(), Event::CancelRequested, Some(answer)));
            }
            match durable.await {
                Ok(Err(NotDone::Store(_) | NotDone::Held(_))) => {
                    let later = self.shared.clock.now().after(RETRY_AFTER);
                    self.shared.clock.sleep_until(later).await;
                }
                // It has ended, or was never begun.
                Ok(Ok(()) | Err(NotDone::Gone)) => break,
                Err(_) if is_over => break,
                // The engine is about to stop: the next one asks again.
                Err(_) => return,
            }
        }
        self.tell(Event::TaskStopped { task: self.task.number });
    }

    fn tell(&self, event: Event) {
        self.shared.send(&self.parent, Mail::Deliver(self.parent.clone(), event, None));
    }
}

/// Something that may pass.
fn unavailable(error: &StoreError) -> Problem {
    let detail = format!("the workflow cannot be started right now: {error}");
    Problem { retryable: true, ..Problem::new(ErrorKind::Runtime, detail) }
}
