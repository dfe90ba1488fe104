//! What stands in for the Wasm runtime and the clock.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use sandmill_core::ids::{TaskExecId, TenantId};
use sandmill_core::problem::{ErrorKind, Problem};
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;
use sandmill_engine::ports::*;
use tokio::sync::Notify;

/// Gives each task's config back as its output, unless it holds them; an input with a member `fail` fails.
#[derive(Default)]
pub(crate) struct FakeRunner {
    holds: AtomicBool,
    changed: Notify,
    cancelled: Mutex<Vec<TaskExecId>>,
    /// The task that began last.
    begun: Mutex<Option<TaskMessage>>,
}

impl FakeRunner {
    /// While it holds, tasks wait until they are cancelled or it lets go.
    pub(crate) fn hold(&self, holds: bool) {
        self.holds.store(holds, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// Waits until a task has begun, and gives it.
    pub(crate) async fn running(&self) -> TaskMessage {
        loop {
            if let Some(message) = self.begun.lock().unwrap().clone() {
                return message;
            }
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl Runner for FakeRunner {
    async fn run(&self, message: TaskMessage) -> TaskResult {
        *self.begun.lock().unwrap() = Some(message.clone());
        loop {
            let changed = self.changed.notified();
            if self.cancelled.lock().unwrap().contains(&message.dispatch.id) {
                return TaskResult::Stopped;
            }
            if !self.holds.load(Ordering::SeqCst) {
                break;
            }
            changed.await;
        }
        let config = Value::from_json(&message.config).unwrap();
        let wants = |name: &str| config.pointer(&format!("/input/{name}"));
        if let Some(reason) = wants("fail") {
            return TaskResult::Failed(Box::new(Problem::new(ErrorKind::Runtime, reason.to_string())));
        }
        TaskResult::Completed(config)
    }

    fn cancel(&self, _: &TenantId, id: TaskExecId) {
        self.cancelled.lock().unwrap().push(id);
        self.changed.notify_waiters();
    }
}

/// Takes every component that starts with `wasm`; some words in it make it behave in another way.
pub(crate) struct FakeComponents;

#[async_trait]
impl Components for FakeComponents {
    async fn inspect(&self, component: Bytes) -> Result<PluginDescription, InspectError> {
        let text = String::from_utf8_lossy(&component).into_owned();
        assert!(!text.contains("panic"), "the test wants it so");
        if text.contains("for ever") {
            std::future::pending::<()>().await;
        }
        if text.contains("no room") {
            return Err(InspectError::Unavailable { reason: "all threads are busy".into() });
        }
        if !text.starts_with("wasm") {
            return Err(InspectError::Refused { reason: "this is no component".into() });
        }
        let schema = r#"{"type":"object"}"#.to_string();
        Ok(PluginDescription { summary: "Works.".into(), config_schema: schema.clone(), output_schema: schema })
    }
}

/// A clock that goes on by a millisecond whenever somebody looks, so that what happens later is later.
#[derive(Default)]
pub(crate) struct FakeClock(std::sync::atomic::AtomicI64);

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_790_000_000_000 + self.0.fetch_add(1, Ordering::SeqCst))
    }

    async fn sleep_until(&self, _: Timestamp) {
        std::future::pending().await
    }
}
