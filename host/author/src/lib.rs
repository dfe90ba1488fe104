//! Tools for the authors of workflows: what can be said about a document, and tried with it, without a host.
//!
//! Pure as the core is: files are read and printed elsewhere, time is virtual, and no plugin runs. Each module is one tool; they know nothing
//! of each other unless one is built on another.

mod reader;
mod text;

pub mod graph;

pub mod dry_run;
pub mod mocks;

pub mod cases;

pub mod schema;
