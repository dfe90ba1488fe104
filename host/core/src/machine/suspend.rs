//! Suspension, resumption, and what is left after the host was away.

use crate::machine::frame::{CallPhase, FrameId, State};
use crate::machine::{Lifecycle, Machine, Phase};
use crate::time::Timestamp;

impl Machine {
    /// Nothing is dispatched from here on. Guests that run finish, and what they say is taken.
    pub(super) fn suspend(&mut self) {
        if self.phase == Phase::Running {
            self.phase = Phase::Suspended;
            self.suspended_at = self.now;
            self.publish(Lifecycle::WorkflowSuspended);
        }
    }

    pub(super) fn resume(&mut self) {
        if self.phase != Phase::Suspended {
            return;
        }
        self.phase = Phase::Running;
        self.publish(Lifecycle::WorkflowResumed);
        self.shift_timeouts(self.now.since(self.suspended_at));
        let queued = std::mem::take(&mut self.queued);
        self.steps.extend(queued.into_iter().map(super::frame::Step::Dispatch));
    }

    /// Every guest that ran is gone with the process that ran it: each of their tasks is dispatched again, as after any lost worker.
    pub(super) fn recovered(&mut self, from: Timestamp) {
        for _ in std::mem::take(&mut self.stopping) {
            self.dispatch_next();
        }
        self.leave_out_downtime(from);
        let lost: Vec<(FrameId, u32)> =
            self.open.iter().filter_map(|frame| Some((*frame, self.dispatched_attempt(*frame)?))).collect();
        for (task, attempt) in lost {
            self.task_lost(task, attempt);
        }
    }

    fn dispatched_attempt(&self, frame: FrameId) -> Option<u32> {
        match &self.frames.get(&frame)?.state {
            State::Call(call) if call.phase == CallPhase::Dispatched => Some(call.attempt),
            _ => None,
        }
    }
}
