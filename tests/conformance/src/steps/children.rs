//! The executions of other workflows, which the one under test started.

use anyhow::{Context as _, Result, ensure};
use futures::FutureExt as _;

use super::outcome::{completed_with, expect_status, faulted_with};
use super::{Code, Given, Row};
use crate::world::{Ended, World};

pub(super) const STEPS: &[Row] = &[
    (
        "the workflow {quoted} should be executed {count} time",
        Code::Does(|world, given| executed(world, given).boxed_local()),
    ),
    (
        "the workflow {quoted} should be executed {count} times",
        Code::Does(|world, given| executed(world, given).boxed_local()),
    ),
    (
        "the workflow {quoted} should complete",
        Code::Does(|world, given| check(world, given, |ended, _| expect_status(ended, "completed")).boxed_local()),
    ),
    (
        "the workflow {quoted} should complete with output:",
        Code::Does(|world, given| check(world, given, completed_with).boxed_local()),
    ),
    (
        "the workflow {quoted} should be cancelled",
        Code::Does(|world, given| check(world, given, |ended, _| expect_status(ended, "cancelled")).boxed_local()),
    ),
    (
        "the workflow {quoted} should fault with error:",
        Code::Does(|world, given| check(world, given, faulted_with).boxed_local()),
    ),
];

/// Once the execution itself has ended, there are so many.
async fn executed(world: &mut World, given: &Given) -> Result<()> {
    world.ended().await?;
    let count = world.executions(given.word(0), given.count(1)?).await?.len();
    ensure!(count == given.count(1)?, "{} was executed {count} times", given.word(0));
    Ok(())
}

/// Checks the last execution of another workflow.
async fn check(world: &mut World, given: &Given, checks: fn(&Ended, &Given) -> Result<()>) -> Result<()> {
    world.ended().await?;
    let executions = world.executions(given.word(0), 1).await?;
    checks(executions.last().with_context(|| format!("{} was not executed", given.word(0)))?, given)
}
