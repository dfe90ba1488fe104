//! The way through a journal on a machine of one's own.
//!
//! Always from the first record: what a task was given and when it began stands there, and a snapshot knows nothing of tasks that have ended.
//! One slice at a time, so that neither a long loop nor a long journal holds up whoever shares the thread, and with a few records read ahead.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use sandmill_core::codec::{CodecError, Record};
use sandmill_core::definition::Definition;
use sandmill_core::ids::Digest;
use sandmill_core::machine::{Action, Event, Machine, Origin, Phase, SLICE_TRANSITIONS, VisitKey};
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;

use crate::history::ReadError;
use crate::ports::{ExecutionKey, ExecutionRow, JournalEntry, StoreError};
use crate::shared::Library;

/// Records that are read ahead. Each is some hundred bytes, unless many tasks begin with it.
const RECORDS_PER_READ: usize = 64;

/// A journal that is being replayed.
pub(super) struct Replay {
    library: Arc<Library>,
    key: ExecutionKey,
    definition: Arc<Definition>,
    machine: Machine,
    ahead: VecDeque<JournalEntry>,
    next_position: u64,
    current: Option<Current>,
    /// The transitions of a slice at most.
    slice_max: u32,
    /// The raw input of the execution, and where it began.
    beginning: (Value, Origin),
}

/// A record that is not thought through yet.
struct Current {
    position: u64,
    transitions_left: u32,
    checksum: u64,
}

/// What came of one slice.
pub(super) struct Slice {
    /// The record that it is of.
    pub(super) position: u64,
    /// When what led to it happened.
    pub(super) at: Timestamp,
    pub(super) actions: Vec<Action>,
    /// Resolved arguments of tasks that the machine runs itself, where they are kept.
    pub(super) resolved: Vec<(u32, Value)>,
}

impl Replay {
    /// At the beginning of an execution's journal; `None` where there is no such execution.
    pub(super) fn begin(library: &Arc<Library>, key: &ExecutionKey) -> Result<Option<Self>, ReadError> {
        let Some(row) = library.store.row(key)? else { return Ok(None) };
        let digest = row.definition;
        let definition = library.definitions.definition(&key.tenant, digest)?.ok_or(ReadError::NoDefinition(digest))?;
        Ok(Some(Self {
            library: Arc::clone(library),
            key: key.clone(),
            machine: Machine::new(key.id, Arc::clone(&definition)),
            definition,
            ahead: VecDeque::new(),
            next_position: 0,
            current: None,
            slice_max: SLICE_TRANSITIONS,
            beginning: (Value::null(), Origin::default()),
        }))
    }

    /// Keeps what the machine's own tasks resolve their arguments to.
    pub(super) fn keep_resolved(&mut self) {
        self.machine.keep_resolved();
    }

    /// Keeps what comes of visits, and goes one transition at a time, so that each is before or after whatever else happens.
    pub(super) fn keep_visits(&mut self) {
        self.machine.keep_visits();
        self.slice_max = 1;
    }

    /// What came of visits since they were taken last.
    pub(super) fn take_visits(&mut self) -> Vec<(VisitKey, Value)> {
        self.machine.take_visits()
    }

    /// The raw input of the execution, and where it began that did not begin afresh.
    pub(super) fn into_beginning(self) -> (Value, Origin) {
        self.beginning
    }

    /// Which execution it is.
    pub(super) const fn key(&self) -> &ExecutionKey {
        &self.key
    }

    /// What the execution runs on.
    pub(super) fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Goes one slice further; `None` where nothing more is durable.
    pub(super) fn advance(&mut self) -> Result<Option<Slice>, ReadError> {
        let Some(mut current) = self.current.take().map_or_else(|| self.take_next(), |current| Ok(Some(current)))?
        else {
            return Ok(None);
        };
        let transitions = current.transitions_left.min(self.slice_max);
        self.machine.work(transitions);
        current.transitions_left -= transitions;
        let mut actions = Vec::new();
        while let Some(action) = self.machine.poll_action() {
            actions.push(action);
        }
        let slice = Slice {
            position: current.position,
            at: self.machine.now(),
            actions,
            resolved: self.machine.take_resolved(),
        };
        if current.transitions_left > 0 {
            self.current = Some(current);
        } else if self.machine.checksum() != current.checksum {
            return Err(ReadError::Diverged { position: current.position });
        }
        Ok(Some(slice))
    }

    /// True once the journal has come to the end of its execution.
    pub(super) fn has_ended(&self) -> bool {
        self.current.is_none() && self.machine.phase() == Phase::Ended
    }

    /// The position after the last record that was taken.
    pub(super) const fn next_position(&self) -> u64 {
        self.next_position
    }

    /// The index row as it is; `None` where the execution was removed.
    pub(super) fn row(&self) -> Result<Option<ExecutionRow>, ReadError> {
        Ok(self.library.store.row(&self.key)?)
    }

    /// When an execution was ended from outside, by its row and not by its journal, for it could not go on.
    pub(super) fn ended_without_record(&self) -> Result<Option<Timestamp>, ReadError> {
        let row = self.row()?.filter(|row| row.status.is_ended() && !self.has_ended());
        Ok(row.map(|row| row.ended_at.unwrap_or(row.started_at)))
    }

    fn take_next(&mut self) -> Result<Option<Current>, ReadError> {
        if self.ahead.is_empty() {
            self.ahead = self.library.store.records(&self.key, self.next_position, RECORDS_PER_READ)?.into();
        }
        let Some(JournalEntry { position, record }) = self.ahead.pop_front() else { return Ok(None) };
        if position != self.next_position {
            let reason = format!("record {} is missing", self.next_position);
            return Err(StoreError::Damaged { place: self.key.id.to_string(), reason }.into());
        }
        let record = self.decode(position, &record)?;
        self.next_position = position + 1;
        if let Event::Started { input, origin, .. } = &record.event {
            let began = origin.as_deref().map(|origin| Origin {
                start_at: origin.start_at.clone(),
                context: origin.context.clone(),
                ..Origin::default()
            });
            self.beginning = (input.clone(), began.unwrap_or_default());
        }
        let current = Current { position, transitions_left: record.transitions, checksum: record.checksum };
        self.machine.replay_event(record.at, record.event, record.configs);
        Ok(Some(current))
    }

    fn decode(&self, position: u64, record: &[u8]) -> Result<Record, ReadError> {
        let failure = RefCell::new(None);
        let value = |digest: Digest| match self.library.store.value(&self.key, digest) {
            Ok(text) => text.map(|text| text.to_vec()),
            Err(error) => {
                failure.replace(Some(error));
                None
            }
        };
        Record::decode(record, &value).map_err(|source: CodecError| match failure.take() {
            // A store that fails while it is asked is not the same as a value that is not there.
            Some(error) => error.into(),
            None => ReadError::Codec { position, source },
        })
    }
}
