//! The state of an execution: frames and runs.
//!
//! A *frame* is one visit of one task; its number is the number in the `TaskExecId`. A *run* is one pass over a list of tasks, and has at
//! most one frame at a time. A run belongs to the frame that began it (a `do`, an iteration, a branch, a round of a `try`), the first one to
//! the execution itself. What ran is gone: only what is in flight has a frame, and a map of ten thousand items holds as many as its window.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::definition::{NodeId, TaskList, Then};
use crate::machine::event::TimerId;
use crate::problem::Problem;
use crate::time::Timestamp;
use crate::value::Value;

/// The number of a run.
pub(super) type RunId = u32;

/// The number of a frame, and of its task execution.
pub(super) type FrameId = u32;

/// A variable of a loop or a catch, and those outside of it.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) name: Arc<str>,
    pub(crate) value: Value,
    pub(crate) outer: Bindings,
}

/// The variables that are visible, innermost first.
pub(crate) type Bindings = Option<Arc<Binding>>;

/// Binds one more variable.
pub(super) fn bind(outer: &Bindings, name: &Arc<str>, value: Value) -> Bindings {
    Some(Arc::new(Binding { name: Arc::clone(name), value, outer: outer.clone() }))
}

/// Looks a variable up, innermost first.
pub(crate) fn bound(bindings: &Bindings, name: &str) -> Option<Value> {
    let mut next = bindings;
    while let Some(binding) = next {
        if &*binding.name == name {
            return Some(binding.value.clone());
        }
        next = &binding.outer;
    }
    None
}

/// What is the same for all tasks of a run, and handed down to the runs inside.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    /// `$context`.
    pub(super) context: Value,
    /// True once a task of the run exported.
    pub(super) exported: bool,
    /// Loop and catch variables.
    pub(super) bindings: Bindings,
    /// The item of the innermost loop and its index.
    pub(super) item: Option<(Value, u64)>,
    /// Which iterations and visits led here: the part of the idempotency key that the pointer does not say.
    pub(super) path: u128,
    /// The round of the innermost `try`.
    pub(super) round: u32,
    /// How many functions were called to get here.
    pub(super) calls: u32,
    /// Whether this is part of an extension.
    pub(super) extending: Extending,
}

/// Whether something is part of an extension. What is, is not extended itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extending {
    /// It is not.
    Nothing,
    /// It extends that task, which is the `$task` of its expressions.
    Task(FrameId),
    /// It is a function that an extension called.
    Called,
}

impl Extending {
    /// The task that is extended, where expressions see it as their `$task`.
    pub(super) const fn task(self) -> Option<FrameId> {
        match self {
            Self::Task(frame) => Some(frame),
            Self::Nothing | Self::Called => None,
        }
    }
}

/// One pass over a list.
#[derive(Debug)]
pub(super) struct Run {
    /// The frame that began it; `None` for the list of the document.
    pub(super) owner: Option<FrameId>,
    /// Which of its owner's runs it is: the branch or the iteration.
    pub(super) slot: u32,
    pub(super) list: TaskList,
    /// The place in the list of the task that runs, or runs next.
    pub(super) position: u32,
    /// How often control went back in the list.
    pub(super) jumps: u32,
    /// The output of the last task, which is the raw input of the next.
    pub(super) value: Value,
    /// The frame of the task that runs.
    pub(super) frame: Option<FrameId>,
    /// True once a task of it said `exit`.
    pub(super) exited: bool,
    pub(super) around: Surroundings,
}

/// One visit of one task.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) node: NodeId,
    /// The run that it is part of.
    pub(super) run: RunId,
    pub(super) path: u128,
    pub(super) raw_input: Value,
    pub(super) input: Value,
    pub(super) started_at: Timestamp,
    /// The timer of its timeout.
    pub(super) timeout: Option<TimerId>,
    /// How far its extensions have come, where it has some.
    pub(super) extended: Option<Box<Extended>>,
    pub(super) state: State,
}

/// The extensions of a task that runs.
#[derive(Debug)]
pub(super) struct Extended {
    /// Those that apply, as places in the definition's list.
    pub(super) applying: Vec<u32>,
    pub(super) stage: Stage,
}

/// Which part of an extended task runs. The numbers count the extensions that apply.
#[derive(Debug)]
pub(super) enum Stage {
    /// What that extension runs before the task.
    Before(u32),
    /// The task itself.
    Task,
    /// What that extension runs after it.
    After(u32, Done),
}

/// The end of a task that its extensions have not seen yet.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) raw_output: Value,
    pub(super) output: Value,
    pub(super) then: Then,
}

/// What a frame is doing.
#[derive(Debug)]
pub(super) enum State {
    /// It has not begun.
    Entering,
    /// A plugin runs for it, or will.
    Call(Call),
    /// It waits for the one run that it began.
    List(RunId),
    /// It goes through items one by one.
    Loop(Loop),
    /// It goes through items in parallel.
    Map(Box<Map>),
    /// Its branches run.
    Fork(Box<Fork>),
    /// It tries, waits to try again, or handles an error.
    Try(Box<Try>),
    /// It waits for a timer.
    Wait(TimerId),
}

impl State {
    /// The list that it goes through, where there is one and no other beside it.
    pub(super) fn list(&self) -> Option<RunId> {
        match self {
            Self::List(run) => Some(*run),
            Self::Loop(state) => state.run,
            Self::Try(state) => match state.phase {
                TryPhase::Body(run, _) | TryPhase::Catch(run) => Some(run),
                TryPhase::Backoff(_) => None,
            },
            _ => None,
        }
    }
}

/// A `call`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// The attempt that runs or runs next, from 1.
    pub(super) attempt: u32,
    /// How many attempts ended because their worker died.
    pub(super) losses: u32,
    pub(super) phase: CallPhase,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallPhase {
    /// It waits for its turn.
    Queued,
    /// It is with a worker.
    Dispatched,
    /// It failed and waits for its next attempt.
    Backoff(TimerId),
}

/// A sequential `for`.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) items: Value,
    /// The index of the next item.
    pub(super) next: u32,
    /// The output of the last iteration, which is the input of the next.
    pub(super) value: Value,
    pub(super) run: Option<RunId>,
}

/// A parallel map.
#[derive(Debug)]
pub(super) struct Map {
    pub(super) items: Value,
    /// How many iterations there are.
    pub(super) count: u32,
    /// The index of the next iteration to begin.
    pub(super) next: u32,
    /// The iterations in flight, by index.
    pub(super) runs: BTreeMap<u32, RunId>,
    pub(super) places: Places,
}

/// A `fork`.
#[derive(Debug)]
pub(super) struct Fork {
    /// The place of the next branch to begin.
    pub(super) next: u32,
    /// The branches in flight, by place.
    pub(super) runs: BTreeMap<u32, RunId>,
    pub(super) places: Places,
    /// The last branch in declared order that exported, with its `$context`.
    pub(super) exported: Option<(u32, Value)>,
}

/// What has come of the items of a map or the branches of a fork.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// The outputs so far, by index.
    pub(super) outputs: Vec<Option<Value>>,
    /// The order of completion.
    pub(super) order: Vec<u32>,
    pub(super) failures: BTreeMap<u32, Problem>,
    pub(super) successes: u32,
}

/// A `try`.
#[derive(Debug)]
pub(super) struct Try {
    /// The round that runs or ran last, from 1.
    pub(super) round: u32,
    /// When the first round began.
    pub(super) began_at: Timestamp,
    pub(super) phase: TryPhase,
}

/// Where a `try` stands.
#[derive(Debug)]
pub(super) enum TryPhase {
    /// The list is tried, under the timer of the round's own timeout.
    Body(RunId, Option<TimerId>),
    /// It waits to try again.
    Backoff(TimerId),
    /// The error is handled.
    Catch(RunId),
}

/// What follows from the end of a task, in an execution that is suspended: it comes when it is resumed.
#[derive(Debug)]
pub(super) enum Held {
    /// Its run goes on.
    GoOn(RunId, Then),
    /// Its error ends its run.
    Fault(RunId, Box<Problem>),
}

/// Work that is not done yet. Each is one transition.
#[derive(Debug)]
pub(super) enum Step {
    /// Begin the next task of a run, or end the run.
    Advance(RunId),
    /// Begin a task.
    Enter(FrameId),
    /// Begin the next iteration of a loop, or of a map while its window has room.
    Iterate(FrameId),
    /// End a task.
    Leave(FrameId, Result<Value, Box<Problem>>, Option<Then>),
    /// End a run, and tell its owner.
    Close(RunId, Result<Value, Box<Problem>>),
    /// Hand a call to the workers, if there is room.
    Dispatch(FrameId),
}
