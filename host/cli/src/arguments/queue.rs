//! What can be typed about the queue in Redis, and about how well everything is.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Definition, RedisArguments, SettingArguments, definition};

/// Where the queue is.
#[derive(Debug, Args)]
pub(crate) struct Desk {
    #[command(flatten)]
    pub(crate) redis: RedisArguments,
    #[command(flatten)]
    pub(crate) settings: SettingArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Queue {
    /// Show what waits and what runs, the workers, and the engine that owns the queue.
    #[command(after_help = STATS_EXAMPLES)]
    Stats(Desk),
    /// List dead letters, the oldest first: messages that no worker could read, and tasks that killed every worker.
    #[command(after_help = DEAD_EXAMPLES)]
    Dead(QueueDead),
    /// Run the execution of a dead letter again, from what failed, and drop the letter.
    #[command(after_help = RETRY_EXAMPLES)]
    Retry(QueueLetter),
    /// Drop a dead letter: its task failed already, and stays so.
    #[command(after_help = DROP_EXAMPLES)]
    Drop(QueueLetter),
}

#[derive(Debug, Args)]
pub(crate) struct QueueDead {
    /// Only those that came after this one.
    #[arg(long, value_name = "ID")]
    pub(crate) after: Option<String>,
    /// How many to list.
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) limit: u64,
    #[command(flatten)]
    pub(crate) desk: Desk,
}

#[derive(Debug, Args)]
pub(crate) struct QueueLetter {
    /// The dead letter, as `sandmill queue dead` names it.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) desk: Desk,
}

#[derive(Debug, Args)]
#[command(after_help = DOCTOR_EXAMPLES)]
pub(crate) struct Doctor {
    /// Look at a document too: does it convert, and does the server have what it calls?
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Look at a workflow definition of the server too: is it there, with what it calls? All of its versions, or that one.
    #[arg(long, value_name = "NAMESPACE/NAME[:VERSION]", value_parser = definition)]
    pub(crate) workflow: Option<Definition>,
    /// Look at an execution too: what does it wait for, or what did it fail of?
    #[arg(long, value_name = "ID")]
    pub(crate) execution: Option<String>,
    #[command(flatten)]
    pub(crate) redis: RedisArguments,
    #[command(flatten)]
    pub(crate) settings: SettingArguments,
}

const STATS_EXAMPLES: &str = "\
Examples:
  sandmill queue stats --redis redis://127.0.0.1:6379
  sandmill queue stats --json | jq '.streams[] | select(.waiting > 100)'     # with redis.url in sandmill.toml";

const DEAD_EXAMPLES: &str = "\
Examples:
  sandmill queue dead --redis redis://127.0.0.1:6379
  sandmill queue dead --limit 100 --after 1790000000000-0     # the next page
  sandmill queue dead --json                                  # everything, with the bytes of each message";

const RETRY_EXAMPLES: &str = "\
The server is asked as by `sandmill rerun`: a new execution takes over what was done. It must be reachable (--server), and so must Redis.

Example:
  sandmill queue retry 1790000000000-0 --redis redis://127.0.0.1:6379";

const DROP_EXAMPLES: &str = "\
Example:
  sandmill queue drop 1790000000000-0 --redis redis://127.0.0.1:6379";

const DOCTOR_EXAMPLES: &str = "\
Examples:
  sandmill doctor
  sandmill doctor --redis redis://127.0.0.1:6379     # Redis and the queue in it, too
  sandmill doctor --file party.yaml                  # why it cannot be deployed
  sandmill doctor --workflow demo/party:1.0.0        # why it cannot be started
  sandmill doctor --execution 6f1c2a7e9b3d4c5f8a0b1c2d3e4f5a6b --redis redis://127.0.0.1:6379     # why it does not go on";
