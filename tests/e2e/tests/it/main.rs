//! The program as its users meet it: real processes, asked over HTTP and on the command line, and killed.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod kit;

mod authoring;
mod commands;
mod examples;

mod bad_days;
mod crash;
mod killed;

mod doctor;
mod queue_commands;
mod redis;
