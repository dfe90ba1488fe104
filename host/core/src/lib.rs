//! The core of Sandmill: what a workflow means, decided without touching the world.
//!
//! Owns ids, values, expressions, the definition of workflows and the interpreter. It is pure: no async, no clock, no randomness, no I/O and
//! no iteration over hash maps, so that the same inputs give the same decisions everywhere, and replay is possible at all.

pub mod ids;
pub mod time;
pub mod value;

pub mod expression;

pub mod definition;
pub mod machine;
pub mod problem;

pub mod codec;
