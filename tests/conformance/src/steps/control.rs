//! Executing a workflow, and what is asked of it while it runs.

use std::time::Duration;

use anyhow::Result;
use futures::FutureExt as _;

use super::{Code, Given, Row};
use crate::world::World;

pub(super) const STEPS: &[Row] = &[
    ("the workflow is executed", Code::Does(|world, _| world.start().boxed_local())),
    ("{task} has {task}", Code::Does(|world, given| happened(world, given.word(0), given.word(1)).boxed_local())),
    ("{count} ms pass", Code::Does(|_, given| pass(given).boxed_local())),
    ("the workflow is suspended", Code::Does(|world, _| world.control("suspend", "suspended").boxed_local())),
    ("the workflow is resumed", Code::Does(|world, _| world.control("resume", "resumed").boxed_local())),
    ("the workflow is cancelled", Code::Does(|world, _| world.control("cancel", "cancelled").boxed_local())),
    ("the workflow is suspended while {task} runs", Code::Does(|world, given| suspended(world, given).boxed_local())),
    ("the workflow is cancelled while {task} runs", Code::Does(|world, given| cancelled(world, given).boxed_local())),
];

async fn happened(world: &mut World, task: &str, verb: &str) -> Result<()> {
    world.wait_for(&format!("that {task} has {verb}"), |event| event.is_of_task(task, verb)).await
}

async fn pass(given: &Given) -> Result<()> {
    tokio::time::sleep(Duration::from_millis(given.count(0)?.try_into()?)).await;
    Ok(())
}

async fn suspended(world: &mut World, given: &Given) -> Result<()> {
    happened(world, given.word(0), "started").await?;
    world.control("suspend", "suspended").await
}

async fn cancelled(world: &mut World, given: &Given) -> Result<()> {
    happened(world, given.word(0), "started").await?;
    world.control("cancel", "cancelled").await
}
