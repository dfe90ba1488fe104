//! How long to wait before the next try: exponential, with full jitter.
//!
//! A wait is any time between nothing and the step, so that a thousand callers that failed together do not come back together.

use std::time::Duration;

/// The steps of a back-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest first wait.
    pub min: Duration,
    /// The longest wait of all.
    pub max: Duration,
}

impl Default for Backoff {
    /// From 50 ms, which a restart on the same machine takes, to 5 s, which nobody notices after an outage.
    fn default() -> Self {
        Self { min: Duration::from_millis(50), max: Duration::from_secs(5) }
    }
}

impl Backoff {
    /// The longest wait after so many failures in a row, counted from 1.
    #[must_use]
    pub fn step(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.min.saturating_mul(1 << doublings).min(self.max)
    }

    /// A wait after so many failures in a row.
    #[must_use]
    pub fn wait(&self, failures: u32) -> Duration {
        self.step(failures).mul_f64(fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_doubles_until_the_longest() {
        let backoff = Backoff::default();
        let steps: Vec<_> = [1, 2, 3, 7, 8, 9, u32::MAX].map(|n| backoff.step(n).as_millis()).into();
        assert_eq!(steps, [50, 100, 200, 3_200, 5_000, 5_000, 5_000]);
    }

    #[test]
    fn a_wait_is_any_time_within_its_step() {
        let backoff = Backoff::default();
        let waits: Vec<_> = (0..1_000).map(|_| backoff.wait(3)).collect();
        assert!(waits.iter().all(|wait| *wait <= Duration::from_millis(200)));
        assert!(waits.iter().any(|wait| *wait < Duration::from_millis(50)), "no short one among 1,000");
        assert!(waits.iter().any(|wait| *wait > Duration::from_millis(150)), "no long one among 1,000");
    }
}
