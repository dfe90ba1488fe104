//! The table of a snapshot: each value, each variable and each pointer once, however many tasks share it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::Digests;
use super::v2::{Binding as WireBinding, Entry, Table, Value as Wire};
use crate::codec::stored::{Form, New, Reading};
use crate::codec::{CodecError, StoredValues};
use crate::definition::{Definition, NodeId};
use crate::ids::JsonPointer;
use crate::machine::{Binding, Bindings};
use crate::value::{Address, Value};

/// Fills a table. The values that it is given live for as long as it does, so that their places tell them apart.
pub(crate) struct TableWriter<'a> {
    stored: &'a mut StoredValues,
    new: &'a mut New,
    table: Table,
    values: BTreeMap<Address, u32>,
    bindings: BTreeMap<usize, u32>,
    pointers: BTreeMap<JsonPointer, u32>,
    digests: Digests,
    is_exact: bool,
}

impl<'a> TableWriter<'a> {
    pub(super) fn new(stored: &'a mut StoredValues, new: &'a mut New) -> Self {
        Self {
            stored,
            new,
            table: Table::default(),
            values: BTreeMap::new(),
            bindings: BTreeMap::new(),
            pointers: BTreeMap::new(),
            digests: Digests::new(),
            is_exact: true,
        }
    }

    /// The table, and what it names; `None` where a value would not come back as it is.
    pub(super) fn finish(self) -> Option<(Table, Digests)> {
        self.is_exact.then_some((self.table, self.digests))
    }

    pub(crate) fn value(&mut self, value: &Value) -> u32 {
        self.shared(value, |writer| {
            let form = writer.form(value);
            Entry::Value(writer.wire(form))
        })
    }

    /// A `$context`: by member, so that a member that did not change is not stored again.
    pub(crate) fn context(&mut self, value: &Value) -> u32 {
        self.shared(value, |writer| writer.members(value))
    }

    pub(crate) fn bindings(&mut self, bindings: &Bindings) -> Option<u32> {
        let binding = bindings.as_ref()?;
        let place = Arc::as_ptr(binding).addr();
        if let Some(number) = self.bindings.get(&place) {
            return Some(*number);
        }
        // The outer ones first, so that whoever reads the table knows them already.
        let outer = self.bindings(&binding.outer);
        let value = self.value(&binding.value);
        let number = count(self.table.bindings.len());
        self.table.bindings.push(WireBinding { name: binding.name.to_string(), value, outer });
        self.bindings.insert(place, number);
        Some(number)
    }

    pub(crate) fn pointer(&mut self, pointer: &JsonPointer) -> u32 {
        if let Some(number) = self.pointers.get(pointer) {
            return *number;
        }
        let number = count(self.table.pointers.len());
        self.table.pointers.push(pointer.as_str().into());
        self.pointers.insert(pointer.clone(), number);
        number
    }

    pub(super) fn text(&mut self, text: &Bytes) -> Wire {
        let form = self.stored.form_of_bytes(text, self.new);
        self.wire(form)
    }

    fn shared(&mut self, value: &Value, entry: impl FnOnce(&mut Self) -> Entry) -> u32 {
        let address = value.address();
        if let Some(number) = address.and_then(|address| self.values.get(&address)) {
            return *number;
        }
        let entry = entry(self);
        let number = count(self.table.values.len());
        self.table.values.push(entry);
        if let Some(address) = address {
            self.values.insert(address, number);
        }
        number
    }

    fn members(&mut self, value: &Value) -> Entry {
        let entries = value.entries().filter(|_| self.stored.digest(value).is_none());
        let (mut small, mut large) = (Vec::new(), Vec::new());
        for (place, (name, member)) in (0..).zip(entries.into_iter().flatten()) {
            match self.form(&member) {
                Form::Inline(_) => small.push((name.into_owned(), member)),
                form @ Form::Digest(_) => large.push((place, name.into_owned(), self.wire(form))),
            }
        }
        if large.is_empty() {
            let form = self.form(value);
            return Entry::Value(self.wire(form));
        }
        let small = Bytes::from(Value::object(small).to_json());
        Entry::Members { small: self.text(&small), large }
    }

    fn form(&mut self, value: &Value) -> Form {
        self.is_exact &= self.stored.digest(value).is_some() || value.is_json();
        self.stored.form(value, self.new)
    }

    fn wire(&mut self, form: Form) -> Wire {
        if let Form::Digest(digest) = &form {
            self.digests.insert(*digest);
        }
        form.into()
    }
}

/// A table that was read. Whatever is asked for by a number that it does not have is malformed.
pub(crate) struct TableReader {
    values: Vec<Value>,
    bindings: Vec<Bindings>,
    nodes: Vec<NodeId>,
}

impl TableReader {
    pub(super) fn read(table: Table, definition: &Definition, reading: &mut Reading<'_>) -> Result<Self, CodecError> {
        let values: Vec<_> =
            table.values.into_iter().map(|entry| read_entry(entry, reading)).collect::<Result<_, _>>()?;
        let node =
            |pointer: String| definition.find(&pointer).ok_or_else(|| malformed(&format!("no task `{pointer}`")));
        let nodes = table.pointers.into_iter().map(node).collect::<Result<_, _>>()?;
        let mut reader = Self { values, bindings: Vec::new(), nodes };
        for WireBinding { name, value, outer } in table.bindings {
            let (value, outer) = (reader.value(value)?, reader.bindings(outer)?);
            reader.bindings.push(Some(Arc::new(Binding { name: name.into(), value, outer })));
        }
        Ok(reader)
    }

    pub(crate) fn value(&self, number: u32) -> Result<Value, CodecError> {
        self.values.get(number as usize).cloned().ok_or_else(|| malformed("a value is missing"))
    }

    pub(crate) fn bindings(&self, number: Option<u32>) -> Result<Bindings, CodecError> {
        let Some(number) = number else { return Ok(None) };
        self.bindings.get(number as usize).cloned().ok_or_else(|| malformed("a variable is missing"))
    }

    pub(crate) fn node(&self, number: u32) -> Result<NodeId, CodecError> {
        self.nodes.get(number as usize).copied().ok_or_else(|| malformed("a pointer is missing"))
    }
}

fn read_entry(entry: Entry, reading: &mut Reading<'_>) -> Result<Value, CodecError> {
    let (small, large) = match entry {
        Entry::Value(value) => return reading.value(value.into()),
        Entry::Members { small, large } => (reading.value(small.into())?, large),
    };
    let mut small = small.entries().ok_or_else(|| malformed("small members are no object"))?;
    let mut members: Vec<(String, Value)> = Vec::with_capacity(small.len() + large.len());
    for (place, name, value) in large {
        while members.len() < place as usize {
            let (name, value) = small.next().ok_or_else(|| malformed("a small member is missing"))?;
            members.push((name.into_owned(), value));
        }
        members.push((name, reading.value(value.into())?));
    }
    members.extend(small.map(|(name, value)| (name.into_owned(), value)));
    Ok(Value::object(members))
}

pub(crate) fn malformed(reason: &str) -> CodecError {
    CodecError::Malformed { reason: reason.into() }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).expect("a machine holds fewer values than there are numbers")
}
