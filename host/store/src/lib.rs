//! Adapters of the engine's ports: one that forgets, one that survives, and one for what workers in other processes need.
//!
//! The ports are written once, over `rows::Rows`: ordered rows of bytes, read through a view and changed in one atomic commit. An adapter is
//! no more than that. Two adapters that each knew what a tombstone or a page is would be two chances to get it wrong.
//!
//! Owns every key (`keys`) and every stored encoding (`encoding`). Knows nothing of Wasm, HTTP or what a record means.

mod encoding;
mod keys;
mod page;
mod rows;

mod catalog;
mod directory;
mod executions;
mod journal;
mod logs;
mod shared;
mod values;

pub mod embedded;
pub mod memory;
pub mod redis;

pub use catalog::PINS_NAMED_MAX;
pub use embedded::{EmbeddedOptions, EmbeddedStore, OpenError};
pub use executions::ROWS_LOOKED_AT_MAX;
pub use memory::MemoryStore;
pub use rows::RowStore;
pub use shared::MemoryShared;
