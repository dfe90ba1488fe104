//! Lifecycle events, in their order.

use anyhow::Result;

use super::{Code, Given, Row};
use crate::compare::same_texts;
use crate::events::{Event, TaskRef};
use crate::world::Ended;

pub(super) const STEPS: &[Row] = &[
    ("the lifecycle events should be:", Code::Checks(all)),
    ("the lifecycle events of the workflow should be {words}", Code::Checks(of_workflow)),
    ("the lifecycle events of {task} should be {words}", Code::Checks(of_task)),
];

/// One event in each line: `workflow started`, `task created setRed`.
fn all(ended: &Ended, given: &Given) -> Result<()> {
    let expected: Vec<&str> = given.text()?.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let got: Vec<String> = ended.events.iter().map(Event::shown).collect();
    same_lines(expected, got)
}

fn of_workflow(ended: &Ended, given: &Given) -> Result<()> {
    verbs(ended, given.list(0), |task| task.is_none())
}

fn of_task(ended: &Ended, given: &Given) -> Result<()> {
    verbs(ended, given.list(1), |task| task.is_some_and(|task| task.is(given.word(0))))
}

fn verbs<'a>(
    ended: &Ended,
    expected: impl Iterator<Item = &'a str>,
    is_meant: impl Fn(Option<&TaskRef>) -> bool,
) -> Result<()> {
    let meant = ended.events.iter().filter(|event| is_meant(event.task.as_ref()));
    same_lines(expected.collect(), meant.map(|event| event.verb.clone()).collect())
}

fn same_lines(expected: Vec<&str>, got: Vec<String>) -> Result<()> {
    same_texts("the list of events", &(expected.join("\n") + "\n"), &(got.join("\n") + "\n"))
}
