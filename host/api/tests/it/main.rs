//! The API through its real router, over a real engine with the memory store and a runner that is told what to do.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod kit;

mod again;
mod auth;
mod errors;
mod executions;
mod limits;
mod openapi;
mod operators;
mod plugins;
mod serving;
mod streams;
mod workflows;
