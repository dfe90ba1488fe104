//! Who waits for news about an execution.
//!
//! News carry nothing: whoever waits looks first, waits, and looks again, so that nothing is missed and nothing piles up for a slow one
//! (a level, not an edge). Telling news that nobody waits for costs one look at a number, for it is done with every step.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::ports::ExecutionKey;

/// News of one kind, of all executions.
#[derive(Default)]
pub(crate) struct Notices {
    watched: Mutex<HashMap<ExecutionKey, watch::Sender<()>>>,
    /// How many executions are watched.
    count: AtomicUsize,
}

/// Waits for news of one execution. Counts news from the moment it was made.
pub(crate) struct Subscription {
    notices: Arc<Notices>,
    key: ExecutionKey,
    receiver: watch::Receiver<()>,
}

impl Notices {
    /// Begins to wait. Look at the execution after this and before the first [`Subscription::changed`].
    pub(crate) fn subscribe(self: &Arc<Self>, key: &ExecutionKey) -> Subscription {
        let mut watched = self.lock();
        let receiver = watched.entry(key.clone()).or_insert_with(|| watch::channel(()).0).subscribe();
        self.count.store(watched.len(), Ordering::SeqCst);
        drop(watched);
        // With the fence of `tell`: either the news that follow are told, or what they are about is seen by the look that follows.
        fence(Ordering::SeqCst);
        Subscription { notices: Arc::clone(self), key: key.clone(), receiver }
    }

    /// There are news of an execution, and whoever looks sees what they are about.
    pub(crate) fn tell(&self, key: &ExecutionKey) {
        fence(Ordering::SeqCst);
        if self.count.load(Ordering::SeqCst) > 0
            && let Some(sender) = self.lock().get(key)
        {
            sender.send_replace(());
        }
    }

    /// Wakes everybody, for no more news will come.
    pub(crate) fn tell_all(&self) {
        self.lock().values().for_each(|sender| sender.send_replace(()));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ExecutionKey, watch::Sender<()>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    /// Returns when there were news since it returned last.
    pub(crate) async fn changed(&mut self) {
        // The sender lives as long as one subscription does.
        let _ = self.receiver.changed().await;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut watched = self.notices.lock();
        if watched.get(&self.key).is_some_and(|sender| sender.receiver_count() <= 1) {
            watched.remove(&self.key);
            self.notices.count.store(watched.len(), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use sandmill_core::ids::{TenantId, WorkflowExecId};

    use super::*;

    fn key(id: u128) -> ExecutionKey {
        ExecutionKey { tenant: TenantId::new("t").expect("a label"), id: WorkflowExecId::from_random(id) }
    }

    #[test]
    fn news_wait_for_whoever_subscribed_before_and_many_are_one() {
        let notices: Arc<Notices> = Arc::default();
        notices.tell(&key(1));
        let mut one = notices.subscribe(&key(1));
        let mut other = notices.subscribe(&key(2));
        assert_eq!(one.changed().now_or_never(), None, "what was told before is seen by looking");
        notices.tell(&key(1));
        notices.tell(&key(1));
        assert_eq!(one.changed().now_or_never(), Some(()));
        assert_eq!(one.changed().now_or_never(), None);
        assert_eq!(other.changed().now_or_never(), None, "they are of another execution");
        notices.tell_all();
        assert_eq!(other.changed().now_or_never(), Some(()));
    }

    #[test]
    fn nothing_is_left_of_those_who_stopped_waiting() {
        let notices: Arc<Notices> = Arc::default();
        let one = notices.subscribe(&key(1));
        let same = notices.subscribe(&key(1));
        drop(one);
        assert_eq!(notices.lock().len(), 1);
        drop(same);
        assert_eq!((notices.lock().len(), notices.count.load(Ordering::SeqCst)), (0, 0));
    }
}
