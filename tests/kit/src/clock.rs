//! A clock that stands still until the test lets time pass, and goes back when the test wants it to.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use sandmill_core::time::{Millis, Timestamp};
use sandmill_engine::ports::Clock;
use tokio::sync::watch;

/// The clock of a test.
pub struct TestClock {
    now: watch::Sender<Timestamp>,
    /// How many sleep until each moment.
    sleepers: Mutex<BTreeMap<Timestamp, usize>>,
}

impl Default for TestClock {
    fn default() -> Self {
        Self { now: watch::channel(Timestamp(1_000_000)).0, sleepers: Mutex::default() }
    }
}

impl TestClock {
    /// Lets time pass.
    pub fn pass(&self, span: Millis) {
        self.now.send_modify(|now| *now = now.after(span));
    }

    /// Sets the time, to before or after.
    pub fn set(&self, moment: Timestamp) {
        self.now.send_replace(moment);
    }

    /// The first moment that somebody sleeps until.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.sleepers.lock().unwrap().keys().next().copied()
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn sleep_until(&self, at: Timestamp) {
        let _sleeper = Sleeper::new(self, at);
        let mut now = self.now.subscribe();
        // The sender is ours, so this ends only when the time has come.
        let _ = now.wait_for(|now| *now >= at).await;
    }
}

/// Somebody who sleeps, until it is dropped.
struct Sleeper<'a> {
    clock: &'a TestClock,
    at: Timestamp,
}

impl<'a> Sleeper<'a> {
    fn new(clock: &'a TestClock, at: Timestamp) -> Self {
        *clock.sleepers.lock().unwrap().entry(at).or_default() += 1;
        Self { clock, at }
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let mut sleepers = self.clock.sleepers.lock().unwrap();
        if let Some(count) = sleepers.get_mut(&self.at) {
            *count -= 1;
            if *count == 0 {
                sleepers.remove(&self.at);
            }
        }
    }
}
