//! Mocks: what calls answer in a dry run, where no plugin runs.
//!
//! An answer is found by the task (its pointer, then its name) or by what is called (`name:version`, then `name`), in this order. Of a list of
//! answers each is used once, or as often as its `times` says, and a call gets the first that is not used up and whose `when` holds. A single
//! answer is used for every call.
//!
//! A mock file has two members, `tasks` and `calls`; see `docs/guide/authoring.md`.

mod answer;
mod callee;
mod problems;

#[cfg(test)]
mod tests;

use sandmill_core::definition::{Data, Definition, Kind, Report, nearest};
use sandmill_core::ids::JsonPointer;

use crate::reader::Reader;
use answer::Answer;

pub(crate) use answer::{Answering, Call, NoAnswer};
pub use callee::Callee;
pub(crate) use problems::{MEMBERS as PROBLEM_MEMBERS, type_uri};

/// The code of findings in a mock file.
pub const REJECTED: &str = "mocks-rejected";

/// What calls answer.
#[derive(Debug, Default)]
pub struct Mocks {
    entries: Vec<Entry>,
}

/// The answers for one task or one callee.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) answers: Vec<Answer>,
}

/// Whose calls are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// A task, by its pointer or its name.
    Task(String),
    /// What is called.
    Call(String),
}

impl std::fmt::Display for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Task(name) => write!(formatter, "tasks: {name}"),
            Self::Call(name) => write!(formatter, "calls: {name}"),
        }
    }
}

impl Mocks {
    /// Reads a mock file, YAML or JSON.
    pub fn read(text: &[u8]) -> Result<Self, Report> {
        let data = Data::read(text)?;
        let mut reader = Reader::new(&data, REJECTED);
        let mocks = Self::read_at(&mut reader, &JsonPointer::root());
        reader.finish(mocks)
    }

    /// Reads mocks that stand in another file.
    pub(crate) fn read_at(reader: &mut Reader<'_>, at: &JsonPointer) -> Self {
        let mut mocks = Self::default();
        if !reader.is_object(at, "the mocks", &["tasks", "calls"]) {
            return mocks;
        }
        for kind in ["tasks", "calls"] {
            let Some(member) = reader.member(at, kind) else { continue };
            for (name, place) in reader.members(&member, &format!("`{kind}`")) {
                let answers = answer::list(reader, &place);
                let key = if kind == "tasks" { Key::Task(name) } else { Key::Call(name) };
                mocks.entries.push(Entry { key, answers });
            }
        }
        mocks
    }

    /// These mocks, and of the others those for whatever these have nothing for.
    #[must_use]
    pub(crate) fn or<'m>(&'m self, others: &'m Self) -> Vec<&'m Entry> {
        let is_new = |entry: &&Entry| !self.entries.iter().any(|own| own.key == entry.key);
        self.entries.iter().chain(others.entries.iter().filter(is_new)).collect()
    }

    /// All of them.
    pub(crate) fn entries(&self) -> Vec<&Entry> {
        self.entries.iter().collect()
    }
}

/// Says of each mock of a task that there is no such task.
pub(crate) fn unknown_tasks(entries: &[&Entry], definition: &Definition) -> Vec<String> {
    let calling = definition.nodes.iter().filter(|node| matches!(node.kind, Kind::Call(_)));
    let names: Vec<&str> = calling.flat_map(|node| [node.pointer.as_str(), &*node.name]).collect();
    let mut unknown = Vec::new();
    for entry in entries {
        let Key::Task(name) = &entry.key else { continue };
        if !names.contains(&name.as_str()) {
            let meant = nearest(name, names.iter().copied()).map(|meant| format!(": did you mean `{meant}`?"));
            let meant = meant.unwrap_or_default();
            unknown.push(format!(
                "the mocks name the task `{name}`, and no task of that name or pointer calls anything{meant}"
            ));
        }
    }
    unknown
}
