//! Cancellation: of an execution, and of everything inside a task that ends before it does.

use crate::machine::frame::{CallPhase, FrameId, RunId, State, TryPhase};
use crate::machine::{Action, Lifecycle, Machine, Phase};

impl Machine {
    pub(super) fn cancel_requested(&mut self) {
        if matches!(self.phase, Phase::Running | Phase::Suspended) {
            self.stop();
            self.publish(Lifecycle::WorkflowCancelled);
            self.act(Action::Cancelled);
        }
    }

    /// Ends everything that a frame began. The frame itself stays.
    pub(super) fn stop_inside(&mut self, frame: FrameId) {
        let Some(visit) = self.frames.get(&frame) else { return };
        let group = self.group_inside(frame, visit);
        let open = self.open.len();
        let mut timers = Vec::new();
        let mut runs: Vec<RunId> = Vec::new();
        match &visit.state {
            State::Entering => {}
            State::Call(call) => match call.phase {
                CallPhase::Queued => {}
                CallPhase::Dispatched => return self.interrupt(frame),
                CallPhase::Backoff(timer) => timers.push(timer),
            },
            State::List(run) => runs.push(*run),
            State::Loop(state) => runs.extend(state.run),
            State::Map(state) => runs.extend(state.runs.values()),
            State::Fork(state) => runs.extend(state.runs.values()),
            State::Try(state) => match &state.phase {
                TryPhase::Body(run, timer) => {
                    runs.push(*run);
                    timers.extend(timer);
                }
                TryPhase::Backoff(timer) => timers.push(*timer),
                TryPhase::Catch(run) => runs.push(*run),
            },
            State::Wait(timer) => timers.push(*timer),
        }
        timers.into_iter().for_each(|timer| self.cancel_timer(timer));
        runs.into_iter().for_each(|run| self.stop_run(run));
        if let Some(id) = group.filter(|_| self.open.len() < open) {
            self.act(Action::CancelGroup { id });
        }
    }

    /// Ends everything that the execution began.
    pub(super) fn stop_everything(&mut self) {
        let first = self.runs.iter().find(|(_, run)| run.owner.is_none()).map(|(id, _)| *id);
        if let Some(run) = first {
            self.stop_run(run);
        }
    }

    fn stop_run(&mut self, run: RunId) {
        let Some(frame) = self.runs.get(&run).and_then(|run| run.frame) else {
            self.runs.remove(&run);
            return;
        };
        self.stop_inside(frame);
        self.runs.remove(&run);
        let Some(visit) = self.frames.remove(&frame) else { return };
        if let Some(timer) = visit.timeout {
            self.cancel_timer(timer);
        }
        let place = self.place(frame, self.definition.node(visit.node));
        self.publish(Lifecycle::TaskCancelled(place));
    }

    /// Interrupts the guest of a call. What it still says is ignored, and what it holds is free once it has stopped.
    fn interrupt(&mut self, frame: FrameId) {
        if !self.open.remove(&frame) {
            return;
        }
        self.stopping.insert(frame);
        self.act(Action::CancelTask { id: self.task_id(frame) });
    }
}
