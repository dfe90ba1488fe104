//! The clock of Redis, as far as it differs from the one here: clocks of engine and workers may be minutes apart, and that of Redis is between them.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use sandmill_core::time::Timestamp;

use super::super::{Redis, RedisFailure, cmd};

/// How far the clock of Redis is ahead of the one here.
#[derive(Debug, Default)]
pub(super) struct ServerClock {
    ahead_ms: AtomicI64,
    is_known: AtomicBool,
}

impl ServerClock {
    /// Looks at both where nobody has yet: a Redis that was away at the start has told no time.
    pub(super) async fn know(&self, redis: &Redis) -> Result<(), RedisFailure> {
        match self.is_known.load(Ordering::Relaxed) {
            true => Ok(()),
            false => self.compare(redis).await,
        }
    }

    /// Looks at both.
    pub(super) async fn compare(&self, redis: &Redis) -> Result<(), RedisFailure> {
        let before = now_here();
        let (seconds, micros): (i64, i64) = redis.run(cmd("TIME")).await?;
        let here = i64::midpoint(before, now_here());
        self.ahead_ms.store(seconds * 1_000 + micros / 1_000 - here, Ordering::Relaxed);
        self.is_known.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// How far the clock of Redis is ahead, in milliseconds.
    pub(super) fn ahead_ms(&self) -> i64 {
        self.ahead_ms.load(Ordering::Relaxed)
    }

    /// A moment here, by the clock of Redis.
    pub(super) fn there(&self, here: Timestamp) -> Timestamp {
        Timestamp(here.0.saturating_add(self.ahead_ms()))
    }

    /// A moment by the clock of Redis, here.
    pub(super) fn here(&self, there: Timestamp) -> Timestamp {
        Timestamp(there.0.saturating_sub(self.ahead_ms()))
    }

    /// This moment, by the clock of Redis.
    pub(super) fn now_there(&self) -> Timestamp {
        self.there(Timestamp(now_here()))
    }
}

fn now_here() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ahead(ahead_ms: i64) -> ServerClock {
        ServerClock { ahead_ms: AtomicI64::new(ahead_ms), ..ServerClock::default() }
    }

    #[track_caller]
    fn check(ahead_ms: i64) {
        let clock = ahead(ahead_ms);
        let deadline = Timestamp(1_790_000_060_000);
        assert_eq!(clock.there(deadline).0 - deadline.0, ahead_ms);
        assert_eq!(clock.here(clock.there(deadline)), deadline, "there and back");
        assert!((clock.now_there().0 - now_here() - ahead_ms).abs() < 10_000);
    }

    #[test]
    fn a_moment_is_the_same_by_either_clock() {
        [0, 1, -1, 600_000, -600_000].into_iter().for_each(check);
    }

    #[test]
    fn a_deadline_that_a_worker_with_another_clock_reads_is_as_far_away() {
        let engine = ahead(-90_000);
        let worker = ahead(30_000);
        let (now_of_engine, now_of_worker) = (Timestamp(500_000), Timestamp(380_000));
        let deadline = Timestamp(now_of_engine.0 + 5_000);
        assert_eq!(worker.here(engine.there(deadline)).0 - now_of_worker.0, 5_000);
    }

    #[test]
    fn a_moment_at_the_end_of_time_stays_there() {
        let clock = ahead(1);
        assert_eq!(clock.there(Timestamp(i64::MAX)), Timestamp(i64::MAX));
    }
}
