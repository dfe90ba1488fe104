//! Values to JSON text.
//!
//! The same value always gives the same bytes, without blanks, for digests are made of them.

use std::borrow::Cow;
use std::io::{self, Write};

use jaq_json::{Num, Val};
use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};

use super::Value;
use super::read::number_of;

impl Value {
    /// Its JSON text.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut text = Vec::new();
        self.write_json(&mut text).expect("writing to memory does not fail");
        text
    }

    /// Writes its JSON text.
    pub fn write_json(&self, sink: &mut dyn Write) -> io::Result<()> {
        write_value(&self.0, sink)
    }

    /// How many bytes its JSON text has.
    #[must_use]
    pub fn json_len(&self) -> usize {
        let mut counter = Counter(0);
        self.write_json(&mut counter).expect("counting does not fail");
        counter.0
    }

    /// True where its JSON text reads back as the same value. Expressions can make what JSON has no word for: a number that is none, a key that
    /// is no text, a text that is not Unicode.
    #[must_use]
    pub(crate) fn is_json(&self) -> bool {
        is_json(&self.0)
    }

    /// The same data for another library.
    #[must_use]
    pub fn to_serde(&self) -> serde_json::Value {
        to_serde(&self.0)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Borrowed(&self.0).serialize(serializer)
    }
}

fn is_json(value: &Val) -> bool {
    match value {
        Val::Null | Val::Bool(_) => true,
        Val::Num(Num::Float(float)) => float.is_finite(),
        Val::Num(_) => true,
        Val::BStr(_) => false,
        Val::TStr(bytes) => std::str::from_utf8(bytes).is_ok(),
        Val::Arr(items) => items.iter().all(is_json),
        Val::Obj(members) => {
            members.iter().all(|(name, value)| matches!(name, Val::TStr(_)) && is_json(name) && is_json(value))
        }
    }
}

struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_value(value: &Val, sink: &mut dyn Write) -> io::Result<()> {
    match value {
        Val::Null => sink.write_all(b"null"),
        Val::Bool(true) => sink.write_all(b"true"),
        Val::Bool(false) => sink.write_all(b"false"),
        Val::Num(number) => write_number(number, sink),
        Val::BStr(bytes) | Val::TStr(bytes) => write_text(&String::from_utf8_lossy(bytes), sink),
        Val::Arr(items) => {
            sink.write_all(b"[")?;
            for (index, item) in items.iter().enumerate() {
                separate(index, sink)?;
                write_value(item, sink)?;
            }
            sink.write_all(b"]")
        }
        Val::Obj(members) => {
            sink.write_all(b"{")?;
            for (index, (name, value)) in members.iter().enumerate() {
                separate(index, sink)?;
                write_text(&key_text(name), sink)?;
                sink.write_all(b":")?;
                write_value(value, sink)?;
            }
            sink.write_all(b"}")
        }
    }
}

fn separate(index: usize, sink: &mut dyn Write) -> io::Result<()> {
    if index == 0 { Ok(()) } else { sink.write_all(b",") }
}

fn write_text(text: &str, sink: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(sink, text).map_err(io::Error::from)
}

/// JSON has no word for what is no number, and jq writes `null` for it.
fn write_number(number: &Num, sink: &mut dyn Write) -> io::Result<()> {
    match number {
        Num::Float(float) if float.is_finite() => serde_json::to_writer(sink, float).map_err(io::Error::from),
        Num::Float(_) => sink.write_all(b"null"),
        Num::Int(whole) => write!(sink, "{whole}"),
        Num::BigInt(_) => write!(sink, "{number}"),
        // What is read as a float is written as one, so that it is written the same once it was read.
        Num::Dec(digits) => match number_of(digits) {
            float @ Num::Float(_) => write_number(&float, sink),
            _ => write!(sink, "{digits}"),
        },
    }
}

/// The name of a member. Expressions can make keys that are no text: their JSON stands for them.
pub(super) fn key_text(name: &Val) -> Cow<'_, str> {
    match name {
        Val::TStr(bytes) | Val::BStr(bytes) => String::from_utf8_lossy(bytes),
        other => {
            let mut text = Vec::new();
            write_value(other, &mut text).expect("writing to memory does not fail");
            Cow::Owned(String::from_utf8_lossy(&text).into_owned())
        }
    }
}

fn to_serde(value: &Val) -> serde_json::Value {
    match value {
        Val::Null => serde_json::Value::Null,
        Val::Bool(value) => (*value).into(),
        Val::Num(number) => {
            let mut digits = Vec::new();
            write_number(number, &mut digits).expect("writing to memory does not fail");
            String::from_utf8_lossy(&digits).parse().map_or(serde_json::Value::Null, serde_json::Value::Number)
        }
        Val::BStr(bytes) | Val::TStr(bytes) => String::from_utf8_lossy(bytes).into_owned().into(),
        Val::Arr(items) => items.iter().map(to_serde).collect(),
        Val::Obj(members) => {
            members.iter().map(|(name, value)| (key_text(name).into_owned(), to_serde(value))).collect()
        }
    }
}

/// Serialises without taking part in the count of references.
struct Borrowed<'a>(&'a Val);

impl Serialize for Borrowed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Val::Null => serializer.serialize_unit(),
            Val::Bool(value) => serializer.serialize_bool(*value),
            Val::Num(_) => to_serde(self.0).serialize(serializer),
            Val::BStr(bytes) | Val::TStr(bytes) => serializer.serialize_str(&String::from_utf8_lossy(bytes)),
            Val::Arr(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| sequence.serialize_element(&Borrowed(item)))?;
                sequence.end()
            }
            Val::Obj(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(name, value)| map.serialize_entry(&*key_text(name), &Borrowed(value)))?;
                map.end()
            }
        }
    }
}
