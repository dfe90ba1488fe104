//! The benchmarks of the core alone: the compiler of documents and the interpreter, without engine, store and runtime.
//!
//! One file for each bench; the documents that they run stand in `documents`.

mod documents;

mod compile;
mod interpreter;
mod map_machine;

use std::process::ExitCode;

use sandmill_speed::program::{Bench, run};

/// The benches by name.
const BENCHES: &[(&str, Bench)] =
    &[("compile", compile::run), ("interpreter", interpreter::run), ("map-machine", map_machine::run)];

fn main() -> ExitCode {
    run(BENCHES)
}
