//! How long things took, by the times of their events.

use anyhow::{Context as _, Result, ensure};

use super::tasks::happened;
use super::{Code, Given, Row};
use crate::world::Ended;

pub(super) const STEPS: &[Row] = &[
    (
        "the workflow should take at least {count} ms",
        Code::Checks(|ended, given| at_least(workflow_ms(ended)?, given.count(0)?)),
    ),
    (
        "the workflow should take at most {count} ms",
        Code::Checks(|ended, given| at_most(workflow_ms(ended)?, given.count(0)?)),
    ),
    (
        "{task} should take at least {count} ms",
        Code::Checks(|ended, given| at_least(task_ms(ended, given)?, given.count(1)?)),
    ),
    (
        "{task} should take at most {count} ms",
        Code::Checks(|ended, given| at_most(task_ms(ended, given)?, given.count(1)?)),
    ),
    ("the pauses between the runs of {task} should be at least {numbers} ms", Code::Checks(pauses_at_least)),
    ("the pauses between the runs of {task} should be at most {numbers} ms", Code::Checks(pauses_at_most)),
];

fn workflow_ms(ended: &Ended) -> Result<i64> {
    let (first, last) = ended.events.first().zip(ended.events.last()).context("the execution has no events")?;
    Ok(last.at_ms - first.at_ms)
}

/// The last visit of a task.
fn task_ms(ended: &Ended, given: &Given) -> Result<i64> {
    let visits = ended.visits(given.word(0));
    let visit = visits.last().with_context(|| format!("{} did not run", given.word(0)))?;
    let end = visit.end().with_context(|| format!("{} did not end", given.word(0)))?;
    Ok(end.at_ms - visit.began_at_ms())
}

fn at_least(took_ms: i64, least_ms: usize) -> Result<()> {
    ensure!(took_ms >= i64::try_from(least_ms)?, "it took {took_ms} ms only");
    Ok(())
}

fn at_most(took_ms: i64, most_ms: usize) -> Result<()> {
    ensure!(took_ms <= i64::try_from(most_ms)?, "it took {took_ms} ms");
    Ok(())
}

/// From the end of each visit to the beginning of the next.
fn pauses_ms(ended: &Ended, task: &str) -> Vec<i64> {
    let visits = ended.visits(task);
    let pause = |pair: &[crate::world::Visit<'_>]| Some(pair[1].began_at_ms() - pair[0].end()?.at_ms);
    visits.windows(2).filter_map(pause).collect()
}

fn check_pauses(ended: &Ended, given: &Given, is_right: impl Fn(i64, i64) -> bool) -> Result<()> {
    let pauses = pauses_ms(ended, given.word(0));
    let wanted: Vec<i64> = given.list(1).map(str::parse).collect::<Result<_, _>>()?;
    let are_right =
        pauses.len() == wanted.len() && pauses.iter().zip(&wanted).all(|(got, wanted)| is_right(*got, *wanted));
    ensure!(are_right, "the pauses are {pauses:?} ms; what happened: {}", happened(ended));
    Ok(())
}

fn pauses_at_least(ended: &Ended, given: &Given) -> Result<()> {
    check_pauses(ended, given, |got, least| got >= least)
}

fn pauses_at_most(ended: &Ended, given: &Given) -> Result<()> {
    check_pauses(ended, given, |got, most| got <= most)
}
