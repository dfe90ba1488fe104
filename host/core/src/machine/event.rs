//! What happened, and what must be done about it: the two closed enums at the border of the machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::definition::AttemptPolicy;
use crate::expression::Budget;
use crate::ids::{Digest, GroupId, JsonPointer, TaskExecId, WorkflowExecId};
use crate::machine::{ContextHandle, Delivery};
use crate::problem::Problem;
use crate::time::{Millis, Timestamp};
use crate::value::Value;

/// Everything that shapes the machine's decisions beside the definition. Written down when an execution starts, so that a host with other
/// settings replays it to the same actions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The meaning of the interpreter: raised with every change that makes other actions of the same events.
    pub semantics: u16,
    /// What one expression may use up.
    pub budget: Budget,
    /// Task executions of one workflow execution at most.
    pub tasks_max: u32,
    /// Tasks that are dispatched at the same time at most.
    pub open_tasks_max: u32,
    /// A config has at most this many bytes.
    pub config_bytes_max: u32,
    /// How often the platform repeats a task where nobody says otherwise.
    pub attempts: AttemptPolicy,
    /// How often the worker of a task may die.
    pub losses_max: u32,
    /// The active time of a workflow that names no timeout.
    pub active_ms_max: Millis,
    /// The timeout of a task that works outside, where neither it nor its definition names one.
    pub task_timeout: Option<Millis>,
    /// What `$runtime.version` says.
    pub runtime_version: String,
    /// Where jitter comes from.
    pub seed: u64,
}

/// The meaning of the interpreter as it is in this version of the program.
pub const SEMANTICS: u16 = 2;

/// From this version on a task is also published when it is created, suspended and resumed, nothing follows from the end of a task while its
/// execution is suspended, and what lists exported before a timeout stays.
pub(super) const SEMANTICS_OF_WHOLE_LIFECYCLE: u16 = 2;

impl Default for Settings {
    fn default() -> Self {
        Self {
            semantics: SEMANTICS,
            budget: Budget::default(),
            tasks_max: 1_000_000,
            open_tasks_max: 1_000,
            config_bytes_max: 10 * 1024 * 1024,
            attempts: AttemptPolicy::default(),
            losses_max: 5,
            active_ms_max: Millis(30 * 60 * 1_000),
            task_timeout: None,
            runtime_version: env!("CARGO_PKG_VERSION").into(),
            seed: 0,
        }
    }
}

/// The number of a timer within its execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimerId(pub u32);

/// What happened. Everything that comes from outside comes in through one of these.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The execution was accepted.
    Started {
        /// Its raw input.
        input: Value,
        /// What it runs under.
        settings: Box<Settings>,
        /// Where it begins and what it takes over, if it does not begin afresh.
        origin: Option<Box<Origin>>,
    },
    /// A task ended with an output.
    TaskCompleted {
        /// The number in its `TaskExecId`.
        task: u32,
        /// The attempt that ended.
        attempt: u32,
        /// Its output.
        output: Value,
    },
    /// A task ended with a problem.
    TaskFailed {
        /// The number in its `TaskExecId`.
        task: u32,
        /// The attempt that ended.
        attempt: u32,
        /// Why.
        problem: Box<Problem>,
    },
    /// The worker of a task died, or nothing was heard of it for too long.
    TaskLost {
        /// The number in its `TaskExecId`.
        task: u32,
        /// The attempt that was lost.
        attempt: u32,
    },
    /// The guest of a cancelled task has stopped.
    TaskStopped {
        /// The number in its `TaskExecId`.
        task: u32,
    },
    /// A timer came due.
    TimerFired {
        /// Which one.
        timer: TimerId,
    },
    /// Somebody wants the execution to end.
    CancelRequested,
    /// Somebody wants nothing more to be dispatched.
    SuspendRequested,
    /// Somebody wants it to go on.
    ResumeRequested,
    /// The engine was away, and every guest that ran is gone.
    Recovered {
        /// The last moment that is known from before.
        from: Timestamp,
    },
    /// The engine was away, and the guests that ran were not: they run in other processes, over a queue that outlives it.
    Returned {
        /// The last moment that is known from before.
        from: Timestamp,
    },
}

/// The name of one visit of one task: the same in every execution of a definition that takes the same way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VisitKey(pub u128);

/// Where an execution begins that does not begin afresh, and what it takes over.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origin {
    /// The execution that it runs again.
    pub execution: Option<WorkflowExecId>,
    /// The task of the document's list that it begins with.
    pub start_at: Option<Arc<str>>,
    /// Its first `$context`: its transformed input where nothing else is given.
    pub context: Option<Value>,
    /// What came of visits there, which is not done again: once each.
    pub outputs: BTreeMap<VisitKey, Value>,
}

/// What a dispatched task runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A component.
    Plugin(Digest),
    /// Another workflow.
    Workflow(Box<ChildWorkflow>),
}

/// The workflow that a task runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildWorkflow {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its version; `None` for the newest.
    pub version: Option<Arc<str>>,
    /// False where the task ends once the other workflow has started.
    pub is_awaited: bool,
}

/// One task that is to be run.
#[derive(Debug, Clone)]
pub struct Dispatch {
    /// Which task execution.
    pub id: TaskExecId,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Which round of the innermost `try`, from 1.
    pub round: u32,
    /// The task in the definition.
    pub pointer: JsonPointer,
    /// What to run.
    pub target: Target,
    /// What the task passes on to systems outside, the same over attempts and rounds.
    pub idempotency_key: IdempotencyKey,
    /// What the task may read.
    pub context: ContextHandle,
    /// When the task's own timeout ends it.
    pub deadline: Option<Timestamp>,
    /// How it comes to a worker.
    pub delivery: Delivery,
}

impl Dispatch {
    /// The component to run; `None` where another workflow is run.
    #[must_use]
    pub const fn plugin(&self) -> Option<Digest> {
        match self.target {
            Target::Plugin(digest) => Some(digest),
            Target::Workflow(_) => None,
        }
    }
}

/// What a task passes on to systems outside: the same over attempts and rounds of one visit.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(pub u128);

impl std::fmt::Display for IdempotencyKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl std::fmt::Debug for IdempotencyKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, formatter)
    }
}

/// What must be done.
#[derive(Debug, Clone)]
pub enum Action {
    /// Keep the config of a task that is about to be dispatched.
    SaveConfig {
        /// Whose it is.
        id: TaskExecId,
        /// The resolved arguments.
        config: Value,
    },
    /// Run a task.
    DispatchTask(Box<Dispatch>),
    /// Interrupt a task; answered by [`Event::TaskStopped`].
    CancelTask {
        /// Which one.
        id: TaskExecId,
    },
    /// Begin no task of a group any more: each of them is cancelled on its own, and this is for those who have not seen that yet.
    CancelGroup {
        /// Which one.
        id: GroupId,
    },
    /// Say [`Event::TimerFired`] at a moment.
    StartTimer {
        /// Which one.
        timer: TimerId,
        /// When.
        at: Timestamp,
    },
    /// Forget a timer.
    CancelTimer {
        /// Which one.
        timer: TimerId,
    },
    /// Tell whoever follows the execution.
    Publish(Lifecycle),
    /// The execution ended with an output.
    Complete {
        /// The output.
        output: Value,
    },
    /// The execution ended with an error.
    Fault {
        /// The error.
        problem: Box<Problem>,
    },
    /// The execution was cancelled.
    Cancelled,
}

/// A step in the life of an execution or a task, as the specification names them (DSL, "Lifecycle events").
#[derive(Debug, Clone, PartialEq)]
pub enum Lifecycle {
    /// The workflow started.
    WorkflowStarted,
    /// Nothing more is dispatched until it is resumed.
    WorkflowSuspended,
    /// It goes on.
    WorkflowResumed,
    /// It was cancelled.
    WorkflowCancelled,
    /// It ended with an error.
    WorkflowFaulted(Arc<Problem>),
    /// It ended with an output.
    WorkflowCompleted(Value),
    /// A task was reached.
    TaskCreated(TaskPlace),
    /// A task started: its condition holds, and its input is made.
    TaskStarted(TaskPlace),
    /// A task stands still with its execution.
    TaskSuspended(TaskPlace),
    /// A task goes on with its execution.
    TaskResumed(TaskPlace),
    /// A task failed and is tried again.
    TaskRetried(TaskPlace),
    /// A task was cancelled.
    TaskCancelled(TaskPlace),
    /// A task ended with an error.
    TaskFaulted(TaskPlace, Arc<Problem>),
    /// A task ended with an output.
    TaskCompleted(TaskPlace, Value),
    /// A task's `if` was false: it ended with its input.
    TaskSkipped(TaskPlace),
}

/// Which task a lifecycle event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskPlace {
    /// The task execution.
    pub id: TaskExecId,
    /// The task in the definition.
    pub pointer: JsonPointer,
}
