//! How the benchmarks measure: bytes that are allocated, times and medians, the machine, how results are printed, and the program around benches.
//!
//! The benches of this crate stand beside it in its program, and need nothing but the core; those in `tests/load` run the whole engine.

pub mod allocator;
pub mod figures;
pub mod machine;
pub mod program;
pub mod report;
