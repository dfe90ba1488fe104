//! Plugins as their authors write them: in tests, and as components.

mod component;
mod harness;
mod task;
