//! The test hook that tells which task ran when: a file outside, which a killed process cannot take back.
//!
//! Each line that a guest logs adds `TASK ATTEMPT KEY` to the file, in one write, before the guest goes on. The crash test compares that
//! with what the server says after it was started again.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use sandmill_engine::ports::{LogLine, Progress, TaskMessage, TaskObserver};

/// An observer that keeps the ledger, and hands everything on.
pub(crate) struct Ledger {
    file: File,
    inner: Arc<dyn TaskObserver>,
}

impl Ledger {
    pub(crate) fn open(path: &Path, inner: Arc<dyn TaskObserver>) -> io::Result<Self> {
        Ok(Self { file: OpenOptions::new().create(true).append(true).open(path)?, inner })
    }
}

impl TaskObserver for Ledger {
    fn log(&self, message: &TaskMessage, line: LogLine) {
        let dispatch = &message.dispatch;
        let entry = format!("{} {} {}\n", dispatch.id, dispatch.attempt, dispatch.idempotency_key);
        (&self.file).write_all(entry.as_bytes()).expect("a ledger that cannot be written makes the test worthless");
        self.inner.log(message, line);
    }

    fn progress(&self, message: &TaskMessage, progress: Progress) {
        self.inner.progress(message, progress);
    }
}
