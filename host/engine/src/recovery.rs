//! The way back from a journal to an execution in memory: the newest snapshot, then the records after it, each checked.
//!
//! A snapshot only saves time. Where it cannot be read, or the records after it lead elsewhere than they led before, the whole journal is replayed
//! before anything is said of it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use sandmill_core::codec::{CodecError, Record, Restored, StoredValues, Unread};
use sandmill_core::definition::Definition;
use sandmill_core::ids::Digest;
use sandmill_core::machine::{Event, Phase, SEMANTICS};
use sandmill_core::problem::{ErrorKind, Problem};
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;

use crate::execution::{Execution, Incoming, Tail};
use crate::ports::{
    Definitions, ExecutionKey, ExecutionRow, Executions, Journal, JournalEntry, Residence, Store, StoreError,
};
use crate::shard::Wake;
use crate::shared::Options;

/// Records that are read at a time when a journal is replayed.
const RECORDS_PER_READ: usize = 1_000;

/// Why an execution could not be brought back from its journal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// There is no such execution.
    #[error("there is no such execution")]
    NotFound,
    /// Its row says that it has ended, before its journal did.
    #[error("the execution was ended without its journal")]
    Ended,
    /// It could not be brought back before, and that lasts.
    #[error("the execution is held")]
    Held,
    /// Its definition is gone or does not compile.
    #[error("the definition {0} of the execution is not in the catalog")]
    NoDefinition(Digest),
    /// A later version of the program began it.
    #[error("it was started with version {found} of the interpreter, and this program has {SEMANTICS}")]
    Newer {
        /// The version that it names.
        found: u16,
    },
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
    /// The interpreter panicked over it.
    #[error("the interpreter failed while it replayed the journal")]
    Panicked,
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LoadError {
    /// What the row of the execution says of it: `None` where it is nothing that lasts.
    pub(crate) fn lasting(&self) -> Option<Problem> {
        let kind = match self {
            Self::NotFound
            | Self::Ended
            | Self::Held
            | Self::Store(StoreError::Refused { .. } | StoreError::Failed { .. }) => {
                return None;
            }
            Self::Diverged { .. } | Self::Panicked => ErrorKind::JournalDiverged,
            Self::NoDefinition(_) | Self::Newer { .. } | Self::Codec { .. } | Self::Store(_) => {
                ErrorKind::JournalUnreadable
            }
        };
        Some(Problem::new(kind, self.to_string()))
    }
}

/// Who was gone while nothing happened to an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// The engine and its workers with it: what they ran is lost.
    Workers,
    /// The engine alone: what was dispatched is in the queue, or with workers, or on its way back.
    Engine,
}

impl Absence {
    const fn event(self, from: Timestamp) -> Event {
        match self {
            Self::Workers => Event::Recovered { from },
            Self::Engine => Event::Returned { from },
        }
    }
}

impl Execution {
    /// Brings an execution back from its journal, to where it was after its last record.
    pub(crate) fn load(
        key: &ExecutionKey,
        store: &dyn Store,
        definitions: &dyn Definitions,
        options: &Options,
    ) -> Result<Self, LoadError> {
        let row = Executions::row(store, key)?.ok_or(LoadError::NotFound)?;
        let digest = row.definition;
        let definition = definitions.definition(&key.tenant, digest)?.ok_or(LoadError::NoDefinition(digest))?;
        let journal = StoredJournal { key, store, row: &row, definition: &definition, options };
        // A panic is a mistake of ours, and costs the execution that met it, and no other.
        let replayed = catch_unwind(AssertUnwindSafe(|| journal.replay())).unwrap_or(Err(LoadError::Panicked))?;
        replayed.settled()
    }

    /// Takes note of why it was woken: what was with a worker of a process that is gone is gone with it, and where it is found after a restart is
    /// put right.
    pub(crate) fn woken(&mut self, why: Wake, absence: Absence) {
        if why == Wake::Recovered && self.has_tasks_in_flight() && self.inbox.is_empty() {
            let event = absence.event(self.last_moment());
            self.inbox.push_back(Incoming { event, answer: None });
        }
        let found = match why {
            Wake::Recovered => Residence::Active,
            Wake::Due(at) => Residence::Parked { due: Some(at) },
        };
        if self.residence != Some(found) {
            self.residence = Some(found);
            self.row_is_stale = true;
        }
    }

    /// Takes note that the process before this one may have been gone for a while: time that nobody was there for is not active time, and child
    /// workflows may have ended in it.
    pub(crate) fn was_away(&mut self, launched_at: Timestamp, absence: Absence) {
        if (self.is_active() || self.has_tasks_in_flight()) && self.last_moment() < launched_at {
            let event = absence.event(self.last_moment());
            self.inbox.push_back(Incoming { event, answer: None });
        }
    }

    /// What is left to do once the last record was replayed.
    fn settled(mut self) -> Result<Self, LoadError> {
        if self.row.status.is_ended() && self.machine.phase() != Phase::Ended {
            return Err(LoadError::Ended);
        }
        let machine = &self.machine;
        self.configs.retain(|task, _| machine.needs_config(*task));
        self.residence = self.residence_now();
        self.is_durable = true;
        // A row that was held says so, and does not any more.
        if !self.row.status.is_ended() && self.row.result.take().is_some() {
            self.row_is_stale = true;
        }
        Ok(self)
    }

    /// Follows one record, and leaves the configs of its tasks unread.
    fn replay_entry(
        &mut self,
        values: &ValuesOf<'_>,
        entry: &JournalEntry,
        unread: &mut HashMap<u32, Unread>,
    ) -> Result<(), LoadError> {
        let position = entry.position;
        let decoded = Record::skim(&entry.record, &|digest| values.value(digest), &mut self.stored);
        let record = decoded.map_err(|source| values.error(position, source))?;
        if let Event::Started { settings, .. } = &record.event
            && settings.semantics > SEMANTICS
        {
            return Err(LoadError::Newer { found: settings.semantics });
        }
        let tasks = record.configs.iter().map(|(task, _)| (*task, Value::null()));
        self.machine.replay_event(record.at, record.event, tasks);
        unread.extend(record.configs);
        self.machine.work(record.transitions);
        while self.machine.poll_action().is_some() {}
        if self.machine.checksum() != record.checksum {
            return Err(LoadError::Diverged { position });
        }
        self.next_position = position + 1;
        self.tail.events += 1;
        self.tail.bytes += entry.record.len();
        Ok(())
    }
}

/// The journal of one execution, with what it takes to replay it.
struct StoredJournal<'a> {
    key: &'a ExecutionKey,
    store: &'a dyn Store,
    row: &'a ExecutionRow,
    definition: &'a Arc<Definition>,
    options: &'a Options,
}

impl StoredJournal<'_> {
    fn replay(&self) -> Result<Execution, LoadError> {
        match self.resume_from_snapshot() {
            Ok(Some(execution)) => return Ok(execution),
            Ok(None) => {}
            Err(LoadError::Store(error)) => return Err(error.into()),
            Err(error) => {
                tracing::warn!(tenant = self.key.tenant.as_str(), execution = %self.key.id, %error, "a snapshot is of no use; the whole journal is replayed");
            }
        }
        self.records(self.fresh())
    }

    fn fresh(&self) -> Execution {
        Execution::new(self.key.clone(), self.row.clone(), self.definition, self.options)
    }

    /// The newest snapshot and what came after it; `None` where there is none.
    fn resume_from_snapshot(&self) -> Result<Option<Execution>, LoadError> {
        let Some(snapshot) = Journal::snapshot(self.store, self.key)? else { return Ok(None) };
        let (position, values) = (snapshot.position, ValuesOf::new(self.key, self.store));
        let source = |digest| values.value(digest);
        let mut stored = StoredValues::inlining(self.options.inline_bytes_max);
        let restored = Restored::decode(&snapshot.machine, self.key.id, self.definition, &source, &mut stored);
        let restored = restored.map_err(|source| values.error(position, source))?;
        let mut execution = self.fresh();
        execution.machine = restored.machine;
        execution.configs = restored.configs.into_iter().collect();
        execution.stored = stored;
        execution.next_position = position + 1;
        execution.tail = Tail { snapshot_bytes: snapshot.machine.len(), ..Tail::default() };
        self.records(execution).map(Some)
    }

    fn records(&self, mut execution: Execution) -> Result<Execution, LoadError> {
        let (values, mut unread) = (ValuesOf::new(self.key, self.store), HashMap::new());
        loop {
            let entries = Journal::records(self.store, self.key, execution.next_position, RECORDS_PER_READ)?;
            let is_last = entries.len() < RECORDS_PER_READ;
            for entry in entries {
                if entry.position != execution.next_position {
                    let reason = format!("record {} is missing", execution.next_position);
                    return Err(StoreError::Damaged { place: self.key.id.to_string(), reason }.into());
                }
                execution.replay_entry(&values, &entry, &mut unread)?;
            }
            if is_last {
                break;
            }
        }
        for (task, config) in unread.into_iter().filter(|(task, _)| execution.machine.needs_config(*task)) {
            let text = config.text(&|digest| values.value(digest));
            let text = text.map_err(|source| values.error(execution.next_position, source))?;
            execution.configs.insert(task, text);
        }
        Ok(execution)
    }
}

/// The values of one execution. A store that fails while it is asked is not the same as a value that is not there.
struct ValuesOf<'a> {
    key: &'a ExecutionKey,
    store: &'a dyn Store,
    failure: RefCell<Option<StoreError>>,
}

impl<'a> ValuesOf<'a> {
    fn new(key: &'a ExecutionKey, store: &'a dyn Store) -> Self {
        Self { key, store, failure: RefCell::new(None) }
    }

    fn value(&self, digest: Digest) -> Option<Vec<u8>> {
        match self.store.value(self.key, digest) {
            Ok(text) => text.map(|text| text.to_vec()),
            Err(error) => {
                self.failure.replace(Some(error));
                None
            }
        }
    }

    fn error(&self, position: u64, source: CodecError) -> LoadError {
        match self.failure.take() {
            Some(error) => LoadError::Store(error),
            None => LoadError::Codec { position, source },
        }
    }
}
