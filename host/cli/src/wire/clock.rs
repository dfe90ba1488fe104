//! The clock of this machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use sandmill_core::time::Timestamp;
use sandmill_engine::ports::Clock;

/// How long a sleep goes on without a look at the clock: somebody may have set it meanwhile, and a laptop may have slept.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The time of this machine.
pub(crate) struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let left = at.0.saturating_sub(self.now().0);
            let Ok(left @ 1..) = u64::try_from(left) else { return };
            tokio::time::sleep(Duration::from_millis(left).min(LOOK_EVERY)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleep_ends_at_its_moment_and_not_before() {
        let clock = SystemClock;
        clock.sleep_until(Timestamp(0)).await;
        let at = Timestamp(clock.now().0 + 20);
        clock.sleep_until(at).await;
        assert!(clock.now() >= at);
    }
}
