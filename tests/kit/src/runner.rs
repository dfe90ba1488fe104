//! A runner that gives back each task's config, does what the config asks for, or holds on to tasks until it is told to let go.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use sandmill_core::ids::{TaskExecId, TenantId};
use sandmill_core::machine::IdempotencyKey;
use sandmill_core::problem::{ErrorKind, Problem};
use sandmill_core::value::Value;
use sandmill_engine::ports::{Runner, TaskMessage, TaskResult};
use tokio::sync::Notify;

/// What a run of a task leaves behind outside of the engine.
pub type Effect = (TaskExecId, u32, IdempotencyKey);

/// Runs tasks: one whose config has a member `fail` fails, with a problem that may pass where that says `retryable`; every other one gives its
/// config back.
#[derive(Default)]
pub struct FakeRunner {
    /// What has run, in order.
    pub effects: Mutex<Vec<Effect>>,
    /// The task that was begun last.
    pub last: Mutex<Option<TaskMessage>>,
    /// While it holds, tasks wait until they are cancelled or it lets go.
    holds: AtomicBool,
    changed: Notify,
    cancelled: Mutex<Vec<TaskExecId>>,
}

#[async_trait]
impl Runner for FakeRunner {
    async fn run(&self, message: TaskMessage) -> TaskResult {
        let dispatch = &message.dispatch;
        self.effects.lock().unwrap().push((dispatch.id, dispatch.attempt, dispatch.idempotency_key));
        *self.last.lock().unwrap() = Some(message.clone());
        self.changed.notify_waiters();
        loop {
            let changed = self.changed.notified();
            if self.cancelled.lock().unwrap().contains(&dispatch.id) {
                return TaskResult::Stopped;
            }
            if !self.holds.load(Ordering::SeqCst) {
                return Self::result(&message);
            }
            changed.await;
        }
    }

    fn cancel(&self, _: &TenantId, id: TaskExecId) {
        self.cancelled.lock().unwrap().push(id);
        self.changed.notify_waiters();
    }
}

impl FakeRunner {
    /// What the config of a task asks for.
    #[must_use]
    pub fn result(message: &TaskMessage) -> TaskResult {
        let config = Value::from_json(&message.config).unwrap();
        let Some(wanted) = config.get("fail").filter(|wanted| !wanted.is_null()) else {
            return TaskResult::Completed(config);
        };
        let retryable = wanted.as_str().as_deref() == Some("retryable");
        let problem = Problem { retryable, ..Problem::new(ErrorKind::Communication, "as the test wants it") };
        TaskResult::Failed(Box::new(problem))
    }

    /// Holds on to tasks, or lets them go.
    pub fn hold(&self, holds: bool) {
        self.holds.store(holds, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// Waits until so many tasks were begun.
    pub async fn begun(&self, count: usize) {
        loop {
            let changed = self.changed.notified();
            if self.effects.lock().unwrap().len() >= count {
                return;
            }
            changed.await;
        }
    }
}
