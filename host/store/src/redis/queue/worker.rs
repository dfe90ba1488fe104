//! A worker's end of the queue.
//!
//! Owns what a worker has in hand: tasks that it claimed and not begun, and those that it runs, each with its lease. How they come stands in `claims`,
//! how they go back in `returns`. Knows nothing of how a task is run.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use metrics::{Histogram, histogram};
use sandmill_core::ids::{GroupId, QueueName, TaskExecId, TenantId};
use sandmill_core::time::Timestamp;
use sandmill_engine::metrics::QUEUE_WAIT_SECONDS;
use sandmill_engine::ports::{Completion, ConfigError, Deliveries, TaskMessage, TaskResult};
use tokio::sync::{Notify, mpsc};
use tokio_util::task::AbortOnDropHandle;

use super::super::keys::ProcessId;
use super::super::records::Records;
use super::super::{Redis, RedisFailure, cmd};
use super::clock::ServerClock;
use super::context::ContextValues;
use super::envelope::Envelope;
use super::live::Outbox;
use super::options::QueueOptions;
use super::trouble::Troubles;
use super::{assignment, claims, heartbeat, returns};

/// Records that are read in one round trip.
const RECORDS_PER_READ: usize = 32;

/// What a worker's end is made of.
pub struct WorkerParts {
    /// The way to the server.
    pub redis: Redis,
    /// Who this worker is: another one in each process.
    pub worker: ProcessId,
    /// The queues that it takes tasks from, the most urgent first.
    pub queues: Vec<QueueName>,
    /// How many tasks it runs at a time.
    pub slots: usize,
}

/// A worker's end of the queue.
pub struct RedisDeliveries {
    shared: Arc<Shared>,
    cancellations: tokio::sync::Mutex<mpsc::UnboundedReceiver<(TenantId, TaskExecId)>>,
    /// One that asks for the next task at a time.
    asking: tokio::sync::Mutex<()>,
    helpers: Mutex<Vec<AbortOnDropHandle<()>>>,
}

/// What the parts of a worker's end share.
pub(super) struct Shared {
    pub(super) redis: Redis,
    pub(super) records: Records,
    pub(super) options: QueueOptions,
    pub(super) parts: WorkerParts,
    pub(super) clock: ServerClock,
    pub(super) values: Arc<ContextValues>,
    pub(super) live: Arc<Outbox>,
    hand: Mutex<Hand>,
    /// A task came, or none will come any more.
    pub(super) came: Notify,
    /// There is room for another task.
    pub(super) room: Notify,
    pub(super) returning: returns::Desk,
    pub(super) troubles: Troubles,
    /// How long tasks waited before they were begun here.
    waited: Histogram,
    unwanted: mpsc::UnboundedSender<(TenantId, TaskExecId)>,
    is_stopping: AtomicBool,
    pub(super) stopping: Notify,
}

/// One handing out of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ClaimKey {
    pub(super) tenant: TenantId,
    pub(super) id: TaskExecId,
    pub(super) attempt: u32,
    pub(super) epoch: u32,
}

/// A task that this worker owns.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) envelope: Envelope,
    pub(super) stream: String,
    pub(super) entry: String,
    pub(super) epoch: u32,
    pub(super) read_at: Instant,
    /// Record and config, where they came with the envelope.
    pub(super) inlined: Option<Bytes>,
    pub(super) has_begun: bool,
    /// How long its config lives, and when that was extended last.
    pub(super) config_ttl: Duration,
    pub(super) extended: Instant,
}

impl Claim {
    pub(super) fn key(&self) -> ClaimKey {
        let Envelope { tenant, task_exec_id, attempt, .. } = &self.envelope;
        ClaimKey { tenant: tenant.clone(), id: *task_exec_id, attempt: *attempt, epoch: self.epoch }
    }
}

/// All that a worker has.
#[derive(Default)]
pub(super) struct Hand {
    pub(super) claims: HashMap<ClaimKey, Claim>,
    /// Claimed, and nothing of it was read.
    pub(super) claimed: VecDeque<ClaimKey>,
    /// Read, and only waits for a slot.
    ready: VecDeque<(ClaimKey, TaskMessage)>,
}

impl RedisDeliveries {
    /// Begins to take tasks; a Redis that is away is waited for. Must be called within a runtime.
    pub async fn open(parts: WorkerParts, options: QueueOptions) -> Result<Arc<Self>, RedisFailure> {
        let (unwanted, cancellations) = mpsc::unbounded_channel();
        let records = Records::new(parts.redis.clone());
        let shared = Arc::new(Shared {
            redis: parts.redis.clone(),
            values: Arc::new(ContextValues::new(records.clone(), options.context_cache_bytes)),
            live: Arc::new(Outbox::new(parts.redis.clone(), options.live_entries_max)),
            records,
            options,
            parts,
            clock: ServerClock::default(),
            hand: Mutex::default(),
            came: Notify::new(),
            room: Notify::new(),
            returning: returns::Desk::default(),
            troubles: Troubles::default(),
            waited: histogram!(QUEUE_WAIT_SECONDS),
            unwanted,
            is_stopping: AtomicBool::new(false),
            stopping: Notify::new(),
        });
        let failures = match heartbeat::beat_once(&shared).await {
            Ok(()) => 0,
            Err(failure) if failure.is_passing() => 1,
            Err(failure) => return Err(failure),
        };
        let spawned = [
            tokio::spawn(claims::take(Arc::clone(&shared))),
            tokio::spawn(claims::take_lost(Arc::clone(&shared))),
            tokio::spawn(claims::renew(Arc::clone(&shared))),
            tokio::spawn(claims::listen(Arc::clone(&shared))),
            tokio::spawn(returns::send(Arc::clone(&shared))),
            tokio::spawn(heartbeat::beat(Arc::clone(&shared), failures)),
            tokio::spawn(super::live::send(Arc::clone(&shared.live))),
        ];
        let helpers = Mutex::new(spawned.into_iter().map(AbortOnDropHandle::new).collect());
        let cancellations = tokio::sync::Mutex::new(cancellations);
        Ok(Arc::new(Self { shared, cancellations, asking: tokio::sync::Mutex::default(), helpers }))
    }

    /// Takes what tasks say while they run, on its way to their engines.
    #[must_use]
    pub fn observer(&self) -> super::RedisObserver {
        super::RedisObserver::new(Arc::clone(&self.shared.live))
    }

    /// How many tasks it has, begun or not.
    #[must_use]
    pub fn in_hand(&self) -> usize {
        self.shared.hand().claims.len()
    }

    /// Gives back every task that has not ended, and takes this worker off the list. Nothing is sent any more after this.
    pub async fn leave(&self) {
        self.shared.stop();
        let claims: Vec<Claim> = self.shared.hand().take_all();
        claims::give_back(&self.shared, &claims).await;
        self.shared.live.flush().await;
        let keys = self.shared.redis.keys();
        let worker = &self.shared.parts.worker;
        let off = vec![
            cmd("ZREM").arg(keys.workers()).arg(worker.as_str()).into(),
            cmd("DEL").arg(keys.worker(worker)).into(),
        ];
        // Without Redis, it falls off the list by itself.
        let _ = self.shared.redis.run_all(off).await;
        self.helpers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.shared.returning.close();
    }

    /// Reads what is needed to run some of the tasks that were claimed.
    async fn prepare(&self) -> Result<(), RedisFailure> {
        let shared = &self.shared;
        let claims: Vec<Claim> = {
            let mut hand = shared.hand();
            let Hand { claims, claimed, .. } = &mut *hand;
            claimed.retain(|key| claims.contains_key(key));
            let count = hand.claimed.len().min(RECORDS_PER_READ);
            let keys: Vec<ClaimKey> = hand.claimed.iter().take(count).cloned().collect();
            keys.iter().filter_map(|key| hand.claims.get(key).cloned()).collect()
        };
        let is_elsewhere = |claim: &&Claim| claim.inlined.is_none();
        let wanted: Vec<_> =
            claims.iter().filter(is_elsewhere).map(|claim| assignment::place_of(&claim.envelope)).collect();
        let mut records = shared.records.read(&wanted).await.into_iter();
        for claim in &claims {
            let record = match &claim.inlined {
                Some(inlined) => assignment::from_inlined(&claim.envelope, inlined),
                None => records.next().unwrap_or(Err(ConfigError::NotFound)),
            };
            let key = claim.key();
            if let Err(ConfigError::Unavailable { reason }) = record {
                return Err(RedisFailure::Unavailable { reason });
            }
            // Another one may have taken it out meanwhile: it was cancelled, or the lease is gone.
            if !shared.hand().take_claimed(&key) {
                continue;
            }
            let assembled = record
                .map_err(|error| error.to_string())
                .and_then(|record| assignment::assemble(shared, claim, record));
            match assembled {
                Ok((message, config_ttl)) => {
                    let mut hand = shared.hand();
                    if let Some(claim) = hand.claims.get_mut(&key) {
                        claim.config_ttl = config_ttl;
                    }
                    hand.ready.push_back((key, message));
                }
                Err(reason) => {
                    if let Err(failure) = claims::ask_for_repair(shared, claim, &reason).await {
                        shared.hand().claimed.push_front(key);
                        return Err(failure);
                    }
                    shared.hand().claims.remove(&key);
                    shared.room.notify_one();
                }
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Deliveries for RedisDeliveries {
    async fn next(&self) -> Option<TaskMessage> {
        let _asking = self.asking.lock().await;
        let mut failures = 0;
        loop {
            let came = self.shared.came.notified();
            if self.shared.is_stopping() {
                return None;
            }
            if let Some((message, created_at)) = self.shared.hand().begin() {
                let waited_ms = self.shared.clock.now_there().0.saturating_sub(created_at.0);
                self.shared.waited.record(Duration::from_millis(u64::try_from(waited_ms).unwrap_or(0)));
                return Some(message);
            }
            if self.shared.hand().claimed.is_empty() {
                came.await;
                continue;
            }
            match self.prepare().await {
                Ok(()) => failures = 0,
                Err(failure) => {
                    failures += 1;
                    tracing::debug!(%failure, "tasks cannot be read right now");
                    self.shared.redis.pause(failures).await;
                }
            }
        }
    }

    async fn cancelled(&self) -> (TenantId, TaskExecId) {
        let unwanted = self.cancellations.lock().await.recv().await;
        unwanted.expect("the sender lives as long as this")
    }

    async fn complete(&self, completion: Completion) {
        // What a task said comes before its end.
        self.shared.live.flush().await;
        self.shared.returning.put(completion).await;
        self.shared.room.notify_one();
    }

    async fn stop(&self) {
        self.shared.stop();
        let idle: Vec<Claim> = self.shared.hand().take_idle();
        claims::give_back(&self.shared, &idle).await;
    }
}

impl Hand {
    /// Takes a task out of those that were claimed and not read, and tells whether it was there.
    fn take_claimed(&mut self, key: &ClaimKey) -> bool {
        let place = self.claimed.iter().position(|claimed| claimed == key);
        place.and_then(|place| self.claimed.remove(place)).is_some()
    }

    /// A task that is ready, which counts as begun from here on, and when it was put in. One that still runs here, as an earlier attempt or with an older epoch, must end
    /// first: a runner knows tasks by their ids alone.
    fn begin(&mut self) -> Option<(TaskMessage, Timestamp)> {
        self.ready.retain(|(key, _)| self.claims.contains_key(key));
        let runs = |key: &ClaimKey| {
            self.claims.iter().any(|(other, claim)| claim.has_begun && other.id == key.id && other.tenant == key.tenant)
        };
        let place = self.ready.iter().position(|(key, _)| !runs(key))?;
        let (key, message) = self.ready.remove(place)?;
        let claim = self.claims.get_mut(&key)?;
        claim.has_begun = true;
        Some((message, claim.envelope.created_at))
    }

    fn take_all(&mut self) -> Vec<Claim> {
        self.claimed.clear();
        self.ready.clear();
        self.claims.drain().map(|(_, claim)| claim).collect()
    }

    /// Every task that has not begun.
    pub(super) fn take_idle(&mut self) -> Vec<Claim> {
        self.claimed.clear();
        self.ready.clear();
        let idle: Vec<ClaimKey> = self.claims.values().filter(|claim| !claim.has_begun).map(Claim::key).collect();
        idle.iter().filter_map(|key| self.claims.remove(key)).collect()
    }
}

impl Shared {
    pub(super) fn hand(&self) -> MutexGuard<'_, Hand> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    /// No more tasks come.
    fn stop(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        self.stopping.notify_waiters();
        self.came.notify_one();
        self.room.notify_one();
    }

    /// How many tasks more it takes.
    pub(super) fn free(&self) -> usize {
        (self.parts.slots + self.options.claims_ahead).saturating_sub(self.hand().claims.len())
    }

    /// A task is here. Where Redis has forgotten that it was here before, it goes on, and only its entry is another one.
    pub(super) fn claim(&self, claim: Claim) {
        let mut hand = self.hand();
        let key = claim.key();
        if let Some(known) = hand.claims.get_mut(&key) {
            (known.stream, known.entry) = (claim.stream, claim.entry);
            return;
        }
        hand.claimed.push_back(key.clone());
        hand.claims.insert(key, claim);
        drop(hand);
        self.came.notify_one();
    }

    /// Nobody wants a task any more.
    pub(super) fn drop_task(&self, tenant: &TenantId, id: TaskExecId) {
        let is_it = |key: &&ClaimKey| key.tenant == *tenant && key.id == id;
        let keys: Vec<ClaimKey> = self.hand().claims.keys().filter(is_it).cloned().collect();
        keys.iter().for_each(|key| self.drop_claim(key, Why::Unwanted));
    }

    /// Nothing of a group is begun any more: what of it runs is told on its own.
    pub(super) fn drop_group(&self, tenant: &TenantId, group: GroupId) {
        let is_of_it = |claim: &&Claim| {
            !claim.has_begun && claim.envelope.tenant == *tenant && claim.envelope.group_id == Some(group)
        };
        let keys: Vec<ClaimKey> = self.hand().claims.values().filter(is_of_it).map(Claim::key).collect();
        keys.iter().for_each(|key| self.drop_claim(key, Why::Unwanted));
    }

    /// Lets one task go: if it runs it is interrupted, and its end goes back or is refused; if it has not begun it never does.
    pub(super) fn drop_claim(&self, key: &ClaimKey, why: Why) {
        let mut hand = self.hand();
        let Some(claim) = hand.claims.get(key) else { return };
        if claim.has_begun {
            // The worker loop is gone when this fails, and the task with it.
            let _ = self.unwanted.send((key.tenant.clone(), key.id));
            return;
        }
        hand.claimed.retain(|claimed| claimed != key);
        hand.ready.retain(|(ready, _)| ready != key);
        let ClaimKey { tenant, id, attempt, epoch } = key.clone();
        match why {
            Why::Lost => drop(hand.claims.remove(key)),
            Why::Unwanted => {
                self.returning.post(Completion { tenant, id, attempt, epoch, result: TaskResult::Stopped });
            }
        }
        drop(hand);
        self.room.notify_one();
    }
}

/// Why a task is let go.
#[derive(Debug, Clone, Copy)]
pub(super) enum Why {
    /// Another worker has it.
    Lost,
    /// It is cancelled.
    Unwanted,
}
