//! How a command ends: the exit codes, and the one line that says why.

use std::fmt;
use std::process::ExitCode;

/// How a command ended. The numbers are promised to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Something in this program or on this machine failed.
    Failed = 1,
    /// What was given is wrong or unknown: a document, a plugin, an input, a name.
    Refused = 3,
    /// The execution ended with an error.
    Faulted = 4,
    /// The execution was cancelled.
    Cancelled = 5,
    /// The server cannot be reached, or cannot take more right now.
    Unavailable = 6,
    /// The API key is missing, wrong or not for this.
    NotAllowed = 7,
    /// The wait was over before the execution ended.
    StillRunning = 8,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome as u8)
    }
}

/// The exit codes, for the end of `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done; of `run` and `trigger --wait`: the execution completed
  1  this program or this machine failed
  2  the command line cannot be read
  3  what was given is wrong or unknown: a document, a plugin, an input, a name
  4  the execution ended with an error
  5  the execution was cancelled
  6  the server cannot be reached, or cannot take more right now
  7  the API key is missing, wrong, or not for this
  8  the wait was over before the execution ended";

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How the program ends.
    pub(crate) outcome: Outcome,
    reason: String,
}

impl Failure {
    pub(crate) fn new(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self { outcome, reason: reason.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

/// Whatever has no outcome of its own is a failure of this machine; its causes are told once, here.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(failure) => failure,
            Err(error) => Self::new(Outcome::Failed, format!("{error:#}")),
        }
    }
}

impl std::error::Error for Failure {}
