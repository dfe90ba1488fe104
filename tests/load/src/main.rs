//! The benchmarks: each figure beside its baseline, measured in the same run.
//!
//! One file for each bench. What they share stands beside them: an engine in this process (`stage`), the workflows that it runs (`workflow`), and
//! the real program beside it (`host`). How things are measured and printed stands in `tests/speed`, with the benches that need no engine.
//!
//! What figures must be reached stands with each bench, and what was measured in `docs/benchmarks.md`.

mod counted;
mod host;
mod parked;
mod stage;
mod workflow;

mod bare;
mod big_map;
mod context;
mod expressions;
mod footprint;
mod map;
mod plain;
mod start;
mod steps;
mod task_call;

use std::process::ExitCode;

use anyhow::{Result, bail};
use sandmill_speed::report::Report;

/// Runs one bench, and reports its figures.
type Bench = fn(&mut Report) -> Result<()>;

/// The benches by name.
const BENCHES: &[(&str, Bench)] = &[
    ("big-map", big_map::run),
    ("context", context::run),
    ("expressions", expressions::run),
    ("footprint", footprint::run),
    ("map", map::run),
    ("start", start::run),
    ("steps", steps::run),
    ("task-call", task_call::run),
];

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
