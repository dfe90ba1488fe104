//! What is told to Redis beside new tasks: what nobody wants any more, what is in the journal, and which executions have ended.
//!
//! Errands that come together go together. One that fails is there again, and holds up no other.

use std::sync::Arc;
use std::time::Duration;

use sandmill_core::ids::{GroupId, TaskExecId, TenantId};
use sandmill_engine::ports::ExecutionKey;

use super::super::{FromRedisValue, RedisFailure, Request, Value, cmd, from_redis_value};
use super::engine::Shared;
use super::scripts::{CANCEL, FORGET_EXECUTION, SETTLE};
use super::trouble::Source;

/// Errands of a kind that share a flight.
const ERRANDS_PER_FLIGHT: usize = 256;

/// Keys of an ended execution that go at a time: about a millisecond of the server's.
const KEYS_PER_SLICE: usize = 1_000;

/// How long workers are kept from beginning what belongs to a group that is cancelled. Each of its tasks is cancelled too, so this need not last.
const GROUP_LIVES: Duration = Duration::from_secs(60 * 60);

/// A task that is to end, and the last of its attempts that is meant.
pub(super) type Cancel = (TenantId, TaskExecId, u32);

/// A task that has ended in the journal, or whose completion is of no interest.
pub(super) struct Settled {
    pub(super) tenant: TenantId,
    pub(super) id: TaskExecId,
    pub(super) attempt: u32,
    /// The completion; empty where none came over Redis.
    pub(super) entry: String,
}

/// What is to be told.
#[derive(Default)]
pub(super) struct Errands {
    pub(super) cancel: Vec<Cancel>,
    /// Executions of which nothing need be stored any more.
    pub(super) forget: Vec<ExecutionKey>,
    pub(super) settle: Vec<Settled>,
    pub(super) groups: Vec<(TenantId, GroupId)>,
}

impl Errands {
    fn take_some(&mut self) -> Self {
        Self {
            cancel: take_up_to(&mut self.cancel, ERRANDS_PER_FLIGHT),
            forget: take_up_to(&mut self.forget, ERRANDS_PER_FLIGHT),
            settle: take_up_to(&mut self.settle, ERRANDS_PER_FLIGHT),
            groups: take_up_to(&mut self.groups, ERRANDS_PER_FLIGHT),
        }
    }

    fn put_back(&mut self, errands: Self) {
        self.cancel.extend(errands.cancel);
        self.forget.extend(errands.forget);
        self.settle.extend(errands.settle);
        self.groups.extend(errands.groups);
    }

    const fn len(&self) -> usize {
        self.cancel.len() + self.forget.len() + self.settle.len() + self.groups.len()
    }
}

fn take_up_to<T>(items: &mut Vec<T>, count: usize) -> Vec<T> {
    let rest = items.split_off(items.len().min(count));
    std::mem::replace(items, rest)
}

/// Runs errands until it is aborted.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut failures = 0;
    loop {
        match run_once(&shared).await {
            Ok(count) => {
                failures = 0;
                shared.troubles.over(Source::Errands);
                if count == 0 {
                    shared.has_errands.notified().await;
                }
            }
            Err(failure) => {
                failures += 1;
                shared.troubles.met(Source::Errands, &failure);
                shared.redis.pause(failures).await;
            }
        }
    }
}

/// Runs what errands there are, and tells how many. Those that fail are there again.
pub(super) async fn run_once(shared: &Shared) -> Result<usize, RedisFailure> {
    let _flight = shared.flights.write().await;
    let errands = shared.errands().take_some();
    let count = errands.len();
    match shared.redis.run_all(requests(shared, &errands)).await {
        Ok(answers) => done(shared, errands, answers).map(|()| count),
        Err(failure) => {
            shared.errands().put_back(errands);
            Err(failure)
        }
    }
}

/// One for the cancellations, one for each execution, one for the completions, and two for each group, in this order.
fn requests(shared: &Shared, errands: &Errands) -> Vec<Request> {
    let keys = shared.redis.keys();
    let mut requests: Vec<Request> = Vec::new();
    if !errands.cancel.is_empty() {
        let state_ttl = shared.options.state_ttl.as_millis() as u64;
        let mut call = CANCEL.call().arg(keys.cancel()).arg(state_ttl).arg(shared.options.lease.as_millis() as u64);
        for (tenant, id, attempt) in &errands.cancel {
            call = call.key(keys.state(tenant, *id)).arg(id.to_string()).arg(tenant.as_str()).arg(*attempt);
        }
        requests.push(call.into());
    }
    for execution in &errands.forget {
        requests.push(FORGET_EXECUTION.call().key(keys.names(execution)).arg(KEYS_PER_SLICE).into());
    }
    if !errands.settle.is_empty() {
        let mut call = SETTLE.call().key(keys.completions(&shared.parts.engine));
        for settled in &errands.settle {
            call = call.key(keys.state(&settled.tenant, settled.id)).arg(&settled.entry).arg(settled.attempt);
        }
        requests.push(call.into());
    }
    for (tenant, id) in &errands.groups {
        let lives = GROUP_LIVES.as_millis() as u64;
        requests.push(cmd("SET").arg(keys.group(tenant, *id)).arg(1).arg("PX").arg(lives).into());
        requests.push(cmd("PUBLISH").arg(keys.cancel()).arg(format!("{tenant} {id}")).into());
    }
    requests
}

/// Does what follows from the answers, and tells the first failure.
fn done(shared: &Shared, errands: Errands, answers: Vec<Result<Value, RedisFailure>>) -> Result<(), RedisFailure> {
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap_or_else(|| Err(RedisFailure::protocol("an answer is missing")));
    let (mut again, mut first) = (Errands::default(), Ok(()));
    if !errands.cancel.is_empty() {
        match next().and_then(read::<Vec<String>>) {
            Ok(told) => errands.cancel.iter().zip(told).for_each(|(cancel, answer)| cancelled(shared, cancel, &answer)),
            Err(failure) => (again.cancel, first) = (errands.cancel, first.and(Err(failure))),
        }
    }
    for execution in errands.forget {
        match next().and_then(read::<bool>) {
            Ok(is_left) => {
                again.forget.extend(is_left.then_some(execution));
                shared.troubles.over(Source::Forgetting);
            }
            Err(failure) if failure.is_passing() => {
                again.forget.push(execution);
                first = first.and(Err(failure));
            }
            // It goes when its time is over: nothing waits for that.
            Err(failure) => shared.troubles.met(Source::Forgetting, &failure),
        }
    }
    if !errands.settle.is_empty()
        && let Err(failure) = next()
    {
        (again.settle, first) = (errands.settle, first.and(Err(failure)));
    }
    for group in errands.groups {
        let (set, told) = (next(), next());
        if let Err(failure) = set.and(told) {
            again.groups.push(group);
            first = first.and(Err(failure));
        }
    }
    shared.errands().put_back(again);
    first
}

fn read<T: FromRedisValue>(answer: Value) -> Result<T, RedisFailure> {
    from_redis_value(answer).map_err(|error| RedisFailure::protocol(error.to_string()))
}

fn cancelled(shared: &Shared, (tenant, id, last): &Cancel, answer: &str) {
    if matches!(answer, "withdrawn" | "unknown") {
        let mut table = shared.table();
        // One that nobody waits for has told its end already.
        let Some(attempt) = table.attempt(tenant, *id).filter(|attempt| attempt <= last) else { return };
        table.settle(tenant, *id, None);
        drop(table);
        shared.work.notify_one();
        shared.stopped(tenant, *id, attempt);
    }
}
