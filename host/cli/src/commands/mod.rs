//! The commands, one file each: from what was typed to what is printed.

pub(crate) mod run;
pub(crate) mod up;

pub(crate) mod schema;
pub(crate) mod trigger;

pub(crate) mod dry_run;
pub(crate) mod graph;
pub(crate) mod test;
pub(crate) mod validate;

pub(crate) mod directory;
pub(crate) mod executions;
pub(crate) mod follow;
pub(crate) mod plugin;
pub(crate) mod queue;
pub(crate) mod worker;
pub(crate) mod workflow;

pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod explain;
