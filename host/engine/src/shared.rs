//! What all shards use: the ports, the writer, and who waits for which execution.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sandmill_core::machine::Settings;
use sandmill_core::time::{Millis, Timestamp};
use tokio::sync::{Notify, watch};

use crate::execution::Snapshots;
use crate::ports::{Clock, Definitions, ExecutionKey, Runner, SharedStore, StoreError, TaskQueue};
use crate::writer::Writer;

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
    /// What new executions run under.
    pub settings: Settings,
    /// When snapshots are taken.
    pub snapshots: Snapshots,
}

impl Default for Options {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            shards: cores,
            slots: 64 * cores,
            retention: Millis(7 * 24 * 60 * 60 * 1_000),
            starts_waiting_max: 1_000,
            settings: Settings::default(),
            snapshots: Snapshots::default(),
        }
    }
}

/// What the engine needs from outside, each named by the one place that puts the program together.
#[derive(Clone)]
pub struct Parts {
    /// Where everything is kept.
    pub store: SharedStore,
    /// Where compiled definitions come from.
    pub definitions: Arc<dyn Definitions>,
    /// The way to the workers.
    pub queue: Arc<dyn TaskQueue>,
    /// What runs tasks.
    pub runner: Arc<dyn Runner>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Called when nobody knows any more what is durable: the process must end.
    pub on_store_failure: Arc<dyn Fn(&StoreError) + Send + Sync>,
}

pub(crate) struct Shared {
    pub(crate) store: SharedStore,
    pub(crate) definitions: Arc<dyn Definitions>,
    pub(crate) queue: Arc<dyn TaskQueue>,
    pub(crate) runner: Arc<dyn Runner>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) on_store_failure: Arc<dyn Fn(&StoreError) + Send + Sync>,
    pub(crate) writer: Writer,
    pub(crate) options: Options,
    pub(crate) launched_at: Timestamp,
    /// Wakes whoever looks for parked executions that are due.
    pub(crate) due: Notify,
    waiters: Mutex<HashMap<ExecutionKey, watch::Sender<()>>>,
}

impl Shared {
    pub(crate) fn new(parts: Parts, writer: Writer, options: Options) -> Self {
        let Parts { store, definitions, queue, runner, clock, on_store_failure } = parts;
        let (waiters, launched_at) = (Mutex::default(), clock.now());
        Self {
            store,
            definitions,
            queue,
            runner,
            clock,
            on_store_failure,
            writer,
            options,
            launched_at,
            due: Notify::new(),
            waiters,
        }
    }

    /// A parked execution may be due before all others.
    pub(crate) fn look_for_due(&self) {
        self.due.notify_one();
    }

    /// Told when the execution ends. Whoever waits looks at the row first, and again when told.
    pub(crate) fn wait_for(&self, key: &ExecutionKey) -> watch::Receiver<()> {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        waiters.retain(|_, sender| sender.receiver_count() > 0);
        waiters.entry(key.clone()).or_insert_with(|| watch::channel(()).0).subscribe()
    }

    /// Tells those who wait for an execution that it is worth looking at its row.
    pub(crate) fn ended(&self, key: &ExecutionKey) {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = waiters.remove(key) {
            // Nobody may be waiting any more.
            let _ = sender.send(());
        }
    }
}
