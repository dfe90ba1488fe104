//! Stories of executions, told to a machine by hand: what it is told, what it wants done, and how it ends.

mod control;
mod definition;
mod documents;
mod fixture;
mod flow;
mod forks;
mod kit;
mod maps;
mod retries;
mod simulation;
mod snapshots;
