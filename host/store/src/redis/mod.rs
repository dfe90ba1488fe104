//! Adapters over a Redis server: what workers in other processes need, and the connection that queues are built on.
//!
//! Owns every key (`keys`), every script (`scripts`) and the one way to the server (`connection`). What lies in Redis can be rebuilt from the
//! engine's journal at any time: nothing here decides whether work is done. Streams, leases and workers stand in `queue`, on top of all of it.

mod options;

mod backoff;
mod connection;
mod failure;
pub mod metrics;
mod scripts;

pub mod keys;

mod adapters;
mod bodies;
mod record;
mod records;

pub mod queue;

pub use adapters::{RedisComponents, RedisConfigs, RedisValues};
pub use backoff::Backoff;
pub use connection::{BlockingConnection, Redis};
pub use failure::RedisFailure;
pub use keys::{Keys, Prefix};
pub use options::RedisOptions;
pub use record::{ConfigForm, ContextRef, TaskRecord, ValueRef, WorkflowRef};
pub use records::{Records, TaskToSave};
pub use redis::aio::PubSub;
pub use redis::{Cmd, FromRedisValue, Value, cmd, from_redis_value};
pub use scripts::{Call, Request, Script};
