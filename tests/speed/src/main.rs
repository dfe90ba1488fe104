//! The benchmarks of the core alone: the compiler of documents and the interpreter, without engine, store and runtime.
//!
//! One file for each bench; the documents that they run stand in `documents`.

mod documents;

mod compile;
mod interpreter;
mod map_machine;

use std::process::ExitCode;

use anyhow::{Result, bail};
use sandmill_speed::report::Report;

/// Runs one bench, and reports its figures.
type Bench = fn(&mut Report) -> Result<()>;

/// The benches by name.
const BENCHES: &[(&str, Bench)] =
    &[("compile", compile::run), ("interpreter", interpreter::run), ("map-machine", map_machine::run)];

fn main() -> ExitCode {
    let given = std::env::args().nth(1);
    let names = given.as_deref().map_or_else(|| BENCHES.iter().map(|(name, _)| *name).collect(), |name| vec![name]);
    for name in names {
        if let Err(error) = run(name) {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run(name: &str) -> Result<()> {
    let Some((name, bench)) = BENCHES.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).collect();
        bail!("`{name}` is no bench: choose one of {}", known.join(", "));
    };
    if cfg!(debug_assertions) {
        bail!("figures of a debug build say nothing: build with `--release`, or use `cargo xtask bench {name}`");
    }
    let mut report = Report::begin(name)?;
    bench(&mut report)?;
    report.print();
    Ok(())
}
