//! One execution in memory: its machine, what happened to it and is not durable yet, and what must be done once it is.
//!
//! Owns the way from an event to a batch, and from a journal back to a machine. Performs nothing: the shard does, after the sync.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use sandmill_core::codec::{Encoded, EncodedSnapshot, INLINE_BYTES_MAX, RecordWriter, StoredValues};
use sandmill_core::definition::Definition;
use sandmill_core::ids::Digest;
use sandmill_core::machine::{Action, Event, Machine, Phase, SLICE_TRANSITIONS};
use sandmill_core::time::{Millis, Timestamp};
use tokio::sync::oneshot;

use crate::ports::{
    Batch, ExecutionKey, ExecutionRow, JournalEntry, Residence, Snapshot, Status, StoreError, StoredValue,
};
use crate::shared::Options;

/// Events of one execution that go into one append: enough that a wide map is not held up by the sync of each completion.
const EVENTS_PER_APPEND_MAX: usize = 256;

/// An execution that waits longer than this for nothing but time leaves memory.
const PARK_AFTER: Millis = Millis(10_000);

/// Why something that was asked of an execution was not done.
#[derive(Debug, Clone)]
pub(crate) enum NotDone {
    /// The store said no.
    Store(StoreError),
    /// The execution is held, for what its journal says cannot be followed.
    Held(String),
    /// There is no such execution, or not any more.
    Gone,
}

/// Who wants to know when an event is durable.
pub(crate) type Answer = oneshot::Sender<Result<(), NotDone>>;

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
    /// What happened whether or not somebody waits for an answer: not made durable, it is to happen again.
    pub(crate) events: Vec<Event>,
}

/// One execution.
pub(crate) struct Execution {
    pub(crate) key: ExecutionKey,
    pub(crate) row: ExecutionRow,
    pub(crate) inbox: VecDeque<Incoming>,
    /// When its shard looks at its timers next.
    pub(crate) watched: Option<Timestamp>,
    pub(super) machine: Machine,
    pub(super) next_position: u64,
    pub(super) residence: Option<Residence>,
    /// Configs of tasks that have not ended, as JSON text.
    pub(super) configs: HashMap<u32, Bytes>,
    /// What is stored beside its records.
    pub(super) stored: StoredValues,
    pub(super) tail: Tail,
    /// True where the index row does not say what the journal does, and nothing happened yet to write it again.
    pub(super) row_is_stale: bool,
    /// True once its start is durable.
    pub(super) is_durable: bool,
    /// The event that is being thought through, over as many slices as it takes.
    current: Option<Current>,
    batches: Vec<Batch>,
    outcome: Outcome,
    retention: Millis,
    snapshots: Snapshots,
    /// True while an append is on its way: then everything else waits.
    pub(crate) is_writing: bool,
    /// Who asked for the same start again.
    joined: Vec<Answer>,
}

/// When snapshots are taken.
#[derive(Debug, Clone, Copy)]
pub struct Snapshots {
    /// After so many events. And only once the journal has grown by as many bytes as the last snapshot had, so that a large state does not cost
    /// more than the journal itself.
    pub events: u64,
    /// After so many events when the execution leaves memory for a while.
    pub events_parked: u64,
}

impl Default for Snapshots {
    /// Five hundred events replay in a few milliseconds, and fifty in less than it takes to read a snapshot.
    fn default() -> Self {
        Self { events: 512, events_parked: 64 }
    }
}

/// The journal since the last snapshot.
#[derive(Debug, Default)]
pub(super) struct Tail {
    pub(super) events: u64,
    pub(super) bytes: usize,
    /// What the last snapshot wrote.
    pub(super) snapshot_bytes: usize,
}

/// An event that was handled, with what came of it so far.
struct Current {
    record: RecordWriter,
    /// The task that ended with it.
    task_ended: Option<u32>,
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
    pub(crate) fn new(key: ExecutionKey, row: ExecutionRow, definition: &Arc<Definition>, options: &Options) -> Self {
        let machine = Machine::new(key.id, Arc::clone(definition));
        Self {
            retention: definition.retention.unwrap_or(options.retention),
            snapshots: options.snapshots,
            key,
            row,
            inbox: VecDeque::new(),
            watched: None,
            machine,
            next_position: 0,
            residence: None,
            configs: HashMap::new(),
            stored: StoredValues::inlining(options.inline_bytes_max),
            tail: Tail::default(),
            row_is_stale: false,
            is_durable: false,
            current: None,
            batches: Vec::new(),
            outcome: Outcome::default(),
            is_writing: false,
            joined: Vec::new(),
        }
    }

    /// Lets those who asked for another start of the same execution wait for this one.
    pub(crate) fn join(&mut self, other: Self) {
        self.joined.extend(other.inbox.into_iter().filter_map(|incoming| incoming.answer));
        if self.is_durable {
            self.answer_joined(&Ok(()));
        }
    }

    /// What was on its way is durable.
    pub(crate) fn appended(&mut self) {
        self.is_writing = false;
        self.is_durable = true;
        self.answer_joined(&Ok(()));
    }

    /// Answers those who asked for the same start.
    pub(crate) fn answer_joined(&mut self, result: &Result<(), NotDone>) {
        self.joined.drain(..).for_each(|answer| drop(answer.send(result.clone())));
    }

    /// What is left of it where it cannot go on: its row, what it was not told yet, and who waits for what it was told.
    pub(crate) fn into_remains(self) -> (ExecutionRow, VecDeque<Incoming>, Vec<Answer>) {
        let answers = self.outcome.answers.into_iter().chain(self.joined).collect();
        (self.row, self.inbox, answers)
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

    /// True where the time that passes is counted as active.
    pub(crate) fn is_active(&self) -> bool {
        self.machine.is_active()
    }

    /// Interrupts everything that runs for it.
    pub(crate) fn interruptions(&self) -> Vec<Action> {
        self.machine.tasks_in_flight().map(|id| Action::CancelTask { id }).collect()
    }

    /// Where it is found after a restart, as far as that is durable or on its way to be.
    pub(crate) const fn residence(&self) -> Option<Residence> {
        self.residence
    }

    /// True once it may leave memory: ended or parked, with nothing on its way.
    pub(crate) fn may_leave(&self) -> bool {
        let rests = match self.residence {
            None | Some(Residence::Parked { .. }) => true,
            Some(Residence::Active) => self.waits_for_children_alone(),
        };
        let works = self.has_tasks_in_flight() && !self.machine.is_parked();
        rests && self.inbox.is_empty() && self.current.is_none() && !self.is_writing && !works
    }

    /// True where the end of a child will bring it back, and no timer.
    fn waits_for_children_alone(&self) -> bool {
        self.machine.is_parked() && self.machine.has_children() && self.next_timer().is_none()
    }

    /// True for a task whose child workflow runs.
    pub(crate) fn has_child(&self, task: u32) -> bool {
        self.machine.has_child(task)
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
        if self.row_is_stale && self.batches.is_empty() {
            let mut batch = Batch::new(self.key.clone());
            self.index(&mut batch);
            self.batches.push(batch);
        }
        if self.batches.is_empty() {
            return Turn::Idle;
        }
        self.is_writing = true;
        Turn::Append(std::mem::take(&mut self.batches), std::mem::take(&mut self.outcome))
    }

    fn take_next(&mut self, now: Timestamp) -> bool {
        let Some(Incoming { event, answer }) = self.inbox.pop_front() else { return false };
        match answer {
            Some(answer) => self.outcome.answers.push(answer),
            // A timer that is due comes due again by itself.
            None if matches!(event, Event::TimerFired { .. }) => {}
            None => self.outcome.events.push(event.clone()),
        }
        let at = now.max(self.machine.now());
        let record = RecordWriter::begin(at, &event, &mut self.stored);
        self.current = Some(Current { record, task_ended: task_ended(&event) });
        self.machine.handle_event(at, event);
        true
    }

    fn collect(&mut self) {
        while let Some(action) = self.machine.poll_action() {
            match (action, &mut self.current) {
                (Action::SaveConfig { id, config }, Some(current)) => {
                    self.configs.insert(id.number, current.record.config(id.number, &config, &mut self.stored));
                }
                // Nobody does anything about these: they are read from the journal, and timers are asked for.
                (Action::Publish(_) | Action::StartTimer { .. } | Action::CancelTimer { .. }, _) => {}
                (action, _) => self.outcome.actions.push(action),
            }
        }
    }

    /// A cancel does not wait for a long loop to end by itself: the record says after how many transitions it came.
    fn is_cancel_waiting(&self) -> bool {
        self.inbox.iter().any(|incoming| matches!(incoming.event, Event::CancelRequested))
    }

    fn finish_event(&mut self) {
        let Some(Current { record, task_ended }) = self.current.take() else { return };
        self.forget_configs(task_ended);
        let Encoded { record, values } = record.finish(self.machine.transitions(), self.machine.checksum());
        self.tail.events += 1;
        self.tail.bytes += record.len() + values.iter().map(|(_, text)| text.len()).sum::<usize>();
        let mut batch = Batch::new(self.key.clone());
        batch.entry = Some(JournalEntry { position: self.next_position, record: record.into() });
        batch.values = values;
        self.next_position += 1;
        self.index(&mut batch);
        self.add_snapshot(&mut batch);
        self.batches.push(batch);
    }

    fn forget_configs(&mut self, task_ended: Option<u32>) {
        if let Some(task) = task_ended.filter(|task| !self.machine.needs_config(*task)) {
            self.configs.remove(&task);
        }
        if self.machine.phase() == Phase::Ended {
            self.configs.clear();
        }
    }

    /// Adds a snapshot, where enough has happened since the last one.
    fn add_snapshot(&mut self, batch: &mut Batch) {
        let is_parking = matches!(batch.residence, Some((_, Some(Residence::Parked { .. }))));
        let events_min = if is_parking { self.snapshots.events_parked } else { self.snapshots.events };
        let is_due = self.tail.events >= events_min && self.tail.bytes >= self.tail.snapshot_bytes;
        if !is_due || self.machine.phase() == Phase::Ended {
            return;
        }
        let configs = self.configs.iter().filter(|(task, _)| self.machine.needs_config(**task));
        let configs = configs.map(|(task, text)| (*task, text));
        let Some(taken) = EncodedSnapshot::of(&self.machine, configs, &mut self.stored) else { return };
        let bytes = taken.snapshot.len() + taken.values.iter().map(|(_, text)| text.len()).sum::<usize>();
        self.tail = Tail { events: 0, bytes: 0, snapshot_bytes: bytes };
        batch.values.extend(taken.values);
        batch.snapshot = Some(Snapshot { position: self.next_position - 1, machine: taken.snapshot.into() });
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
        if status == self.row.status && !is_first && !self.row_is_stale {
            return;
        }
        self.row_is_stale = false;
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

    pub(super) fn residence_now(&self) -> Option<Residence> {
        match self.machine.phase() {
            Phase::Ended if self.machine.tasks_in_flight().next().is_none() => None,
            // One that waits for a child is asked for again after a restart, so that no end of a child is missed.
            Phase::Running | Phase::Suspended if self.is_parked() && !self.machine.has_children() => {
                Some(Residence::Parked { due: self.next_timer() })
            }
            _ => Some(Residence::Active),
        }
    }
}

/// The task that an event ends, as far as the event says so.
const fn task_ended(event: &Event) -> Option<u32> {
    match event {
        Event::TaskCompleted { task, .. }
        | Event::TaskFailed { task, .. }
        | Event::TaskLost { task, .. }
        | Event::TaskStopped { task } => Some(*task),
        _ => None,
    }
}
