//! The engine as its users see it: start an execution, look at it, wait for it, and tell it what to do.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use futures::FutureExt as _;
use sandmill_core::definition::Definition;
use sandmill_core::ids::{Digest, TenantId, WorkflowExecId};
use sandmill_core::machine::{Event, Settings};
use sandmill_core::value::Value;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle as TaskHandle;

use crate::execution::{Answer, Execution, Incoming, NotDone};
use crate::ports::{Completion, ExecutionKey, ExecutionRow, Executions, Journal, Status, StoreError, StoredValue};
use crate::shard::{Mail, Shard, Wake, event_of};
use crate::shared::{Options, Parts, Shared};
use crate::worker;
use crate::writer::Writer;

/// Executions that are asked for at a time after a restart, and when parked ones are due.
const KEYS_PER_READ: usize = 256;

/// A request to start an execution.
#[derive(Debug, Clone)]
pub struct Start {
    /// Whose it is.
    pub tenant: TenantId,
    /// What it runs on.
    pub definition: Arc<Definition>,
    /// Its raw input.
    pub input: Value,
    /// Starts once, however often it is asked for.
    pub idempotency_key: Option<String>,
    /// Where its id comes from, when there is no key.
    pub random: u128,
}

/// Why an execution was not started.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StartError {
    /// The key was used with another input.
    #[error("the idempotency key was used with another input, for execution {0}: use another key")]
    KeyReused(WorkflowExecId),
    /// Too many starts wait, or the engine is about to stop.
    #[error("the engine cannot take more executions right now: try again later")]
    Busy,
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

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
    shared: Arc<Shared>,
    shards: Vec<mpsc::UnboundedSender<Mail>>,
    starts: Semaphore,
    is_draining: AtomicBool,
    shard_tasks: Vec<TaskHandle<()>>,
    /// What takes completions, what wakes parked executions, and the worker.
    helpers: Vec<TaskHandle<()>>,
    journal_thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the engine and brings back what was active when the last one ended.
    pub fn launch(parts: Parts, options: Options) -> Result<Self, StoreError> {
        let journal = JournalOf(Arc::clone(&parts.store));
        let (writer, journal_thread) =
            Writer::start(Arc::new(journal)).map_err(|error| StoreError::Failed { reason: error.to_string() })?;
        let shared = Arc::new(Shared::new(parts, writer, options));
        let (shards, shard_tasks) = (0..shared.options.shards.max(1)).map(|_| spawn_shard(&shared)).unzip();
        let starts = Semaphore::new(shared.options.starts_waiting_max);
        let mut engine = Self {
            shared,
            shards,
            starts,
            is_draining: AtomicBool::new(false),
            shard_tasks,
            helpers: Vec::new(),
            journal_thread: Some(journal_thread),
        };
        engine.recover()?;
        engine.spawn_helpers();
        Ok(engine)
    }

    /// Starts an execution, and returns its id once that is durable. With a key that was used before: the id from then.
    pub async fn start(&self, start: Start) -> Result<WorkflowExecId, StartError> {
        let _permit = self.starts.try_acquire().map_err(|_| StartError::Busy)?;
        if self.is_draining.load(Ordering::Relaxed) {
            return Err(StartError::Busy);
        }
        let key = key_of(&start);
        let input = start.input.digest();
        let has_key = start.idempotency_key.is_some();
        if let Some(row) = self.row_of_key(&key, has_key)? {
            return if row.input == input { Ok(key.id) } else { Err(StartError::KeyReused(key.id)) };
        }
        let (answer, durable) = oneshot::channel();
        let execution = self.new_execution(&key, start, input, answer);
        self.send(&key, Mail::Start(Box::new(execution)));
        durable.await.map_err(|_| StartError::Busy)?.map_err(|refusal| StartError::Store(refusal.into()))?;
        // Another start with the same key may have come first.
        match self.row_of_key(&key, has_key)? {
            Some(row) if row.input != input => Err(StartError::KeyReused(key.id)),
            _ => Ok(key.id),
        }
    }

    /// The row of an execution that a key may have started before; an id that was drawn is nobody else's.
    fn row_of_key(&self, key: &ExecutionKey, has_key: bool) -> Result<Option<ExecutionRow>, StoreError> {
        if has_key { self.row(key) } else { Ok(None) }
    }

    /// The index row of an execution.
    pub fn row(&self, key: &ExecutionKey) -> Result<Option<ExecutionRow>, StoreError> {
        Executions::row(&*self.shared.store, key)
    }

    /// The row of an execution once it has ended. Waits for as long as it takes: whoever has less time drops the future.
    pub async fn ended(&self, key: &ExecutionKey) -> Result<Option<ExecutionRow>, StoreError> {
        loop {
            let mut told = self.shared.wait_for(key);
            match self.row(key)? {
                Some(row) if !row.status.is_ended() => {
                    // An error means that the sender was dropped after it told us.
                    let _ = told.changed().await;
                }
                row => return Ok(row),
            }
        }
    }

    /// The output or the error of an ended execution.
    pub fn result(&self, key: &ExecutionKey, row: &ExecutionRow) -> Result<Option<Value>, StoreError> {
        let text = match &row.result {
            None => return Ok(None),
            Some(StoredValue::Inline(text)) => Some(text.clone()),
            Some(StoredValue::Digest(digest)) => self.shared.store.value(key, *digest)?,
        };
        let damaged = |reason: String| StoreError::Damaged { place: format!("the result of {}", key.id), reason };
        let text = text.ok_or_else(|| damaged("the value is not stored".into()))?;
        Value::from_json(&text).map(Some).map_err(|error| damaged(error.to_string()))
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
    pub async fn drain(mut self) {
        self.is_draining.store(true, Ordering::Relaxed);
        self.shared.queue.close().await;
        let helpers = std::mem::take(&mut self.helpers);
        // The worker, which is the last of them, ends once what it runs has ended; the others never end by themselves.
        for (position, helper) in helpers.into_iter().rev().enumerate() {
            if position > 0 {
                helper.abort();
            }
            // Aborted tasks end with an error, which is what was asked for.
            let _ = helper.await;
        }
        // What the last tasks brought back is taken before the shards are told to come to an end.
        while let Some(Some(completion)) = self.shared.queue.completion().now_or_never() {
            deliver(&self.shards, completion);
        }
        for shard in &self.shards {
            let (answer, drained) = oneshot::channel();
            if shard.send(Mail::Drain(answer)).is_ok() {
                // The shard is gone already when this fails.
                let _ = drained.await;
            }
        }
        for shard in std::mem::take(&mut self.shard_tasks) {
            report(shard.await);
        }
        let journal_thread = self.journal_thread.take();
        drop(self);
        if let Some(thread) = journal_thread {
            report(tokio::task::spawn_blocking(move || thread.join()).await.map(drop));
        }
    }

    fn new_execution(&self, key: &ExecutionKey, start: Start, input: Digest, answer: Answer) -> Execution {
        let row = ExecutionRow {
            id: key.id,
            workflow: start.definition.name.to_string(),
            definition: start.definition.digest,
            status: Status::Pending,
            started_at: self.shared.clock.now(),
            ended_at: None,
            expires_at: None,
            input,
            result: None,
        };
        let mut execution = Execution::new(key.clone(), row, &start.definition, &self.shared.options);
        let settings = Settings { seed: seed_of(key.id), ..self.shared.options.settings.clone() };
        let event = Event::Started { input: start.input, settings: Box::new(settings) };
        execution.inbox.push_back(Incoming { event, answer: Some(answer) });
        execution
    }

    fn send(&self, key: &ExecutionKey, mail: Mail) {
        send(&self.shards, key, mail);
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

    fn spawn_helpers(&mut self) {
        self.helpers.push(tokio::spawn(take_completions(Arc::clone(&self.shared), self.shards.clone())));
        self.helpers.push(tokio::spawn(wake_due(Arc::clone(&self.shared), self.shards.clone())));
        let (queue, runner) = (Arc::clone(&self.shared.queue), Arc::clone(&self.shared.runner));
        self.helpers.push(tokio::spawn(worker::work(queue, runner, self.shared.options.slots)));
    }
}

/// An engine that is dropped without being drained stops at once, as if its process had been killed.
impl Drop for Engine {
    fn drop(&mut self) {
        self.shard_tasks.iter().chain(&self.helpers).for_each(TaskHandle::abort);
    }
}

/// The journal of a store, for the writer.
struct JournalOf(crate::ports::SharedStore);

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

fn spawn_shard(shared: &Arc<Shared>) -> (mpsc::UnboundedSender<Mail>, TaskHandle<()>) {
    let (shard, mail) = Shard::new(Arc::clone(shared));
    (mail, tokio::spawn(shard.run()))
}

/// Completions go to the shard of their execution.
async fn take_completions(shared: Arc<Shared>, shards: Vec<mpsc::UnboundedSender<Mail>>) {
    while let Some(completion) = shared.queue.completion().await {
        deliver(&shards, completion);
    }
}

fn deliver(shards: &[mpsc::UnboundedSender<Mail>], completion: Completion) {
    let key = ExecutionKey { tenant: completion.tenant.clone(), id: completion.id.workflow };
    send(shards, &key.clone(), Mail::Deliver(key, event_of(completion), None));
}

/// Brings parked executions back when their time has come.
async fn wake_due(shared: Arc<Shared>, shards: Vec<mpsc::UnboundedSender<Mail>>) {
    loop {
        let now = shared.clock.now();
        match shared.store.due(now, KEYS_PER_READ) {
            Ok(due) => {
                for (at, key) in due {
                    send(&shards, &key.clone(), Mail::Wake(key, Wake::Due(at)));
                }
            }
            Err(error) => tracing::error!(%error, "the executions that are due cannot be read"),
        }
        let next = shared.store.next_due().ok().flatten();
        // What is due already is on its way to be woken: its row changes with its next event, and a moment later we look again.
        let next = next.map(|at| at.max(now.after(sandmill_core::time::Millis(100))));
        tokio::select! {
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

fn send(shards: &[mpsc::UnboundedSender<Mail>], key: &ExecutionKey, mail: Mail) {
    let mut hash = DefaultHasher::new();
    key.hash(&mut hash);
    let shard = usize::try_from(hash.finish() % shards.len() as u64).expect("smaller than the number of shards");
    // A shard ends only when the engine does, and then nobody waits for an answer.
    let _ = shards[shard].send(mail);
}

fn key_of(start: &Start) -> ExecutionKey {
    let id = match &start.idempotency_key {
        Some(key) => WorkflowExecId::from_idempotency_key(&start.tenant, &start.definition.name.to_string(), key),
        None => WorkflowExecId::from_random(start.random),
    };
    ExecutionKey { tenant: start.tenant.clone(), id }
}

fn seed_of(id: WorkflowExecId) -> u64 {
    let bytes = id.to_bytes();
    u64::from_be_bytes(bytes[..8].try_into().expect("8 of 16 bytes"))
}

fn report<T, E: std::fmt::Debug>(ended: Result<T, E>) {
    if let Err(error) = ended {
        tracing::error!(?error, "a part of the engine did not end as it should");
    }
}
