//! One call while it lives: whose it is, what it has used up, and whether it must stop.
//!
//! Owns the counters that the guest's thread, the host's imports and whoever cancels share: all of them atomics, for they are touched on the hot
//! path. Knows nothing of wasmtime.
//!
//! CPU time is the guest's own (rule 21): the clock of the thread is read when the first tick reaches a guest, and from then on whenever it
//! leaves or takes up a thread, so that it does not pay for its neighbours. A task that ends before its first tick makes no system call for it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::task::AtomicWaker;
use rustix::time::{ClockId, clock_gettime};
use sandmill_core::time::Timestamp;
use sandmill_engine::ports::TaskMessage;

use crate::home::Home;
use crate::limits::Limit;
use crate::outcome::Stop;

/// How long a cancelled guest has to leave the world outside in order, from the contract.
const GRACE: Duration = Duration::from_millis(100);

/// Never: a moment that no clock reaches.
const NEVER: u64 = u64::MAX;

/// One call.
pub(crate) struct Live {
    /// The task; `None` while a descriptor is read.
    task: Option<Task>,
    /// What the moments below are counted from, in nanoseconds.
    born: Instant,
    /// Whether the guest runs, or still waits for its turn.
    has_started: AtomicBool,
    wall_deadline: AtomicU64,
    /// When the task's own timeout ends it.
    task_deadline: u64,
    cancelled_at: AtomicU64,
    waker: AtomicWaker,
    /// Set by a tick, taken by whoever polls the call: the guest gave up its thread only to be taken up again.
    has_yielded: AtomicBool,
    cpu: CpuMeter,
    log_bytes: AtomicU64,
}

/// The task that a call runs.
pub(crate) struct Task {
    /// What the engine sent.
    pub(crate) message: TaskMessage,
    /// Its id, as the guest is given it.
    pub(crate) id: String,
    /// Where what it has in another process is fetched.
    pub(crate) home: Home,
}

impl Task {
    /// What the engine sent, on its way to a guest.
    pub(crate) fn new(message: TaskMessage, home: Home) -> Self {
        Self { id: message.dispatch.id.to_string(), message, home }
    }
}

#[derive(Default)]
struct CpuMeter {
    /// Whether a tick has reached the guest. Before that, no clock is read.
    is_running: AtomicBool,
    used_ns: AtomicU64,
    /// The clock of the thread when the guest took it up.
    mark_ns: AtomicU64,
}

impl Live {
    /// A call that has not begun.
    pub(crate) fn new(task: Option<Task>) -> Self {
        let task_deadline = task.as_ref().and_then(|task| task.message.dispatch.deadline).map_or(NEVER, |deadline| {
            let left_ms = deadline.since(now()).0;
            left_ms.saturating_mul(1_000_000)
        });
        Self {
            task,
            born: Instant::now(),
            has_started: AtomicBool::new(false),
            wall_deadline: AtomicU64::new(NEVER),
            task_deadline,
            cancelled_at: AtomicU64::new(NEVER),
            waker: AtomicWaker::new(),
            has_yielded: AtomicBool::new(false),
            cpu: CpuMeter::default(),
            log_bytes: AtomicU64::new(0),
        }
    }

    /// The task that runs.
    pub(crate) const fn task(&self) -> Option<&Task> {
        self.task.as_ref()
    }

    /// The task that runs, if that is its id: a guest gets nothing of another one.
    pub(crate) fn task_of(&self, id: &str) -> Option<&Task> {
        self.task.as_ref().filter(|task| task.id == id)
    }

    /// The guest begins: from here on its wall time counts.
    pub(crate) fn start(&self, wall_ms: u64) {
        let wall = Duration::from_millis(wall_ms);
        let deadline = nanos(self.born.elapsed().saturating_add(wall));
        self.wall_deadline.store(deadline, Ordering::Relaxed);
        self.has_started.store(true, Ordering::Release);
    }

    /// Nobody waits for the task any more.
    pub(crate) fn cancel(&self) {
        let at = nanos(self.born.elapsed());
        // The first one counts, or else a caller that repeats itself would prolong the grace.
        let _ = self.cancelled_at.compare_exchange(NEVER, at, Ordering::AcqRel, Ordering::Relaxed);
        self.waker.wake();
    }

    /// Whether anybody still waits for the task.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled_at.load(Ordering::Acquire) != NEVER
    }

    /// The moment when the host will stop the call, on the clock outside.
    pub(crate) fn deadline(&self) -> Timestamp {
        let end = self.wall_deadline.load(Ordering::Relaxed).min(self.task_deadline);
        let left = Duration::from_nanos(end).saturating_sub(self.born.elapsed());
        Timestamp(now().0.saturating_add(i64::try_from(left.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Takes that many bytes of the log.
    pub(crate) fn use_log(&self, bytes: u64, allowed: u64) -> Result<(), Stop> {
        let used = self.log_bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if used > allowed { Err(Stop::Limit(Limit::Log)) } else { Ok(()) }
    }

    /// A tick reached the guest, which gives up its thread after this.
    pub(crate) fn tick(&self, cpu_ms: u64) -> Result<(), Stop> {
        self.cpu.begin();
        if self.cpu.used_ns.load(Ordering::Relaxed) > cpu_ms.saturating_mul(1_000_000) {
            return Err(Stop::Limit(Limit::CpuTime));
        }
        self.overdue().map_or(Ok(()), Err)?;
        self.has_yielded.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Why the call has to end at this moment.
    pub(crate) fn overdue(&self) -> Option<Stop> {
        let now = nanos(self.born.elapsed());
        let is_due = |(at, _): &(u64, Stop)| *at <= now;
        self.ends().into_iter().filter(is_due).min_by_key(|(at, _)| *at).map(|(_, stop)| stop)
    }

    /// When the call has to end at the latest.
    pub(crate) fn ends_at(&self) -> Option<Instant> {
        let first = self.ends().into_iter().map(|(at, _)| at).min().filter(|at| *at != NEVER)?;
        self.born.checked_add(Duration::from_nanos(first))
    }

    fn ends(&self) -> [(u64, Stop); 3] {
        let cancelled_at = self.cancelled_at.load(Ordering::Acquire);
        // A guest that does not run yet has nothing to leave in order.
        let grace = if self.has_started.load(Ordering::Acquire) { nanos(GRACE) } else { 0 };
        [
            (cancelled_at.saturating_add(grace), Stop::Cancelled),
            (self.task_deadline, Stop::Deadline),
            (self.wall_deadline.load(Ordering::Relaxed), Stop::Limit(Limit::WallTime)),
        ]
    }

    /// The call takes up a thread.
    pub(crate) fn resume(&self) {
        self.cpu.resume();
    }

    /// The call leaves its thread, and tells whether it did so only because of a tick.
    pub(crate) fn pause(&self) -> bool {
        self.cpu.pause();
        self.has_yielded.swap(false, Ordering::Relaxed)
    }

    /// What wakes the call when somebody cancels it.
    pub(crate) const fn waker(&self) -> &AtomicWaker {
        &self.waker
    }
}

impl CpuMeter {
    fn begin(&self) {
        if !self.is_running.swap(true, Ordering::Relaxed) {
            self.mark_ns.store(thread_cpu_ns(), Ordering::Relaxed);
        }
    }

    fn resume(&self) {
        if self.is_running.load(Ordering::Relaxed) {
            self.mark_ns.store(thread_cpu_ns(), Ordering::Relaxed);
        }
    }

    fn pause(&self) {
        if self.is_running.load(Ordering::Relaxed) {
            let slice = thread_cpu_ns().saturating_sub(self.mark_ns.load(Ordering::Relaxed));
            self.used_ns.fetch_add(slice, Ordering::Relaxed);
        }
    }
}

fn thread_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(NEVER)
}

/// This moment on the clock outside: what log lines are dated by. The interpreter never sees it.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_bytes_count_up_to_their_limit() {
        let live = Live::new(None);
        assert_eq!(live.use_log(6, 10), Ok(()));
        assert_eq!(live.use_log(4, 10), Ok(()));
        assert_eq!(live.use_log(1, 10), Err(Stop::Limit(Limit::Log)));
    }

    #[test]
    fn who_does_not_run_yet_is_cancelled_at_once() {
        let live = Live::new(None);
        assert_eq!(live.overdue(), None);
        live.cancel();
        assert_eq!(live.overdue(), Some(Stop::Cancelled));
    }

    #[test]
    fn who_runs_has_a_grace() {
        let live = Live::new(None);
        live.start(60_000);
        live.cancel();
        assert!(live.is_cancelled());
        assert!(live.ends_at().is_some_and(|end| end <= Instant::now() + GRACE));
    }

    #[test]
    fn wall_time_ends_a_call() {
        let live = Live::new(None);
        live.start(0);
        assert_eq!(live.overdue(), Some(Stop::Limit(Limit::WallTime)));
    }
}
