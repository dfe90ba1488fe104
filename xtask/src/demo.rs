//! The demo: a server of its own, this repository's sources as the input, and the commands to do the same by hand.

mod input;
mod redis;
mod server;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::shell::{self, cargo, root, target};
use crate::{plugins, setup};
use redis::Redis;
use server::Server;

/// The workflow, and the plugins that it calls.
const WORKFLOW: &str = "examples/source-report/workflow.yaml";
const PLUGINS: [&str; 2] = ["source-stats", "report"];

/// Workers that share the work where it goes over Redis.
const WORKERS: usize = 2;

/// Runs it in one process; or with workers behind a Redis, the one of a URL or one that lives as long as the demo.
pub(crate) fn run(redis: Option<Option<&str>>) -> Result<()> {
    if redis == Some(None) {
        setup::redis()?;
    }
    step("building the plugins and the host");
    plugins::build()?;
    cargo(["build", "--locked", "--package", "sandmill-cli"])?;

    let redis = redis.map(start_redis).transpose()?;
    let server = start_server(redis.as_ref())?;

    step("registering the plugins and the workflow");
    for plugin in PLUGINS {
        let component = plugins::component(plugin).display().to_string();
        shell::run(&mut server.client(["plugin", "add", &format!("{plugin}:0.1.0"), &component]))?;
    }
    shell::run(&mut server.client(["workflow", "apply", WORKFLOW]))?;

    step("running it over the sources of this repository");
    let file = relative(&target().join("demo-input.json"));
    let input = input::write(&root(), &root().join(&file))?;
    println!("{} files, {} KiB", input.files, input.bytes / 1024);
    let trigger = ["trigger", "examples/source-report", "--input", &file, "--wait"];
    let output = server.client(trigger).stderr(std::process::Stdio::inherit()).output()?;
    anyhow::ensure!(output.status.success(), "the workflow ended with {}", output.status);
    print_report(&serde_json::from_slice(&output.stdout).context("the output is no JSON")?);

    step("the same by hand");
    print_commands(&file, redis.as_ref());
    server.stop()
}

fn start_redis(url: Option<&str>) -> Result<Redis> {
    let redis = match url {
        Some(url) => Redis::of_somebody_else(url),
        None => {
            step("starting a Redis in a temporary directory");
            Redis::start()?
        }
    };
    println!("{}", redis.url);
    Ok(redis)
}

fn start_server(redis: Option<&Redis>) -> Result<Server> {
    let Some(redis) = redis else {
        step("starting a server in a temporary directory");
        let server = Server::start()?;
        println!("{}", server.url);
        return Ok(server);
    };
    step("starting a server that runs no task, and two workers that meet it in Redis");
    let server = Server::start_with_workers(redis, WORKERS)?;
    println!("{}", server.url);
    Ok(server)
}

fn step(what: &str) {
    println!("\n== {what}");
}

fn print_report(report: &Value) {
    println!("\n{}", totals(&report["totals"]));
    for skipped in report["skipped"].as_array().into_iter().flatten() {
        println!("skipped {}: {}", text(&skipped["path"]), text(&skipped["reason"]));
    }
    for table in report["reports"].as_array().into_iter().flatten() {
        println!("\n{}\n{}", text(&table["title"]), text(&table["table"]));
    }
}

fn totals(totals: &Value) -> String {
    let names = ["files", "skipped", "lines", "code_lines", "comment_lines", "blank_lines", "markers"];
    names.map(|name| format!("{} {}", totals[name], name.replace('_', " "))).join(", ")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn print_commands(input: &str, redis: Option<&Redis>) {
    let components = PLUGINS.map(|plugin| {
        let component = relative(&plugins::component(plugin));
        format!("curl -X PUT --data-binary @{component} {URL}/v1/plugins/{plugin}/0.1.0")
    });
    let program = relative(&target().join("debug/sandmill"));
    let start = match redis {
        None => format!("{program} up          # in another terminal"),
        Some(_) => format!(
            "redis-server          # in another terminal, as the next two\n\
             {program} up --redis {REDIS} --no-local-worker\n\
             {program} worker --redis {REDIS}          # as often as you like"
        ),
    };
    println!(
        "{start}\n{}\n\
         curl -X PUT --data-binary @{WORKFLOW} {URL}/v1/workflows\n\
         curl --data-binary @{input} '{URL}/v1/workflows/examples/source-report/executions?wait=30s'\n\
         curl -N {URL}/v1/executions/ID/events          # ID as the line before printed it",
        components.join("\n"),
    );
}

/// A path as somebody in the root of the repository types it.
fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Where a server listens that nobody told otherwise.
const URL: &str = "http://127.0.0.1:7878";

/// Where a Redis listens that nobody told otherwise.
const REDIS: &str = "redis://127.0.0.1:6379";

/// The program, built for this demo.
fn program() -> Command {
    Command::new(target().join("debug/sandmill"))
}
