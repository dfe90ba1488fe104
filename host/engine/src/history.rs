//! What happened in an execution: its lifecycle events and its tasks, derived from the journal when somebody looks.
//!
//! Nothing of this is stored. A reader replays the journal on a machine of its own, so that nothing shows that is not durable (rule 6), and an
//! event has the same id whenever, wherever and however often it is read (rule 8): the position of its record, and its place among the events
//! of that record. Machines of the engine are not touched, and a slow reader costs its own machine and a few records, never more.
//!
//! | | owns |
//! |---|---|
//! | `replay` | the way through a journal, slice by slice, each record checked |
//! | `events` | events in order, and waiting for more |
//! | `tasks` | tasks by number, a page at a time |
//! | `again` | what is taken over by an execution that runs another one again |

mod again;
mod events;
mod replay;
mod tasks;

use std::fmt;
use std::str::FromStr;

use sandmill_core::codec::CodecError;
use sandmill_core::ids::{Digest, IdError, WorkflowExecId};
use sandmill_core::machine::Lifecycle;
use sandmill_core::time::Timestamp;

pub use again::{Again, AgainError};
pub use events::EventReader;
pub use tasks::{TaskPage, TaskStatus, TaskView};

use crate::ports::StoreError;

/// Where an event stands in its execution: `position-index`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The position of its record in the journal.
    pub position: u64,
    /// Its place among the events of that record.
    pub index: u32,
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.position, self.index)
    }
}

impl FromStr for EventId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let parse = || {
            let (position, index) = text.split_once('-')?;
            let id = Self { position: position.parse().ok()?, index: index.parse().ok()? };
            (id.to_string() == text).then_some(id)
        };
        parse().ok_or_else(|| IdError {
            kind: "event ID",
            text: text.into(),
            expected: "two numbers with a hyphen between them, as events have them",
        })
    }
}

/// One step in the life of an execution or of one of its tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct LifecycleEvent {
    /// Where it stands.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub lifecycle: Lifecycle,
}

/// Why a history cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such execution.
    #[error("there is no execution {0}")]
    NotFound(WorkflowExecId),
    /// Its definition is gone.
    #[error("the definition {0} of the execution is not in the catalog")]
    NoDefinition(Digest),
    /// The journal does not lead where it led before.
    #[error("at record {position} the interpreter decides otherwise than when it was written")]
    Diverged {
        /// The record.
        position: u64,
    },
    /// A record cannot be read.
    #[error("record {position} cannot be read")]
    Codec {
        /// The record.
        position: u64,
        /// Why not.
        source: CodecError,
    },
    /// The engine has stopped, and the execution has not ended.
    #[error("the engine has stopped: read on after the last event once it is back")]
    Stopped,
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_reads_back_as_it_is_written_and_in_no_other_spelling() {
        let id = EventId { position: 12, index: 3 };
        assert_eq!(id.to_string().parse::<EventId>().expect("it was written so"), id);
        for text in ["", "1", "1-", "-1", "01-1", "1-+1", "1-1-1", "a-b", "1-4294967296"] {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
        assert!(EventId { position: 1, index: 9 } < EventId { position: 2, index: 0 });
    }
}
