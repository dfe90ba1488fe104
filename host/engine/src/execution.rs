//! One execution in memory: its machine, what happened to it and is not durable yet, and what must be done once it is.
//!
//! Owns the way from an event to a batch, and from a journal back to a machine. Performs nothing: the shard does, after the sync.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use sandmill_core::codec::{CodecError, Encoded, INLINE_BYTES_MAX, Record};
use sandmill_core::definition::Definition;
use sandmill_core::ids::Digest;
use sandmill_core::machine::{Action, Event, Machine, Phase, SLICE_TRANSITIONS};
use sandmill_core::time::{Millis, Timestamp};
use sandmill_core::value::Value;
use tokio::sync::oneshot;

use crate::ports::{
    Batch, ExecutionKey, ExecutionRow, Executions, Journal, JournalEntry, Residence, Status, Store, StoreError,
    StoredValue,
};

/// Events of one execution that go into one append: enough that a wide map is not held up by the sync of each completion.
const EVENTS_PER_APPEND_MAX: usize = 256;

/// Records that are read at a time when a journal is replayed.
const RECORDS_PER_READ: usize = 1_000;

/// An execution that waits longer than this for nothing but time leaves memory.
const PARK_AFTER: Millis = Millis(10_000);

/// Why an execution could not be brought back from its journal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// There is no such execution.
    #[error("there is no such execution")]
    NotFound,
    /// Its definition is gone or does not compile.
    #[error("the definition {0} of the execution is not in the catalog")]
    NoDefinition(Digest),
    /// The journal does not lead where it led before.
    #[error("at record {position} the interpreter decides otherwise than when it was written")]
    Diverged {
        /// The record.
        position: u64,
    },
    /// A record cannot be read.
    #[error("record {position}: {source}")]
    Codec {
        /// The record.
        position: u64,
        /// Why not.
        source: CodecError,
    },
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who wants to know when an event is durable.
pub(crate) type Answer = oneshot::Sender<Result<(), StoreError>>;

/// Something that happened and was not handled yet.
pub(crate) struct Incoming {
    pub(crate) event: Event,
    pub(crate) answer: Option<Answer>,
}

/// What follows from events, once they are durable.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) actions: Vec<Action>,
    pub(crate) answers: Vec<Answer>,
}

/// One execution.
pub(crate) struct Execution {
    pub(crate) key: ExecutionKey,
    pub(crate) row: ExecutionRow,
    pub(crate) inbox: VecDeque<Incoming>,
    machine: Machine,
    next_position: u64,
    residence: Option<Residence>,
    /// Configs of tasks that have not ended, as JSON text.
    configs: HashMap<u32, Bytes>,
    /// The event that is being thought through, over as many slices as it takes.
    current: Option<Current>,
    batches: Vec<Batch>,
    outcome: Outcome,
    retention: Millis,
    /// True while an append is on its way: then everything else waits.
    pub(crate) is_writing: bool,
    /// True once its start is durable.
    is_durable: bool,
    /// Who asked for the same start again.
    joined: Vec<Answer>,
}

/// An event that was handled, with what came of it so far.
struct Current {
    at: Timestamp,
    event: Event,
    configs: Vec<(u32, Value)>,
}

/// How far a turn came.
pub(crate) enum Turn {
    /// There is more to think about.
    Unfinished,
    /// These batches are to be made durable, and then the outcome performed.
    Append(Vec<Batch>, Outcome),
    /// There is nothing to do.
    Idle,
}

impl Execution {
    /// An execution that is about to start: its first event is `Started`.
    pub(crate) fn new(key: ExecutionKey, row: ExecutionRow, definition: &Arc<Definition>, retention: Millis) -> Self {
        let machine = Machine::new(key.id, Arc::clone(definition));
        Self {
            retention: definition.retention.unwrap_or(retention),
            key,
            row,
            inbox: VecDeque::new(),
            machine,
            next_position: 0,
            residence: None,
            configs: HashMap::new(),
            current: None,
            batches: Vec::new(),
            outcome: Outcome::default(),
            is_writing: false,
            is_durable: false,
            joined: Vec::new(),
        }
    }

    /// Brings an execution back from its journal, to where it was after its last record.
    pub(crate) fn load(
        key: ExecutionKey,
        store: &dyn Store,
        definition: &dyn Fn(Digest) -> Result<Option<Arc<Definition>>, StoreError>,
        retention: Millis,
    ) -> Result<Self, LoadError> {
        let row = Executions::row(store, &key)?.ok_or(LoadError::NotFound)?;
        let digest = row.definition;
        let definition = definition(digest)?.ok_or(LoadError::NoDefinition(digest))?;
        let mut execution = Self::new(key, row, &definition, retention);
        execution.replay(store)?;
        execution.residence = execution.residence_now();
        execution.is_durable = true;
        Ok(execution)
    }

    /// Lets those who asked for another start of the same execution wait for this one.
    pub(crate) fn join(&mut self, other: Self) {
        self.joined.extend(other.inbox.into_iter().filter_map(|incoming| incoming.answer));
        if self.is_durable {
            self.answer_joined();
        }
    }

    /// What was on its way is durable.
    pub(crate) fn appended(&mut self) {
        self.is_writing = false;
        self.is_durable = true;
        self.answer_joined();
    }

    fn answer_joined(&mut self) {
        self.joined.drain(..).for_each(|answer| drop(answer.send(Ok(()))));
    }

    /// Answers everybody who waits for something in the inbox.
    pub(crate) fn answer_all(self, result: &Result<(), StoreError>) {
        self.inbox
            .into_iter()
            .filter_map(|incoming| incoming.answer)
            .for_each(|answer| drop(answer.send(result.clone())));
    }

    fn replay(&mut self, store: &dyn Store) -> Result<(), LoadError> {
        loop {
            let entries = Journal::records(store, &self.key, self.next_position, RECORDS_PER_READ)?;
            let is_last = entries.len() < RECORDS_PER_READ;
            for entry in entries {
                self.replay_entry(store, &entry)?;
            }
            if is_last {
                self.configs.retain(|task, _| self.machine.needs_config(*task));
                return Ok(());
            }
        }
    }

    fn replay_entry(&mut self, store: &dyn Store, entry: &JournalEntry) -> Result<(), LoadError> {
        let position = entry.position;
        let key = self.key.clone();
        let values = |digest| store.value(&key, digest).ok().flatten().map(|text| text.to_vec());
        let record = Record::decode(&entry.record, &values).map_err(|source| LoadError::Codec { position, source })?;
        for (task, config) in &record.configs {
            self.configs.insert(*task, config.to_json().into());
        }
        self.machine.replay_event(record.at, record.event, record.configs);
        self.machine.work(record.transitions);
        while self.machine.poll_action().is_some() {}
        if self.machine.checksum() != record.checksum {
            return Err(LoadError::Diverged { position });
        }
        self.next_position = position + 1;
        Ok(())
    }

    /// The next moment at which it wants to be woken.
    pub(crate) fn next_timer(&self) -> Option<Timestamp> {
        self.machine.poll_timeout().map(|(at, _)| at)
    }

    /// Puts the timers that are due by now into the inbox.
    pub(crate) fn fire_timers(&mut self, now: Timestamp) {
        let is_waiting_already = self.inbox.iter().any(|incoming| matches!(incoming.event, Event::TimerFired { .. }));
        if let Some((_, timer)) = self.machine.poll_timeout().filter(|(at, _)| *at <= now && !is_waiting_already) {
            self.inbox.push_back(Incoming { event: Event::TimerFired { timer }, answer: None });
        }
    }

    /// The latest moment that its journal knows of.
    pub(crate) fn last_moment(&self) -> Timestamp {
        self.machine.now()
    }

    /// True where a guest runs, or did when the journal was last written.
    pub(crate) fn has_tasks_in_flight(&self) -> bool {
        self.machine.tasks_in_flight().next().is_some()
    }

    /// True once it may leave memory: ended or parked, with nothing on its way.
    pub(crate) fn may_leave(&self) -> bool {
        let rests = matches!(self.residence, None | Some(Residence::Parked { .. }));
        rests && self.inbox.is_empty() && self.current.is_none() && !self.is_writing && !self.has_tasks_in_flight()
    }

    /// The config of a task that has not ended.
    pub(crate) fn config(&self, task: u32) -> Option<Bytes> {
        self.configs.get(&task).cloned()
    }

    /// Thinks one slice further. The outcome must wait until the batches are durable.
    pub(crate) fn turn(&mut self, now: Timestamp) -> Turn {
        if self.is_writing {
            return Turn::Idle;
        }
        loop {
            if self.current.is_none() && !self.take_next(now) {
                break;
            }
            let has_more = self.machine.work(SLICE_TRANSITIONS);
            self.collect();
            if has_more && !self.is_cancel_waiting() {
                return Turn::Unfinished;
            }
            self.finish_event();
            if self.batches.len() >= EVENTS_PER_APPEND_MAX {
                break;
            }
        }
        if self.batches.is_empty() {
            return Turn::Idle;
        }
        self.is_writing = true;
        Turn::Append(std::mem::take(&mut self.batches), std::mem::take(&mut self.outcome))
    }

    fn take_next(&mut self, now: Timestamp) -> bool {
        let Some(Incoming { event, answer }) = self.inbox.pop_front() else { return false };
        self.outcome.answers.extend(answer);
        let at = now.max(self.machine.now());
        self.machine.handle_event(at, event.clone());
        self.current = Some(Current { at, event, configs: Vec::new() });
        true
    }

    fn collect(&mut self) {
        while let Some(action) = self.machine.poll_action() {
            if let (Action::SaveConfig { id, config }, Some(current)) = (&action, &mut self.current) {
                self.configs.insert(id.number, config.to_json().into());
                current.configs.push((id.number, config.clone()));
            }
            self.outcome.actions.push(action);
        }
    }

    /// A cancel does not wait for a long loop to end by itself: the record says after how many transitions it came.
    fn is_cancel_waiting(&self) -> bool {
        self.inbox.iter().any(|incoming| matches!(incoming.event, Event::CancelRequested))
    }

    fn finish_event(&mut self) {
        let Some(Current { at, event, configs }) = self.current.take() else { return };
        self.forget_configs(&event);
        let record =
            Record { at, event, configs, transitions: self.machine.transitions(), checksum: self.machine.checksum() };
        let Encoded { record, values } = record.encode();
        let mut batch = Batch::new(self.key.clone());
        batch.entry = Some(JournalEntry { position: self.next_position, record: record.into() });
        batch.values = values.into_iter().map(|(digest, text)| (digest, text.into())).collect();
        self.next_position += 1;
        self.index(&mut batch);
        self.batches.push(batch);
    }

    fn forget_configs(&mut self, event: &Event) {
        let ended = match event {
            Event::TaskCompleted { task, .. } | Event::TaskFailed { task, .. } | Event::TaskStopped { task } => {
                Some(*task)
            }
            _ => None,
        };
        if let Some(task) = ended.filter(|task| !self.machine.needs_config(*task)) {
            self.configs.remove(&task);
        }
        if self.machine.phase() == Phase::Ended {
            self.configs.clear();
        }
    }

    /// Adds the index rows that changed.
    fn index(&mut self, batch: &mut Batch) {
        let residence = self.residence_now();
        if residence != self.residence {
            batch.residence = Some((self.residence, residence));
            self.residence = residence;
        }
        let is_first = batch.entry.as_ref().is_some_and(|entry| entry.position == 0);
        let status = self.status_now();
        if status == self.row.status && !is_first {
            return;
        }
        self.row.status = status;
        if status.is_ended() && self.row.ended_at.is_none() {
            let ended_at = self.machine.now();
            self.row.ended_at = Some(ended_at);
            self.row.expires_at = Some(ended_at.after(self.retention));
            self.row.result = self.result(batch);
        }
        batch.row = Some(self.row.clone());
    }

    fn status_now(&self) -> Status {
        match self.machine.phase() {
            Phase::New => Status::Pending,
            Phase::Running if self.is_parked() => Status::Waiting,
            Phase::Running => Status::Running,
            Phase::Suspended => Status::Suspended,
            Phase::Ended => self.ended_status(),
        }
    }

    fn ended_status(&self) -> Status {
        let last = self.outcome.actions.iter().rev().find_map(|action| match action {
            Action::Complete { .. } => Some(Status::Completed),
            Action::Fault { .. } => Some(Status::Faulted),
            Action::Cancelled => Some(Status::Cancelled),
            _ => None,
        });
        last.unwrap_or(self.row.status)
    }

    /// The output or the error, as the row holds it: a large one is stored beside it, under its digest.
    fn result(&self, batch: &mut Batch) -> Option<StoredValue> {
        let value = self.outcome.actions.iter().rev().find_map(|action| match action {
            Action::Complete { output } => Some(output.clone()),
            Action::Fault { problem } => Some(problem.to_value()),
            _ => None,
        })?;
        let text = Bytes::from(value.to_json());
        if text.len() <= INLINE_BYTES_MAX {
            return Some(StoredValue::Inline(text));
        }
        let digest = Digest::of(&text);
        batch.values.push((digest, text));
        Some(StoredValue::Digest(digest))
    }

    /// Waiting for long, or for nothing that the engine knows of.
    fn is_parked(&self) -> bool {
        let wakes_soon = self.next_timer().is_some_and(|at| at < self.machine.now().after(PARK_AFTER));
        self.machine.is_parked() && !wakes_soon
    }

    fn residence_now(&self) -> Option<Residence> {
        match self.machine.phase() {
            Phase::Ended if self.machine.tasks_in_flight().next().is_none() => None,
            Phase::Running | Phase::Suspended if self.is_parked() => Some(Residence::Parked { due: self.next_timer() }),
            _ => Some(Residence::Active),
        }
    }
}
