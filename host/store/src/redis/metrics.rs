//! Every metric of the way to a Redis server, with its unit and its labels.

use std::time::Duration;

use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram};

/// Requests that went to a Redis server; a script is one, and so is each command of a pipeline.
pub const REQUESTS: &str = "sandmill_redis_requests_total";
/// Seconds from sending requests to having all of their answers.
pub const ROUND_TRIP_SECONDS: &str = "sandmill_redis_round_trip_seconds";

/// What a connection counts.
pub(crate) struct RedisMeters {
    requests: Counter,
    round_trip: Histogram,
}

impl RedisMeters {
    pub(crate) fn new() -> Self {
        describe_counter!(REQUESTS, Unit::Count, "Requests that went to a Redis server.");
        describe_histogram!(ROUND_TRIP_SECONDS, Unit::Seconds, "How long an answer of a Redis server took.");
        Self { requests: counter!(REQUESTS), round_trip: histogram!(ROUND_TRIP_SECONDS) }
    }

    pub(crate) fn round_trip(&self, requests: u64, took: Duration) {
        self.requests.increment(requests);
        self.round_trip.record(took);
    }
}
