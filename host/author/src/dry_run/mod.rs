//! A workflow, run on virtual time with mocked calls: what every task would get, do and give.
//!
//! The interpreter is the real one, and everything around it is not: calls are answered by [`Mocks`], and where nothing else can go on, time
//! jumps to the next moment that something waits for. So a wait of a year takes no time, and the same document, input and mocks always give the
//! same run. What is not mocked ends the run with an error that says what to add.

mod show;
mod stop;
mod trace;
mod world;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use sandmill_core::definition::{Definition, DefinitionName};
use sandmill_core::problem::Problem;
use sandmill_core::time::{Millis, Timestamp};
use sandmill_core::value::Value;

pub use stop::Stop;
pub use trace::{Attempt, Ending, Place, Visit};

use crate::mocks::{Entry, Mocks};

/// 2026-01-01, 00:00 UTC: what `now` says at the start where nobody says otherwise.
pub const NOW_DEFAULT: Timestamp = Timestamp(1_767_225_600_000);

/// What a dry run may use up, and when it begins.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What `now` says at the start.
    pub now: Timestamp,
    /// Transitions of the interpreter at most: some five for each task.
    pub transitions_max: u32,
    /// Virtual time at most.
    pub time_max: Millis,
}

impl Default for Options {
    /// Some twenty thousand tasks, and a year with a day to spare: more is nearly always a loop without an end.
    fn default() -> Self {
        Self { now: NOW_DEFAULT, transitions_max: 100_000, time_max: Millis(366 * 24 * 60 * 60 * 1_000) }
    }
}

/// A run that has ended.
#[derive(Debug)]
pub struct DryRun {
    /// The workflow that ran.
    pub workflow: DefinitionName,
    /// Its raw input.
    pub input: Value,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Every task that was visited, in the order in which they began.
    pub visits: Vec<Visit>,
    /// How it ended.
    pub end: End,
    /// The mocks that nothing asked for.
    pub unused_mocks: Vec<String>,
}

/// How a dry run ended.
#[derive(Debug)]
pub enum End {
    /// With an output.
    Completed(Value),
    /// With an error of the workflow.
    Faulted(Box<Problem>),
    /// It could not go on.
    Stopped(Stop),
}

/// A moment in the form of RFC 3339, UTC, such as `2026-01-31T12:00:00Z`; `None` for anything else, and for a moment before 1970.
#[must_use]
pub fn parse_moment(text: &str) -> Option<Timestamp> {
    let moment = humantime::parse_rfc3339_weak(text).ok()?;
    let millis = moment.duration_since(UNIX_EPOCH).ok()?.as_millis();
    i64::try_from(millis).ok().map(Timestamp)
}

/// Runs a definition.
#[must_use]
pub fn dry_run(definition: &Arc<Definition>, input: Value, mocks: &Mocks, options: Options) -> DryRun {
    run(definition, input, mocks.entries(), options)
}

/// The same, with mocks of several places.
pub(crate) fn run(definition: &Arc<Definition>, input: Value, mocks: Vec<&Entry>, options: Options) -> DryRun {
    world::World::new(definition, mocks, options).run(input)
}
