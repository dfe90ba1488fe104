//! The state of one simulated call: what the task may read, and what it has said so far.

use std::cell::RefCell;

use crate::config;
use crate::log::Level;
use crate::serde_json::Value;

/// One line that the task wrote to its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// The message.
    pub message: String,
    /// The named values beside it, in the order of the call.
    pub fields: Vec<(String, String)>,
}

/// One report of how far the task had come.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// From 0 to 1, as it was reported.
    pub fraction: f64,
    /// The message for people.
    pub message: Option<String>,
}

/// What the simulated host knows.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) task_exec_id: String,
    pub(crate) config: Result<String, config::Error>,
    /// An object whose members are those at the root of the contract's snapshot.
    pub(crate) root: Value,
    pub(crate) context_is_unavailable: bool,
    pub(crate) attempt: u32,
    pub(crate) round: u32,
    pub(crate) idempotency_key: String,
    pub(crate) deadline_ms: u64,
    pub(crate) is_cancelled: bool,
    pub(crate) log: RefCell<Vec<LogLine>>,
    pub(crate) progress: RefCell<Vec<Progress>>,
}

impl Stage {
    pub(crate) fn write_log(&self, level: Level, message: &str, fields: Vec<(String, String)>) {
        self.log.borrow_mut().push(LogLine { level, message: message.to_owned(), fields });
    }

    pub(crate) fn report_progress(&self, fraction: f64, message: Option<&str>) {
        self.progress.borrow_mut().push(Progress { fraction, message: message.map(str::to_owned) });
    }
}
