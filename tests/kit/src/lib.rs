//! The world around an engine, for tests: a clock that obeys, a store that fails on demand, and a runner that does as it is told.
//!
//! Everything that is random comes from one seed, so that what a test met once it meets again. Faults come in through the engine's ports, as real
//! ones do; where a real server is needed, `redis` starts one and `proxy` stands in its way. Knows no test: what is right and wrong is theirs to say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod clock;
mod definitions;
mod other_clock;
mod proxy;
mod random;
mod redis;
mod runner;
mod shelf;
mod store;
mod world;

pub use clock::TestClock;
pub use definitions::{define, define_named};
pub use other_clock::OtherClock;
pub use proxy::{Direction, Proxy};
pub use random::Random;
pub use redis::{AppendOnly, RedisServer, RedisSetup};
pub use runner::{Effect, FakeRunner};
pub use shelf::Shelf;
pub use store::{Faults, FaultyStore, NoFaults, Verdict};
pub use world::{World, end, tenant, value};
