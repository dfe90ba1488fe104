//! Stories of executions, told to a machine by hand: what it is told, what it wants done, and how it ends.

mod again;
mod control;
mod definition;
mod delivery;
mod documents;
mod extensions;
mod fixture;
mod flow;
mod forks;
mod functions;
mod kit;
mod lifecycle;
mod maps;
mod retries;
mod returns;
mod simulation;
mod snapshots;
mod subflows;
