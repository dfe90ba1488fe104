//! Snapshots: a machine as it was after a record, so that what came before need not be replayed.
//!
//! Tasks stand in it by JSON Pointer, never by the number of a node, so that a snapshot outlives the compiler that made the nodes. Values stand
//! in a table, each once however many tasks share it, and come back as shared as they were; what is larger than [`super::INLINE_BYTES_MAX`] is
//! stored beside it under its digest, and not again where it is stored already. A snapshot that cannot be read costs nothing but time: the
//! journal is whole, and is replayed from its start.

mod table;
pub(crate) mod v2;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

pub(crate) use table::{TableReader, TableWriter, malformed};

use super::stored::{New, Reading};
use super::{CodecError, StoredValues, ValueSource, read_whole};
use crate::definition::Definition;
use crate::ids::{Digest, WorkflowExecId};
use crate::machine::Machine;

/// The version that is written.
const VERSION: u8 = 2;

/// A snapshot as bytes, with the values that are stored beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedSnapshot {
    /// The snapshot.
    pub snapshot: Vec<u8>,
    /// The JSON text of each value above the inline threshold that was not stored before, under its digest.
    pub values: Vec<(Digest, Bytes)>,
}

/// What a snapshot holds.
#[derive(Debug)]
pub struct Restored {
    /// The machine as it was.
    pub machine: Machine,
    /// The configs, as JSON text, of the tasks that needed one.
    pub configs: Vec<(u32, Bytes)>,
}

impl EncodedSnapshot {
    /// A machine with the configs of its tasks. `None` of one that has work left to do, for that is no state to go on from, and of one with a value
    /// that JSON has no word for.
    ///
    /// Afterwards `stored` knows of what the snapshot holds, and of nothing else.
    #[must_use]
    pub fn of<'a>(
        machine: &Machine,
        configs: impl IntoIterator<Item = (u32, &'a Bytes)>,
        stored: &mut StoredValues,
    ) -> Option<Self> {
        if machine.has_work() {
            return None;
        }
        let mut values = New::new();
        let mut writer = TableWriter::new(stored, &mut values);
        let image = machine.to_image(&mut writer);
        let mut configs: Vec<_> = configs.into_iter().collect();
        configs.sort_by_key(|(task, _)| *task);
        let configs = configs.into_iter().map(|(task, text)| (task, writer.text(text))).collect();
        let (table, digests) = writer.finish()?;
        stored.keep(digests);
        let wire = v2::Snapshot { table, machine: image, configs };
        let snapshot = postcard::to_extend(&wire, vec![VERSION]).expect("every snapshot can be written");
        Some(Self { snapshot, values })
    }
}

impl Restored {
    /// Reads a snapshot, of an execution that runs on a definition. Those of older versions are not read: the journal is there.
    pub fn decode(
        bytes: &[u8],
        id: WorkflowExecId,
        definition: &Arc<Definition>,
        source: &dyn ValueSource,
        stored: &mut StoredValues,
    ) -> Result<Self, CodecError> {
        let (version, body) = bytes.split_first().ok_or(CodecError::Empty)?;
        if *version != VERSION {
            return Err(CodecError::Newer { found: *version });
        }
        let v2::Snapshot { table, machine, configs } = read_whole(body)?;
        let mut reading = Reading { source, stored };
        let table = TableReader::read(table, definition, &mut reading)?;
        let configs = configs.into_iter().map(|(task, config)| Ok((task, reading.bytes(config.into())?)));
        let configs = configs.collect::<Result<_, CodecError>>()?;
        Ok(Self { machine: Machine::from_image(machine, id, definition, &table)?, configs })
    }
}

/// Digests of the values that a snapshot holds.
type Digests = BTreeSet<Digest>;
