//! Builds the benchmarks for release and runs them: those of the core alone, and those of the whole engine, which take far longer to build.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::plugins;
use crate::shell::{cargo, cargo_command, run as run_program, target};

/// The benches of `tests/speed`; all others are those of `tests/load`.
const OF_THE_CORE: [&str; 3] = ["compile", "interpreter", "map-machine"];

/// Runs one bench, or all of them.
pub(crate) fn run(name: Option<&str>, arguments: &[String]) -> Result<()> {
    let is_of_the_core = name.map(|name| OF_THE_CORE.contains(&name));
    if is_of_the_core != Some(false) {
        cargo(["build", "--locked", "--release", "--package", "sandmill-speed"])?;
        let mut bench = Command::new(target().join("release/sandmill-speed"));
        if name.is_none_or(|name| name == "interpreter") {
            bench.env("SANDMILL_BESIDE", beside()?);
        }
        run_program(bench.args(name).args(arguments))?;
    }
    if is_of_the_core != Some(true) {
        plugins::build()?;
        // Both at once, so that they share what they are built from.
        cargo(["build", "--locked", "--release", "--package", "sandmill-cli", "--package", "sandmill-load"])?;
        run_program(Command::new(target().join("release/sandmill-load")).args(name).args(arguments))?;
    }
    Ok(())
}

/// The program that runs a document on the other Rust runtime for the language.
fn beside() -> Result<PathBuf> {
    let folder = target().join("beside");
    let arguments = ["build", "--locked", "--release", "--manifest-path", "tests/speed/beside/Cargo.toml"];
    run_program(cargo_command(arguments).env("CARGO_TARGET_DIR", &folder))?;
    Ok(folder.join("release/sandmill-beside"))
}
