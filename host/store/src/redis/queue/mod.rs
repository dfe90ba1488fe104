//! The task queue in Redis: streams with one consumer group each, one stream for each queue and priority.
//!
//! [`RedisQueue`] is the engine's end, [`RedisDeliveries`] a worker's. Neither knows a journal, a definition or how a task is run. What may be lost is lost without harm: the engine holds every task until its
//! end is in the journal, and puts in again what Redis no longer knows (rule 30). What must change together changes in one script (`scripts/`), and
//! each script says what it does in its first lines.
//!
//! A task on its way: `waiting` (whose turn it is) -> `pump` (record, then envelope; `flights` parts what is refused from the rest) -> Redis -> `claims` (a worker owns it as long as it renews its
//! lease) -> `assignment` (envelope and record become a task) -> the runner -> `returns` (result, completion, and the entry goes) -> Redis ->
//! `completions` (the engine reads it, and forgets it once it is journaled).

mod envelope;
mod options;
mod scripts;

mod completions;
mod engine;
mod errands;
mod flights;
mod keeper;
mod outstanding;
mod pump;
mod trouble;
mod waiting;

mod assignment;
mod claims;
mod context;
mod heartbeat;
mod live;
mod returns;
mod worker;

mod clock;
mod dead;

pub use dead::{DeadLetter, QueueDesk, QueueStats, StreamStats, WorkerStats};
pub use engine::{EngineParts, OwnerError, RedisQueue};
pub use envelope::{ENVELOPE_VERSION, Envelope, EnvelopeError, Kind, envelope_schema_text, traceparent};
pub use live::RedisObserver;
pub use options::QueueOptions;
pub use worker::{RedisDeliveries, WorkerParts};
