//! Suspension, resumption, and what is left after the host was away.

use crate::machine::event::SEMANTICS_OF_WHOLE_LIFECYCLE;
use crate::machine::frame::{CallPhase, FrameId, Held, State, Step};
use crate::machine::{Action, Lifecycle, Machine, Phase, TaskPlace};
use crate::time::Timestamp;

impl Machine {
    /// Nothing is dispatched from here on. Guests that run finish, and what they say is taken.
    pub(super) fn suspend(&mut self) {
        if self.phase == Phase::Running {
            self.phase = Phase::Suspended;
            self.suspended_at = self.now;
            self.publish(Lifecycle::WorkflowSuspended);
            self.suspended_below = self.next_frame;
            self.publish_of_each(Lifecycle::TaskSuspended);
        }
    }

    pub(super) fn resume(&mut self) {
        if self.phase != Phase::Suspended {
            return;
        }
        self.phase = Phase::Running;
        self.publish(Lifecycle::WorkflowResumed);
        self.publish_of_each(Lifecycle::TaskResumed);
        self.shift_timeouts(self.now.since(self.suspended_at));
        for held in std::mem::take(&mut self.held) {
            match held {
                Held::GoOn(run, then) => self.proceed(run, then),
                Held::Fault(run, problem) => self.steps.push_back(Step::Close(run, Err(problem))),
            }
        }
        let queued = std::mem::take(&mut self.queued);
        self.steps.extend(queued.into_iter().map(Step::Dispatch));
    }

    /// True while nothing may begin: a task that ends is journaled and told, and what follows from it waits.
    pub(super) fn holds_back(&self) -> bool {
        self.phase == Phase::Suspended && self.settings.semantics >= SEMANTICS_OF_WHOLE_LIFECYCLE
    }

    /// Tells of every task that was in flight when the execution was suspended and still is, the outer ones first.
    fn publish_of_each(&mut self, event: fn(TaskPlace) -> Lifecycle) {
        if self.settings.semantics < SEMANTICS_OF_WHOLE_LIFECYCLE {
            return;
        }
        let frames = self.frames.range(..self.suspended_below);
        let places: Vec<_> =
            frames.map(|(frame, visit)| self.place(*frame, self.definition.node(visit.node))).collect();
        places.into_iter().for_each(|place| self.publish(event(place)));
    }

    /// Every guest that ran is gone with the process that ran it: each of their tasks is dispatched again, as after any lost worker.
    pub(super) fn recovered(&mut self, from: Timestamp) {
        let children = self.children.clone();
        let (cancelled, stopped): (Vec<_>, Vec<_>) =
            self.stopping.iter().copied().partition(|frame| children.contains(frame));
        for task in stopped {
            self.task_stopped(task);
        }
        self.leave_out_downtime(from);
        let awaited: Vec<_> = self.open.intersection(&children).copied().collect();
        self.ask_again(&cancelled, &awaited);
        let workers = self.open.difference(&children);
        let lost: Vec<(FrameId, u32)> =
            workers.filter_map(|frame| Some((*frame, self.dispatched_attempt(*frame)?))).collect();
        for (task, attempt) in lost {
            self.task_lost(task, attempt);
        }
    }

    /// Every guest that ran still does, or has ended and its end lies in the queue. What the process asked for last may not have come there, so all
    /// of it is asked for again: tasks in the same attempt, of which the queue ignores what it has, and cancellations.
    pub(super) fn returned(&mut self, from: Timestamp) {
        self.leave_out_downtime(from);
        let cancelled: Vec<_> = self.stopping.iter().copied().collect();
        let awaited: Vec<_> = self.open.iter().copied().collect();
        self.ask_again(&cancelled, &awaited);
    }

    /// What outlives the process is asked for again, and answers whether it still runs or has ended meanwhile: child workflows always do.
    fn ask_again(&mut self, cancelled: &[FrameId], awaited: &[FrameId]) {
        for task in cancelled {
            self.act(Action::CancelTask { id: self.task_id(*task) });
        }
        for task in awaited {
            if let Some(attempt) = self.dispatched_attempt(*task) {
                let dispatch = self.describe_dispatch(*task, attempt);
                self.act(Action::DispatchTask(Box::new(dispatch)));
            }
        }
    }

    fn dispatched_attempt(&self, frame: FrameId) -> Option<u32> {
        match &self.frames.get(&frame)?.state {
            State::Call(call) if call.phase == CallPhase::Dispatched => Some(call.attempt),
            _ => None,
        }
    }
}
