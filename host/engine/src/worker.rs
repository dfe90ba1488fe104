//! The one worker loop: takes tasks from the queue, lets the runner run them, and brings back how they ended.
//!
//! The same loop serves the memory queue in this process and any other queue elsewhere (rule 25). How many tasks run at a time is decided
//! here, by the number of slots; how one runs is the runner's business.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::metrics::WorkerMeters;
use crate::ports::{Completion, Runner, TaskMessage, TaskQueue, TaskResult};

/// Runs tasks until the queue is closed and empty and the last one has ended.
pub async fn work(queue: Arc<dyn TaskQueue>, runner: Arc<dyn Runner>, slots: usize) {
    let free = Arc::new(Semaphore::new(slots));
    let mut running = JoinSet::new();
    let meters = Arc::new(WorkerMeters::new());
    loop {
        let Ok(slot) = Arc::clone(&free).acquire_owned().await else { break };
        let Some(message) = queue.next().await else { break };
        while running.try_join_next().is_some() {}
        let (queue, runner, meters) = (Arc::clone(&queue), Arc::clone(&runner), Arc::clone(&meters));
        running.spawn(async move {
            let began = Instant::now();
            let completion = run(&*runner, message).await;
            meters.seconds.record(began.elapsed());
            queue.complete(completion).await;
            drop(slot);
        });
    }
    while running.join_next().await.is_some() {}
}

async fn run(runner: &dyn Runner, message: TaskMessage) -> Completion {
    let (tenant, id, attempt) = (message.tenant.clone(), message.dispatch.id, message.dispatch.attempt);
    // A runner that panics took the task with it: for the engine that is a worker that died.
    let result = AssertUnwindSafe(runner.run(message)).catch_unwind().await.unwrap_or(TaskResult::Lost);
    Completion { tenant, id, attempt, result }
}
