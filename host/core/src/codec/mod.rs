//! The journal codec: records to bytes and back, for ever.
//!
//! What is written once must be read by every later version, so the shapes on disk stand in modules of their own, one for each version,
//! and are never changed: the domain types move freely, and the conversion is explicit. A record begins with the number of its version.
//!
//! Values up to [`INLINE_BYTES_MAX`] stand in the record; larger ones are handed out beside it, under their digest, and are asked for by
//! digest when the record is read.

pub(crate) mod snapshot;
mod stored;
mod v1;
mod v2;

use bytes::Bytes;

pub use snapshot::{EncodedSnapshot, Restored};
pub use stored::{StoredValues, Unread};

use crate::ids::Digest;
use crate::machine::Event;
use crate::time::Timestamp;
use crate::value::Value;
use stored::{New, Reading};

/// The largest value that stands in a record itself. Most outputs of tasks are smaller, and a record with two of them still fits into one
/// page of the store.
pub const INLINE_BYTES_MAX: usize = 256;

/// The version that is written.
const VERSION: u8 = 2;

/// One event of a journal, with what a replay needs to come to the same actions and to notice where it does not.
#[derive(Debug, Clone, PartialEq)]
pub struct Record<Config = Value> {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
    /// The configs that were resolved because of it, by the number of their task.
    pub configs: Vec<(u32, Config)>,
    /// The transitions that were done.
    pub transitions: u32,
    /// The checksum of the actions.
    pub checksum: u64,
}

/// A record as bytes, with the values that are stored beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The record.
    pub record: Vec<u8>,
    /// The JSON text of each value above the inline threshold that was not stored before, under its digest.
    pub values: Vec<(Digest, Bytes)>,
}

/// Bytes that are no record that this version can read.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// There is nothing.
    #[error("the record is empty")]
    Empty,
    /// A later version wrote it.
    #[error(
        "the record has codec version {found}, and this program reads versions up to {VERSION}: use the version that wrote it, or a later one"
    )]
    Newer {
        /// The version that it names.
        found: u8,
    },
    /// It is not what its version says.
    #[error("the record cannot be read: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
    /// A value that it names is not stored.
    #[error("the value {digest}, which the record names, is not stored")]
    MissingValue {
        /// The value.
        digest: Digest,
    },
}

/// Where the values beside records are found.
pub trait ValueSource {
    /// The JSON text under a digest.
    fn value(&self, digest: Digest) -> Option<Vec<u8>>;
}

impl<F: Fn(Digest) -> Option<Vec<u8>>> ValueSource for F {
    fn value(&self, digest: Digest) -> Option<Vec<u8>> {
        self(digest)
    }
}

impl Record {
    /// The record as bytes, of an execution for which nothing is stored yet.
    #[must_use]
    pub fn encode(&self) -> Encoded {
        let mut stored = StoredValues::default();
        let mut writer = RecordWriter::begin(self.at, &self.event, &mut stored);
        for (task, config) in &self.configs {
            writer.config(*task, config, &mut stored);
        }
        writer.finish(self.transitions, self.checksum)
    }

    /// Reads a record of any version.
    pub fn decode(bytes: &[u8], values: &dyn ValueSource) -> Result<Self, CodecError> {
        let Record { at, event, configs, transitions, checksum } =
            Record::skim(bytes, values, &mut StoredValues::default())?;
        let configs = configs.into_iter().map(|(task, config)| Ok((task, parse(&config.text(values)?)?)));
        Ok(Self { at, event, configs: configs.collect::<Result<_, CodecError>>()?, transitions, checksum })
    }
}

impl Record<Unread> {
    /// Reads a record of any version but for its configs, and takes note of the values that are stored beside it.
    ///
    /// A replay needs the configs of tasks that have not ended, which are few of them.
    pub fn skim(bytes: &[u8], source: &dyn ValueSource, stored: &mut StoredValues) -> Result<Self, CodecError> {
        let (version, body) = bytes.split_first().ok_or(CodecError::Empty)?;
        match *version {
            1 => v1::Record::read(body)?.into_record(&mut Reading { source, stored }),
            2 => v2::Record::read(body)?.into_record(&mut Reading { source, stored }),
            found => Err(CodecError::Newer { found }),
        }
    }
}

/// Writes a record as it comes to be: first the event, before a machine takes it, then what it led to.
#[derive(Debug)]
pub struct RecordWriter {
    record: Vec<u8>,
    configs: Vec<(u32, v1::Value)>,
    values: New,
}

impl RecordWriter {
    /// Writes what happened, and when.
    #[must_use]
    pub fn begin(at: Timestamp, event: &Event, stored: &mut StoredValues) -> Self {
        let mut values = New::new();
        let head = v2::Head::of(at, event, &mut v1::Writing { stored, new: &mut values });
        let record = postcard::to_extend(&head, vec![VERSION]).expect("every event can be written");
        Self { record, configs: Vec::new(), values }
    }

    /// Adds a config that was resolved because of it, and gives its JSON text.
    pub fn config(&mut self, task: u32, config: &Value, stored: &mut StoredValues) -> Bytes {
        let text = Bytes::from(config.to_json());
        self.configs.push((task, stored.form_of_text(config, &text, &mut self.values).into()));
        text
    }

    /// Adds what was done.
    #[must_use]
    pub fn finish(self, transitions: u32, checksum: u64) -> Encoded {
        let tail = v1::Tail { configs: self.configs, transitions, checksum };
        let record = postcard::to_extend(&tail, self.record).expect("every record can be written");
        Encoded { record, values: self.values }
    }
}

fn parse(text: &[u8]) -> Result<Value, CodecError> {
    Value::from_json(text).map_err(|error| CodecError::Malformed { reason: error.to_string() })
}

/// Reads a shape that takes up all of some bytes.
fn read_whole<'a, T: serde::Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, CodecError> {
    let malformed = |reason: String| CodecError::Malformed { reason };
    match postcard::take_from_bytes(bytes) {
        Ok((shape, [])) => Ok(shape),
        Ok((_, rest)) => Err(malformed(format!("{} bytes follow its end", rest.len()))),
        Err(error) => Err(malformed(error.to_string())),
    }
}

#[cfg(test)]
mod tests;
