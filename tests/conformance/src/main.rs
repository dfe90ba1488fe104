//! Runs Gherkin features against the real host: `conformance [--features DIR]... [--tags EXPRESSION]`.
//!
//! One server for all scenarios, one tenant for each, many of them at the same time. Knows the HTTP API and nothing of what is behind it, so that
//! what passes here passes for everybody: with `--redis` the same scenarios run with workers elsewhere, and must come to the same.

mod tags;

mod client;
mod events;
mod host;
mod world;

mod compare;
mod steps;

mod report;
mod runner;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;

use crate::host::{Host, Profile, Program};
use crate::runner::{Finished, Runner};
use crate::tags::Tags;
use sandmill_conformance::features::{self, Scenario};

/// Runs Gherkin features of the workflow language against a real host.
#[derive(Parser)]
struct Arguments {
    /// A folder with features, as often as there are such folders [default: those of the specification in OWS_DIR, and the project's own].
    #[arg(long = "features", value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Only scenarios whose tags match, such as `@slow and not (@network or @events)`.
    #[arg(long, value_name = "EXPRESSION")]
    tags: Option<Tags>,
    /// Only scenarios whose name, or feature's file, holds that text.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// The program.
    #[arg(long, value_name = "FILE", default_value = "target/debug/sandmill")]
    sandmill: PathBuf,
    /// The folder of the components that scenarios call.
    #[arg(long, value_name = "DIR", default_value = "target/wasm32-wasip2/plugin")]
    components: PathBuf,
    /// Scenarios that run at the same time.
    #[arg(long, default_value_t = 16)]
    jobs: usize,
    /// Writes what became of every scenario into a file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Tells of every scenario, also of those that pass.
    #[arg(long)]
    verbose: bool,
    /// Runs everything twice, the second time with two workers behind a Redis, and fails where a verdict differs.
    #[arg(long)]
    redis: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let scenarios = scenarios(&arguments)?;
    let results = run(&arguments, Profile::OneProcess, scenarios.clone()).await?;
    if !arguments.redis {
        write(&arguments, &results)?;
        return Ok(report::print(&results));
    }
    report::print(&results);
    println!("\nThe same with workers behind a Redis:");
    let with_workers = run(&arguments, Profile::Workers, scenarios).await?;
    write(&arguments, &with_workers)?;
    report::print(&with_workers);
    Ok(report::print_comparison(&results, &with_workers))
}

async fn run(arguments: &Arguments, profile: Profile, scenarios: Vec<Scenario>) -> Result<Vec<Finished>> {
    let program = Program { sandmill: arguments.sandmill.clone(), components: arguments.components.clone() };
    let host = Arc::new(Host::start(&program, profile).await?);
    let runner = Runner { host, steps: steps::all()?, jobs: arguments.jobs.max(1) };
    Ok(runner.run(scenarios, |result| report::progress(result, arguments.verbose)).await)
}

fn write(arguments: &Arguments, results: &[Finished]) -> Result<()> {
    match &arguments.json {
        Some(file) => std::fs::write(file, report::json(results)?).with_context(|| file.display().to_string()),
        None => Ok(()),
    }
}

/// The scenarios that are wanted.
fn scenarios(arguments: &Arguments) -> Result<Vec<Scenario>> {
    let folders = if arguments.folders.is_empty() { default_folders()? } else { arguments.folders.clone() };
    let mut scenarios = Vec::new();
    for folder in &folders {
        scenarios.extend(features::read(folder)?);
    }
    let has_tags = |scenario: &Scenario| arguments.tags.as_ref().is_none_or(|tags| tags.match_all(&scenario.tags));
    let is_named = |scenario: &Scenario, text: &String| scenario.place().contains(text) || scenario.name.contains(text);
    scenarios
        .retain(|scenario| has_tags(scenario) && arguments.name.as_ref().is_none_or(|text| is_named(scenario, text)));
    ensure!(!scenarios.is_empty(), "no scenario of {folders:?} matches");
    Ok(scenarios)
}

/// The specification's features, where they are, and the project's.
fn default_folders() -> Result<Vec<PathBuf>> {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("features");
    let specification = std::env::var_os("OWS_DIR").map(PathBuf::from);
    let specification = specification.context(
        "OWS_DIR is not set: clone https://github.com/open-workflow-specification/specification and set it, or name folders with --features",
    )?;
    Ok(vec![specification.join("features"), own])
}
