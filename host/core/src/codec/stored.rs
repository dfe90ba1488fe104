//! Which values are stored for an execution already, so that none is written twice and none is hashed twice.
//!
//! Knows values by the place of their data. What the newest snapshot does not hold is forgotten with it, so this is as large as what is alive.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::{CodecError, INLINE_BYTES_MAX, ValueSource, parse};
use crate::ids::Digest;
use crate::value::{KnownDigests, Value};

/// What is known to be stored beside the records and snapshots of one execution.
#[derive(Debug)]
pub struct StoredValues {
    inline_bytes_max: usize,
    places: KnownDigests,
    digests: BTreeSet<Digest>,
}

impl Default for StoredValues {
    fn default() -> Self {
        Self::inlining(INLINE_BYTES_MAX)
    }
}

/// A value as it stands in a record or a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    /// Small enough to stand there itself, as JSON text.
    Inline(Vec<u8>),
    /// Stored beside it.
    Digest(Digest),
}

/// Values that are to be stored with a record or a snapshot.
pub(super) type New = Vec<(Digest, Bytes)>;

/// A value of a record whose text nobody has looked at yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Unread(pub(super) Form);

impl Unread {
    /// Its JSON text.
    pub fn text(self, source: &dyn ValueSource) -> Result<Bytes, CodecError> {
        match self.0 {
            Form::Inline(text) => Ok(text.into()),
            Form::Digest(digest) => text_of(source, digest).map(Bytes::from),
        }
    }
}

impl StoredValues {
    /// Nothing is stored yet, and values up to that size will stand in records and snapshots themselves.
    #[must_use]
    pub fn inlining(inline_bytes_max: usize) -> Self {
        Self { inline_bytes_max, places: KnownDigests::default(), digests: BTreeSet::new() }
    }

    /// The form of a value. What is not stored yet is put with the new ones.
    pub(super) fn form(&mut self, value: &Value, new: &mut New) -> Form {
        if let Some(digest) = self.digest(value) {
            return Form::Digest(digest);
        }
        let text = value.to_json();
        if text.len() <= self.inline_bytes_max {
            return Form::Inline(text);
        }
        Form::Digest(self.store(value, text.into(), new))
    }

    /// The form of a value whose JSON text is at hand.
    pub(super) fn form_of_text(&mut self, value: &Value, text: &Bytes, new: &mut New) -> Form {
        if text.len() <= self.inline_bytes_max {
            return Form::Inline(text.to_vec());
        }
        Form::Digest(self.digest(value).unwrap_or_else(|| self.store(value, text.clone(), new)))
    }

    /// The form of JSON text that is no value any more.
    pub(super) fn form_of_bytes(&mut self, text: &Bytes, new: &mut New) -> Form {
        if text.len() <= self.inline_bytes_max {
            return Form::Inline(text.to_vec());
        }
        let digest = Digest::of(text);
        if self.digests.insert(digest) {
            new.push((digest, text.clone()));
        }
        Form::Digest(digest)
    }

    /// Takes note of a value that was read.
    pub(super) fn note(&mut self, value: &Value, digest: Digest) {
        self.digests.insert(digest);
        self.places.note(value, digest);
    }

    /// Takes note that something is stored under a digest.
    pub(super) fn note_digest(&mut self, digest: Digest) {
        self.digests.insert(digest);
    }

    /// Forgets all values but these.
    pub(super) fn keep(&mut self, digests: BTreeSet<Digest>) {
        self.places.keep(|digest| digests.contains(digest));
        self.digests = digests;
    }

    /// The digest under which a value is stored, where that is known without looking at it.
    pub(super) fn digest(&self, value: &Value) -> Option<Digest> {
        self.places.get(value)
    }

    fn store(&mut self, value: &Value, text: Bytes, new: &mut New) -> Digest {
        let digest = Digest::of(&text);
        if self.digests.insert(digest) {
            new.push((digest, text));
        }
        if value.is_json() {
            self.note(value, digest);
        }
        digest
    }
}

/// Reads values, and takes note of those that are stored.
pub(super) struct Reading<'a> {
    pub(super) source: &'a dyn ValueSource,
    pub(super) stored: &'a mut StoredValues,
}

impl Reading<'_> {
    pub(super) fn value(&mut self, form: Form) -> Result<Value, CodecError> {
        match form {
            Form::Inline(text) => parse(&text),
            Form::Digest(digest) => {
                let value = parse(&text_of(self.source, digest)?)?;
                self.stored.note(&value, digest);
                Ok(value)
            }
        }
    }

    /// The JSON text itself.
    pub(super) fn bytes(&mut self, form: Form) -> Result<Bytes, CodecError> {
        match form {
            Form::Inline(text) => Ok(text.into()),
            Form::Digest(digest) => {
                self.stored.note_digest(digest);
                text_of(self.source, digest).map(Bytes::from)
            }
        }
    }

    /// Leaves a value for later, and takes note that it is stored.
    pub(super) fn unread(&mut self, form: Form) -> Unread {
        if let Form::Digest(digest) = &form {
            self.stored.note_digest(*digest);
        }
        Unread(form)
    }
}

fn text_of(source: &dyn ValueSource, digest: Digest) -> Result<Vec<u8>, CodecError> {
    source.value(digest).ok_or(CodecError::MissingValue { digest })
}
