//! Running again: an execution from where another one failed, and one that begins in the middle.

use anyhow::{Result, ensure};
use futures::FutureExt as _;

use super::tasks::happened;
use super::{Code, Given, Row};
use crate::world::{Ended, World};

pub(super) const STEPS: &[Row] = &[
    ("the workflow is run again", Code::Does(|world, given| again(world, given).boxed_local())),
    ("the workflow is run again from {task}", Code::Does(|world, given| again(world, given).boxed_local())),
    ("the workflow cannot be run again from {task}", Code::Does(|world, given| refused(world, given).boxed_local())),
    ("the workflow is executed at {task} with:", Code::Does(|world, given| at(world, given).boxed_local())),
    ("the workflow cannot be executed at {task}", Code::Does(|world, given| not_at(world, given).boxed_local())),
    ("the execution should be linked to the one before", Code::Does(|world, _| linked(world).boxed_local())),
    ("{task} should be attempted", Code::Checks(|ended, given| attempted(ended, given.word(0), None))),
    (
        "{task} should be attempted {count} time",
        Code::Checks(|ended, given| attempted(ended, given.word(0), Some(given.count(1)?))),
    ),
    ("{task} should not be attempted", Code::Checks(|ended, given| attempted(ended, given.word(0), Some(0)))),
];

fn path(world: &World, given: &Given) -> Result<String> {
    let from = if given.word(0).is_empty() { String::new() } else { format!("?from={}", given.word(0)) };
    Ok(format!("/v1/executions/{}/rerun{from}", world.id()?))
}

/// Once the execution has ended.
async fn again(world: &mut World, given: &Given) -> Result<()> {
    world.ended().await?;
    world.begin(&path(world, given)?, None).await
}

async fn refused(world: &mut World, given: &Given) -> Result<()> {
    let (status, body) = world.tenant.post(&path(world, given)?, None).await?;
    ensure!(status.is_client_error(), "it can be run again: {status} {body}");
    Ok(())
}

async fn path_at(world: &World, given: &Given) -> Result<String> {
    let (name, version) = world.deploy_or_fail(world.document()?).await?;
    Ok(format!("/v1/workflows/{name}/tasks/{}/executions?version={version}", given.word(0)))
}

async fn at(world: &mut World, given: &Given) -> Result<()> {
    let path = path_at(world, given).await?;
    world.begin(&path, Some(&given.value()?)).await
}

async fn not_at(world: &mut World, given: &Given) -> Result<()> {
    let (status, body) = world.tenant.post(&path_at(world, given).await?, None).await?;
    ensure!(status.is_client_error(), "it begins at {}: {status} {body}", given.word(0));
    Ok(())
}

async fn linked(world: &mut World) -> Result<()> {
    let row = world.tenant.get(&format!("/v1/executions/{}", world.id()?)).await?;
    ensure!(
        row["rerun_of"].as_str() == world.before(),
        "it is linked to {}, and not to {:?}",
        row["rerun_of"],
        world.before()
    );
    Ok(())
}

/// How many executions of a task a worker was given, or that there was one.
fn attempted(ended: &Ended, task: &str, count: Option<usize>) -> Result<()> {
    let attempts = ended.tasks_of(task).filter(|task| task["attempt"].as_u64() > Some(0)).count();
    let is_right = count.map_or(attempts > 0, |count| attempts == count);
    ensure!(is_right, "{attempts} executions of {task} were attempted; what happened: {}", happened(ended));
    Ok(())
}
