//! The project's own commands: `cargo xtask <command>`.
//!
//! Owns the order of things and the set-up of a machine; whatever a command really does is done by cargo or by a crate of the project.

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
    /// Everything that has to pass before a change goes in: format, lints, then all tests.
    Ci,
    /// Installs what the tests need, and runs every test of the repository.
    Test {
        /// Given to `cargo test` as they are, for instance `-p sandmill-core`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Ci => ci(),
        Command::Test { arguments } => test(&arguments),
    }
}

fn ci() -> Result<()> {
    cargo(["fmt", "--all", "--check"])?;
    cargo(["clippy", "--all-targets", "--locked", "--", "--deny", "warnings"])?;
    test(&[])
}

fn test(arguments: &[String]) -> Result<()> {
    setup::wasm_target()?;
    let given: Vec<&str> = arguments.iter().map(String::as_str).collect();
    cargo(["test", "--locked", "--no-fail-fast"].into_iter().chain(given))
}
