//! Medians, and how long things take.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The middle one of some figures.
pub fn median(figures: &[f64]) -> f64 {
    quantile(figures, 0.5)
}

/// The figure that this share of all figures is below.
pub fn quantile(figures: &[f64], share: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    // A few thousand figures at most, which a float counts exactly.
    let place = (last as f64 * share).round() as usize;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

/// How long something takes that only computes, in microseconds each, done so many times in a row. By the clock of the thread, so that whatever else
/// runs on the machine is left out.
pub fn time_us(times: u32, mut work: impl FnMut()) -> f64 {
    let begin = thread_cpu();
    for _ in 0..times {
        work();
    }
    micros(thread_cpu().saturating_sub(begin)) / f64::from(times)
}

/// What this thread has computed so far.
pub fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// In microseconds.
pub fn micros(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6
}

/// In milliseconds.
pub fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}
