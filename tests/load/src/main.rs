//! The benchmarks: each figure beside its baseline, measured in the same run.
//!
//! One file for each bench. What they share stands beside them: an engine in this process (`stage`), the workflows that it runs (`workflow`), and
//! the real program beside it (`host`). How things are measured and printed stands in `tests/speed`, with the benches that need no engine.
//!
//! What figures must be reached stands with each bench, and what was measured in `docs/benchmarks.md`.

mod counted;
mod host;
mod parked;
mod remote;
mod stage;
mod workflow;

mod bare;
mod big_map;
mod config_fetch;
mod context;
mod expressions;
mod footprint;
mod history;
mod map;
mod plain;
mod queue;
mod redis_load;
mod remote_map;
mod replay;
mod start;
mod steps;
mod task_call;
mod worker_memory;

use std::process::ExitCode;

use sandmill_speed::program::{Bench, run};

/// The benches by name.
const BENCHES: &[(&str, Bench)] = &[
    ("big-map", big_map::run),
    ("config-fetch", config_fetch::run),
    ("context", context::run),
    ("expressions", expressions::run),
    ("footprint", footprint::run),
    ("history", history::run),
    ("map", map::run),
    ("queue", queue::run),
    ("redis-load", redis_load::run),
    ("remote-map", remote_map::run),
    ("replay", replay::run),
    ("start", start::run),
    ("steps", steps::run),
    ("task-call", task_call::run),
    ("worker-memory", worker_memory::run),
];

fn main() -> ExitCode {
    run(BENCHES)
}
