//! The tasks that an engine waits for: all that were put in and have not ended in the journal.
//!
//! A table without any Redis in it. Each task is here once, waiting or sent; from here it is sent again when Redis has lost it.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use sandmill_core::definition::Priority;
use sandmill_core::ids::{QueueName, TaskExecId, TenantId};
use sandmill_engine::ports::TaskMessage;

use super::super::RedisFailure;
use super::errands::Cancel;
use super::options::QueueOptions;
use super::waiting::{Waiting, cost};

/// A task that the engine waits for.
pub(super) struct Outstanding {
    pub(super) message: TaskMessage,
    /// When it came.
    added: Instant,
    /// When it went to Redis last; `None` while it waits here.
    pub(super) sent: Option<Instant>,
    pub(super) is_cancelled: bool,
    /// How often its config was put back.
    pub(super) repairs: u32,
}

/// What became of a wish to cancel.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cancelling {
    /// It waited here, and is gone: that attempt has stopped.
    Stopped(u32),
    /// The same, and Redis knows it from before it was put back.
    StoppedAndKnown(u32),
    /// It may be in Redis, as that attempt or an earlier one: whoever has it must be told.
    Elsewhere(u32),
}

/// What follows from a config that a worker did not find.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Repairing {
    /// Nobody waits for the task, or it waits here already.
    Nothing,
    /// It goes out again.
    Again,
    /// It is cancelled, and has stopped with that.
    Stopped,
    /// It was put back often enough.
    Hopeless,
}

type TaskKey = (TenantId, TaskExecId);

/// The tasks of one queue.
#[derive(Default)]
struct Lanes {
    /// By priority, the most urgent first.
    waiting: BTreeMap<Priority, Waiting>,
    /// How many of its tasks are in Redis.
    sent: usize,
    /// How many may be.
    sent_max: Option<usize>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Table {
    tasks: HashMap<TaskKey, Outstanding>,
    /// Those of them that Redis has refused, and why. They count as sent.
    refused: BTreeMap<TaskKey, RedisFailure>,
    queues: BTreeMap<QueueName, Lanes>,
}

impl Table {
    /// Takes a task in; `false` where that attempt is here already.
    pub(super) fn add(&mut self, message: TaskMessage) -> bool {
        let key = (message.tenant.clone(), message.dispatch.id);
        let known = self.tasks.get(&key).map(|task| task.message.dispatch.attempt);
        if known.is_some_and(|attempt| attempt >= message.dispatch.attempt) {
            return false;
        }
        self.remove(&key.0, key.1);
        self.lane(&message).push(&key.0, key.1, cost(message.config.len()));
        self.tasks
            .insert(key, Outstanding { message, added: Instant::now(), sent: None, is_cancelled: false, repairs: 0 });
        true
    }

    /// Up to so many tasks that may go out, which count as sent from here on.
    pub(super) fn take(&mut self, options: &QueueOptions, count: usize) -> Vec<TaskMessage> {
        let mut taken = Vec::new();
        for lanes in self.queues.values_mut() {
            let sent_max = lanes.sent_max.unwrap_or(0).max(options.waiting_min);
            for waiting in lanes.waiting.values_mut() {
                while lanes.sent < sent_max && taken.len() < count {
                    let Some(key) = waiting.pop() else { break };
                    let Some(task) = self.tasks.get_mut(&key) else { continue };
                    task.sent = Some(Instant::now());
                    lanes.sent += 1;
                    taken.push(task.message.clone());
                }
            }
        }
        taken
    }

    /// The tasks that were sent so long ago that Redis may have lost them. They count as sent just now.
    pub(super) fn take_old(&mut self, age: Duration) -> Vec<TaskMessage> {
        let now = Instant::now();
        let old =
            |task: &Outstanding| task.sent.is_some_and(|sent| now.duration_since(sent) >= age) && !task.is_cancelled;
        let mut messages = Vec::new();
        for task in self.tasks.values_mut().filter(|task| old(task)) {
            task.sent = Some(now);
            messages.push(task.message.clone());
        }
        messages.sort_by_key(|message| (message.dispatch.id, message.dispatch.attempt));
        messages
    }

    /// The tasks that are to be cancelled and have not ended.
    pub(super) fn cancelled(&self) -> Vec<Cancel> {
        let cancelled = self.tasks.iter().filter(|(_, task)| task.is_cancelled);
        cancelled.map(|((tenant, id), task)| (tenant.clone(), *id, task.message.dispatch.attempt)).collect()
    }

    /// Nobody wants a task any more.
    pub(super) fn cancel(&mut self, tenant: &TenantId, id: TaskExecId) -> Cancelling {
        let key = (tenant.clone(), id);
        match self.tasks.get_mut(&key) {
            Some(task) if task.sent.is_none() => {
                let (attempt, is_known) = (task.message.dispatch.attempt, task.repairs > 0);
                self.remove(tenant, id);
                if is_known { Cancelling::StoppedAndKnown(attempt) } else { Cancelling::Stopped(attempt) }
            }
            Some(task) => {
                task.is_cancelled = true;
                Cancelling::Elsewhere(task.message.dispatch.attempt)
            }
            None => Cancelling::Elsewhere(u32::MAX),
        }
    }

    /// The attempt of a task that is outstanding.
    pub(super) fn attempt(&self, tenant: &TenantId, id: TaskExecId) -> Option<u32> {
        self.tasks.get(&(tenant.clone(), id)).map(|task| task.message.dispatch.attempt)
    }

    /// The task whose attempt that is; `None` where nobody waits for it.
    pub(super) fn message(&self, tenant: &TenantId, id: TaskExecId, attempt: u32) -> Option<TaskMessage> {
        let task = self.tasks.get(&(tenant.clone(), id))?;
        (task.message.dispatch.attempt == attempt).then(|| task.message.clone())
    }

    /// How long a task is here.
    pub(super) fn waited(&self, message: &TaskMessage) -> Option<Duration> {
        self.tasks.get(&(message.tenant.clone(), message.dispatch.id)).map(|task| task.added.elapsed())
    }

    /// True where a task is still waited for, as that attempt.
    pub(super) fn wants(&self, message: &TaskMessage) -> bool {
        self.attempt(&message.tenant, message.dispatch.id) == Some(message.dispatch.attempt)
    }

    /// Redis has refused a task. True for the first one of that kind.
    pub(super) fn refuse(&mut self, message: &TaskMessage, failure: &RedisFailure) -> bool {
        if !self.wants(message) {
            return false;
        }
        let is_known = self.refused.values().any(|other| other.kind() == failure.kind());
        self.refused.insert((message.tenant.clone(), message.dispatch.id), failure.clone());
        !is_known
    }

    /// Redis has taken tasks.
    pub(super) fn accepted(&mut self, messages: &[TaskMessage]) {
        if !self.refused.is_empty() {
            messages
                .iter()
                .for_each(|message| drop(self.refused.remove(&(message.tenant.clone(), message.dispatch.id))));
        }
    }

    /// What Redis said of the tasks that it has refused.
    pub(super) fn refusals(&self) -> impl Iterator<Item = &RedisFailure> {
        self.refused.values()
    }

    /// A worker did not find what it needs: unless that has happened too often, the task waits again, before the others of its tenant.
    pub(super) fn repair(&mut self, message: &TaskMessage, repairs_max: u32) -> Repairing {
        let (tenant, id) = (&message.tenant, message.dispatch.id);
        let wants = self.wants(message);
        let Some(task) = self.tasks.get_mut(&(tenant.clone(), id)).filter(|_| wants) else { return Repairing::Nothing };
        if task.is_cancelled {
            self.remove(tenant, id);
            return Repairing::Stopped;
        }
        if task.sent.is_none() {
            return Repairing::Nothing;
        }
        if task.repairs >= repairs_max {
            return Repairing::Hopeless;
        }
        task.repairs += 1;
        task.sent = None;
        self.lanes(message).sent -= 1;
        self.lane(message).push_front(tenant, id, cost(message.config.len()));
        Repairing::Again
    }

    /// A task is of no more interest, where that is its attempt. Gives the attempt that Redis may still know.
    pub(super) fn settle(&mut self, tenant: &TenantId, id: TaskExecId, attempt: Option<u32>) -> Option<u32> {
        let known = self.attempt(tenant, id)?;
        if attempt.is_some_and(|attempt| known > attempt) {
            return None;
        }
        let task = self.remove(tenant, id)?;
        (task.sent.is_some() || task.repairs > 0).then_some(known)
    }

    /// How many wait here.
    pub(super) fn waiting(&self) -> usize {
        self.queues.values().flat_map(|lanes| lanes.waiting.values()).map(Waiting::len).sum()
    }

    /// How long the oldest of those is here.
    pub(super) fn oldest_waiting(&self) -> Option<Duration> {
        self.tasks.values().filter(|task| task.sent.is_none()).map(|task| task.added.elapsed()).max()
    }

    /// How many slots the workers of each queue have.
    pub(super) fn set_slots(&mut self, slots: &HashMap<QueueName, usize>, per_slot: usize) {
        for (queue, lanes) in &mut self.queues {
            lanes.sent_max = slots.get(queue).map(|slots| slots * per_slot);
        }
    }

    fn remove(&mut self, tenant: &TenantId, id: TaskExecId) -> Option<Outstanding> {
        let key = (tenant.clone(), id);
        let task = self.tasks.remove(&key)?;
        self.refused.remove(&key);
        if task.sent.is_some() {
            self.lanes(&task.message).sent -= 1;
        } else {
            self.lane(&task.message).remove(tenant, id);
        }
        Some(task)
    }

    fn lanes(&mut self, message: &TaskMessage) -> &mut Lanes {
        self.queues.entry(message.dispatch.delivery.queue.clone()).or_default()
    }

    fn lane(&mut self, message: &TaskMessage) -> &mut Waiting {
        let priority = message.dispatch.delivery.priority;
        self.lanes(message).waiting.entry(priority).or_default()
    }
}
