//! What must hold while an engine is played with, checked where everything passes by: at the journal and at the runner.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sandmill_core::codec::Record;
use sandmill_core::definition::Definition;
use sandmill_core::ids::{TaskExecId, TenantId};
use sandmill_core::machine::{Event, IdempotencyKey, Machine};
use sandmill_engine::Disk;
use sandmill_engine::ports::{
    Batch, ExecutionKey, ExecutionRow, Journal as _, Runner, Status, TaskMessage, TaskResult, Values as _,
};
use sandmill_store::MemoryStore;
use sandmill_testkit::{FakeRunner, Faults, Random, Verdict};
use tokio::sync::Notify;

/// Faults in a thousand appends or reads.
const REFUSED: u64 = 30;
const FAILED: u64 = 12;
const UNREAD: u64 = 20;

/// The outside of the engine, with what was seen of it.
pub(super) struct Outside {
    pub(super) random: Arc<Random>,
    store: Arc<MemoryStore>,
    seen: Mutex<Seen>,
    changed: Notify,
}

#[derive(Default)]
struct Seen {
    is_calm: bool,
    ended: HashSet<(TaskExecId, u32)>,
    keys: HashMap<TaskExecId, IdempotencyKey>,
    rows: HashMap<ExecutionKey, ExecutionRow>,
    cancelled: HashSet<TaskExecId>,
}

impl Outside {
    pub(super) fn new(random: Arc<Random>, store: Arc<MemoryStore>) -> Self {
        Self { random, store, seen: Mutex::default(), changed: Notify::new() }
    }

    /// From here on nothing fails any more.
    pub(super) fn calm(&self) {
        self.seen.lock().unwrap().is_calm = true;
        self.changed.notify_waiters();
    }

    fn is_calm(&self) -> bool {
        self.seen.lock().unwrap().is_calm
    }

    fn takes_its_time(&self) -> u64 {
        if self.is_calm() { 0 } else { self.random.below(6) }
    }
}

impl Faults for Outside {
    fn verdict(&self, _: &[Batch]) -> Verdict {
        if self.is_calm() {
            return Verdict::Write;
        }
        match self.random.below(1_000) {
            draw if draw < REFUSED => Verdict::Refuse,
            draw if draw < REFUSED + FAILED => Verdict::Fail,
            draw if draw < REFUSED + 2 * FAILED => Verdict::LoseAcknowledgement,
            _ => Verdict::Write,
        }
    }

    fn written(&self, batches: &[Batch]) {
        let mut seen = self.seen.lock().unwrap();
        for batch in batches {
            let key = &batch.execution;
            if let Some(row) = &batch.row {
                let before = seen.rows.insert(key.clone(), row.clone());
                let status = before.map_or(Status::Pending, |before| before.status);
                assert!(
                    !status.is_ended() || status == row.status,
                    "{} went from {status:?} to {:?}",
                    key.id,
                    row.status
                );
            }
            let Some(entry) = &batch.entry else { continue };
            let values = |digest| self.store.value(key, digest).unwrap().map(|text| text.to_vec());
            let record = Record::decode(&entry.record, &values).unwrap();
            if let Event::TaskCompleted { task, attempt, .. } | Event::TaskFailed { task, attempt, .. } = record.event {
                seen.ended.insert((TaskExecId { workflow: key.id, number: task }, attempt));
            }
        }
    }

    fn refuses_read(&self) -> bool {
        !self.is_calm() && self.random.per_mille(UNREAD)
    }
}

#[async_trait]
impl Disk for Outside {
    async fn ready(&self) {
        for _ in 0..self.takes_its_time() {
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl Runner for Outside {
    async fn run(&self, message: TaskMessage) -> TaskResult {
        let dispatch = &message.dispatch;
        let (id, attempt) = (dispatch.id, dispatch.attempt);
        {
            let mut seen = self.seen.lock().unwrap();
            assert!(!seen.ended.contains(&(id, attempt)), "{id} attempt {attempt} runs after its end was durable");
            let key = *seen.keys.entry(id).or_insert(dispatch.idempotency_key);
            assert_eq!(key, dispatch.idempotency_key, "{id} attempt {attempt} has another key");
        }
        for _ in 0..self.takes_its_time() * 3 {
            tokio::task::yield_now().await;
            if self.seen.lock().unwrap().cancelled.contains(&id) {
                return TaskResult::Stopped;
            }
        }
        if !self.is_calm() && self.random.per_mille(20) { TaskResult::Lost } else { FakeRunner::result(&message) }
    }

    fn cancel(&self, _: &TenantId, id: TaskExecId) {
        self.seen.lock().unwrap().cancelled.insert(id);
    }
}

/// Replays a whole journal: each record must lead to the actions that it led to.
pub(super) fn check_replay(store: &MemoryStore, key: &ExecutionKey, definition: &Arc<Definition>) {
    let values = |digest| store.value(key, digest).unwrap().map(|text| text.to_vec());
    let mut machine = Machine::new(key.id, Arc::clone(definition));
    for (position, entry) in (0..).zip(store.records(key, 0, usize::MAX).unwrap()) {
        assert_eq!(entry.position, position, "a record is missing");
        let record = Record::decode(&entry.record, &values).unwrap();
        machine.replay_event(record.at, record.event, record.configs);
        machine.work(record.transitions);
        while machine.poll_action().is_some() {}
        assert_eq!(machine.checksum(), record.checksum, "record {position} leads elsewhere");
    }
    assert_eq!(machine.tasks_in_flight().count(), 0, "nothing is left behind");
}
