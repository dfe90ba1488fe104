//! What happened in a dry run: one record for each visit of a task, made from the lifecycle events and actions of the interpreter.

use std::collections::BTreeMap;
use std::sync::Arc;

use sandmill_core::definition::{Definition, Kind};
use sandmill_core::ids::JsonPointer;
use sandmill_core::machine::TaskPlace;
use sandmill_core::problem::Problem;
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;

use crate::mocks::Callee;

/// One visit of one task.
#[derive(Debug, Clone, PartialEq)]
pub struct Visit {
    /// The number of the task execution.
    pub number: u32,
    /// The task in the definition.
    pub pointer: JsonPointer,
    /// Its name.
    pub name: Arc<str>,
    /// What it does: `set`, `call greet:0.1.0`.
    pub action: String,
    /// The visit that it runs in.
    pub place: Place,
    /// When it began.
    pub started_at: Timestamp,
    /// Its transformed input; `None` where it was skipped.
    pub input: Option<Value>,
    /// The resolved arguments: of a call its config, of `switch` the case, of `for` the collection.
    pub resolved: Option<Value>,
    /// The attempts of a call.
    pub attempts: Vec<Attempt>,
    /// When it is to be tried again, for each time that it was.
    pub retries: Vec<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub ending: Ending,
}

/// What a visit is part of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// The number of the visit that it runs in; `None` in the list of the document.
    pub owner: Option<u32>,
    /// The iteration or the branch of its owner, from 0.
    pub slot: u32,
}

/// One attempt of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// What is called.
    pub callee: Callee,
    /// From 1.
    pub number: u32,
    /// How many attempts were begun before it in the whole run.
    pub order: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended, where it was not cancelled.
    pub ended_at: Option<Timestamp>,
    /// The problem that it ended with.
    pub problem: Option<Box<Problem>>,
}

/// How a visit ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// It has not.
    Open,
    /// With an output.
    Completed(Value),
    /// With an error.
    Faulted(Arc<Problem>),
    /// Its `if` was false.
    Skipped,
    /// Something else ended it.
    Cancelled,
}

impl Ending {
    /// One word for it, for programs.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Open => "unfinished",
            Self::Completed(_) => "completed",
            Self::Faulted(_) => "faulted",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The visits so far, by the number of the task execution, which counts them in the order in which they begin.
pub(super) struct Trace {
    definition: Arc<Definition>,
    visits: BTreeMap<u32, Visit>,
    /// Where tasks stand that have begun or are about to.
    places: BTreeMap<u32, Place>,
    attempts: u32,
}

impl Trace {
    pub(super) const fn new(definition: Arc<Definition>) -> Self {
        Self { definition, visits: BTreeMap::new(), places: BTreeMap::new(), attempts: 0 }
    }

    pub(super) fn into_visits(self) -> Vec<Visit> {
        self.visits.into_values().collect()
    }

    pub(super) fn place(&mut self, task: u32, place: Place) {
        self.places.insert(task, place);
    }

    pub(super) fn begin(&mut self, place: &TaskPlace, now: Timestamp, input: Option<Value>) {
        let pointer = &place.pointer;
        let node = self.definition.find(pointer.as_str()).map(|id| self.definition.node(id));
        let visit = Visit {
            number: place.id.number,
            pointer: pointer.clone(),
            name: node.map(|node| Arc::clone(&node.name)).unwrap_or_default(),
            action: node.map(|node| self.action(pointer, &node.kind)).unwrap_or_default(),
            place: self.places.get(&place.id.number).copied().unwrap_or_default(),
            started_at: now,
            input,
            resolved: None,
            attempts: Vec::new(),
            retries: Vec::new(),
            ended_at: None,
            ending: Ending::Open,
        };
        self.visits.insert(place.id.number, visit);
    }

    fn action(&self, pointer: &JsonPointer, kind: &Kind) -> String {
        let word = match kind {
            Kind::Call(_) | Kind::Subflow(_) => {
                let callee = Callee::at(&self.definition, pointer).map(|(callee, _)| callee.to_string());
                let verb = if matches!(kind, Kind::Subflow(_)) { "run" } else { "call" };
                return format!("{verb} {}", callee.unwrap_or_default());
            }
            Kind::Function(call) => {
                let name = call.body.first().map(|task| &*self.definition.node(*task).name);
                return format!("call {}", name.unwrap_or_default());
            }
            Kind::Do(_) => "do",
            Kind::Set(_) => "set",
            Kind::Switch(_) => "switch",
            Kind::For(task) if task.map.is_some() => "map",
            Kind::For(_) => "for",
            Kind::Fork(_) => "fork",
            Kind::Try(_) => "try",
            Kind::Raise(_) => "raise",
            Kind::Wait(_) => "wait",
        };
        word.into()
    }

    pub(super) fn resolved(&mut self, task: u32, value: Value) {
        if let Some(visit) = self.visits.get_mut(&task) {
            visit.resolved = Some(value);
        }
    }

    pub(super) fn resolved_of(&self, task: u32) -> Value {
        self.visits.get(&task).and_then(|visit| visit.resolved.clone()).unwrap_or_default()
    }

    pub(super) fn attempt(&mut self, task: u32, callee: Callee, number: u32, now: Timestamp) {
        if let Some(visit) = self.visits.get_mut(&task) {
            let order = self.attempts;
            self.attempts += 1;
            visit.attempts.push(Attempt { callee, number, order, started_at: now, ended_at: None, problem: None });
        }
    }

    pub(super) fn attempt_ended(&mut self, task: u32, now: Timestamp, problem: Option<Box<Problem>>) {
        if let Some(attempt) = self.visits.get_mut(&task).and_then(|visit| visit.attempts.last_mut()) {
            attempt.ended_at = Some(now);
            attempt.problem = problem;
        }
    }

    pub(super) fn retried(&mut self, place: &TaskPlace, at: Timestamp) {
        if let Some(visit) = self.visits.get_mut(&place.id.number) {
            visit.retries.push(at);
        }
    }

    pub(super) fn end(&mut self, place: &TaskPlace, now: Timestamp, ending: Ending) {
        if let Some(visit) = self.visits.get_mut(&place.id.number) {
            visit.ended_at = Some(now);
            visit.ending = ending;
        }
    }
}
