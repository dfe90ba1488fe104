//! A program of benches: runs the one that is named, or all of them, and refuses to measure a debug build.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::report::Report;

/// Runs one bench, and reports its figures.
pub type Bench = fn(&mut Report) -> Result<()>;

/// Runs the bench that the first argument names, or all of them.
#[must_use]
pub fn run(benches: &[(&str, Bench)]) -> ExitCode {
    let given = std::env::args().nth(1);
    let names = given.as_deref().map_or_else(|| benches.iter().map(|(name, _)| *name).collect(), |name| vec![name]);
    for name in names {
        if let Err(error) = run_one(benches, name) {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run_one(benches: &[(&str, Bench)], name: &str) -> Result<()> {
    let Some((name, bench)) = benches.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = benches.iter().map(|(name, _)| *name).collect();
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
