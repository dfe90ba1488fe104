//! What all shards use: the ports, the writer, and who waits for which execution.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use sandmill_core::codec::INLINE_BYTES_MAX;
use sandmill_core::machine::Settings;
use sandmill_core::time::{Millis, Timestamp};
use tokio::sync::{Notify, mpsc};

use crate::execution::Snapshots;
use crate::live::Live;
use crate::metrics::EngineMeters;
use crate::notices::Notices;
use crate::ports::{Clock, Definitions, Deliveries, ExecutionKey, Runner, SharedStore, Status, StoreError, TaskQueue};
use crate::queue::MemoryQueue;
use crate::recovery::Absence;
use crate::shard::Mail;
use crate::writer::{Writer, Writing};

/// How an engine runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// Tasks that own executions: one for each core is enough, for they never block.
    pub shards: usize,
    /// Tasks that run at the same time.
    pub slots: usize,
    /// How long ended executions are kept where their definition does not say.
    pub retention: Millis,
    /// Starts that wait to become durable at most; more are told to come back later.
    pub starts_waiting_max: usize,
    /// Executions in memory at most: while there are more, starts are told to come back later. What is parked is on disk and does not count.
    pub executions_in_memory_max: usize,
    /// Tasks that wait for a worker at most: while there are more, starts are told to come back later.
    pub queue_depth_max: usize,
    /// How long tasks that run are waited for when the engine is drained. What runs longer is left to the journal.
    pub drain: Millis,
    /// What new executions run under.
    pub settings: Settings,
    /// When snapshots are taken.
    pub snapshots: Snapshots,
    /// Where the journal is written from.
    pub writing: Writing,
    /// Values up to so many bytes stand in a record of the journal itself; larger ones beside it, under their digest.
    pub inline_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            shards: cores,
            slots: 64 * cores,
            retention: Millis(7 * 24 * 60 * 60 * 1_000),
            starts_waiting_max: 1_000,
            executions_in_memory_max: 50_000,
            queue_depth_max: 100_000,
            drain: Millis(30_000),
            settings: Settings::default(),
            snapshots: Snapshots::default(),
            writing: Writing::default(),
            inline_bytes_max: INLINE_BYTES_MAX,
        }
    }
}

/// What runs tasks: workers behind a queue, one of them perhaps in this process.
#[derive(Clone)]
pub struct Workers {
    /// The way to all of them.
    pub queue: Arc<dyn TaskQueue>,
    /// The one of this process.
    pub local: Option<LocalWorker>,
}

impl Workers {
    /// One worker, in this process.
    #[must_use]
    pub fn here(runner: Arc<dyn Runner>) -> Self {
        let queue = Arc::new(MemoryQueue::default());
        let deliveries: Arc<dyn Deliveries> = queue.clone();
        Self { queue, local: Some(LocalWorker { deliveries, runner }) }
    }
}

/// A worker in the process of the engine.
#[derive(Clone)]
pub struct LocalWorker {
    /// Where its tasks come from.
    pub deliveries: Arc<dyn Deliveries>,
    /// What runs them.
    pub runner: Arc<dyn Runner>,
}

/// What the engine needs from outside, each named by the one place that puts the program together.
#[derive(Clone)]
pub struct Parts {
    /// Where everything is kept.
    pub store: SharedStore,
    /// Where compiled definitions come from.
    pub definitions: Arc<dyn Definitions>,
    /// What runs tasks.
    pub workers: Workers,
    /// What the runner tells about tasks while they run.
    pub live: Arc<Live>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Called when nobody knows any more what is durable: the process must end.
    pub on_store_failure: Arc<dyn Fn(&StoreError) + Send + Sync>,
}

/// What is needed to look at executions, also by those who still look when the engine has gone.
pub(crate) struct Library {
    pub(crate) store: SharedStore,
    pub(crate) definitions: Arc<dyn Definitions>,
    pub(crate) clock: Arc<dyn Clock>,
    /// News of executions that something was appended to.
    pub(crate) append_news: Arc<Notices>,
    /// True once nothing more will be appended.
    is_closed: AtomicBool,
}

impl Library {
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// Nothing more will be appended: whoever follows an execution need not wait any longer.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.append_news.tell_all();
    }
}

pub(crate) struct Shared {
    pub(crate) store: SharedStore,
    pub(crate) definitions: Arc<dyn Definitions>,
    pub(crate) queue: Arc<dyn TaskQueue>,
    pub(crate) local_worker: Option<LocalWorker>,
    pub(crate) live: Arc<Live>,
    pub(crate) clock: Arc<dyn Clock>,
    on_store_failure: Arc<dyn Fn(&StoreError) + Send + Sync>,
    /// What the store said when it failed.
    pub(crate) store_failure: OnceLock<String>,
    pub(crate) writer: Writer,
    /// The way to every shard, once they run.
    pub(crate) shards: OnceLock<Vec<mpsc::UnboundedSender<Mail>>>,
    pub(crate) options: Options,
    pub(crate) launched_at: Timestamp,
    pub(crate) library: Arc<Library>,
    pub(crate) meters: EngineMeters,
    /// Executions in memory, of all shards.
    pub(crate) in_memory: AtomicUsize,
    /// Wakes whoever looks for parked executions that are due.
    pub(crate) due: Notify,
    /// News of executions that ended, or that are worth looking at for another reason.
    pub(crate) end_news: Arc<Notices>,
}

impl Shared {
    pub(crate) fn new(parts: Parts, writer: Writer, options: Options) -> Self {
        let Parts { store, definitions, workers, live, clock, on_store_failure } = parts;
        let Workers { queue, local: local_worker } = workers;
        let library = Library {
            store: Arc::clone(&store),
            definitions: Arc::clone(&definitions),
            clock: Arc::clone(&clock),
            append_news: Arc::default(),
            is_closed: AtomicBool::new(false),
        };
        let launched_at = clock.now();
        Self {
            store,
            definitions,
            queue,
            local_worker,
            live,
            clock,
            on_store_failure,
            store_failure: OnceLock::new(),
            writer,
            shards: OnceLock::new(),
            options,
            launched_at,
            library: Arc::new(library),
            meters: EngineMeters::new(),
            in_memory: AtomicUsize::new(0),
            due: Notify::new(),
            end_news: Arc::default(),
        }
    }

    /// Sends something to the shard of an execution.
    pub(crate) fn send(&self, key: &ExecutionKey, mail: Mail) {
        let Some(shards) = self.shards.get() else { return };
        let mut hash = DefaultHasher::new();
        key.hash(&mut hash);
        let shard = usize::try_from(hash.finish() % shards.len() as u64).expect("smaller than the number of shards");
        // A shard ends only when the engine does, and then nobody waits for an answer.
        let _ = shards[shard].send(mail);
    }

    /// Who was gone while this engine was not there.
    pub(crate) fn absence(&self) -> Absence {
        if self.queue.outlives_engine() { Absence::Engine } else { Absence::Workers }
    }

    /// A parked execution may be due before all others.
    pub(crate) fn look_for_due(&self) {
        self.due.notify_one();
    }

    /// Something of an execution is durable that was not before.
    pub(crate) fn appended(&self, key: &ExecutionKey) {
        self.library.append_news.tell(key);
    }

    /// An execution has ended, and that is durable.
    pub(crate) fn ended(&self, key: &ExecutionKey, status: Status) {
        EngineMeters::execution_ended(&key.tenant, status);
        self.end_news.tell(key);
    }

    /// Nobody knows any more what is durable.
    pub(crate) fn store_failed(&self, error: &StoreError) {
        // Only what went wrong first is of interest.
        let _ = self.store_failure.set(error.to_string());
        (self.on_store_failure)(error);
    }

    /// Executions of one shard came into memory or left it.
    pub(crate) fn count_in_memory(&self, before: usize, after: usize) {
        self.in_memory.fetch_add(after.wrapping_sub(before), Ordering::Relaxed);
        self.meters.in_memory.set(self.in_memory.load(Ordering::Relaxed) as f64);
    }
}
