//! The driver of workflow executions: what happens around the pure interpreter.
//!
//! Owns shards, the journal writer, recovery, the worker loop, and the ports that stores, queues and runners implement. Knows no Wasm, no HTTP
//! and no key of a store.
//!
//! One request on its way: [`Engine::start`] -> its shard (`shard`) -> the machine's turn (`execution`) -> the journal (`writer`) -> only then
//! the queue (`queue`), a worker (`worker`), and back with a completion.

pub mod metrics;
pub mod ports;

mod admission;
mod engine;
mod execution;
mod follow;
mod health;
mod history;
mod live;
mod notices;
mod queue;
mod recovery;
mod registry;
mod shard;
mod shared;
mod sweeper;
mod worker;
mod writer;

pub use admission::{Start, StartError};
pub use engine::{Control, ControlError, Engine};
pub use execution::Snapshots;
pub use health::Health;
pub use history::{Again, AgainError, EventId, EventReader, LifecycleEvent, ReadError, TaskPage, TaskStatus, TaskView};
pub use live::Live;
pub use queue::MemoryQueue;
pub use registry::{COMPONENT_BYTES_MAX, Compile, DeployError, RegisterError, Registered, Registry};
pub use shared::{LocalWorker, Options, Parts, Workers};
pub use worker::work;
pub use writer::{Disk, Writing};
