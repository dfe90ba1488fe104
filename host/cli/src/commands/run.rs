//! `sandmill run`: one workflow, here and now, in this process and in memory.
//!
//! It needs no server and no directory, so it also runs while a server holds the data directory. Files are read here because the one who
//! typed their names is the one whose machine this is.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use sandmill_core::ids::WorkflowExecId;
use sandmill_core::value::Value;
use sandmill_engine::ports::{Definitions as _, ExecutionKey, ExecutionRow, Status};
use sandmill_engine::{Control, DeployError, Start};

use crate::arguments::{PluginFile, Run};
use crate::commands::{config, trigger};
use crate::documents;
use crate::failure::{Failure, Outcome};
use crate::input;
use crate::output::Output;
use crate::telemetry;
use crate::wire::{self, Host, TestHooks, default_tenant, random};

mod watch;

/// Runs it, prints its output, and exits by its outcome.
pub(crate) fn run(run: &Run, output: Output) -> Result<ExitCode, Failure> {
    let document = Bytes::from(documents::read(&run.file)?);
    let input = input::read(run.input.as_deref())?;
    let quiet = [("store", "memory"), ("log.level", "warn")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = config::load(&run.settings, quiet.into())?;
    telemetry::log_to_stderr(settings.text("log.level"), settings.text("log.format"))?;
    wire::server_runtime()?.block_on(async {
        let host = Host::open(&settings, &TestHooks::default()).await?;
        let result = in_host(&host, run, document, &input, output).await;
        host.close().await;
        result
    })
}

async fn in_host(host: &Host, run: &Run, document: Bytes, input: &str, output: Output) -> Result<ExitCode, Failure> {
    for plugin in &run.plugin {
        register(host, plugin).await?;
    }
    let key = start(host, run, document, input).await?;
    let watching = watch::start(host, &key, run.verbose, output);
    let row = end(host, &key).await?;
    watching.finish().await;
    let result = host.engine.result(&key, &row).map_err(|error| failed(&error))?;
    let result = result.map_or(serde_json::Value::Null, |value| value.to_serde());
    let status = serde_json::to_value(row.status).unwrap_or_default();
    let (shown, name) = (key.id.to_string(), if row.status == Status::Completed { "output" } else { "error" });
    Ok(trigger::report(&serde_json::json!({ "id": shown, "status": status, name: result }), output))
}

async fn register(host: &Host, plugin: &PluginFile) -> Result<(), Failure> {
    let PluginFile { name, version, path } = plugin;
    let component = std::fs::read(path)
        .map_err(|error| Failure::new(Outcome::Refused, format!("{} cannot be read: {error}", path.display())))?;
    let registered = host.registry.register(&default_tenant(), name, version, component.into()).await;
    registered.map(drop).map_err(|error| Failure::new(Outcome::Refused, format!("{}: {error}", path.display())))
}

async fn start(host: &Host, run: &Run, document: Bytes, input: &str) -> Result<ExecutionKey, Failure> {
    let tenant = default_tenant();
    for file in &run.workflow {
        let document = Bytes::from(documents::read(file)?);
        host.registry.deploy(&tenant, document).map_err(|error| refused(file, error))?;
    }
    let deployed = host.registry.deploy(&tenant, document).map_err(|error| refused(&run.file, error))?;
    let definition = host.registry.definition(&tenant, deployed.row.digest).map_err(|error| failed(&error))?;
    let definition = definition.ok_or_else(|| failed(&"the definition is gone"))?;
    let input = Value::from_json(input.as_bytes())
        .map_err(|error| Failure::new(Outcome::Refused, format!("the input cannot be taken: {error}")))?;
    let start =
        Start { tenant: tenant.clone(), definition, input, idempotency_key: None, random: random()?, origin: None };
    let id: WorkflowExecId = host.engine.start(start).await.map_err(|error| failed(&error))?;
    Ok(ExecutionKey { tenant, id })
}

fn refused(file: &Path, error: DeployError) -> Failure {
    match error {
        DeployError::Rejected(report) => {
            let name = file.display().to_string();
            Failure::new(Outcome::Refused, format!("{name} cannot run:\n{}", report.display(Some(&name))))
        }
        other => Failure::new(Outcome::Refused, other.to_string()),
    }
}

/// Waits for the end. Ctrl-C cancels the execution, which then ends.
async fn end(host: &Host, key: &ExecutionKey) -> Result<ExecutionRow, Failure> {
    let engine = Arc::clone(&host.engine);
    let ended = engine.ended(key);
    let mut ended = std::pin::pin!(ended);
    let row = tokio::select! {
        row = &mut ended => row,
        _ = tokio::signal::ctrl_c() => {
            // It may have ended in the meantime, and then there is nothing to cancel.
            let _ = host.engine.control(key, Control::Cancel).await;
            ended.await
        }
    };
    row.map_err(|error| failed(&error))?.ok_or_else(|| failed(&"the execution is gone"))
}

fn failed(reason: &impl std::fmt::Display) -> Failure {
    Failure::new(Outcome::Failed, reason.to_string())
}
