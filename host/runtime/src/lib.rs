//! Runs one task in one fresh Wasm instance, under limits that each have a name.
//!
//! Owns everything that knows wasmtime: the engine and its settings, components and their compiled code, what a guest may import, and how a call
//! ends. Knows no journal, no route and no key of a store: tasks come in through [`sandmill_engine::ports::Runner`] and components from a
//! [`ComponentSource`]. A task that another process dispatched brings its context and its limits along
//! ([`sandmill_engine::ports::Remote`]).
//!
//! One call on its way: [`Runtime::call`] -> its component (`components`) -> a slot -> the guard that can end it (`guard`, `live`) -> a store, an
//! instance, the export (`call`) -> what the guest asks for (`capabilities`) -> how it ended (`outcome`).

mod limits;
mod options;
mod runtime;

mod bounded;
mod call;
mod cancelled;
mod capabilities;
mod guard;
mod home;
mod live;
mod outcome;

mod artifacts;
mod components;
mod contract;
mod engine;
mod inspect;
mod source;
mod ticker;

pub use artifacts::ArtifactError;
pub use limits::{LIMITS, Limit, LimitRow, PROBLEM_PREFIX, TaskLimits};
pub use options::{ArtifactOptions, RuntimeOptions};
pub use outcome::CallError;
pub use runtime::{Runtime, StartError};
pub use source::ComponentSource;
