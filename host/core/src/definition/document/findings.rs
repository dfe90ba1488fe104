//! Collects findings while a document is read: each once, in the order of the text, and not without end.

use std::collections::BTreeSet;

use super::report::{Code, Finding, HOST_OPTION, Report, Verdict};
use super::source::Source;
use super::tree::Place;
use crate::ids::JsonPointer;

/// Findings of one verdict that are kept. Whoever has a hundred mistakes reads the first of them.
const FINDINGS_MAX: usize = 100;

/// Where a finding points to.
#[derive(Clone, Copy)]
pub(super) enum Spot<'t> {
    /// A value.
    Value(Place<'t>),
    /// The name of a member; the value itself where it is no member.
    Name(Place<'t>),
    /// A byte inside of a text value.
    Inside(Place<'t>, usize),
}

/// How much is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rigour {
    /// What decides whether a document runs here, and what its author may want to know.
    Usual,
    /// Options of this host too: for documents that are to mean the same to every runtime.
    Strict,
}

pub(super) struct Findings<'t> {
    source: &'t Source<'t>,
    rigour: Rigour,
    list: Vec<(usize, Finding)>,
    seen: BTreeSet<(usize, &'static str, String)>,
    counts: [usize; 3],
}

impl<'t> Findings<'t> {
    pub(super) fn new(source: &'t Source<'t>, rigour: Rigour) -> Self {
        Self { source, rigour, list: Vec::new(), seen: BTreeSet::new(), counts: [0; 3] }
    }

    /// Adds a finding at a place of the tree.
    pub(super) fn add(&mut self, spot: Spot<'t>, code: Code, message: String, suggestion: Option<String>) {
        let (place, byte) = match spot {
            Spot::Value(place) => (place, place.start()),
            Spot::Name(place) => (place, place.name_start()),
            Spot::Inside(place, offset) => (place, place.byte_inside(offset).unwrap_or_else(|| place.start())),
        };
        self.add_at(byte, place.pointer(), (code, message), suggestion);
    }

    /// Adds a finding at a byte of the text.
    pub(super) fn add_at(
        &mut self,
        byte: usize,
        pointer: JsonPointer,
        (code, message): (Code, String),
        suggestion: Option<String>,
    ) {
        if code == HOST_OPTION && self.rigour == Rigour::Usual {
            return;
        }
        let count = &mut self.counts[code.verdict as usize];
        if *count == FINDINGS_MAX || !self.seen.insert((byte, code.name, message.clone())) {
            return;
        }
        *count += 1;
        let position = self.source.position_of(byte);
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let finding = Finding {
            code: code.name,
            verdict: code.verdict,
            pointer,
            line: number(position.line),
            column: number(position.column),
            message,
            suggestion,
            excerpt: self.source.excerpt(byte),
        };
        self.list.push((byte, finding));
    }

    pub(super) fn has_any(&self, verdict: Verdict) -> bool {
        self.counts[verdict as usize] > 0
    }

    pub(super) fn into_report(mut self) -> Report {
        self.list.sort_by_key(|(byte, finding)| (*byte, finding.verdict));
        Report { findings: self.list.into_iter().map(|(_, finding)| finding).collect() }
    }
}
