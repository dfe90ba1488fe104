//! Definitions, inputs and plugins, and what the host says of a definition.
//!
//! A scenario that does not care what its definition is called leaves the `document` out, and gets one.

use anyhow::{Result, bail, ensure};
use futures::FutureExt as _;
use serde_json::Value;

use super::{Code, Given, Row};
use crate::host::PLUGIN_VERSION;
use crate::world::{Verdict, World, shown};

pub(super) const STEPS: &[Row] = &[
    ("a workflow with definition:", Code::Does(|world, given| async { definition(world, given) }.boxed_local())),
    ("another workflow with definition:", Code::Does(|world, given| another(world, given).boxed_local())),
    ("the workflow input is:", Code::Does(|world, given| async { input(world, given) }.boxed_local())),
    ("the tenant has the defaults:", Code::Does(|world, given| defaults(world, given).boxed_local())),
    ("the plugin {task} is registered", Code::Does(|world, given| plugin(world, given).boxed_local())),
    (
        "the plugin {task} is registered in version {task}",
        Code::Does(|world, given| plugin(world, given).boxed_local()),
    ),
    ("the workflow definition should be accepted", Code::Does(|world, _| accepted(world).boxed_local())),
    (
        "the workflow definition should be accepted with {quoted} at {quoted}",
        Code::Does(|world, given| lint(world, given).boxed_local()),
    ),
    ("the workflow definition should be rejected", Code::Does(|world, given| rejected(world, given).boxed_local())),
    (
        "the workflow definition should be rejected with {quoted} at {quoted}",
        Code::Does(|world, given| rejected(world, given).boxed_local()),
    ),
    (
        "the workflow definition should be valid and not deployable with {quoted} at {quoted}",
        Code::Does(|world, given| not_deployable(world, given).boxed_local()),
    ),
];

fn definition(world: &mut World, given: &Given) -> Result<()> {
    world.document = Some(sandmill_conformance::whole(given.text()?));
    Ok(())
}

async fn another(world: &mut World, given: &Given) -> Result<()> {
    world.deploy_or_fail(given.text()?).await.map(drop)
}

fn input(world: &mut World, given: &Given) -> Result<()> {
    world.input = Some(given.value()?);
    Ok(())
}

/// What holds for the tasks of the tenant where its workflows say nothing.
async fn defaults(world: &mut World, given: &Given) -> Result<()> {
    let path = format!("/v1/tenants/{}/defaults", world.tenant.name());
    let (status, body) = world.tenant.put(&path, given.value()?.to_string()).await?;
    ensure!(status.is_success(), "the defaults cannot be set: {status} {body}");
    Ok(())
}

async fn plugin(world: &mut World, given: &Given) -> Result<()> {
    let version = if given.word(1).is_empty() { PLUGIN_VERSION } else { given.word(1) };
    world.host.register(&world.tenant, given.word(0), version).await
}

async fn accepted(world: &mut World) -> Result<()> {
    world.deploy_or_fail(world.document()?).await.map(drop)
}

/// A document that runs, and about which there is something to say all the same.
async fn lint(world: &mut World, given: &Given) -> Result<()> {
    accepted(world).await?;
    let (_, report) = world.tenant.post_document("/v1/workflows/validate", world.document()?).await?;
    expect_finding(report["findings"].as_array().map_or(&[][..], Vec::as_slice), given)
}

async fn rejected(world: &mut World, given: &Given) -> Result<()> {
    match world.deploy(world.document()?).await? {
        Verdict::Deployed { name, version } => bail!("the definition was deployed, as {name}:{version}"),
        Verdict::Refused(_) if given.word(0).is_empty() => Ok(()),
        Verdict::Refused(findings) => expect_finding(&findings, given),
    }
}

/// A document that the specification accepts, and this host does not run.
async fn not_deployable(world: &mut World, given: &Given) -> Result<()> {
    match world.deploy(world.document()?).await? {
        Verdict::Deployed { name, version } => bail!("the definition was deployed, as {name}:{version}"),
        Verdict::Refused(findings) => {
            let invalid: Vec<String> =
                findings.iter().filter(|finding| finding["verdict"] == "invalid").map(shown).collect();
            ensure!(invalid.is_empty(), "the definition is invalid: {}", invalid.join("; "));
            expect_finding(&findings, given)
        }
    }
}

fn expect_finding(findings: &[Value], given: &Given) -> Result<()> {
    let (code, pointer) = (given.word(0), given.word(1));
    let is_there = findings.iter().any(|finding| finding["code"] == code && finding["pointer"] == pointer);
    let all: Vec<String> = findings.iter().map(shown).collect();
    ensure!(is_there, "there is no finding `{code}` at `{pointer}`, but: {}", all.join("; "));
    Ok(())
}
