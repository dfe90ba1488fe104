//! Every time and every bound of the queue.

use std::time::Duration;

/// How the queue behaves. The engine and the workers of one prefix should agree.
#[derive(Debug, Clone)]
pub struct QueueOptions {
    /// How long a worker owns a task that it does not renew.
    pub lease: Duration,
    /// How often it renews.
    pub renew_every: Duration,
    /// How often a worker says that it is there.
    pub heartbeat_every: Duration,
    /// How long what it says of itself is kept.
    pub heartbeat_lives: Duration,
    /// After how long without a word it is off the list.
    pub forget_worker_after: Duration,
    /// How many workers may die of a task before it goes to the dead letters.
    pub losses_max: u32,
    /// How often the engine looks for tasks that Redis has lost.
    pub scan_every: Duration,
    /// How long an engine owns its prefix without renewing that.
    pub owner_lease: Duration,
    /// How often the engine counts the slots of the workers.
    pub count_workers_every: Duration,
    /// How often the engine measures how the queue is. It takes some requests for each queue.
    pub measure_every: Duration,
    /// How many tasks wait in Redis, in multiples of the slots of the workers of their queue.
    pub waiting_per_slot: usize,
    /// How many tasks wait in Redis at least, while no worker has said how many it takes.
    pub waiting_min: usize,
    /// How often a config that a worker did not find is put back before its task fails.
    pub repairs_max: u32,
    /// How long the state of a task is kept that nobody asks about.
    pub state_ttl: Duration,
    /// How long a config lives where nothing says otherwise.
    pub config_ttl: Duration,
    /// How long an idle worker or engine waits on the server at a time.
    pub block: Duration,
    /// Lines of logs and progress that wait for the engine at most; older ones go first.
    pub live_entries_max: usize,
    /// Tasks that a worker claims ahead of those that it runs.
    pub claims_ahead: usize,
    /// Bytes of context values that a worker keeps.
    pub context_cache_bytes: u64,
    /// True for a queue that carries each task's config itself, as queues do that have no store for it. Nothing but a benchmark wants that: it is what
    /// configs by id are measured against. A worker without it looks at no config in the queue.
    pub inlines_configs: bool,
}

impl Default for QueueOptions {
    /// The figures that the design promises.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            lease: seconds(30),
            renew_every: seconds(10),
            heartbeat_every: seconds(30),
            heartbeat_lives: seconds(90),
            forget_worker_after: seconds(120),
            losses_max: 5,
            scan_every: seconds(30),
            owner_lease: seconds(30),
            count_workers_every: seconds(2),
            measure_every: seconds(15),
            waiting_per_slot: 2,
            waiting_min: 64,
            repairs_max: 3,
            state_ttl: seconds(7 * 24 * 60 * 60),
            config_ttl: seconds(24 * 60 * 60),
            block: seconds(5),
            live_entries_max: 100_000,
            claims_ahead: 64,
            context_cache_bytes: 64 << 20,
            inlines_configs: false,
        }
    }
}
