//! The task's log: for the people who run the workflow.
//!
//! ```
//! use sandmill_sdk::log;
//!
//! let (path, lines) = ("src/main.rs", 120);
//! log::info!("counted {path}");
//! log::warn!(path = path, lines = lines; "{path} is long");
//! ```
//!
//! Fields come first and end with `;`, the message is that of [`format!`]. Lines appear while the task runs and are not
//! part of the workflow's durable record. A task writes at most 1 MiB in all; the line that goes over it ends the task.

use std::fmt::Display;

use crate::host;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step of the inner workings.
    Trace,
    /// What helps while something is being written or searched for.
    Debug,
    /// What happened, in normal running.
    Info,
    /// Something to look at; the task goes on.
    Warn,
    /// Something failed.
    Error,
}

/// Writes one line with named values beside the message. The macros of this module are shorter.
pub fn write(level: Level, message: &str, fields: &[(&str, &dyn Display)]) {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect();
    host::write_log(level, message, fields);
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $($name:ident = $value:expr),+ ; $($message:tt)+) => {
        $crate::log::write(
            $crate::log::Level::$level,
            &::std::format!($($message)+),
            &[$((::core::stringify!($name), &$value)),+],
        )
    };
    ($level:ident, $($message:tt)+) => {
        $crate::log::write($crate::log::Level::$level, &::std::format!($($message)+), &[])
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __trace { ($($line:tt)+) => { $crate::__log!(Trace, $($line)+) }; }

#[doc(hidden)]
#[macro_export]
macro_rules! __debug { ($($line:tt)+) => { $crate::__log!(Debug, $($line)+) }; }

#[doc(hidden)]
#[macro_export]
macro_rules! __info { ($($line:tt)+) => { $crate::__log!(Info, $($line)+) }; }

#[doc(hidden)]
#[macro_export]
macro_rules! __warn { ($($line:tt)+) => { $crate::__log!(Warn, $($line)+) }; }

#[doc(hidden)]
#[macro_export]
macro_rules! __error { ($($line:tt)+) => { $crate::__log!(Error, $($line)+) }; }

pub use crate::{__debug as debug, __error as error, __info as info, __trace as trace, __warn as warn};
