//! The host as a component reaches it: through the imports of the contract.

use super::Refusal;
use crate::bindings::sandmill::task::{config, context, log, progress};
use crate::config::Error;
use crate::log::Level;

pub(crate) fn fetch_config(task_exec_id: &str) -> Result<String, Error> {
    config::fetch(task_exec_id).map_err(|error| match error {
        config::ConfigError::NotFound => Error::NotFound,
        config::ConfigError::Denied => Error::Denied,
        config::ConfigError::Expired => Error::Expired,
        config::ConfigError::Unavailable => Error::Unavailable,
        config::ConfigError::TooLarge => Error::TooLarge,
    })
}

pub(crate) fn open_snapshot(task_exec_id: &str) -> Result<Snapshot, Refusal> {
    Ok(Snapshot(context::open(task_exec_id)?))
}

/// The handle on the workflow's values.
#[derive(Debug)]
pub(crate) struct Snapshot(context::Snapshot);

impl Snapshot {
    pub(crate) fn get(&self, path: &str) -> Result<Option<String>, Refusal> {
        Ok(self.0.get(path)?)
    }

    pub(crate) fn keys(&self, path: &str) -> Result<Option<Vec<String>>, Refusal> {
        Ok(self.0.keys(path)?)
    }

    pub(crate) fn length(&self, path: &str) -> Result<Option<u32>, Refusal> {
        Ok(self.0.length(path)?)
    }

    pub(crate) fn attempt(&self) -> u32 {
        self.0.attempt()
    }

    pub(crate) fn round(&self) -> u32 {
        self.0.round()
    }

    pub(crate) fn idempotency_key(&self) -> String {
        self.0.idempotency_key()
    }

    pub(crate) fn deadline_ms(&self) -> u64 {
        self.0.deadline()
    }
}

impl From<context::ContextError> for Refusal {
    fn from(error: context::ContextError) -> Self {
        match error {
            context::ContextError::Denied => Self::Denied,
            context::ContextError::InvalidPath(reason) => Self::InvalidPath(reason),
            context::ContextError::WrongKind => Self::WrongKind,
            context::ContextError::TooLarge(bytes) => Self::TooLarge(bytes),
            context::ContextError::Unavailable => Self::Unavailable,
        }
    }
}

pub(crate) fn write_log(level: Level, message: &str, fields: Vec<(String, String)>) {
    let level = match level {
        Level::Trace => log::Level::Trace,
        Level::Debug => log::Level::Debug,
        Level::Info => log::Level::Info,
        Level::Warn => log::Level::Warn,
        Level::Error => log::Level::Error,
    };
    let fields: Vec<_> = fields.into_iter().map(|(name, value)| log::Field { name, value }).collect();
    log::write(level, message, &fields);
}

pub(crate) fn report_progress(fraction: f64, message: Option<&str>) {
    progress::report(fraction, message);
}

pub(crate) fn is_cancelled() -> bool {
    progress::is_cancelled()
}
