//! The project's own commands: `cargo xtask <command>`.
//!
//! Owns the order of things and the set-up of a machine; whatever a command really does is done by cargo or by a crate of the project.

mod agreement;
mod bench;
mod conformance;
mod demo;
mod fuzz;
mod plugins;
mod setup;
mod shell;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::shell::cargo;

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds everything, starts a server, runs a workflow over this repository's sources, and shows the report.
    Demo {
        /// Leaves the tasks to two workers behind a Redis: the one of this URL, or one that the demo starts.
        #[arg(long, value_name = "URL", num_args = 0..=1)]
        redis: Option<Option<String>>,
    },
    /// Installs what the tests need, and runs every test of the repository.
    Test {
        /// Runs the long versions of the tests that kill, cut and simulate.
        #[arg(long)]
        soak: bool,
        /// Given to `cargo test` as they are, for instance `-p sandmill-core`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Checks what we say of the specification's own documents, which are read from `OWS_DIR`, and runs its features and ours against the host.
    Conformance {
        /// Runs the features only, twice, the second time with two workers behind a Redis, and fails where that changes a verdict.
        #[arg(long)]
        redis: bool,
        /// Given to the program that runs the features as they are, for instance `--tags "not @slow"` or `--features DIR`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Format and lints.
    Lint,
    /// Everything that has to pass before a change goes in: format, lints, then all tests.
    Ci,
    /// Builds the plugins, and says where they lie.
    Plugins,
    /// Gives documents, expressions and journals that nobody would write to what reads them.
    Fuzz {
        /// Which target; without a name, all of them.
        target: Option<String>,
        /// How long each one runs.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Measures: builds for release, runs one benchmark, and prints its figures.
    Bench {
        /// Which one; without a name, all of them.
        name: Option<String>,
        /// Given to the benchmark as they are.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Demo { redis } => demo::run(redis.as_ref().map(Option::as_deref)),
        Command::Test { soak, arguments } => test(soak, &arguments),
        Command::Conformance { redis: false, arguments } => conformance::run(&arguments),
        Command::Conformance { redis: true, arguments } => conformance::run_with_redis(&arguments),
        Command::Lint => lint(),
        Command::Ci => ci(),
        Command::Plugins => plugins::build_and_list(),
        Command::Fuzz { target, seconds } => fuzz::fuzz(target.as_deref(), seconds),
        Command::Bench { name, arguments } => bench::run(name.as_deref(), &arguments),
    }
}

fn ci() -> Result<()> {
    lint()?;
    test(false, &[])
}

fn lint() -> Result<()> {
    cargo(["fmt", "--all", "--check"])?;
    for workspace in ["fuzz/Cargo.toml", "tests/speed/beside/Cargo.toml"] {
        cargo(["fmt", "--check", "--manifest-path", workspace])?;
    }
    setup::wasm_target()?;
    let hosts = ["clippy", "--all-targets", "--locked", "--package", "sandmill-load", "--package", "sandmill-speed"];
    cargo(["clippy", "--all-targets", "--locked", "--", "--deny", "warnings"])?;
    let more = ["--package", "sandmill-agreement", "--package", "sandmill-conformance", "--", "--deny", "warnings"];
    cargo(hosts.into_iter().chain(more))?;
    plugins::lint()
}

fn test(soak: bool, arguments: &[String]) -> Result<()> {
    setup::redis()?;
    plugins::build()?;
    // The tests that start the program find it where cargo puts it.
    cargo(["build", "--locked", "--package", "sandmill-cli"])?;
    let given: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut command = shell::cargo_command(["test", "--locked", "--no-fail-fast"].into_iter().chain(given));
    if soak {
        command.env("SANDMILL_SOAK", "1");
    }
    shell::run(&mut command)
}
