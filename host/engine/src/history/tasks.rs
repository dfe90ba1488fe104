//! Tasks by number, a page at a time.
//!
//! A page holds the tasks that it shows and nothing of the others: the journal is replayed up to where the last of them has ended.

use std::collections::BTreeMap;

use sandmill_core::definition::Kind;
use sandmill_core::ids::{JsonPointer, TaskExecId, WorkflowExecId};
use sandmill_core::machine::{Action, Dispatch, Lifecycle, TaskPlace};
use sandmill_core::problem::Problem;
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::history::ReadError;
use crate::history::replay::{Replay, Slice};
use crate::ports::{ExecutionKey, Progress};
use crate::shard::child_of;

/// Where a task execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskStatus {
    /// It waits for its turn.
    Pending,
    /// It runs.
    Running,
    /// It waits for time to pass: a `wait`, or a call before its next attempt.
    Waiting,
    /// Ended before it was done.
    Cancelled,
    /// Ended by an error.
    Faulted,
    /// Ended with an output.
    Completed,
    /// Its `if` was false.
    Skipped,
}

impl TaskStatus {
    /// True once nothing more will happen to it.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Cancelled | Self::Faulted | Self::Completed | Self::Skipped)
    }
}

/// One task execution, as far as the journal and the running task tell.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskView {
    /// Which one.
    pub id: TaskExecId,
    /// The task's name.
    pub name: String,
    /// Where the task stands in the document.
    pub pointer: JsonPointer,
    /// Where it stands.
    pub status: TaskStatus,
    /// The attempt that runs or ran last, from 1; 0 for a task that no worker runs, or not yet.
    pub attempt: u32,
    /// The round of the innermost `try`, from 1, for a task that a worker runs.
    pub round: Option<u32>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Its resolved arguments: of a call those that it was given, of `set`, `switch`, `for`, `wait` and `raise` those that they resolve to.
    pub config: Option<Value>,
    /// Its output, once it has completed.
    pub output: Option<Value>,
    /// Its error, once it has faulted.
    pub error: Option<Problem>,
    /// How far it has come, while it runs and where it says so.
    pub progress: Option<Progress>,
    /// The execution that it started, of a task that runs another workflow.
    pub child: Option<WorkflowExecId>,
}

/// A page of task executions, by number.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskPage {
    /// What is on it.
    pub items: Vec<TaskView>,
    /// The `after` of the next page; `None` where there is nothing more yet.
    pub next: Option<u32>,
}

impl Engine {
    /// The task executions of an execution, those after a number, in the order of their numbers; `None` where there is no such execution.
    ///
    /// Blocks for as long as it takes to replay the journal up to there: call it from where that may take a while.
    pub fn tasks(
        &self,
        key: &ExecutionKey,
        after: Option<u32>,
        items_max: usize,
    ) -> Result<Option<TaskPage>, ReadError> {
        let Some(mut replay) = Replay::begin(&self.shared.library, key)? else { return Ok(None) };
        replay.keep_resolved();
        let from = after.map_or(Some(0), |after| after.checked_add(1));
        let Some(from) = from.filter(|_| items_max > 0) else {
            return Ok(Some(TaskPage { items: Vec::new(), next: after }));
        };
        let mut desk = Desk { from, items_max, tasks: BTreeMap::new(), end: None };
        desk.read(&mut replay)?;
        let mut progress = self.progress(key);
        let mut items: Vec<_> = desk.tasks.into_values().collect();
        for task in items.iter_mut().filter(|task| task.status == TaskStatus::Running) {
            task.progress = progress.remove(&task.id.number);
        }
        let next = items.last().filter(|_| desk.end.is_some()).map(|last| last.id.number);
        Ok(Some(TaskPage { items, next }))
    }
}

/// Where a page is put together.
struct Desk {
    /// The first number that may be on it.
    from: u32,
    items_max: usize,
    tasks: BTreeMap<u32, TaskView>,
    /// The first number after a page that is full.
    end: Option<u32>,
}

impl Desk {
    fn read(&mut self, replay: &mut Replay) -> Result<(), ReadError> {
        while !self.is_done() {
            if let Some(slice) = replay.advance()? {
                self.take(replay, slice);
                continue;
            }
            let Some(ended_at) = replay.ended_without_record()? else { break };
            // What came between the last look at the journal and the look at the row.
            let Some(slice) = replay.advance()? else {
                self.cancel_the_rest(ended_at);
                break;
            };
            self.take(replay, slice);
        }
        Ok(())
    }

    /// Tasks get their numbers in the order in which they begin, so once one after the page has begun nobody is missing on it.
    fn is_done(&self) -> bool {
        self.end.is_some() && self.tasks.values().all(|task| task.status.is_ended())
    }

    fn take(&mut self, replay: &Replay, slice: Slice) {
        let at = slice.at;
        for action in slice.actions {
            match action {
                Action::Publish(lifecycle) => self.lifecycle(replay, at, lifecycle),
                Action::SaveConfig { id, config } => self.change(id, |task| task.config = Some(config)),
                Action::DispatchTask(dispatch) => self.dispatched(replay.key(), &dispatch),
                _ => continue,
            }
        }
        // What the machine resolved for a task of its own comes in the same slice as the task's beginning, or later.
        for (number, arguments) in slice.resolved {
            if let Some(task) = self.tasks.get_mut(&number) {
                task.config = Some(arguments);
            }
        }
    }

    fn lifecycle(&mut self, replay: &Replay, at: Timestamp, lifecycle: Lifecycle) {
        let end = |status: TaskStatus| move |task: &mut TaskView| (task.status, task.ended_at) = (status, Some(at));
        match lifecycle {
            Lifecycle::TaskStarted(place) => self.begin(replay, at, &place),
            Lifecycle::TaskRetried(place) => self.change(place.id, |task| task.status = TaskStatus::Waiting),
            Lifecycle::TaskSkipped(place) => {
                self.begin(replay, at, &place);
                self.change(place.id, end(TaskStatus::Skipped));
            }
            Lifecycle::TaskCancelled(place) => {
                self.begin(replay, at, &place);
                self.change(place.id, end(TaskStatus::Cancelled));
            }
            Lifecycle::TaskCompleted(place, output) => {
                self.change(place.id, end(TaskStatus::Completed));
                self.change(place.id, |task| task.output = Some(output));
            }
            Lifecycle::TaskFaulted(place, problem) => {
                self.change(place.id, end(TaskStatus::Faulted));
                self.change(place.id, |task| task.error = Some((*problem).clone()));
            }
            _ => {}
        }
    }

    fn begin(&mut self, replay: &Replay, at: Timestamp, place: &TaskPlace) {
        let number = place.id.number;
        if number < self.from || self.end.is_some_and(|end| number >= end) || self.tasks.contains_key(&number) {
            return;
        }
        if self.tasks.len() == self.items_max {
            self.end = Some(number);
            return;
        }
        let node = replay.definition().find(place.pointer.as_str()).map(|node| replay.definition().node(node));
        let status = match node.map(|node| &node.kind) {
            Some(Kind::Call(_) | Kind::Subflow(_)) => TaskStatus::Pending,
            Some(Kind::Wait(_)) => TaskStatus::Waiting,
            _ => TaskStatus::Running,
        };
        let task = TaskView {
            id: place.id,
            name: node.map(|node| node.name.to_string()).unwrap_or_default(),
            pointer: place.pointer.clone(),
            status,
            attempt: 0,
            round: None,
            started_at: at,
            ended_at: None,
            config: None,
            output: None,
            error: None,
            progress: None,
            child: None,
        };
        self.tasks.insert(number, task);
    }

    /// The execution was ended from outside, and with it what ran.
    fn cancel_the_rest(&mut self, at: Timestamp) {
        for task in self.tasks.values_mut().filter(|task| !task.status.is_ended()) {
            (task.status, task.ended_at) = (TaskStatus::Cancelled, Some(at));
        }
    }

    fn dispatched(&mut self, key: &ExecutionKey, dispatch: &Dispatch) {
        self.change(dispatch.id, |task| {
            task.child = dispatch.plugin().is_none().then(|| child_of(key, dispatch.id).id);
            task.status = TaskStatus::Running;
            task.attempt = dispatch.attempt;
            task.round = Some(dispatch.round);
        });
    }

    fn change(&mut self, id: TaskExecId, change: impl FnOnce(&mut TaskView)) {
        if let Some(task) = self.tasks.get_mut(&id.number) {
            change(task);
        }
    }
}
