//! The HTTP API of Sandmill, under `/v1`.
//!
//! Owns what goes over HTTP: who may ask, the shapes of bodies, every error as a problem document with a stable code, streams, limits, and the
//! description of all this as OpenAPI. Knows nothing of where things are stored or how a task runs: it asks the engine, the registry and
//! the store's ports.
//!
//! One request on its way: [`serve()`] -> `observe` (request id, log, metrics) -> `protect` (headers, time, panics) -> the gate in `auth` (who
//! asks, for which tenant, is there room) -> its handler in `routes`.

mod options;
mod state;

mod connection;
mod serve;
mod slow_writes;

mod observe;
mod protect;

mod auth;

mod extract;
mod routes;

mod probe;

mod code;
mod error;

pub use auth::new_key;
pub use code::{CODES, Code, CodeRow, Fault};
pub use connection::Connection;
pub use options::{ApiOptions, ConnectionOptions};
pub use probe::{Readiness, probe};
pub use routes::{description, router};
pub use serve::serve;
pub use state::Parts;
