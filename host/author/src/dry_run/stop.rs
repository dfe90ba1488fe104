//! Why a dry run could not go on, and what its author can do about it.

use sandmill_core::ids::JsonPointer;
use sandmill_core::time::Millis;
use sandmill_core::value::Value;

use crate::mocks::Callee;
use crate::text::{duration, shortened};

/// Characters of a config that are shown.
const CONFIG_CHARACTERS_MAX: usize = 200;

/// Why a dry run could not go on. Each has a page in `docs/errors/`.
#[derive(Debug)]
pub enum Stop {
    /// A call that no mock answers.
    NoMock {
        /// The task that calls.
        task: JsonPointer,
        /// What it calls.
        callee: Callee,
        /// With what.
        config: Value,
        /// Why there is no answer, where there is a mock.
        reason: Option<String>,
    },
    /// Mocks of tasks that are not there.
    UnknownTasks(Vec<String>),
    /// More transitions than allowed.
    TooManyTransitions(u32),
    /// More virtual time than allowed.
    TooLong(Millis),
    /// Nothing is left that could happen.
    Waits,
    /// The interpreter says that it was cancelled, which nobody asked for.
    Cancelled,
}

impl Stop {
    /// What stays the same over releases, for programs and for `sandmill explain`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoMock { .. } => "mock-missing",
            Self::UnknownTasks(_) => crate::mocks::REJECTED,
            Self::TooManyTransitions(_) | Self::TooLong(_) | Self::Waits | Self::Cancelled => "dry-run-stopped",
        }
    }
}

impl Stop {
    /// Everything for people: why, the code, and what to do where that is more than a word.
    #[must_use]
    pub fn told(&self) -> String {
        let advice = match self {
            Self::NoMock { callee, reason: None, .. } => {
                format!("\nadd one to the mocks, such as\n\n    calls:\n      {}:\n        output: {{}}", callee.name)
            }
            _ => String::new(),
        };
        format!("{self} [{}]{advice}", self.code())
    }
}

impl std::fmt::Display for Stop {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoMock { task, callee, config, reason } => {
                let config = shortened(&config.to_string(), CONFIG_CHARACTERS_MAX);
                match reason {
                    Some(reason) => write!(formatter, "`{task}` calls `{callee}` with {config}, and {reason}"),
                    None => write!(formatter, "`{task}` calls `{callee}` with {config}, and no mock answers"),
                }
            }
            Self::UnknownTasks(messages) => formatter.write_str(&messages.join("\n")),
            Self::TooManyTransitions(limit) => {
                write!(formatter, "it did not end within {limit} transitions: look for a loop without an end")
            }
            Self::TooLong(limit) => write!(formatter, "it did not end within {} of virtual time", duration(*limit)),
            Self::Waits => formatter.write_str("it waits for something that never happens in a dry run"),
            Self::Cancelled => formatter.write_str("it was cancelled"),
        }
    }
}
