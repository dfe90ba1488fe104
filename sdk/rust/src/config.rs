//! The config of the running task: its errors, and how its text becomes the plugin's type.
//!
//! Knows nothing of where the text comes from.

use serde::de::DeserializeOwned;

use crate::{Problem, json};

/// Why there is no config. A task never sees this: it ends before the function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing was ever stored for this task.
    #[error("nothing was stored as the config of this task")]
    NotFound,
    /// The id is not that of the running task.
    #[error("the id is not that of the running task")]
    Denied,
    /// It was stored, and its time ran out before the task came to run.
    #[error("the config expired before the task came to run: give the workflow's configs a longer time to live")]
    Expired,
    /// The store cannot be reached.
    #[error("the store that holds the config cannot be reached")]
    Unavailable,
    /// It is larger than a task may fetch.
    #[error("the config is larger than a task may fetch: keep large values in the context and pass their path")]
    TooLarge,
}

impl Error {
    pub(crate) fn problem(&self) -> Problem {
        match self {
            Self::NotFound => Problem::of_sdk("config-not-found", 404, "The task has no config"),
            Self::Denied => Problem::of_sdk("config-denied", 403, "The config is not this task's"),
            Self::Expired => Problem::of_sdk("config-expired", 410, "The config has expired"),
            Self::Unavailable => Problem::of_sdk("config-unavailable", 503, "The config cannot be reached").retryable(),
            Self::TooLarge => Problem::of_sdk("config-too-large", 413, "The config is too large"),
        }
    }
}

/// Reads the config's text as the plugin's type.
pub(crate) fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    json::decode(text).map_err(|mismatch| {
        Problem::of_sdk("config-invalid", 400, "The config is not what the plugin expects")
            .detail(mismatch.under("config").to_string())
            .with("path", &mismatch.path)
    })
}
