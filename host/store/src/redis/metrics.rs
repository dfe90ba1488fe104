//! Every metric of the way to a Redis server, with its unit and its labels.

use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use sandmill_engine::metrics::{QUEUE_DEPTH, QUEUE_WAIT_SECONDS};

/// Requests that went to a Redis server; a script is one, and so is each command of a pipeline.
pub const REQUESTS: &str = "sandmill_redis_requests_total";
/// Seconds from sending requests to having all of their answers.
pub const ROUND_TRIP_SECONDS: &str = "sandmill_redis_round_trip_seconds";

/// Seconds that the oldest task without a worker waits, in the engine or in Redis.
pub const QUEUE_OLDEST_SECONDS: &str = "sandmill_queue_oldest_seconds";
/// Workers that the engine heard of lately.
pub const QUEUE_WORKERS: &str = "sandmill_queue_workers";
/// Tasks that they run at a time, all together.
pub const QUEUE_SLOTS: &str = "sandmill_queue_slots";
/// Dead letters.
pub const DEAD_LETTERS: &str = "sandmill_queue_dead_letters";

/// Leases that this worker has.
pub const LEASES: &str = "sandmill_queue_leases";
/// Tasks that were taken over from workers that are gone.
pub const REDELIVERIES: &str = "sandmill_queue_redeliveries_total";
/// Results that came too late and were refused.
pub const LATE_RESULTS: &str = "sandmill_queue_late_results_total";
/// Configs that a worker did not find and the engine put back.
pub const REPAIRS: &str = "sandmill_queue_repairs_total";
/// Context values that a worker had already.
pub const CONTEXT_HITS: &str = "sandmill_context_cache_hits_total";
/// Context values that a worker fetched.
pub const CONTEXT_MISSES: &str = "sandmill_context_cache_misses_total";

/// What a connection counts.
pub(crate) struct RedisMeters {
    requests: Counter,
    round_trip: Histogram,
}

impl RedisMeters {
    pub(crate) fn new() -> Self {
        describe_counter!(REQUESTS, Unit::Count, "Requests that went to a Redis server.");
        describe_histogram!(ROUND_TRIP_SECONDS, Unit::Seconds, "How long an answer of a Redis server took.");
        describe_histogram!(QUEUE_WAIT_SECONDS, Unit::Seconds, "How long a task waited for a worker.");
        describe_gauge!(LEASES, Unit::Count, "Leases that this worker has.");
        describe_counter!(REDELIVERIES, Unit::Count, "Tasks that were taken over from workers that are gone.");
        describe_counter!(LATE_RESULTS, Unit::Count, "Results that came too late and were refused.");
        describe_counter!(REPAIRS, Unit::Count, "Configs that a worker did not find and the engine put back.");
        describe_counter!(CONTEXT_HITS, Unit::Count, "Context values that a worker had already.");
        describe_counter!(CONTEXT_MISSES, Unit::Count, "Context values that a worker fetched.");
        Self { requests: counter!(REQUESTS), round_trip: histogram!(ROUND_TRIP_SECONDS) }
    }

    pub(crate) fn round_trip(&self, requests: u64, took: Duration) {
        self.requests.increment(requests);
        self.round_trip.record(took);
    }
}

/// What the engine's end of a queue measures, with each count of its workers.
pub(crate) struct QueueMeters {
    /// The metric of the engine's own queue, too: a process has one of them.
    pub(crate) depth: Gauge,
    pub(crate) oldest: Gauge,
    pub(crate) workers: Gauge,
    pub(crate) slots: Gauge,
    pub(crate) dead: Gauge,
}

impl QueueMeters {
    pub(crate) fn new() -> Self {
        describe_gauge!(QUEUE_OLDEST_SECONDS, Unit::Seconds, "How long the oldest task without a worker waits.");
        describe_gauge!(QUEUE_WORKERS, Unit::Count, "Workers that the engine heard of lately.");
        describe_gauge!(QUEUE_SLOTS, Unit::Count, "Tasks that the workers run at a time, all together.");
        describe_gauge!(DEAD_LETTERS, Unit::Count, "Dead letters.");
        Self {
            depth: gauge!(QUEUE_DEPTH),
            oldest: gauge!(QUEUE_OLDEST_SECONDS),
            workers: gauge!(QUEUE_WORKERS),
            slots: gauge!(QUEUE_SLOTS),
            dead: gauge!(DEAD_LETTERS),
        }
    }
}
