//! The demo: a server of its own, this repository's sources as the input, and the commands to do the same by hand.

mod input;
mod server;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::plugins;
use crate::shell::{self, cargo, root, target};
use server::Server;

/// The workflow, and the plugins that it calls.
const WORKFLOW: &str = "examples/source-report/workflow.yaml";
const PLUGINS: [&str; 2] = ["source-stats", "report"];

/// Runs it.
pub(crate) fn run() -> Result<()> {
    step("building the plugins and the host");
    plugins::build()?;
    cargo(["build", "--locked", "--package", "sandmill-cli"])?;

    step("starting a server in a temporary directory");
    let server = Server::start()?;
    println!("{}", server.url);

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
    print_commands(&file);
    server.stop()
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

fn print_commands(input: &str) {
    let components = PLUGINS.map(|plugin| {
        let component = relative(&plugins::component(plugin));
        format!("curl -X PUT --data-binary @{component} {URL}/v1/plugins/{plugin}/0.1.0")
    });
    println!(
        "{program} up          # in another terminal\n{}\n\
         curl -X PUT --data-binary @{WORKFLOW} {URL}/v1/workflows\n\
         curl --data-binary @{input} '{URL}/v1/workflows/examples/source-report/executions?wait=30s'\n\
         curl -N {URL}/v1/executions/ID/events          # ID as the line before printed it",
        components.join("\n"),
        program = relative(&target().join("debug/sandmill")),
    );
}

/// A path as somebody in the root of the repository types it.
fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Where a server listens that nobody told otherwise.
const URL: &str = "http://127.0.0.1:7878";

/// The program, built for this demo.
fn program() -> Command {
    Command::new(target().join("debug/sandmill"))
}
