//! The `sandmill` program.
//!
//! Owns the way from what was typed to one function for each command, and how the program ends. [`wire`] is the composition root: the one
//! place that names concrete stores, queues and runtimes. Everything a client command knows of a server it learns over HTTP.

mod arguments;
mod catalogs;
mod failure;
mod settings;

mod telemetry;
mod wire;

mod client;
mod documents;
mod input;
mod output;

mod commands;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command, Workflow};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Output;

fn main() -> ExitCode {
    let Arguments { global, command } = Arguments::parse();
    let output = Output { json: global.json };
    match run(global, command, output) {
        Ok(code) => code,
        Err(failure) => {
            output.failure(&failure);
            failure.outcome.into()
        }
    }
}

fn run(global: arguments::Global, command: Command, output: Output) -> Result<ExitCode, Failure> {
    match command {
        Command::Up(up) => commands::up::run(&up),
        Command::Worker(worker) => commands::worker::run(&worker),
        Command::Run(run) => commands::run::run(&run, output),
        Command::Workflow(Workflow::Validate(validate)) => commands::validate::run(&validate, output),
        Command::Workflow(Workflow::Graph { file, catalogs }) => commands::graph::run(&file, &catalogs, output),
        Command::Workflow(Workflow::DryRun(dry_run)) => commands::dry_run::run(&dry_run, output),
        Command::Workflow(Workflow::Test(test)) => commands::test::run(&test, output),
        Command::Workflow(Workflow::Schema) => commands::schema::run(output),
        Command::Config(arguments::Config::Show(settings)) => commands::config::show(&settings, output),
        Command::Explain { code } => commands::explain::run(code.as_deref(), output),
        Command::Completions { shell } => commands::completions::run(shell),
        Command::Doctor(doctor) => commands::doctor::run(&global, &doctor, output),
        Command::Queue(queue) => commands::queue::run(global, queue, output),
        command => {
            let client = Client::new(&global)?;
            wire::client_runtime()?.block_on(ask(&client, command, output))
        }
    }
}

/// The commands that ask a server.
async fn ask(client: &Client, command: Command, output: Output) -> Result<ExitCode, Failure> {
    match command {
        Command::Plugin(command) => commands::plugin::run(client, command, output).await?,
        Command::Workflow(command) => commands::workflow::run(client, command, output).await?,
        Command::Rerun(rerun) => return commands::trigger::rerun(client, rerun, output).await,
        Command::Trigger(trigger) => return commands::trigger::run(client, trigger, output).await,
        Command::Ps(list) => commands::executions::list(client, list, output).await?,
        Command::Show(show) => commands::executions::show(client, show, output).await?,
        Command::Events(follow) => commands::follow::events(client, follow, output).await?,
        Command::Logs(follow) => commands::follow::logs(client, follow, output).await?,
        Command::Cancel(execution) => commands::executions::control(client, execution, "cancel").await?,
        Command::Suspend(execution) => commands::executions::control(client, execution, "suspend").await?,
        Command::Resume(execution) => commands::executions::control(client, execution, "resume").await?,
        Command::Tenant(command) => commands::directory::tenant(client, command, output).await?,
        Command::Key(command) => commands::directory::key(client, command, output).await?,
        Command::Up(_) | Command::Worker(_) | Command::Run(_) | Command::Config(_) | Command::Explain { .. } => {
            unreachable!("handled before")
        }
        Command::Doctor(_) | Command::Queue(_) | Command::Completions { .. } => unreachable!("handled before"),
    }
    Ok(ExitCode::SUCCESS)
}
