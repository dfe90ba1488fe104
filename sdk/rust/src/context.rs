//! What a task may read of its workflow, typed.
//!
//! Owns the getters and their errors. The values stay with the host: each getter copies what it asks for and no more.

use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;

use crate::host::{self, Refusal, Snapshot};
use crate::{Problem, json};

/// The workflow as the running task sees it: fixed when the task was dispatched, the same in all its attempts.
///
/// The members at the root are `context` (the workflow's `$context`), `input` (the task's input), `workflow`, `vars`
/// (the variables of loops and catches), and inside of a loop or parallel map `item` and `index`.
///
/// A path is a JSON Pointer, `/context/files/0/name`, or a simple path, `context.files[0].name`.
#[derive(Debug)]
pub struct Context {
    snapshot: Snapshot,
}

/// Why a read failed. That nothing stands at a path is no failure: a getter then answers `None`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The id is not that of the running task.
    #[error("the context is not that of the running task")]
    Denied,
    /// The path cannot be read.
    #[error("the path `{path}` cannot be read: {reason}")]
    InvalidPath {
        /// The path as it was given.
        path: String,
        /// Where it goes wrong, and why.
        reason: String,
    },
    /// There is a value at the path, and it has no keys or no length.
    #[error("what stands at `{path}` has no keys or no length")]
    WrongKind {
        /// The path as it was given.
        path: String,
    },
    /// There is a value at the path, and it is not of the type that was asked for.
    #[error("{reason}")]
    Mismatch {
        /// The path as it was given.
        path: String,
        /// The place inside of the value, and what is wrong there.
        reason: String,
    },
    /// The answer is larger than one read may be.
    #[error("`{path}` has {bytes} bytes or more, and a read may have 10 MiB: read a part of it")]
    TooLarge {
        /// The path as it was given.
        path: String,
        /// How many bytes it has as JSON text, or more.
        bytes: u64,
    },
    /// The store that holds the value cannot be reached. Another attempt may succeed.
    #[error("the store that holds the context cannot be reached")]
    Unavailable,
}

impl Error {
    pub(crate) fn problem(&self) -> Problem {
        match self {
            Self::Denied => Problem::of_sdk("context-denied", 403, "The context is not this task's"),
            Self::InvalidPath { path, .. } => {
                Problem::of_sdk("context-invalid-path", 400, "A path cannot be read").with("path", path)
            }
            Self::WrongKind { path } | Self::Mismatch { path, .. } => {
                Problem::of_sdk("context-mismatch", 422, "The context is not what the plugin expects")
                    .with("path", path)
            }
            Self::TooLarge { path, bytes } => Problem::of_sdk("context-too-large", 413, "A value is too large")
                .with("path", path)
                .with("bytes", bytes),
            Self::Unavailable => {
                Problem::of_sdk("context-unavailable", 503, "The context cannot be reached").retryable()
            }
        }
    }

    fn at(path: &str, refusal: Refusal) -> Self {
        let path = path.to_owned();
        match refusal {
            Refusal::Denied => Self::Denied,
            Refusal::InvalidPath(reason) => Self::InvalidPath { path, reason },
            Refusal::WrongKind => Self::WrongKind { path },
            Refusal::TooLarge(bytes) => Self::TooLarge { path, bytes },
            Refusal::Unavailable => Self::Unavailable,
        }
    }
}

/// Which workflow the task belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    /// The id of the workflow execution.
    pub id: String,
    /// The name of the definition.
    pub name: String,
    /// The version of the definition.
    pub version: String,
}

/// Reading.
impl Context {
    pub(crate) fn open(task_exec_id: &str) -> Result<Self, Error> {
        let snapshot = host::open_snapshot(task_exec_id).map_err(|refusal| Error::at("", refusal))?;
        Ok(Self { snapshot })
    }

    /// The value at the path; `None` where nothing stands there. A JSON `null` is a value: ask for an `Option` to
    /// accept it.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Error> {
        let Some(text) = self.snapshot.get(path).map_err(|refusal| Error::at(path, refusal))? else { return Ok(None) };
        let mismatch = |mismatch: json::Mismatch| Error::Mismatch {
            path: path.to_owned(),
            reason: mismatch.under(path).to_string(),
        };
        json::decode(&text).map(Some).map_err(mismatch)
    }

    /// The item of the innermost loop or parallel map; `None` outside of any.
    pub fn item<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        self.get("item")
    }

    /// The number of the item, counted from 0; `None` outside of any loop.
    pub fn index(&self) -> Result<Option<u32>, Error> {
        self.get("index")
    }

    /// The task's input; `None` where it has none.
    pub fn input<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        self.get("input")
    }

    /// A variable of a loop or a catch around the task, by its name without the `$`.
    pub fn var<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        self.get(&format!("/vars/{}", name.replace('~', "~0").replace('/', "~1")))
    }

    /// Which workflow the task belongs to. Its input, which may be large, stands at the path `workflow.input`.
    pub fn workflow(&self) -> Result<Workflow, Error> {
        let text = |path: &str| self.get(path).map(Option::unwrap_or_default);
        Ok(Workflow { id: text("workflow.id")?, name: text("workflow.name")?, version: text("workflow.version")? })
    }

    /// The keys of the object at the path, in its order; `None` where nothing stands there. The empty path is the root.
    pub fn keys(&self, path: &str) -> Result<Option<Vec<String>>, Error> {
        self.snapshot.keys(path).map_err(|refusal| Error::at(path, refusal))
    }

    /// How many elements or keys the array or object at the path has; `None` where nothing stands there.
    pub fn length(&self, path: &str) -> Result<Option<u32>, Error> {
        self.snapshot.length(path).map_err(|refusal| Error::at(path, refusal))
    }
}

/// The running call.
impl Context {
    /// Which dispatch of this task is running: 1 for the first.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.snapshot.attempt()
    }

    /// Which pass over the `try` list around the task is running: 1 for the first, and outside of any `try`.
    #[must_use]
    pub fn round(&self) -> u32 {
        self.snapshot.round()
    }

    /// What to pass on to systems outside, so that they do a thing once: the same in all attempts and rounds of this
    /// visit of the task, and different for every other.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        self.snapshot.idempotency_key()
    }

    /// When the host will stop this call.
    #[must_use]
    pub fn deadline(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.snapshot.deadline_ms())
    }

    /// Says how far the task has come: a fraction from 0 to 1, and a message for people that may be empty.
    pub fn progress(&self, fraction: f64, message: &str) {
        host::report_progress(fraction, Some(message).filter(|message| !message.is_empty()));
    }

    /// True once the task was cancelled: it has 100 ms to leave the world outside in order.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        host::is_cancelled()
    }
}
