//! The engine's end of the queue.
//!
//! Every call returns at once: what must reach Redis goes there by tasks of its own, which try again for as long as it takes (`pump`, `completions`,
//! `keeper`). An engine whose Redis is away goes on taking work, and sends it when Redis is back.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sandmill_core::ids::{Digest, GroupId, TaskExecId, TenantId};
use sandmill_engine::Live;
use sandmill_engine::ports::{Catalog, Completion, ExecutionKey, TaskMessage, TaskQueue, TaskResult};
use tokio::sync::{Notify, mpsc};
use tokio_util::task::AbortOnDropHandle;

use super::super::keys::ProcessId;
use super::super::metrics::QueueMeters;
use super::super::records::Records;
use super::super::{Redis, RedisFailure};
use super::clock::ServerClock;
use super::context::Texts;
use super::errands::{Errands, Settled};
use super::options::QueueOptions;
use super::outstanding::{Cancelling, Table};
use super::trouble::Troubles;
use super::{completions, errands, keeper, pump};

/// Components that an engine remembers to have put into Redis.
const COMPONENTS_MAX: u64 = 10_000;

/// How long it relies on that. They live there for a month.
const COMPONENTS_LIVE: Duration = Duration::from_secs(24 * 60 * 60);

/// What the engine's end is made of.
pub struct EngineParts {
    /// The way to the server.
    pub redis: Redis,
    /// Who this engine is: the same over restarts, so that it finds its completions again.
    pub engine: ProcessId,
    /// Where components come from that workers ask for.
    pub catalog: Arc<dyn Catalog>,
    /// What takes the lines and the progress of tasks.
    pub live: Arc<Live>,
    /// What tasks may use up, by the names of the limits.
    pub limits: BTreeMap<String, u64>,
    /// Called when another engine has taken the prefix: this one must end.
    pub on_lost: Arc<dyn Fn(&OwnerError) + Send + Sync>,
}

/// Why an engine does not have a prefix to itself.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OwnerError {
    /// Another one has it.
    #[error(
        "another engine has the prefix `{prefix}` of this Redis: {holder}. Stop it, or give this engine a prefix of its own (`--redis-prefix`)"
    )]
    Taken {
        /// The prefix.
        prefix: String,
        /// Who has it: host, process and since when.
        holder: String,
    },
    /// Redis cannot be asked.
    #[error(transparent)]
    Redis(#[from] RedisFailure),
}

/// The engine's end of the queue. Dropping it ends its work at once, as if its process had been killed.
pub struct RedisQueue {
    shared: Arc<Shared>,
    completions: tokio::sync::Mutex<mpsc::UnboundedReceiver<Completion>>,
    helpers: Mutex<Vec<AbortOnDropHandle<()>>>,
}

/// What the parts of the engine's end share.
pub(super) struct Shared {
    pub(super) redis: Redis,
    pub(super) records: Records,
    pub(super) options: QueueOptions,
    pub(super) parts: EngineParts,
    pub(super) clock: ServerClock,
    pub(super) texts: Texts,
    pub(super) meters: QueueMeters,
    /// The components that workers find in Redis, as far as this engine put them there lately.
    pub(super) components: moka::sync::Cache<(TenantId, Digest), ()>,
    /// Set where Redis has lost what it held: its streams begin anew.
    pub(super) begins_anew: AtomicBool,
    /// Asks for everything that is outstanding to be put in again.
    pub(super) rescan: Notify,
    table: Mutex<Table>,
    /// Something may go out.
    pub(super) work: Notify,
    /// Gone once the queue is closed.
    completed: Mutex<Option<mpsc::UnboundedSender<Completion>>>,
    /// Completions that came over Redis and are not in the journal yet: attempt and entry.
    arrived: Mutex<Arrived>,
    errands: Mutex<Errands>,
    pub(super) has_errands: Notify,
    /// What is in the way to Redis.
    pub(super) troubles: Troubles,
    /// Held for reading while tasks are put in, and for writing while others are forgotten: what is settled meanwhile would come a second time.
    pub(super) flights: tokio::sync::RwLock<()>,
}

/// Attempts and entries of the completions of a task.
type Arrived = HashMap<(TenantId, TaskExecId), Vec<(u32, String)>>;

impl RedisQueue {
    /// Takes the prefix for this engine, and begins to work. A Redis that is away is waited for, and whether another engine has the prefix is learnt
    /// then. Must be called within a runtime.
    pub async fn open(parts: EngineParts, options: QueueOptions) -> Result<Arc<Self>, OwnerError> {
        let (completed, completions) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            redis: parts.redis.clone(),
            records: Records::new(parts.redis.clone()),
            options,
            parts,
            clock: ServerClock::default(),
            texts: Texts::default(),
            meters: QueueMeters::new(),
            components: moka::sync::Cache::builder().max_capacity(COMPONENTS_MAX).time_to_live(COMPONENTS_LIVE).build(),
            begins_anew: AtomicBool::new(false),
            rescan: Notify::new(),
            table: Mutex::default(),
            work: Notify::new(),
            completed: Mutex::new(Some(completed)),
            arrived: Mutex::default(),
            errands: Mutex::default(),
            has_errands: Notify::new(),
            troubles: Troubles::default(),
            flights: tokio::sync::RwLock::default(),
        });
        let is_owner = keeper::begin(&shared).await?;
        let spawned = [
            tokio::spawn(pump::send(Arc::clone(&shared))),
            tokio::spawn(errands::run(Arc::clone(&shared))),
            tokio::spawn(completions::read(Arc::clone(&shared))),
            tokio::spawn(keeper::keep(Arc::clone(&shared), is_owner)),
            tokio::spawn(keeper::scan(Arc::clone(&shared))),
            tokio::spawn(keeper::count_workers(Arc::clone(&shared))),
            tokio::spawn(keeper::measure_all(Arc::clone(&shared))),
        ];
        let helpers = Mutex::new(spawned.into_iter().map(AbortOnDropHandle::new).collect());
        Ok(Arc::new(Self { shared, completions: tokio::sync::Mutex::new(completions), helpers }))
    }
}

#[async_trait]
impl TaskQueue for RedisQueue {
    async fn enqueue(&self, message: TaskMessage) {
        if !self.shared.is_closed() && self.shared.table().add(message) {
            self.shared.work.notify_one();
        }
    }

    async fn cancel(&self, tenant: &TenantId, ids: &[TaskExecId]) {
        for id in ids {
            let cancelling = self.shared.table().cancel(tenant, *id);
            match cancelling {
                Cancelling::Stopped(attempt) => self.shared.stopped(tenant, *id, attempt),
                Cancelling::StoppedAndKnown(attempt) => {
                    self.shared.take_out(tenant, *id, attempt);
                    self.shared.stopped(tenant, *id, attempt);
                }
                Cancelling::Elsewhere(last) => self.shared.errands().cancel.push((tenant.clone(), *id, last)),
            }
        }
        self.shared.has_errands.notify_one();
    }

    fn cancel_group(&self, tenant: &TenantId, id: GroupId) {
        self.shared.errands().groups.push((tenant.clone(), id));
        self.shared.has_errands.notify_one();
    }

    async fn completion(&self) -> Option<Completion> {
        self.completions.lock().await.recv().await
    }

    fn settled(&self, tenant: &TenantId, id: TaskExecId, attempt: Option<u32>) {
        let known = self.shared.table().settle(tenant, id, attempt);
        self.shared.work.notify_one();
        let settled = self.shared.take_arrived(tenant, id, attempt);
        // It ended another way than over Redis, or by the end of an earlier attempt.
        if let Some(known) = known.filter(|known| settled.iter().all(|settled| settled.attempt != *known)) {
            self.shared.take_out(tenant, id, known);
        }
        self.shared.errands().settle.extend(settled);
        self.shared.has_errands.notify_one();
    }

    fn execution_ended(&self, execution: &ExecutionKey) {
        self.shared.errands().forget.push(execution.clone());
        self.shared.has_errands.notify_one();
    }

    fn depth(&self) -> usize {
        self.shared.table().waiting()
    }

    fn trouble(&self) -> Option<String> {
        self.shared.troubles.said(self.shared.table().refusals())
    }

    fn outlives_engine(&self) -> bool {
        true
    }

    async fn close(&self) {
        self.helpers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        // What is in the journal already need not come again. Without Redis it comes again, and is ignored.
        loop {
            match errands::run_once(&self.shared).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(failure) => {
                    tracing::debug!(%failure, "completions that are journaled stay in Redis until the next start");
                    break;
                }
            }
        }
        drop(self.shared.completed.lock().unwrap_or_else(PoisonError::into_inner).take());
        keeper::disown(&self.shared).await;
    }
}

impl Shared {
    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn errands(&self) -> MutexGuard<'_, Errands> {
        self.errands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrived(&self) -> MutexGuard<'_, Arrived> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_closed(&self) -> bool {
        self.completed.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// A completion came over Redis, as that entry of the stream. One that came before, and waits for the journal, is not handed over again.
    pub(super) fn arrive(&self, completion: Completion, entry: String) {
        let key = (completion.tenant.clone(), completion.id);
        let arrival = (completion.attempt, entry);
        let mut arrived = self.arrived();
        let entries = arrived.entry(key).or_default();
        if entries.contains(&arrival) {
            return;
        }
        entries.push(arrival);
        drop(arrived);
        self.hand_over(completion);
    }

    /// The completions of a task that came over Redis, up to an attempt, which need not come again.
    fn take_arrived(&self, tenant: &TenantId, id: TaskExecId, last: Option<u32>) -> Vec<Settled> {
        let key = (tenant.clone(), id);
        let mut arrived = self.arrived();
        let Some(entries) = arrived.remove(&key) else { return Vec::new() };
        let (settled, rest): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(attempt, _)| last.is_none_or(|last| *attempt <= last));
        if !rest.is_empty() {
            arrived.insert(key, rest);
        }
        settled.into_iter().map(|(attempt, entry)| Settled { tenant: tenant.clone(), id, attempt, entry }).collect()
    }

    /// Nobody wants that attempt of a task any more, which may be in Redis.
    pub(super) fn take_out(&self, tenant: &TenantId, id: TaskExecId, attempt: u32) {
        self.done_with(Settled { tenant: tenant.clone(), id, attempt, entry: String::new() });
    }

    /// An entry among the completions is done with.
    pub(super) fn done_with(&self, settled: Settled) {
        self.errands().settle.push(settled);
        self.has_errands.notify_one();
    }

    /// A task was taken out before any worker had it.
    pub(super) fn stopped(&self, tenant: &TenantId, id: TaskExecId, attempt: u32) {
        let completion = Completion { tenant: tenant.clone(), id, attempt, epoch: 0, result: TaskResult::Stopped };
        self.hand_over(completion);
    }

    pub(super) fn hand_over(&self, completion: Completion) {
        // The engine is gone when this fails, and then nobody wants to know.
        let completed = self.completed.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = completed.as_ref().map(|completed| completed.send(completion));
    }
}
