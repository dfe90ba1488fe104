//! How the engine is: what a load balancer asks, and what an operator wants to see first.

use std::sync::atomic::Ordering;

use crate::engine::Engine;
use crate::ports::StoreHealth;

/// How an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// True once it was told to stop: it takes no starts.
    pub is_draining: bool,
    /// What the store said when it failed: then the process is about to end.
    pub store_failure: Option<String>,
    /// What the store says of itself.
    pub store: StoreHealth,
    /// Executions in memory.
    pub executions_in_memory: usize,
    /// Executions in memory at most, before starts are refused.
    pub executions_in_memory_max: usize,
    /// Starts that wait to become durable.
    pub starts_waiting: usize,
    /// What is in the way of the queue, where its workers are elsewhere: tasks wait until that is over, and nothing is lost.
    pub queue_trouble: Option<String>,
    /// Tasks that wait for a worker.
    pub queue_depth: usize,
}

impl Health {
    /// Why no request should be sent here; empty where one should. An engine that is full is ready: it says so to each start.
    #[must_use]
    pub fn reasons_not_ready(&self) -> Vec<String> {
        let draining = self.is_draining.then(|| "the engine is about to stop".to_string());
        draining.into_iter().chain(self.store_failure.clone()).chain(self.queue_trouble.clone()).collect()
    }
}

impl Engine {
    /// How the engine is.
    #[must_use]
    pub fn health(&self) -> Health {
        let options = &self.shared.options;
        Health {
            is_draining: self.is_draining.load(Ordering::SeqCst),
            store_failure: self.shared.store_failure.get().cloned(),
            store: self.shared.store.health(),
            executions_in_memory: self.shared.in_memory.load(Ordering::Relaxed),
            executions_in_memory_max: options.executions_in_memory_max,
            starts_waiting: options.starts_waiting_max.saturating_sub(self.starts.available_permits()),
            queue_trouble: self.shared.queue.trouble(),
            queue_depth: self.shared.queue.depth(),
        }
    }
}
