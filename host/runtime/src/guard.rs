//! What surrounds a call while it is polled: it charges CPU time, and ends a call that waits in the host for too long.
//!
//! A guest that computes is reached by its ticks. One that waits in an import gets none, so a timer ends it; the timer is made only for a call that
//! really waits, for most never do.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::live::Live;
use crate::outcome::Stop;

/// Polls a call to its end, or until it must stop. A call that is stopped is dropped, and its guest with it.
pub(crate) async fn guarded<T>(live: &Live, call: impl Future<Output = T>) -> Result<T, Stop> {
    let mut call = pin!(call);
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|context| {
        live.resume();
        let progress = call.as_mut().poll(context);
        let has_yielded = live.pause();
        match progress {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending if has_yielded => Poll::Pending,
            Poll::Pending => poll_end(live, &mut timer, context).map(Err),
        }
    })
    .await
}

/// Ready once the call has to end; until then, whatever ends it will wake it.
fn poll_end(live: &Live, timer: &mut Option<Pin<Box<Sleep>>>, context: &mut Context<'_>) -> Poll<Stop> {
    live.waker().register(context.waker());
    loop {
        if let Some(stop) = live.overdue() {
            return Poll::Ready(stop);
        }
        let Some(end) = live.ends_at().map(Instant::from_std) else { return Poll::Pending };
        let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        if timer.deadline() != end {
            timer.as_mut().reset(end);
        }
        if timer.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::limits::Limit;

    #[tokio::test]
    async fn a_call_that_waits_for_ever_ends_by_the_wall() {
        let live = Live::new(None);
        live.start(0);
        let end = guarded(&live, std::future::pending::<()>()).await;
        assert_eq!(end, Err(Stop::Limit(Limit::WallTime)));
    }

    #[tokio::test]
    async fn a_call_that_waits_is_reached_by_a_cancellation() {
        let live = Arc::new(Live::new(None));
        let waiting = tokio::spawn({
            let live = Arc::clone(&live);
            async move { guarded(&live, std::future::pending::<()>()).await }
        });
        live.cancel();
        assert_eq!(waiting.await.unwrap(), Err(Stop::Cancelled));
    }

    #[tokio::test]
    async fn a_call_that_ends_gives_its_output() {
        assert_eq!(guarded(&Live::new(None), async { 7 }).await, Ok(7));
    }
}
