//! What the ports promise, checked against every adapter, and what the embedded store and the one in Redis promise beyond them.
//!
//! One file for each port. A case is written once, and [`kit::check`] runs it against each adapter.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod kit;

mod journal;
mod removal;

mod executions;
mod paging;

mod configs;
mod logs;
mod shared;
mod values;

mod definitions;
mod plugins;

mod directory;

mod queue;

mod redis_connection;
mod redis_records;
mod redis_ttl;

mod durability;
mod full_disk;
mod opening;
