//! The way of a task from the engine to a worker and back: two ends of a queue, and what runs a task between them.
//!
//! The engine holds one end, [`TaskQueue`], and a worker the other, [`Deliveries`]. Both may be one thing in one process, or two that meet in a
//! store outside.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use sandmill_core::ids::{GroupId, TaskExecId, TenantId};
use sandmill_core::machine::Dispatch;
use sandmill_core::problem::Problem;
use sandmill_core::value::Value;

use super::{ExecutionKey, LogLine, Progress};

/// A task on its way to a worker.
#[derive(Debug, Clone)]
pub struct TaskMessage {
    /// Whose it is.
    pub tenant: TenantId,
    /// What to run.
    pub dispatch: Arc<Dispatch>,
    /// Its resolved arguments, as JSON text.
    pub config: Bytes,
    /// Where the rest of it is, for a task that another process dispatched.
    pub remote: Option<Arc<Remote>>,
}

impl TaskMessage {
    /// A task of this process.
    #[must_use]
    pub const fn new(tenant: TenantId, dispatch: Arc<Dispatch>, config: Bytes) -> Self {
        Self { tenant, dispatch, config, remote: None }
    }
}

/// What a worker has of a task that another process dispatched, beside the task itself.
pub struct Remote {
    /// The engine that waits for it.
    pub engine: String,
    /// How often the attempt was handed out, from 1: a worker that was taken for dead has an older number than the one that has it now.
    pub epoch: u32,
    /// When its envelope was read here.
    pub read_at: Instant,
    /// What the task may read, in place of the handle in its dispatch.
    pub context: Box<dyn RemoteContext>,
    /// What it may use up, by the names of the limits. A limit that is not named is the worker's own.
    pub limits: BTreeMap<String, u64>,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Remote").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// The context of a task, read from afar and as late as possible.
#[async_trait]
pub trait RemoteContext: Send + Sync {
    /// The value of a member at the root, `context`, `input`, `workflow`, `vars`, `item` or `index`; `None` where this task has none. With `inner`, only
    /// that member of it, where the first is an object: the others are not looked at.
    ///
    /// An error says why it cannot be had at this moment.
    async fn member(&self, name: &str, inner: Option<&str>) -> Result<Option<Value>, String>;

    /// True for a task inside of a loop, which has an item and an index.
    fn has_item(&self) -> bool;
}

/// How an attempt of a task ended.
#[derive(Debug, Clone)]
pub enum TaskResult {
    /// With an output.
    Completed(Value),
    /// With a problem.
    Failed(Box<Problem>),
    /// Its worker died.
    Lost,
    /// It was cancelled, and has stopped.
    Stopped,
}

/// The end of an attempt, on its way back to the engine.
#[derive(Debug, Clone)]
pub struct Completion {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which task.
    pub id: TaskExecId,
    /// Which attempt of it.
    pub attempt: u32,
    /// How often that attempt had been handed out; 0 where nobody counts.
    pub epoch: u32,
    /// How it ended.
    pub result: TaskResult,
}

/// The engine's end of a queue. Every dispatch goes through it, in one process too.
#[async_trait]
pub trait TaskQueue: Send + Sync {
    /// Puts a task in. The same task and attempt a second time changes nothing.
    async fn enqueue(&self, message: TaskMessage);

    /// Ends tasks, whether a worker has them or not. For each that is in the queue comes a completion, [`TaskResult::Stopped`] where it was not faster.
    async fn cancel(&self, tenant: &TenantId, ids: &[TaskExecId]);

    /// Begins no task of a group any more. Each of them is cancelled too: a queue whose workers see that at once need not do anything.
    fn cancel_group(&self, tenant: &TenantId, id: GroupId) {
        let _ = (tenant, id);
    }

    /// The next completion; `None` once the queue is closed.
    async fn completion(&self) -> Option<Completion>;

    /// A completion is durable in the journal, or of no interest: it need not come again. Without an attempt, none of that task need.
    fn settled(&self, tenant: &TenantId, id: TaskExecId, attempt: Option<u32>);

    /// An execution has ended, which is durable, and no task of it is out any more: what a queue stores for its tasks may go. Told again where a
    /// worker brings something back after that.
    fn execution_ended(&self, execution: &ExecutionKey) {
        let _ = execution;
    }

    /// How many tasks wait for a worker, as far as it is known here.
    fn depth(&self) -> usize;

    /// What is in the way between here and the workers; `None` where nothing is.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// True where what is in the queue outlives the process of the engine, and so do the workers.
    fn outlives_engine(&self) -> bool;

    /// Takes no more tasks, and gives no more to workers of this process.
    async fn close(&self);
}

/// A worker's end of a queue.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// The next task for a worker; `None` once no more will come.
    async fn next(&self) -> Option<TaskMessage>;

    /// The next task of this worker that nobody wants any more. Waits for ever where there is none.
    async fn cancelled(&self) -> (TenantId, TaskExecId);

    /// Brings back how an attempt ended.
    async fn complete(&self, completion: Completion);

    /// Asks for no more tasks: what is here and has not begun still comes, or goes back to where others find it, and then the end.
    async fn stop(&self);
}

/// What runs a task: in this process the Wasm runtime.
#[async_trait]
pub trait Runner: Send + Sync {
    /// Runs one attempt to its end.
    async fn run(&self, message: TaskMessage) -> TaskResult;

    /// Interrupts a task that runs; nothing happens where it does not.
    fn cancel(&self, tenant: &TenantId, id: TaskExecId);
}

/// What wants to know what tasks do while they run. Called from the threads that run tasks, so it returns at once.
pub trait TaskObserver: Send + Sync {
    /// A task wrote a line. The task goes on when this returns.
    fn log(&self, message: &TaskMessage, line: LogLine);

    /// A task said how far it has come.
    fn progress(&self, message: &TaskMessage, progress: Progress);
}
