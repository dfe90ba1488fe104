//! A clock that is wrong, for a real process: the program is the one that users run, and asks the system as ever.
//!
//! The dynamic linker is told to look for the functions that tell the time of day in a library of ours first. Time that is measured, by the monotonic
//! clock, stays as it is, as with a machine whose clock was set wrong.

use std::process::Command;

use tempfile::TempDir;

/// Asks the kernel, and adds `SECONDS`.
const SOURCE: &str = "
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *at) {
    int result = syscall(SYS_clock_gettime, clock, at);
    if (result == 0 && clock == CLOCK_REALTIME) at->tv_sec += (SECONDS);
    return result;
}
int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    (void)zone;
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return result;
}
time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
";

/// A clock that is some seconds ahead, or behind. It must live as long as the processes that go by it may start.
pub struct OtherClock {
    library: Option<TempDir>,
}

impl OtherClock {
    /// A clock that is so many seconds ahead; the one of the machine where that is 0.
    #[must_use]
    pub fn ahead(seconds: i64) -> Self {
        if seconds == 0 {
            return Self { library: None };
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("clock.c"), SOURCE).unwrap();
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-O1", &format!("-DSECONDS={seconds}"), "-o", "clock.so", "clock.c"]);
        let output = command.current_dir(folder.path()).output();
        let output = output.unwrap_or_else(|error| panic!("cc cannot be run ({error}): apt-get install gcc"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { library: Some(folder) }
    }

    /// Lets a process that is about to be started go by it.
    pub fn apply(&self, command: &mut Command) {
        if let Some(folder) = &self.library {
            command.env("LD_PRELOAD", folder.path().join("clock.so"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ahead: i64) {
        let (clock, mut command) = (OtherClock::ahead(ahead), Command::new("date"));
        clock.apply(command.arg("+%s"));
        let there: i64 = String::from_utf8(command.output().unwrap().stdout).unwrap().trim().parse().unwrap();
        let here = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        assert!((there - i64::try_from(here).unwrap() - ahead).abs() < 30, "{there} beside {here}");
    }

    #[test]
    fn a_process_goes_by_the_clock_that_it_is_given() {
        [0, 300, -300].into_iter().for_each(check);
    }
}
