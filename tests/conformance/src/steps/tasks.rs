//! Tasks: how each of them ended, how often it ran, and with what.

use anyhow::{Context as _, Result, bail, ensure};

use super::outcome::same_error;
use super::{Code, Given, Row};
use crate::compare::same;
use crate::world::Ended;

pub(super) const STEPS: &[Row] = &[
    ("{task} should complete", Code::Checks(|ended, given| ended_so(ended, given.word(0), "completed"))),
    ("{task} should fault", Code::Checks(|ended, given| ended_so(ended, given.word(0), "faulted"))),
    ("{task} should be cancelled", Code::Checks(|ended, given| ended_so(ended, given.word(0), "cancelled"))),
    ("{task} should be skipped", Code::Checks(skipped)),
    ("{task} should not run", Code::Checks(|ended, given| ran(ended, given.word(0), 0))),
    ("{task} should run {count} time", Code::Checks(|ended, given| ran(ended, given.word(0), given.count(1)?))),
    ("{task} should run {count} times", Code::Checks(|ended, given| ran(ended, given.word(0), given.count(1)?))),
    ("{task} should be retried {count} time", Code::Checks(retried)),
    ("{task} should be retried {count} times", Code::Checks(retried)),
    ("{task} should complete with output:", Code::Checks(|ended, given| has(ended, given, "output"))),
    ("{task} should have the arguments:", Code::Checks(|ended, given| has(ended, given, "config"))),
    ("{task} should fault with error:", Code::Checks(faulted_with)),
];

/// The last visit of a task ended so.
fn ended_so(ended: &Ended, task: &str, verb: &str) -> Result<()> {
    let visits = ended.visits(task);
    let Some(last) = visits.last() else { bail!("{task} did not run; what happened: {}", happened(ended)) };
    let end = last.end().map_or("did not end", |event| event.verb.as_str());
    ensure!(end == verb, "{task} {end} and is not {verb}; what happened: {}", happened(ended));
    Ok(())
}

fn skipped(ended: &Ended, given: &Given) -> Result<()> {
    let task = given.word(0);
    let is_skipped = !ended.positions(task, "skipped").is_empty() && ended.visits(task).is_empty();
    ensure!(is_skipped, "{task} was not skipped; what happened: {}", happened(ended));
    Ok(())
}

fn ran(ended: &Ended, task: &str, count: usize) -> Result<()> {
    let visits = ended.visits(task).len();
    ensure!(visits == count, "{task} ran {visits} times and not {count}; what happened: {}", happened(ended));
    Ok(())
}

fn retried(ended: &Ended, given: &Given) -> Result<()> {
    let (task, count) = (given.word(0), given.count(1)?);
    let retries = ended.positions(task, "retried").len();
    ensure!(retries == count, "{task} was retried {retries} times and not {count}; what happened: {}", happened(ended));
    Ok(())
}

/// What the API shows of the last visit of a task.
fn has(ended: &Ended, given: &Given, member: &str) -> Result<()> {
    let task = given.word(0);
    let shown = ended.tasks_of(task).last().with_context(|| format!("{task} did not run"))?;
    let got = shown.get(member).with_context(|| format!("{task} has no {member}: {shown:#}"))?;
    same(&format!("the {member} of {task}"), &given.value()?, got)
}

fn faulted_with(ended: &Ended, given: &Given) -> Result<()> {
    let task = given.word(0);
    ended_so(ended, task, "faulted")?;
    let error = ended.visits(task).last().and_then(|visit| visit.end()?.error.clone());
    same_error(&given.value()?, &error.with_context(|| format!("the fault of {task} has no error"))?)
}

/// All events in a line.
pub(super) fn happened(ended: &Ended) -> String {
    ended.events.iter().map(crate::events::Event::shown).collect::<Vec<_>>().join(", ")
}
