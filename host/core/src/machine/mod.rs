//! The interpreter: decides what an execution does next, and does nothing itself.
//!
//! [`Machine::handle_event`] takes what happened, [`Machine::work`] thinks it through, [`Machine::poll_action`] gives what must be done, and
//! [`Machine::poll_timeout`] the next moment at which it wants to be woken. The same events give the same actions, on every machine and in
//! every build: time, ids, randomness and the outputs of tasks come in through events and nothing else does.
//!
//! Knows no store, no clock and no task's code. One verb per file; this one holds the machine and the dispatch tables, and nothing else.

mod event;
mod frame;

mod again;
mod call;
mod cancel;
mod choose;
mod delivery;
mod enter;
mod extend;
mod finish;
mod fork;
mod function;
mod leave;
mod map;
mod places;
mod repeat;
mod retry;
mod run;
mod suspend;
mod timers;

mod arguments;
mod checksum;
mod context;
mod image;
mod resolved;
mod restore;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

pub use context::{ContextHandle, SharedContext, WorkflowInfo};
pub use delivery::Delivery;
pub use event::{
    Action, ChildWorkflow, Dispatch, Event, IdempotencyKey, Lifecycle, Origin, SEMANTICS, Settings, Target, TaskPlace,
    TimerId, VisitKey,
};
pub(crate) use frame::{Binding, Bindings, bound};

use crate::definition::{Definition, Node};
use crate::expression::Environment;
use crate::ids::{TaskExecId, WorkflowExecId};
use crate::problem::Problem;
use crate::time::Timestamp;
use crate::value::Value;
use checksum::Checksum;
use frame::{Frame, FrameId, Held, Run, RunId, State, Step};
use timers::Timers;

/// Transitions that are worked off at a time: a long loop of one execution must not hold up the others of its shard.
pub const SLICE_TRANSITIONS: u32 = 1_000;

/// Where an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It has not been started.
    New,
    /// It runs, or waits for something.
    Running,
    /// Nothing is dispatched until it is resumed.
    Suspended,
    /// It has ended.
    Ended,
}

/// One visit of one task, as it is seen from outside.
#[derive(Debug, Clone, Copy)]
pub struct View<'m> {
    /// The number of the task that it runs in, where it is not in the list of the document.
    pub owner: Option<u32>,
    /// Which of its owner's lists it is in: the iteration or the branch, from 0; of a `try` 1 is what handles an error.
    pub slot: u32,
    /// Its transformed input, or the raw one before it has begun.
    pub input: &'m Value,
}

/// The interpreter of one execution.
#[derive(Debug)]
pub struct Machine {
    definition: Arc<Definition>,
    workflow: Arc<WorkflowInfo>,
    settings: Settings,
    phase: Phase,
    now: Timestamp,
    suspended_at: Timestamp,
    frames: BTreeMap<FrameId, Frame>,
    runs: BTreeMap<RunId, Run>,
    timers: Timers,
    next_frame: FrameId,
    next_run: RunId,
    /// Tasks that are with a worker, or whose child workflow runs.
    open: BTreeSet<FrameId>,
    /// Those of them, and of the cancelled ones, whose child workflow runs.
    children: BTreeSet<FrameId>,
    /// Calls that wait for one of the open ones to end.
    queued: VecDeque<FrameId>,
    /// Cancelled tasks whose guest has not stopped yet.
    stopping: BTreeSet<FrameId>,
    /// Tasks with a lower number stand still while the execution is suspended.
    suspended_below: FrameId,
    /// What follows from tasks that ended while it was suspended.
    held: Vec<Held>,
    /// What came of visits in the execution that this one runs again.
    outputs: BTreeMap<VisitKey, Value>,
    steps: VecDeque<Step>,
    actions: VecDeque<Action>,
    transitions: u32,
    checksum: Checksum,
    /// Configs of the journal, by task: while one is there, `with` is not evaluated.
    recorded: BTreeMap<u32, Value>,
    /// Resolved arguments of tasks that it runs itself, where somebody wants to see them.
    resolved: Option<Vec<(u32, Value)>>,
    /// What came of visits, where somebody wants to run the execution again.
    visits: Option<Vec<(VisitKey, Value)>>,
}

impl Machine {
    /// The machine of an execution that has not started: its first event is [`Event::Started`].
    #[must_use]
    pub fn new(id: WorkflowExecId, definition: Arc<Definition>) -> Self {
        let workflow =
            WorkflowInfo { id, name: definition.name.clone(), input: Value::null(), started_at: Timestamp::default() };
        Self {
            definition,
            workflow: Arc::new(workflow),
            settings: Settings::default(),
            phase: Phase::New,
            now: Timestamp::default(),
            suspended_at: Timestamp::default(),
            frames: BTreeMap::new(),
            runs: BTreeMap::new(),
            timers: Timers::default(),
            next_frame: 0,
            next_run: 0,
            open: BTreeSet::new(),
            children: BTreeSet::new(),
            queued: VecDeque::new(),
            stopping: BTreeSet::new(),
            suspended_below: 0,
            held: Vec::new(),
            outputs: BTreeMap::new(),
            steps: VecDeque::new(),
            actions: VecDeque::new(),
            transitions: 0,
            checksum: Checksum::default(),
            recorded: BTreeMap::new(),
            resolved: None,
            visits: None,
        }
    }

    /// Takes what happened at a moment. Time does not go back: an earlier moment counts as the latest so far.
    ///
    /// Events about tasks and timers that are no longer of interest are taken and change nothing.
    pub fn handle_event(&mut self, now: Timestamp, event: Event) {
        self.now = self.now.max(now);
        self.transitions = 0;
        self.checksum = Checksum::default();
        match event {
            Event::Started { input, settings, origin } => self.start(input, *settings, origin),
            Event::TaskCompleted { task, attempt, output } => self.task_completed(task, attempt, output),
            Event::TaskFailed { task, attempt, problem } => self.task_failed(task, attempt, problem),
            Event::TaskLost { task, attempt } => self.task_lost(task, attempt),
            Event::TaskStopped { task } => self.task_stopped(task),
            Event::TimerFired { timer } => self.timer_fired(timer),
            Event::CancelRequested => self.cancel_requested(),
            Event::SuspendRequested => self.suspend(),
            Event::ResumeRequested => self.resume(),
            Event::Recovered { from } => self.recovered(from),
            Event::Returned { from } => self.returned(from),
        }
    }

    /// Like [`Self::handle_event`], for an event of the journal: the configs that were saved with it are taken as they are. What they hold only comes
    /// back in [`Action::SaveConfig`]: whoever does not look at that may give anything for each.
    pub fn replay_event(&mut self, now: Timestamp, event: Event, configs: impl IntoIterator<Item = (u32, Value)>) {
        self.recorded = configs.into_iter().collect();
        self.handle_event(now, event);
    }

    /// Does up to that many transitions, and tells whether there are more. Where the borders between calls lie changes no action.
    pub fn work(&mut self, transitions_max: u32) -> bool {
        for _ in 0..transitions_max {
            let Some(step) = self.steps.pop_front() else { break };
            self.transitions += 1;
            match step {
                Step::Advance(run) => self.advance(run),
                Step::Enter(frame) => self.enter(frame),
                Step::Iterate(frame) => self.iterate(frame),
                Step::Leave(frame, result, then) => self.leave(frame, result, then),
                Step::Close(run, result) => self.close(run, result),
                Step::Dispatch(frame) => self.dispatch(frame),
            }
        }
        if self.steps.is_empty() {
            self.watch_active_time();
        }
        !self.steps.is_empty()
    }

    /// The next thing that must be done. Nothing may be done before the event that led to it is durable.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The first timer that is running, and when it is due. None runs in a suspended execution.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Timestamp, TimerId)> {
        if self.phase == Phase::Running { self.timers.first() } else { None }
    }

    /// Where the execution stands.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// The latest moment that it knows of.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// How many transitions were done since the last event was taken: a replay does as many.
    #[must_use]
    pub const fn transitions(&self) -> u32 {
        self.transitions
    }

    /// A checksum of the actions since the last event was taken: a replay has the same.
    #[must_use]
    pub const fn checksum(&self) -> u64 {
        self.checksum.value()
    }

    /// True where no worker has anything of it: only time, a child workflow or an event from outside will go on with it.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        let in_flight = self.open.len() + self.stopping.len();
        self.phase != Phase::New && self.steps.is_empty() && in_flight == self.children.len()
    }

    /// True where a child workflow runs, or is being cancelled.
    #[must_use]
    pub fn has_children(&self) -> bool {
        !self.children.is_empty()
    }

    /// True where the time that passes counts: tasks are with workers, or will be soon.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.timers.active.is_some()
    }

    /// True for a task whose child workflow runs, or is being cancelled.
    #[must_use]
    pub fn has_child(&self, task: u32) -> bool {
        self.children.contains(&task)
    }

    /// Tasks that are with a worker or whose child workflow runs, cancelled ones included.
    pub fn tasks_in_flight(&self) -> impl Iterator<Item = TaskExecId> + '_ {
        self.open.iter().chain(&self.stopping).map(|number| self.task_id(*number))
    }

    /// True for a task whose config is still needed: it is queued, runs, or will be attempted again.
    #[must_use]
    pub fn needs_config(&self, task: u32) -> bool {
        self.stopping.contains(&task)
            || self.frames.get(&task).is_some_and(|frame| matches!(frame.state, State::Call(_)))
    }

    /// A task that has begun or is about to, until it has ended; for whoever wants to watch.
    #[must_use]
    pub fn view(&self, task: u32) -> Option<View<'_>> {
        let frame = self.frames.get(&task)?;
        let run = self.runs.get(&frame.run)?;
        Some(View { owner: run.owner, slot: run.slot, input: &frame.input })
    }

    fn task_id(&self, number: FrameId) -> TaskExecId {
        TaskExecId { workflow: self.workflow.id, number }
    }

    fn environment(&self) -> Environment {
        Environment { now: self.now, budget: self.settings.budget.clone() }
    }

    fn act(&mut self, action: Action) {
        self.checksum.add(&action);
        self.actions.push_back(action);
    }

    fn publish(&mut self, lifecycle: Lifecycle) {
        self.act(Action::Publish(lifecycle));
    }

    fn place(&self, frame: FrameId, node: &Node) -> TaskPlace {
        TaskPlace { id: self.task_id(frame), pointer: node.pointer.clone() }
    }

    fn fail(&mut self, frame: FrameId, problem: Problem) {
        self.steps.push_back(Step::Leave(frame, Err(Box::new(problem)), None));
    }

    /// The state of a frame, where it still has one of the wanted kind.
    fn state(&mut self, frame: FrameId) -> Option<&mut State> {
        self.frames.get_mut(&frame).map(|frame| &mut frame.state)
    }
}
