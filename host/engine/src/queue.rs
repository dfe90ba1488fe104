//! The task queue of one process: tasks wait in memory, for the journal holds what is needed to put them in again.

use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;
use std::time::Instant;

use async_trait::async_trait;
use sandmill_core::ids::{TaskExecId, TenantId};
use tokio::sync::{Notify, mpsc};

use crate::metrics::QueueMeters;
use crate::ports::{Completion, Deliveries, TaskMessage, TaskQueue, TaskResult};

/// A queue between an engine and the workers of its own process.
pub struct MemoryQueue {
    waiting: Mutex<Waiting>,
    changed: Notify,
    completed: mpsc::UnboundedSender<Completion>,
    completions: tokio::sync::Mutex<mpsc::UnboundedReceiver<Completion>>,
    unwanted: mpsc::UnboundedSender<(TenantId, TaskExecId)>,
    cancellations: tokio::sync::Mutex<mpsc::UnboundedReceiver<(TenantId, TaskExecId)>>,
    meters: QueueMeters,
}

#[derive(Default)]
struct Waiting {
    /// With the moment at which each was put in.
    messages: VecDeque<(TaskMessage, Instant)>,
    /// What is in the queue, by task and attempt, so that putting it in twice changes nothing.
    present: HashSet<(TaskExecId, u32)>,
    is_closed: bool,
}

impl Default for MemoryQueue {
    fn default() -> Self {
        // Unbounded, for what is in it is bounded elsewhere: no more completions than tasks that were dispatched.
        let (completed, completions) = mpsc::unbounded_channel();
        let (unwanted, cancellations) = mpsc::unbounded_channel();
        Self {
            waiting: Mutex::default(),
            changed: Notify::new(),
            completed,
            completions: tokio::sync::Mutex::new(completions),
            unwanted,
            cancellations: tokio::sync::Mutex::new(cancellations),
            meters: QueueMeters::new(),
        }
    }
}

impl MemoryQueue {
    /// What to do next: a task, the end, or to wait.
    fn poll(&self) -> Option<Option<TaskMessage>> {
        let mut waiting = self.lock();
        match waiting.messages.pop_front() {
            Some((message, since)) => {
                self.meters.depth.set(waiting.messages.len() as f64);
                self.meters.wait.record(since.elapsed());
                waiting.present.remove(&(message.dispatch.id, message.dispatch.attempt));
                Some(Some(message))
            }
            None => waiting.is_closed.then_some(None),
        }
    }

    /// Takes a task out that no worker has yet, and tells which attempt of it that was.
    fn withdraw(&self, tenant: &TenantId, id: TaskExecId) -> Option<u32> {
        let mut waiting = self.lock();
        let is_it = |message: &TaskMessage| message.dispatch.id == id && message.tenant == *tenant;
        let place = waiting.messages.iter().position(|(message, _)| is_it(message))?;
        let (message, _) = waiting.messages.remove(place)?;
        waiting.present.remove(&(id, message.dispatch.attempt));
        Some(message.dispatch.attempt)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[async_trait]
impl TaskQueue for MemoryQueue {
    async fn enqueue(&self, message: TaskMessage) {
        let mut waiting = self.lock();
        if waiting.present.insert((message.dispatch.id, message.dispatch.attempt)) {
            waiting.messages.push_back((message, Instant::now()));
            self.meters.depth.set(waiting.messages.len() as f64);
            drop(waiting);
            self.changed.notify_one();
        }
    }

    async fn cancel(&self, tenant: &TenantId, ids: &[TaskExecId]) {
        for id in ids {
            match self.withdraw(tenant, *id) {
                Some(attempt) => {
                    let (tenant, result) = (tenant.clone(), TaskResult::Stopped);
                    self.complete(Completion { tenant, id: *id, attempt, epoch: 0, result }).await;
                }
                // The worker is gone when this fails, and its tasks with it.
                None => drop(self.unwanted.send((tenant.clone(), *id))),
            }
        }
    }

    async fn completion(&self) -> Option<Completion> {
        self.completions.lock().await.recv().await
    }

    fn settled(&self, _: &TenantId, _: TaskExecId, _: Option<u32>) {}

    fn depth(&self) -> usize {
        self.lock().messages.len()
    }

    fn outlives_engine(&self) -> bool {
        false
    }

    async fn close(&self) {
        self.stop().await;
    }
}

#[async_trait]
impl Deliveries for MemoryQueue {
    async fn next(&self) -> Option<TaskMessage> {
        loop {
            let changed = self.changed.notified();
            if let Some(next) = self.poll() {
                // Whoever else waits looks again: a notification may have come for two tasks at once.
                self.changed.notify_one();
                return next;
            }
            changed.await;
        }
    }

    async fn cancelled(&self) -> (TenantId, TaskExecId) {
        let unwanted = self.cancellations.lock().await.recv().await;
        unwanted.expect("the sender is ours")
    }

    async fn complete(&self, completion: Completion) {
        // The engine is gone when this fails, and then nobody wants to know.
        let _ = self.completed.send(completion);
    }

    async fn stop(&self) {
        self.lock().is_closed = true;
        self.changed.notify_waiters();
        self.changed.notify_one();
    }
}
