//! The engine as its users see it: launch it, look at an execution, wait for it, tell it what to do, and stop.
//!
//! How executions are started stands in `admission`, what is seen of them while they run in `history` and `follow`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use sandmill_core::ids::WorkflowExecId;
use sandmill_core::machine::Event;
use sandmill_core::value::Value;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle as TaskHandle;

use crate::execution::NotDone;
use crate::ports::{
    Completion, ExecutionKey, ExecutionRow, Executions, Journal, SharedStore, Status, StoreError, StoredValue,
};
use crate::shard::{Mail, Shard, Wake, event_of};
use crate::shared::{LocalWorker, Options, Parts, Shared};
use crate::writer::{Writer, WriterHandle};
use crate::{sweeper, worker};

/// Executions that are asked for at a time after a restart, and when parked ones are due.
const KEYS_PER_READ: usize = 256;

/// Why an execution was not told something.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ControlError {
    /// There is no such execution.
    #[error("there is no execution {0}")]
    NotFound(WorkflowExecId),
    /// It has ended.
    #[error("execution {id} has ended ({status:?})")]
    Ended {
        /// Which one.
        id: WorkflowExecId,
        /// How.
        status: Status,
    },
    /// It is held as it is, for its journal cannot be followed. It can still be cancelled.
    #[error("execution {id} is held: {reason}; cancel it, or use the version of this program that wrote its journal")]
    Held {
        /// Which one.
        id: WorkflowExecId,
        /// Why.
        reason: String,
    },
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NotDone> for StoreError {
    fn from(refusal: NotDone) -> Self {
        match refusal {
            NotDone::Store(error) => error,
            NotDone::Held(reason) => Self::Refused { reason },
            NotDone::Gone => Self::Refused { reason: "the execution is gone".into() },
        }
    }
}

/// What can be asked of a running execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// End it.
    Cancel,
    /// Dispatch nothing more.
    Suspend,
    /// Go on.
    Resume,
}

/// A running engine.
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
    pub(crate) starts: Semaphore,
    pub(crate) is_draining: AtomicBool,
    running: Mutex<Running>,
}

/// What runs for an engine, until it is stopped.
struct Running {
    shards: Vec<TaskHandle<()>>,
    /// What takes completions, what wakes parked executions, and what removes expired ones.
    helpers: Vec<TaskHandle<()>>,
    worker: Option<TaskHandle<()>>,
    writer: Option<WriterHandle>,
}

impl Engine {
    /// Starts the engine and brings back what was active when the last one ended.
    pub fn launch(parts: Parts, options: Options) -> Result<Self, StoreError> {
        let journal = JournalOf(Arc::clone(&parts.store));
        let (writer, handle) = Writer::start(Arc::new(journal), &options.writing)
            .map_err(|error| StoreError::Failed { reason: error.to_string() })?;
        let shared = Arc::new(Shared::new(parts, writer, options));
        let (shards, shard_tasks): (Vec<_>, _) = (0..shared.options.shards.max(1))
            .map(|_| Shard::new(Arc::clone(&shared)))
            .map(|(shard, mail)| (mail, shard))
            .unzip();
        let shard_tasks: Vec<Shard> = shard_tasks;
        // This is the one place that sets it.
        let _ = shared.shards.set(shards);
        let shard_tasks = shard_tasks.into_iter().map(|shard| tokio::spawn(shard.run())).collect();
        let starts = Semaphore::new(shared.options.starts_waiting_max);
        let running = Running { shards: shard_tasks, helpers: Vec::new(), worker: None, writer: Some(handle) };
        let engine = Self { shared, starts, is_draining: AtomicBool::new(false), running: Mutex::new(running) };
        engine.recover()?;
        engine.spawn_helpers();
        Ok(engine)
    }

    /// The index row of an execution.
    pub fn row(&self, key: &ExecutionKey) -> Result<Option<ExecutionRow>, StoreError> {
        Executions::row(&*self.shared.store, key)
    }

    /// The row of an execution once it has ended. Waits for as long as it takes: whoever has less time drops the future.
    pub async fn ended(&self, key: &ExecutionKey) -> Result<Option<ExecutionRow>, StoreError> {
        let mut news = self.shared.end_news.subscribe(key);
        loop {
            match self.row(key)? {
                Some(row) if !row.status.is_ended() => news.changed().await,
                row => return Ok(row),
            }
        }
    }

    /// The output or the error of an ended execution.
    pub fn result(&self, key: &ExecutionKey, row: &ExecutionRow) -> Result<Option<Value>, StoreError> {
        result_of(&self.shared.store, key, row)
    }

    /// Tells an execution something, and returns once that is durable.
    pub async fn control(&self, key: &ExecutionKey, control: Control) -> Result<(), ControlError> {
        let row = self.row(key)?.ok_or(ControlError::NotFound(key.id))?;
        if row.status.is_ended() {
            return Err(ControlError::Ended { id: key.id, status: row.status });
        }
        let event = match control {
            Control::Cancel => Event::CancelRequested,
            Control::Suspend => Event::SuspendRequested,
            Control::Resume => Event::ResumeRequested,
        };
        let (answer, durable) = oneshot::channel();
        self.send(key, Mail::Deliver(key.clone(), event, Some(answer)));
        let lost = |_| StoreError::Refused { reason: "the engine is about to stop".into() };
        durable.await.map_err(lost)?.map_err(|refusal| match refusal {
            NotDone::Store(error) => error.into(),
            NotDone::Held(reason) => ControlError::Held { id: key.id, reason },
            NotDone::Gone => ControlError::NotFound(key.id),
        })
    }

    /// Stops: takes nothing new, lets the tasks that run come to an end, and returns once everything that was acknowledged is durable.
    ///
    /// Waits for tasks as long as [`Options::drain`] says; those that run longer are begun again by the next engine. Whoever still holds the engine
    /// can look at executions and start none.
    pub async fn stop(&self) {
        self.is_draining.store(true, Ordering::SeqCst);
        if let Some(worker) = &self.shared.local_worker {
            worker.deliveries.stop().await;
        }
        for helper in self.running().helpers.drain(..) {
            helper.abort();
        }
        let worker = self.running().worker.take();
        if let Some(worker) = worker {
            self.let_tasks_end(worker).await;
        }
        self.shared.queue.close().await;
        // What the last tasks brought back is taken before the shards are told to come to an end.
        while let Some(Some(completion)) = self.shared.queue.completion().now_or_never() {
            deliver(&self.shared, completion);
        }
        for shard in self.shared.shards.get().into_iter().flatten() {
            let (answer, drained) = oneshot::channel();
            if shard.send(Mail::Drain(answer)).is_ok() {
                // The shard is gone already when this fails.
                let _ = drained.await;
            }
        }
        let shard_tasks = std::mem::take(&mut self.running().shards);
        for shard in shard_tasks {
            report(shard.await);
        }
        self.shared.live.flush().await;
        self.shared.library.close();
        self.shared.end_news.tell_all();
    }

    /// Stops, and lets go of the store.
    pub async fn drain(self) {
        self.stop().await;
        let writer = self.running().writer.take();
        drop(self);
        match writer {
            Some(WriterHandle::Thread(thread)) => {
                report(tokio::task::spawn_blocking(move || thread.join()).await.map(drop));
            }
            Some(WriterHandle::Task(task)) => report(task.await),
            None => {}
        }
    }

    async fn let_tasks_end(&self, mut worker: TaskHandle<()>) {
        let longest = Duration::from_millis(self.shared.options.drain.0);
        if tokio::time::timeout(longest, &mut worker).await.is_err() {
            tracing::warn!(seconds = longest.as_secs(), "tasks still run: they are left to the journal");
            worker.abort();
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn send(&self, key: &ExecutionKey, mail: Mail) {
        self.shared.send(key, mail);
    }

    fn recover(&self) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let active = self.shared.store.active(after.as_ref(), KEYS_PER_READ)?;
            let Some(last) = active.last().cloned() else { return Ok(()) };
            for key in active {
                self.send(&key.clone(), Mail::Wake(key, Wake::Recovered));
            }
            after = Some(last);
        }
    }

    fn spawn_helpers(&self) {
        let shared = &self.shared;
        let mut running = self.running();
        running.helpers.push(tokio::spawn(take_completions(Arc::clone(shared))));
        running.helpers.push(tokio::spawn(wake_due(Arc::clone(shared))));
        running.helpers.push(tokio::spawn(sweeper::sweep(Arc::clone(shared))));
        running.worker = shared.local_worker.clone().map(|LocalWorker { deliveries, runner }| {
            tokio::spawn(worker::work(deliveries, runner, shared.options.slots))
        });
    }
}

/// An engine that is dropped without being drained stops at once, as if its process had been killed.
impl Drop for Engine {
    fn drop(&mut self) {
        let running = self.running.get_mut().unwrap_or_else(PoisonError::into_inner);
        running.shards.iter().chain(&running.helpers).chain(&running.worker).for_each(TaskHandle::abort);
        if let Some(WriterHandle::Task(task)) = &running.writer {
            task.abort();
        }
        self.shared.library.close();
    }
}

/// The journal of a store, for the writer.
struct JournalOf(SharedStore);

impl Journal for JournalOf {
    fn append(&self, batches: Vec<crate::ports::Batch>) -> Result<(), StoreError> {
        self.0.append(batches)
    }

    fn records(
        &self,
        key: &ExecutionKey,
        from: u64,
        max: usize,
    ) -> Result<Vec<crate::ports::JournalEntry>, StoreError> {
        self.0.records(key, from, max)
    }

    fn snapshot(&self, key: &ExecutionKey) -> Result<Option<crate::ports::Snapshot>, StoreError> {
        self.0.snapshot(key)
    }

    fn remove(&self, key: &ExecutionKey, rows_max: usize) -> Result<bool, StoreError> {
        self.0.remove(key, rows_max)
    }

    fn health(&self) -> crate::ports::StoreHealth {
        Journal::health(&*self.0)
    }
}

/// Completions go to the shard of their execution.
async fn take_completions(shared: Arc<Shared>) {
    while let Some(completion) = shared.queue.completion().await {
        deliver(&shared, completion);
    }
}

fn deliver(shared: &Shared, completion: Completion) {
    shared.live.task_ended(&completion.tenant, completion.id);
    shared.meters.task_ended(&completion.result);
    let key = ExecutionKey { tenant: completion.tenant.clone(), id: completion.id.workflow };
    shared.send(&key.clone(), Mail::Deliver(key, event_of(completion), None));
}

/// Brings parked executions back when their time has come.
async fn wake_due(shared: Arc<Shared>) {
    loop {
        let now = shared.clock.now();
        match shared.store.due(now, KEYS_PER_READ) {
            Ok(due) => {
                for (at, key) in due {
                    shared.send(&key.clone(), Mail::Wake(key, Wake::Due(at)));
                }
            }
            Err(error) => tracing::error!(%error, "the executions that are due cannot be read"),
        }
        let next = shared.store.next_due().ok().flatten();
        // What is due already is on its way to be woken: its row changes with its next event, and a moment later we look again.
        let next = next.map(|at| at.max(now.after(sandmill_core::time::Millis(100))));
        tokio::select! {
            biased;
            () = shared.due.notified() => {}
            () = sleep_until(&shared, next) => {}
        }
    }
}

async fn sleep_until(shared: &Shared, at: Option<sandmill_core::time::Timestamp>) {
    match at {
        Some(at) => shared.clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The output or the error of an ended execution.
pub(crate) fn result_of(
    store: &SharedStore,
    key: &ExecutionKey,
    row: &ExecutionRow,
) -> Result<Option<Value>, StoreError> {
    let text = match &row.result {
        None => return Ok(None),
        Some(StoredValue::Inline(text)) => Some(text.clone()),
        Some(StoredValue::Digest(digest)) => store.value(key, *digest)?,
    };
    let damaged = |reason: String| StoreError::Damaged { place: format!("the result of {}", key.id), reason };
    let text = text.ok_or_else(|| damaged("the value is not stored".into()))?;
    Value::from_json(&text).map(Some).map_err(|error| damaged(error.to_string()))
}

fn report<T, E: std::fmt::Debug>(ended: Result<T, E>) {
    if let Err(error) = ended {
        tracing::error!(?error, "a part of the engine did not end as it should");
    }
}
