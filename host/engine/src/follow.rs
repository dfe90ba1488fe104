//! What is seen of running tasks beside the durable record: their log, and how far they have come.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::Engine;
use crate::ports::{ExecutionKey, LogLine, Page, Progress, StoreError, TaskObserver};

impl Engine {
    /// What the runner of this engine's tasks tells about them while they run.
    #[must_use]
    pub fn observer(&self) -> Arc<dyn TaskObserver> {
        Arc::clone(&self.shared.live) as Arc<dyn TaskObserver>
    }

    /// A page of what the tasks of an execution wrote, oldest first. See [`crate::ports::Logs::logs`].
    pub fn logs(&self, key: &ExecutionKey, after: Option<&str>, lines_max: usize) -> Result<Page<LogLine>, StoreError> {
        self.shared.store.logs(key, after, lines_max)
    }

    /// Waits until there are lines after a place in the log, and gives true; or until the execution has ended with nothing after it, and gives
    /// false. `after` is the `next` of the page that was read last.
    pub async fn log_changed(&self, key: &ExecutionKey, after: Option<&str>) -> Result<bool, StoreError> {
        let mut lines = self.shared.live.line_news().subscribe(key);
        let mut ends = self.shared.end_news.subscribe(key);
        loop {
            if !self.shared.store.logs(key, after, 1)?.items.is_empty() {
                return Ok(true);
            }
            if self.shared.library.is_closed() || self.row(key)?.is_none_or(|row| row.status.is_ended()) {
                self.shared.live.flush().await;
                return Ok(!self.shared.store.logs(key, after, 1)?.items.is_empty());
            }
            tokio::select! {
                () = lines.changed() => {}
                () = ends.changed() => {}
            }
        }
    }

    /// How far the tasks of an execution that run have come, by the number of the task, where they said so.
    #[must_use]
    pub fn progress(&self, key: &ExecutionKey) -> BTreeMap<u32, Progress> {
        self.shared.live.progress_of(key)
    }

    /// Returns when a task of an execution next says how far it has come. News before the call are seen by [`Self::progress`].
    pub async fn progress_changed(&self, key: &ExecutionKey) {
        self.shared.live.progress_news.subscribe(key).changed().await;
    }
}
