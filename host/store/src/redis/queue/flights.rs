//! Many things go to Redis in one flight, and what is wrong with one of them must not hold up the others.
//!
//! What passes is waited for, however long that takes. What does not pass concerns one thing most often, so its flight is halved until the others have
//! gone. What then becomes of the one is for its owner to say ([`Cargo::refused`]).

use async_trait::async_trait;
use sandmill_core::problem::Problem;

use super::super::{Redis, RedisFailure, cmd};

/// A server closes the connection over which more than its `proto-max-bulk-len` comes at once, which is never less than this.
const LARGE_BYTES: usize = 1 << 20;

/// How often in a row something large breaks the connection of a server that answers right after, before it counts as too large. Mostly the server
/// cannot say that it is, for it closes before all has come.
const BREAKS_MAX: u32 = 5;

/// What a flight met.
pub(super) struct Met {
    pub(super) failure: RedisFailure,
    /// The largest thing that was on its way then.
    pub(super) bytes: usize,
}

impl From<RedisFailure> for Met {
    fn from(failure: RedisFailure) -> Self {
        Self { failure, bytes: 0 }
    }
}

/// Why one thing does not go to Redis, though others do.
pub(super) enum Refusal {
    /// Redis says no, and may say otherwise when somebody has changed a setting.
    Said(RedisFailure),
    /// It is larger than Redis takes at once.
    TooLarge(Problem),
}

/// What goes to Redis in flights.
#[async_trait]
pub(super) trait Cargo: Sync {
    type Item: Send + Sync;

    /// Sends some of it, all or nothing as far as anybody can tell: what was sent may be sent again.
    async fn send(&self, items: &[Self::Item]) -> Result<(), Met>;

    /// All of it waits for something to pass.
    fn waits(&self, failure: &RedisFailure);

    /// One of it is refused.
    fn refused(&self, item: Self::Item, refusal: &Refusal);
}

/// What is to be done about a flight that did not go.
enum Verdict {
    /// It goes again a moment later.
    Wait,
    /// Something of it may be too large; if it is one thing, it goes again a moment later.
    Suspect,
    /// Something of it is refused.
    Refuse(Refusal),
}

/// Sends items until each has gone or is refused.
pub(super) async fn send_all<C: Cargo>(redis: &Redis, cargo: &C, items: Vec<C::Item>) {
    let mut flights = vec![items];
    let (mut failures, mut breaks) = (0, 0);
    while let Some(mut flight) = flights.pop() {
        let Err(met) = cargo.send(&flight).await else {
            (failures, breaks) = (0, 0);
            continue;
        };
        match judge(redis, &met, &mut breaks).await {
            Verdict::Suspect | Verdict::Refuse(_) if flight.len() > 1 => {
                breaks = 0;
                let rest = flight.split_off(flight.len() / 2);
                flights.extend([rest, flight]);
            }
            Verdict::Refuse(refusal) => {
                (failures, breaks) = (0, 0);
                flight.into_iter().for_each(|item| cargo.refused(item, &refusal));
            }
            verdict => {
                failures += 1;
                if matches!(verdict, Verdict::Wait) {
                    cargo.waits(&met.failure);
                }
                flights.push(flight);
                redis.pause(failures).await;
            }
        }
    }
}

async fn judge(redis: &Redis, Met { failure, bytes }: &Met, breaks: &mut u32) -> Verdict {
    if failure.is_protocol_error() {
        return Verdict::Refuse(Refusal::TooLarge(too_large(*bytes, failure)));
    }
    if !failure.is_passing() {
        return Verdict::Refuse(Refusal::Said(failure.clone()));
    }
    let is_broken = matches!(failure, RedisFailure::Unavailable { .. }) && *bytes >= LARGE_BYTES;
    if !is_broken || redis.run::<()>(cmd("PING")).await.is_err() {
        *breaks = 0;
        return Verdict::Wait;
    }
    *breaks += 1;
    if *breaks < BREAKS_MAX {
        return Verdict::Suspect;
    }
    Verdict::Refuse(Refusal::TooLarge(too_large(*bytes, failure)))
}

fn too_large(bytes: usize, failure: &RedisFailure) -> Problem {
    Problem {
        kind: "https://sandmill.dev/problems/too-large-for-redis".into(),
        status: 413,
        title: "Too large for Redis".into(),
        detail: Some(format!(
            "Redis does not take {bytes} bytes of this task at once ({failure}): raise its `proto-max-bulk-len`, or make it smaller"
        )),
        instance: None,
        data: None,
        retryable: false,
    }
}
