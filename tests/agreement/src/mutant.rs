//! A document that was changed, and the parts that changes are made of.

use std::collections::BTreeSet;

use fastrand::Rng;
use serde_json::Value;

use crate::changes::CHANGES;
use crate::documents::{Document, Specification};

/// Changes of one document at most. Most have one: of many mistakes, the first hides the others.
const CHANGES_MAX: usize = 3;

/// Draws until a change fits the document.
const DRAWS_MAX: usize = 1_000;

/// Seeds in a row would give generators that are alike; this odd number lays them far apart.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// What was changed, and where.
pub(crate) struct Change {
    pub(crate) what: &'static str,
    pub(crate) pointer: String,
}

/// A document that was changed.
pub(crate) struct Mutant {
    pub(crate) number: u64,
    pub(crate) source: String,
    pub(crate) document: Value,
    pub(crate) changes: Vec<Change>,
}

/// A member of some document.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) value: Value,
}

/// What changes are made of.
pub(crate) struct Parts {
    /// The members of all documents.
    pub(crate) members: Vec<Member>,
    /// The names of all members, and those of the specification's schema.
    pub(crate) names: Vec<String>,
}

impl Parts {
    pub(crate) fn of(specification: &Specification) -> Self {
        let mut members = Vec::new();
        for document in specification.examples.iter().chain(&specification.own) {
            collect(&document.value, &mut members);
        }
        let mut names: BTreeSet<String> = members.iter().map(|member| member.name.clone()).collect();
        properties(&specification.schema, &mut names);
        Self { members, names: names.into_iter().collect() }
    }

    /// A mutant of one of some documents: the same for the same seed and number, whatever was made before.
    pub(crate) fn mutant(&self, documents: &[Document], seed: u64, number: u64) -> Mutant {
        let mut rng = Rng::with_seed(Rng::with_seed(seed).u64(..).wrapping_add(number.wrapping_mul(SPREAD)));
        let source = &documents[rng.usize(..documents.len())];
        let mut document = source.value.clone();
        let wanted = if rng.u8(..10) < 7 { 1 } else { rng.usize(2..=CHANGES_MAX) };
        let mut changes = Vec::new();
        for _ in 0..DRAWS_MAX {
            if changes.len() == wanted {
                break;
            }
            let (what, change) = CHANGES[rng.usize(..CHANGES.len())];
            let mut changed = document.clone();
            if let Some(pointer) = change(&mut changed, &mut rng, self)
                && changed != document
            {
                document = changed;
                changes.push(Change { what, pointer });
            }
        }
        Mutant { number, source: source.name.clone(), document, changes }
    }
}

fn collect(value: &Value, members: &mut Vec<Member>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        members.push(Member { name: name.clone(), value: value.clone() });
        collect(value, members);
    }
    for value in value.as_array().into_iter().flatten() {
        collect(value, members);
    }
}

/// The names under `properties`, at every depth of a schema.
fn properties(schema: &Value, names: &mut BTreeSet<String>) {
    names.extend(
        schema.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.clone()),
    );
    for (_, value) in schema.as_object().into_iter().flatten() {
        properties(value, names);
    }
    for value in schema.as_array().into_iter().flatten() {
        properties(value, names);
    }
}

/// The pointers of all values below the root.
pub(crate) fn pointers(document: &Value) -> Vec<String> {
    fn walk(value: &Value, pointer: &str, pointers: &mut Vec<String>) {
        for (name, value) in value.as_object().into_iter().flatten() {
            let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            walk(value, &pointer, pointers);
            pointers.push(pointer);
        }
        for (index, value) in value.as_array().into_iter().flatten().enumerate() {
            let pointer = format!("{pointer}/{index}");
            walk(value, &pointer, pointers);
            pointers.push(pointer);
        }
    }
    let mut pointers = Vec::new();
    walk(document, "", &mut pointers);
    pointers
}
