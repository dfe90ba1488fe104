//! In which order tasks ran, and which of them at the same time.

use anyhow::{Context as _, Result, ensure};

use super::tasks::happened;
use super::{Code, Given, Row};
use crate::events::TaskRef;
use crate::world::{Ended, Visit};

pub(super) const STEPS: &[Row] = &[
    ("{task} should run first", Code::Checks(first)),
    ("{task} should run last", Code::Checks(last)),
    ("{task} should run before {task}", Code::Checks(|ended, given| before(ended, given.word(0), given.word(1)))),
    ("{task} should run after {task}", Code::Checks(|ended, given| before(ended, given.word(1), given.word(0)))),
    ("{task} should run while {task} runs", Code::Checks(overlaps)),
    ("{task} should end before {task}", Code::Checks(ends_before)),
    ("at most {count} runs of {task} should overlap", Code::Checks(overlap_at_most)),
    ("{count} runs of {task} should overlap", Code::Checks(overlap)),
];

/// The tasks that began, in their order.
fn begun(ended: &Ended) -> impl DoubleEndedIterator<Item = &TaskRef> {
    ended.events.iter().filter(|event| event.verb == "started").filter_map(|event| event.task.as_ref())
}

fn is_inside(inner: &TaskRef, outer: &TaskRef) -> bool {
    inner.pointer.strip_prefix(&outer.pointer).is_some_and(|rest| rest.starts_with('/'))
}

/// Nothing began before it but the tasks that it stands in.
fn first(ended: &Ended, given: &Given) -> Result<()> {
    let tasks: Vec<&TaskRef> = begun(ended).collect();
    let place = tasks.iter().position(|task| task.is(given.word(0)));
    let is_first = place.is_some_and(|place| tasks[..place].iter().all(|task| is_inside(tasks[place], task)));
    ensure!(is_first, "{} did not run first; what happened: {}", given.word(0), happened(ended));
    Ok(())
}

/// Nothing began after it but the tasks that stand in it.
fn last(ended: &Ended, given: &Given) -> Result<()> {
    let tasks: Vec<&TaskRef> = begun(ended).collect();
    let place = tasks.iter().rposition(|task| task.is(given.word(0)));
    let is_last = place.is_some_and(|place| tasks[place + 1..].iter().all(|task| is_inside(task, tasks[place])));
    ensure!(is_last, "{} did not run last; what happened: {}", given.word(0), happened(ended));
    Ok(())
}

fn first_visit<'a>(ended: &'a Ended, task: &str) -> Result<Visit<'a>> {
    ended
        .visits(task)
        .into_iter()
        .next()
        .with_context(|| format!("{task} did not run; what happened: {}", happened(ended)))
}

/// The first visit of one ended before the first of the other began.
fn before(ended: &Ended, one: &str, other: &str) -> Result<()> {
    let (first, second) = (first_visit(ended, one)?, first_visit(ended, other)?);
    let is_before = first.to().is_some_and(|end| end < second.from);
    ensure!(is_before, "{one} did not end before {other} began; what happened: {}", happened(ended));
    Ok(())
}

fn overlaps(ended: &Ended, given: &Given) -> Result<()> {
    let (one, other) = (first_visit(ended, given.word(0))?, first_visit(ended, given.word(1))?);
    let begins_in_time = |one: &Visit<'_>, other: &Visit<'_>| other.to().is_none_or(|end| one.from < end);
    let overlap = begins_in_time(&one, &other) && begins_in_time(&other, &one);
    ensure!(overlap, "{} did not run while {} did; what happened: {}", given.word(0), given.word(1), happened(ended));
    Ok(())
}

fn ends_before(ended: &Ended, given: &Given) -> Result<()> {
    let end = |task: &str| first_visit(ended, task)?.to().with_context(|| format!("{task} did not end"));
    let is_before = end(given.word(0))? < end(given.word(1))?;
    ensure!(is_before, "{} did not end before {}; what happened: {}", given.word(0), given.word(1), happened(ended));
    Ok(())
}

/// How many visits of a task there were at the same time, at most.
fn most_at_a_time(ended: &Ended, task: &str) -> usize {
    let visits = ended.visits(task);
    let is_open = |visit: &Visit<'_>, at: usize| visit.from <= at && visit.to().is_none_or(|end| at < end);
    let at_a_time = |at: usize| visits.iter().filter(|visit| is_open(visit, at)).count();
    visits.iter().map(|visit| at_a_time(visit.from)).max().unwrap_or(0)
}

fn overlap_at_most(ended: &Ended, given: &Given) -> Result<()> {
    let (count, most) = (given.count(0)?, most_at_a_time(ended, given.word(1)));
    ensure!(most <= count, "{most} runs of {} overlapped; what happened: {}", given.word(1), happened(ended));
    Ok(())
}

fn overlap(ended: &Ended, given: &Given) -> Result<()> {
    let (count, most) = (given.count(0)?, most_at_a_time(ended, given.word(1)));
    ensure!(most == count, "{most} runs of {} overlapped; what happened: {}", given.word(1), happened(ended));
    Ok(())
}
