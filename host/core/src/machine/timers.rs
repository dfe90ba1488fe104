//! Timers: what wakes the execution, and when.

use std::collections::{BTreeMap, BTreeSet};

use crate::machine::frame::FrameId;
use crate::machine::{Action, Machine, Phase, TimerId};
use crate::problem::{ErrorKind, Problem};
use crate::time::{Millis, Timestamp};
use crate::value::Value;

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A `wait` is over.
    Wait(FrameId),
    /// A call may have its next attempt.
    Attempt(FrameId),
    /// A `try` may have its next round.
    Round(FrameId),
    /// One round of a `try` took too long.
    RoundTimeout(FrameId),
    /// A task took too long.
    TaskTimeout(FrameId),
    /// The workflow took longer than its document allows.
    WorkflowTimeout,
    /// The workflow was active for longer than the default allows.
    ActiveTimeout,
}

impl Purpose {
    /// True for the timeouts that a document writes: their clock stands still while the execution is suspended. Active time is counted apart.
    const fn is_timeout(self) -> bool {
        matches!(self, Self::RoundTimeout(_) | Self::TaskTimeout(_) | Self::WorkflowTimeout)
    }
}

/// The timers of an execution.
#[derive(Debug, Default)]
pub(super) struct Timers {
    pub(super) next: u32,
    pub(super) running: BTreeMap<TimerId, (Timestamp, Purpose)>,
    pub(super) by_time: BTreeSet<(Timestamp, TimerId)>,
    /// Active time that was used up before the present spell.
    pub(super) active_used: Millis,
    /// Since when the execution is active, with the timer that bounds it.
    pub(super) active: Option<(Timestamp, TimerId)>,
}

impl Timers {
    pub(super) fn first(&self) -> Option<(Timestamp, TimerId)> {
        self.by_time.first().copied()
    }

    /// When a timer is due.
    pub(super) fn at(&self, timer: TimerId) -> Option<Timestamp> {
        self.running.get(&timer).map(|(at, _)| *at)
    }

    /// When the timeout that the document names for the workflow is due. It is started before all others, so that it is found at once.
    pub(super) fn workflow_timeout(&self) -> Option<Timestamp> {
        let mut timers = self.running.values();
        timers.find(|(_, purpose)| *purpose == Purpose::WorkflowTimeout).map(|(at, _)| *at)
    }

    fn take(&mut self, timer: TimerId) -> Option<(Timestamp, Purpose)> {
        let (at, purpose) = self.running.remove(&timer)?;
        self.by_time.remove(&(at, timer));
        Some((at, purpose))
    }

    pub(super) fn put(&mut self, timer: TimerId, at: Timestamp, purpose: Purpose) {
        self.running.insert(timer, (at, purpose));
        self.by_time.insert((at, timer));
    }

    fn is_working(&self) -> bool {
        self.running.values().any(|(_, purpose)| matches!(purpose, Purpose::Attempt(_) | Purpose::Round(_)))
    }
}

impl Machine {
    pub(super) fn start_timer(&mut self, at: Timestamp, purpose: Purpose) -> TimerId {
        let timer = TimerId(self.timers.next);
        self.timers.next += 1;
        // The clock of a timeout stands still until the resumption, which moves all of them by the whole suspension.
        let has_stood =
            if purpose.is_timeout() && self.phase == Phase::Suspended { self.suspended_at } else { self.now };
        let at = Timestamp(at.0.saturating_sub_unsigned(self.now.since(has_stood).0));
        self.timers.put(timer, at, purpose);
        self.act(Action::StartTimer { timer, at });
        timer
    }

    pub(super) fn cancel_timer(&mut self, timer: TimerId) {
        if self.timers.take(timer).is_some() {
            self.act(Action::CancelTimer { timer });
        }
    }

    pub(super) fn cancel_all_timers(&mut self) {
        while let Some((_, timer)) = self.timers.first() {
            self.cancel_timer(timer);
        }
        self.timers.active = None;
    }

    /// A timer that nobody knows any more, or that is not due, changes nothing.
    pub(super) fn timer_fired(&mut self, timer: TimerId) {
        let is_due = self.timers.running.get(&timer).is_some_and(|(at, _)| *at <= self.now);
        if self.phase != Phase::Running || !is_due {
            return;
        }
        let Some((_, purpose)) = self.timers.take(timer) else { return };
        match purpose {
            Purpose::Wait(frame) => {
                if let Some(visit) = self.frames.get(&frame) {
                    let output = visit.input.clone();
                    self.note_visit(frame, &Value::null());
                    self.complete(frame, output);
                }
            }
            Purpose::Attempt(frame) => self.next_attempt(frame),
            Purpose::Round(frame) => self.next_round(frame),
            Purpose::RoundTimeout(frame) => self.round_timed_out(frame),
            Purpose::TaskTimeout(frame) => self.fail(frame, timed_out("the task")),
            Purpose::WorkflowTimeout => self.fault(timed_out("the workflow")),
            Purpose::ActiveTimeout => {
                self.timers.active = None;
                self.fault(timed_out("the workflow names no timeout, and its active time"));
            }
        }
    }

    /// The clock of every timeout stood still while the execution was suspended.
    pub(super) fn shift_timeouts(&mut self, span: Millis) {
        let timeouts: Vec<_> =
            self.timers.running.iter().filter(|(_, (_, purpose))| purpose.is_timeout()).map(|(id, _)| *id).collect();
        for timer in timeouts {
            let Some((at, purpose)) = self.timers.take(timer) else { continue };
            let at = at.after(span);
            self.timers.put(timer, at, purpose);
            self.act(Action::StartTimer { timer, at });
        }
    }

    /// Starts and stops the clock of active time, which is what a workflow without a timeout of its own is bounded by.
    pub(super) fn watch_active_time(&mut self) {
        if self.definition.timeout.is_some() || self.phase == Phase::New {
            return;
        }
        let is_active = self.phase == Phase::Running
            && (self.open.iter().any(|task| !self.children.contains(task))
                || !self.queued.is_empty()
                || self.timers.is_working());
        match (is_active, self.timers.active) {
            (true, None) => {
                let left = Millis(self.settings.active_ms_max.0.saturating_sub(self.timers.active_used.0));
                let timer = self.start_timer(self.now.after(left), Purpose::ActiveTimeout);
                self.timers.active = Some((self.now, timer));
            }
            (false, Some((since, timer))) => self.stop_active_time(since, timer),
            _ => {}
        }
    }

    fn stop_active_time(&mut self, since: Timestamp, timer: TimerId) {
        self.timers.active_used.0 += self.now.since(since).0;
        self.timers.active = None;
        self.cancel_timer(timer);
    }

    /// Time in which the host was away does not count as active: the spell that it interrupted ended when it went.
    pub(super) fn leave_out_downtime(&mut self, from: Timestamp) {
        let Some((since, timer)) = self.timers.active else { return };
        self.timers.active_used.0 += from.since(since).0;
        self.timers.active = None;
        self.cancel_timer(timer);
    }
}

pub(super) fn timed_out(what: &str) -> Problem {
    Problem::new(ErrorKind::Timeout, format!("{what} took longer than its timeout allows"))
}
