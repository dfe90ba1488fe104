//! How tasks go back: the result, the completion, and the entry of the queue goes, in one script for all that have come together.
//!
//! What cannot be sent waits here, and is sent when Redis is back: the slot of its task is free only then. An end that another worker or another
//! attempt has overtaken is refused by the script, and dropped. One that Redis refuses holds up no other, and one that is too large for Redis becomes
//! the failure of its task.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use sandmill_core::codec::INLINE_BYTES_MAX;
use sandmill_core::ids::Digest;
use sandmill_engine::ports::{Completion, ExecutionKey, TaskResult};
use tokio::sync::{Notify, oneshot};

use super::super::keys::ProcessId;
use super::super::{Call, RedisFailure, bodies};
use super::flights::{self, Cargo, Met, Refusal};
use super::scripts::COMPLETE;
use super::trouble::Source;
use super::worker::{Claim, ClaimKey, Shared};

/// Completions that share a flight.
const COMPLETIONS_PER_FLIGHT: usize = 128;

/// A completion, and whoever waits for it to be in Redis: let go when this is dropped.
type Waiting = (Completion, Option<oneshot::Sender<()>>);

/// Completions on their way.
#[derive(Default)]
pub(super) struct Desk {
    waiting: Mutex<Vec<Waiting>>,
    is_closed: AtomicBool,
    came: Notify,
    /// One was refused, and waits again.
    has_refused: AtomicBool,
}

impl Desk {
    /// Hands a completion over, and returns once Redis has it.
    pub(super) async fn put(&self, completion: Completion) {
        let (waiter, is_sent) = oneshot::channel();
        {
            let mut waiting = self.waiting();
            if self.is_closed.load(Ordering::SeqCst) {
                return;
            }
            waiting.push((completion, Some(waiter)));
        }
        self.came.notify_one();
        // It is dropped when Redis has it, or when the worker has left and the task was given back.
        let _ = is_sent.await;
    }

    /// Hands a completion over that nobody waits for.
    pub(super) fn post(&self, completion: Completion) {
        self.waiting().push((completion, None));
        self.came.notify_one();
    }

    /// Nothing is sent any more: whoever waits for it is let go.
    pub(super) fn close(&self) {
        let mut waiting = self.waiting();
        self.is_closed.store(true, Ordering::SeqCst);
        waiting.clear();
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        let count = waiting.len().min(COMPLETIONS_PER_FLIGHT);
        waiting.drain(..count).collect()
    }
}

/// A task that goes back.
pub(super) struct Returned {
    claim: Claim,
    completion: Completion,
    waiter: Option<oneshot::Sender<()>>,
}

/// Sends completions until it is aborted.
pub(super) async fn send(shared: Arc<Shared>) {
    let mut refusals = 0;
    loop {
        let taken = shared.returning.take();
        if taken.is_empty() {
            shared.returning.came.notified().await;
            continue;
        }
        let returned = taken.into_iter().filter_map(|waiting| returned(&shared, waiting)).collect();
        flights::send_all(&shared.redis, &*shared, returned).await;
        shared.room.notify_one();
        if shared.returning.has_refused.swap(false, Ordering::SeqCst) {
            refusals += 1;
            shared.redis.pause(refusals).await;
        } else {
            refusals = 0;
            shared.troubles.over(Source::Results);
        }
    }
}

/// A completion with its claim. One without was given back or taken over.
fn returned(shared: &Shared, (completion, waiter): Waiting) -> Option<Returned> {
    let Completion { tenant, id, attempt, epoch, .. } = &completion;
    let key = ClaimKey { tenant: tenant.clone(), id: *id, attempt: *attempt, epoch: *epoch };
    let claim = shared.hand().claims.get(&key).cloned()?;
    Some(Returned { claim, completion, waiter })
}

#[async_trait]
impl Cargo for Shared {
    type Item = Returned;

    async fn send(&self, items: &[Returned]) -> Result<(), Met> {
        if items.is_empty() {
            return Ok(());
        }
        let (mut call, mut bytes) = (COMPLETE.call().arg(self.options.state_ttl.as_millis() as u64), 0);
        for item in items {
            let (with, of_item) = add(self, call, item);
            (call, bytes) = (with, bytes.max(of_item));
        }
        let taken: Vec<i64> = self.redis.run(call).await.map_err(|failure| Met { failure, bytes })?;
        let late = taken.iter().filter(|taken| **taken == 0).count();
        if late > 0 {
            metrics::counter!(super::super::metrics::LATE_RESULTS).increment(late as u64);
            tracing::info!(late, "results came too late and were refused");
        }
        let mut hand = self.hand();
        items.iter().for_each(|item| drop(hand.claims.remove(&item.claim.key())));
        drop(hand);
        // The same task may wait for its older run to end.
        self.came.notify_one();
        Ok(())
    }

    fn waits(&self, failure: &RedisFailure) {
        self.troubles.met(Source::Results, failure);
    }

    fn refused(&self, item: Returned, refusal: &Refusal) {
        let Returned { mut completion, waiter, .. } = item;
        match refusal {
            Refusal::Said(failure) => self.troubles.met(Source::Results, failure),
            Refusal::TooLarge(problem) => {
                tracing::error!(task = %completion.id, detail = problem.detail, "a result is too large for Redis");
                completion.result = TaskResult::Failed(Box::new(problem.clone()));
            }
        }
        self.returning.has_refused.store(true, Ordering::SeqCst);
        self.returning.waiting().push((completion, waiter));
    }
}

/// Adds a task to a call, and tells how large its result is.
fn add(shared: &Shared, call: Call, Returned { claim, completion, .. }: &Returned) -> (Call, usize) {
    let (keys, envelope) = (shared.redis.keys(), &claim.envelope);
    let execution = ExecutionKey { tenant: completion.tenant.clone(), id: completion.id.workflow };
    let completions = ProcessId::new(&envelope.engine).map_or_else(|_| keys.dead(), |engine| keys.completions(&engine));
    let (kind, value) = said(&completion.result);
    let state = keys.state(&completion.tenant, completion.id);
    let call = call.key(&state).key(completions).key(&claim.stream);
    let (body, form, value, text) = match value {
        None => (state, "none", Bytes::new(), Bytes::new()),
        Some(text) if text.len() <= INLINE_BYTES_MAX => (state, "inline", text, Bytes::new()),
        Some(text) => {
            let digest = Digest::of(&text);
            (keys.body(&execution, digest), "digest", digest.to_string().into(), bodies::encode(&text).into())
        }
    };
    let call = call.key(body).key(keys.names(&execution));
    let call = call.arg(&claim.entry).arg(completion.attempt).arg(completion.epoch);
    let call = call.arg(completion.id.to_string()).arg(completion.tenant.as_str()).arg(kind).arg(form);
    (call.arg(value.as_ref()).arg(text.as_ref()).arg(claim.config_ttl.as_millis() as u64), text.len())
}

/// How a result is called, and what it holds.
fn said(result: &TaskResult) -> (&'static str, Option<Bytes>) {
    match result {
        TaskResult::Completed(output) => ("completed", Some(output.to_json().into())),
        TaskResult::Failed(problem) => {
            let text = serde_json::to_vec(problem).expect("a problem is made of text, numbers and a value");
            ("failed", Some(text.into()))
        }
        TaskResult::Lost => ("lost", None),
        TaskResult::Stopped => ("stopped", None),
    }
}
