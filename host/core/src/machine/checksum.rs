//! A checksum of what an event led to, written beside it: a replay that decides otherwise is noticed at once.
//!
//! FNV-1a over the kinds, ids and pointers of the actions, and over the output of the execution, for it is short, has no state and is the same in every build. It guards against
//! mistakes of ours, not against an attacker.

use std::io;

use crate::machine::{Action, ChildWorkflow, Lifecycle, Target, TaskPlace};

/// The checksum of some actions, in order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Checksum(u64);

impl io::Write for Checksum {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Default for Checksum {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Checksum {
    pub(super) const fn value(self) -> u64 {
        self.0
    }

    pub(super) fn add(&mut self, action: &Action) {
        match action {
            Action::SaveConfig { id, .. } => self.numbers(1, [id.number.into(), 0]),
            Action::DispatchTask(dispatch) => {
                self.numbers(2, [dispatch.id.number.into(), dispatch.attempt.into()]);
                self.bytes(dispatch.pointer.as_str().as_bytes());
                match &dispatch.target {
                    Target::Plugin(digest) => self.bytes(digest.as_bytes()),
                    Target::Workflow(child) => self.child(child),
                }
                self.bytes(&dispatch.idempotency_key.0.to_be_bytes());
            }
            // It follows from the cancellations of its tasks, and journals from before it was there stay what they are.
            Action::CancelGroup { .. } => {}
            Action::CancelTask { id } => self.numbers(3, [id.number.into(), 0]),
            Action::StartTimer { timer, at } => self.numbers(4, [timer.0.into(), at.0.cast_unsigned()]),
            Action::CancelTimer { timer } => self.numbers(5, [timer.0.into(), 0]),
            Action::Publish(lifecycle) => self.lifecycle(lifecycle),
            Action::Complete { output } => {
                self.numbers(6, [0, 0]);
                output.write_json(self).expect("a checksum takes every byte");
            }
            Action::Fault { problem } => {
                self.numbers(7, [problem.status.into(), 0]);
                self.bytes(problem.kind.as_bytes());
            }
            Action::Cancelled => self.numbers(8, [0, 0]),
        }
    }

    fn lifecycle(&mut self, lifecycle: &Lifecycle) {
        match lifecycle {
            Lifecycle::WorkflowStarted => self.numbers(20, [0, 0]),
            Lifecycle::WorkflowSuspended => self.numbers(21, [0, 0]),
            Lifecycle::WorkflowResumed => self.numbers(22, [0, 0]),
            Lifecycle::WorkflowCancelled => self.numbers(23, [0, 0]),
            Lifecycle::WorkflowFaulted(_) => self.numbers(24, [0, 0]),
            Lifecycle::WorkflowCompleted(_) => self.numbers(25, [0, 0]),
            Lifecycle::TaskStarted(place) => self.task(30, place),
            Lifecycle::TaskRetried(place) => self.task(31, place),
            Lifecycle::TaskCancelled(place) => self.task(32, place),
            Lifecycle::TaskFaulted(place, _) => self.task(33, place),
            Lifecycle::TaskCompleted(place, _) => self.task(34, place),
            Lifecycle::TaskSkipped(place) => self.task(35, place),
            Lifecycle::TaskCreated(place) => self.task(36, place),
            Lifecycle::TaskSuspended(place) => self.task(37, place),
            Lifecycle::TaskResumed(place) => self.task(38, place),
        }
    }

    fn child(&mut self, child: &ChildWorkflow) {
        let version = child.version.as_deref().unwrap_or_default();
        for part in [&*child.namespace, &*child.name, version] {
            self.bytes(part.as_bytes());
            self.bytes(&[0, child.is_awaited.into()]);
        }
    }

    fn task(&mut self, kind: u8, place: &TaskPlace) {
        self.numbers(kind, [place.id.number.into(), 0]);
        self.bytes(place.pointer.as_str().as_bytes());
    }

    fn numbers(&mut self, kind: u8, numbers: [u64; 2]) {
        self.bytes(&[kind]);
        for number in numbers {
            self.bytes(&number.to_be_bytes());
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
