//! The engine over a real store, with a runner that does as it is told: what its users are promised, and what a crash may not take away.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod admission;
mod again;
mod children;
mod control;
mod crashes;
mod embedded;
mod history;
mod kit;
mod live;
mod queue;
mod registry;
mod retention;
mod running;
mod simulation;
mod trouble;
