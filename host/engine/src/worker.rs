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
use tokio_util::task::AbortOnDropHandle;

use crate::metrics::WorkerMeters;
use crate::ports::{Completion, Deliveries, Runner, TaskMessage, TaskResult};

/// Runs tasks until no more come and the last one has ended.
pub async fn work(deliveries: Arc<dyn Deliveries>, runner: Arc<dyn Runner>, slots: usize) {
    let free = Arc::new(Semaphore::new(slots));
    let mut running = JoinSet::new();
    let meters = Arc::new(WorkerMeters::new());
    let interrupting = AbortOnDropHandle::new(tokio::spawn(interrupt(Arc::clone(&deliveries), Arc::clone(&runner))));
    loop {
        let Ok(slot) = Arc::clone(&free).acquire_owned().await else { break };
        let Some(message) = deliveries.next().await else { break };
        while running.try_join_next().is_some() {}
        let (deliveries, runner, meters) = (Arc::clone(&deliveries), Arc::clone(&runner), Arc::clone(&meters));
        running.spawn(async move {
            let began = Instant::now();
            let completion = run(&*runner, message).await;
            meters.seconds.record(began.elapsed());
            deliveries.complete(completion).await;
            drop(slot);
        });
    }
    while running.join_next().await.is_some() {}
    drop(interrupting);
}

/// Ends the tasks that nobody wants any more.
async fn interrupt(deliveries: Arc<dyn Deliveries>, runner: Arc<dyn Runner>) {
    loop {
        let (tenant, id) = deliveries.cancelled().await;
        runner.cancel(&tenant, id);
    }
}

async fn run(runner: &dyn Runner, message: TaskMessage) -> Completion {
    let (tenant, id, attempt) = (message.tenant.clone(), message.dispatch.id, message.dispatch.attempt);
    let epoch = message.remote.as_ref().map_or(0, |remote| remote.epoch);
    // A runner that panics took the task with it: for the engine that is a worker that died.
    let result = AssertUnwindSafe(runner.run(message)).catch_unwind().await.unwrap_or(TaskResult::Lost);
    Completion { tenant, id, attempt, epoch, result }
}
