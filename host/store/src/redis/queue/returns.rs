//! How tasks go back: the result, the completion, and the entry of the queue goes, in one script for all that have come together.
//!
//! What cannot be sent waits here, and is sent when Redis is back: the slot of its task is free only then. An end that another worker or another
//! attempt has overtaken is refused by the script, and dropped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use sandmill_core::codec::INLINE_BYTES_MAX;
use sandmill_core::ids::Digest;
use sandmill_engine::ports::{Completion, ExecutionKey, TaskResult};
use tokio::sync::{Notify, oneshot};

use super::super::bodies;
use super::super::keys::ProcessId;
use super::super::{Call, RedisFailure};
use super::scripts::COMPLETE;
use super::worker::{Claim, ClaimKey, Shared};

/// Completions that share a flight.
const COMPLETIONS_PER_FLIGHT: usize = 128;

/// A completion, and whoever waits for it to be in Redis.
type Waiting = (Completion, Option<oneshot::Sender<()>>);

/// Completions on their way.
#[derive(Default)]
pub(super) struct Desk {
    waiting: Mutex<Vec<Waiting>>,
    is_closed: AtomicBool,
    came: Notify,
}

impl Desk {
    /// Hands a completion over, and returns once Redis has it.
    pub(super) async fn put(&self, completion: Completion) {
        let (sent, is_sent) = oneshot::channel();
        {
            let mut waiting = self.waiting();
            if self.is_closed.load(Ordering::SeqCst) {
                return;
            }
            waiting.push((completion, Some(sent)));
        }
        self.came.notify_one();
        // An error says that the worker has left, and the task was given back.
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

/// Sends completions until it is aborted.
pub(super) async fn send(shared: Arc<Shared>) {
    loop {
        let taken = shared.returning.take();
        if taken.is_empty() {
            shared.returning.came.notified().await;
            continue;
        }
        let (completions, answers): (Vec<_>, Vec<_>) = taken.into_iter().unzip();
        // One without a claim was given back or taken over.
        let returned: Vec<(Claim, Completion)> = completions
            .into_iter()
            .filter_map(|completion| Some((claim_of(&shared, &completion)?, completion)))
            .collect();
        if !returned.is_empty() {
            send_all(&shared, &returned).await;
        }
        let mut hand = shared.hand();
        returned.iter().for_each(|(claim, _)| drop(hand.claims.remove(&claim.key())));
        drop(hand);
        // Whoever waited may have left.
        for answer in answers.into_iter().flatten() {
            let _ = answer.send(());
        }
        shared.room.notify_one();
        // The same task may wait for its older run to end.
        shared.came.notify_one();
    }
}

fn claim_of(shared: &Shared, completion: &Completion) -> Option<Claim> {
    let Completion { tenant, id, attempt, epoch, .. } = completion;
    let key = ClaimKey { tenant: tenant.clone(), id: *id, attempt: *attempt, epoch: *epoch };
    shared.hand().claims.get(&key).cloned()
}

async fn send_all(shared: &Shared, returned: &[(Claim, Completion)]) {
    let mut failures = 0;
    loop {
        match send_once(shared, returned).await {
            Ok(late) => {
                if late > 0 {
                    metrics::counter!(super::super::metrics::LATE_RESULTS).increment(late as u64);
                    tracing::info!(late, "results came too late and were refused");
                }
                return;
            }
            Err(failure) => {
                failures += 1;
                if failures == 1 {
                    tracing::warn!(%failure, tasks = returned.len(), "results cannot be sent right now");
                }
                shared.redis.pause(failures).await;
            }
        }
    }
}

/// Sends them, and tells how many were refused.
async fn send_once(shared: &Shared, returned: &[(Claim, Completion)]) -> Result<usize, RedisFailure> {
    let mut call = COMPLETE.call().arg(shared.options.state_ttl.as_millis() as u64);
    for (claim, completion) in returned {
        call = add(shared, call, claim, completion);
    }
    let taken: Vec<i64> = shared.redis.run(call).await?;
    Ok(taken.iter().filter(|taken| **taken == 0).count())
}

fn add(shared: &Shared, call: Call, claim: &Claim, completion: &Completion) -> Call {
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
    call.arg(value.as_ref()).arg(text.as_ref()).arg(claim.config_ttl.as_millis() as u64)
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
