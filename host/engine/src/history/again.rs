//! What it takes to run an execution again: what was done in it, up to where the new one is to do things itself.

use std::sync::Arc;

use sandmill_core::definition::Definition;
use sandmill_core::ids::{JsonPointer, WorkflowExecId};
use sandmill_core::machine::{Action, Lifecycle, Origin};
use sandmill_core::value::Value;

use crate::engine::Engine;
use crate::history::ReadError;
use crate::history::replay::{Replay, Slice};
use crate::ports::ExecutionKey;

/// What a second execution begins with.
#[derive(Debug, Clone)]
pub struct Again {
    /// What the first one ran on.
    pub definition: Arc<Definition>,
    /// Its raw input.
    pub input: Value,
    /// What is taken over from it.
    pub origin: Origin,
}

/// Why an execution cannot be run again.
#[derive(Debug, thiserror::Error)]
pub enum AgainError {
    /// It has not ended.
    #[error("execution {0} has not ended: wait for it, or cancel it first")]
    NotEnded(WorkflowExecId),
    /// It never came to the task.
    #[error("execution {id} never came to the task `{task}`")]
    NeverReached {
        /// Which execution.
        id: WorkflowExecId,
        /// The name or the pointer.
        task: String,
    },
    /// Its history cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Engine {
    /// Reads what an ended execution did: all of it, or what was done before a task began for the first time. The task is named by its name or its JSON
    /// Pointer. `None` where there is no such execution.
    ///
    /// Blocks for as long as it takes to replay the journal: call it from where that may take a while.
    pub fn again(&self, key: &ExecutionKey, from: Option<&str>) -> Result<Option<Again>, AgainError> {
        let Some(row) = self.row(key).map_err(ReadError::from)? else { return Ok(None) };
        if !row.status.is_ended() {
            return Err(AgainError::NotEnded(key.id));
        }
        let Some(mut replay) = Replay::begin(&self.shared.library, key)? else { return Ok(None) };
        replay.keep_visits();
        let mut outputs = Vec::new();
        let mut is_reached = false;
        while let Some(slice) = replay.advance()? {
            is_reached = from.is_some_and(|from| reaches(&slice, from));
            if is_reached {
                break;
            }
            outputs.extend(replay.take_visits());
        }
        if let Some(task) = from.filter(|_| !is_reached) {
            return Err(AgainError::NeverReached { id: key.id, task: task.into() });
        }
        let (input, began) = replay.into_beginning();
        let origin = Origin { execution: Some(key.id), outputs: outputs.into_iter().collect(), ..began };
        let definition = self.shared.library.definitions.definition(&key.tenant, row.definition);
        let definition = definition.map_err(ReadError::from)?.ok_or(ReadError::NoDefinition(row.definition))?;
        Ok(Some(Again { definition, input, origin }))
    }
}

/// True where a task of that name or pointer begins.
fn reaches(slice: &Slice, from: &str) -> bool {
    let is_it = |pointer: &JsonPointer| {
        let pointer = pointer.as_str();
        let name = pointer.rsplit('/').next().unwrap_or_default();
        pointer == from || (!from.starts_with('/') && name == from.replace('~', "~0").replace('/', "~1"))
    };
    slice.actions.iter().any(|action| match action {
        Action::Publish(Lifecycle::TaskCreated(place) | Lifecycle::TaskStarted(place)) => is_it(&place.pointer),
        _ => false,
    })
}
