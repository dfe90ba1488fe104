//! The sweeper: removes ended executions whose time is over, slice by slice (rule 13).
//!
//! It is never in a hurry: after each slice it rests as long as the slice took, so that it has at most half of what the store can do, and the
//! journal comes in between.

use std::sync::Arc;
use std::time::Instant;

use sandmill_core::time::{Millis, Timestamp};

use crate::ports::{ExecutionKey, StoreError};
use crate::shared::Shared;

/// Rows that are removed in one commit: about as many as one group of the journal writes.
const ROWS_PER_SLICE: usize = 256;

/// Executions that are asked for at a time.
const EXECUTIONS_PER_READ: usize = 256;

/// How often it looks.
const LOOKS_EVERY: Millis = Millis(60_000);

/// How long after its time an execution is removed: a guest that was cancelled with its execution has stopped by then, and the journal of
/// the execution is complete.
const LAST_WORDS: Millis = Millis(60_000);

/// Removes what has expired, for as long as the engine runs.
pub(crate) async fn sweep(shared: Arc<Shared>) {
    loop {
        let now = shared.clock.now();
        if let Err(error) = sweep_once(&shared, Timestamp(now.0.saturating_sub_unsigned(LAST_WORDS.0))).await {
            tracing::error!(%error, "expired executions cannot be removed");
        }
        shared.clock.sleep_until(now.after(LOOKS_EVERY)).await;
    }
}

async fn sweep_once(shared: &Arc<Shared>, until: Timestamp) -> Result<(), StoreError> {
    loop {
        let expired = shared.store.expired(until, EXECUTIONS_PER_READ)?;
        if expired.is_empty() {
            return Ok(());
        }
        for key in expired {
            while remove_slice(shared, key.clone()).await? {}
            shared.meters.removed.increment(1);
        }
    }
}

/// True while something is left.
async fn remove_slice(shared: &Arc<Shared>, key: ExecutionKey) -> Result<bool, StoreError> {
    let began = Instant::now();
    let store = Arc::clone(&shared.store);
    let removal = tokio::task::spawn_blocking(move || store.remove(&key, ROWS_PER_SLICE)).await;
    let is_left = removal.map_err(|error| StoreError::Refused { reason: error.to_string() })?;
    tokio::time::sleep(began.elapsed()).await;
    is_left
}
