//! How a task comes to a worker: where it waits, what comes before it, and what of it is cancelled or forgotten together.
//!
//! None of this decides what an execution does: it follows from the definition and from where the task stands, is in no journal and has no part in
//! the checksum of a dispatch.

use crate::definition::{Kind, Priority, Span};
use crate::ids::{GroupId, QueueName};
use crate::machine::Machine;
use crate::machine::frame::{Frame, FrameId, State};
use crate::time::Millis;

/// How a task comes to a worker. Cloning it is counting a reference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// The queue that it waits in.
    pub queue: QueueName,
    /// Which of those that wait there comes first.
    pub priority: Priority,
    /// The innermost `fork` or parallel map around it that may cancel what still runs in it.
    pub group: Option<GroupId>,
    /// How long its config is kept, where the document says so.
    pub config_ttl: Option<Millis>,
    /// How long the workflow may take: its own timeout, or the active time that bounds one that names none. Where an expression makes the timeout,
    /// suspensions so far are added to it.
    pub workflow_timeout: Option<Millis>,
}

impl Machine {
    pub(super) fn delivery(&self, visit: &Frame) -> Delivery {
        let (queue, priority) = match &self.definition.node(visit.node).kind {
            Kind::Call(call) => (call.options.queue.clone(), call.options.priority),
            _ => (self.definition.defaults.queue.clone(), Priority::default()),
        };
        Delivery {
            queue,
            priority,
            group: self.group_around(visit).map(|number| GroupId { workflow: self.workflow.id, number }),
            config_ttl: self.definition.config_ttl,
            workflow_timeout: self.workflow_timeout(),
        }
    }

    fn group_around(&self, visit: &Frame) -> Option<FrameId> {
        let mut run = visit.run;
        loop {
            let owner = self.runs.get(&run)?.owner?;
            let visit = self.frames.get(&owner)?;
            if self.may_cancel_inside(visit) {
                return Some(owner);
            }
            run = visit.run;
        }
    }

    /// The group that a frame is, where it is one.
    pub(super) fn group_inside(&self, frame: FrameId, visit: &Frame) -> Option<GroupId> {
        self.may_cancel_inside(visit).then_some(GroupId { workflow: self.workflow.id, number: frame })
    }

    /// True for a `fork` or a map that runs what it is for, and may end before all of that has.
    fn may_cancel_inside(&self, visit: &Frame) -> bool {
        match (&visit.state, &self.definition.node(visit.node).kind) {
            (State::Fork(_), Kind::Fork(fork)) => fork.may_cancel(),
            (State::Map(_), Kind::For(task)) => task.map.as_ref().is_some_and(|map| map.strategy.may_cancel()),
            _ => false,
        }
    }

    fn workflow_timeout(&self) -> Option<Millis> {
        match &self.definition.timeout {
            Some(Span::Fixed(timeout)) => Some(*timeout),
            Some(Span::Expression(_)) => self.timers.workflow_timeout().map(|at| at.since(self.workflow.started_at)),
            None => Some(self.settings.active_ms_max),
        }
    }
}
