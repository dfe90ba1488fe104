//! The task's log: lines for people, bounded, on their way to whoever watches.

use std::sync::Arc;

use sandmill_abi::v0_1::sandmill::task::log::{self as contract, Field, Level};
use sandmill_engine::ports::{LogLevel, LogLine, TaskObserver};
use wasmtime::component::{HasSelf, Linker};

use super::Call;
use crate::live::{self, Live};
use crate::outcome::Stop;

/// What a line costs beside its text, from the contract: an empty one is not free.
const LINE_BYTES: u64 = 64;

/// What is kept of a message, from the contract.
pub(super) const MESSAGE_BYTES_MAX: usize = 16 << 10;

/// The fields that are kept of a line, from the contract.
const FIELDS_MAX: usize = 32;

/// What stands where something was cut.
const CUT: char = '…';

/// What a tenant's tasks may write.
pub(crate) struct Log {
    bytes_max: u64,
    observer: Arc<dyn TaskObserver>,
}

pub(super) fn link(linker: &mut Linker<Call>) -> wasmtime::Result<()> {
    contract::add_to_linker::<Call, HasSelf<Call>>(linker, |call| call)
}

impl Log {
    pub(super) fn configure(bytes_max: u64, observer: &Arc<dyn TaskObserver>) -> Self {
        Self { bytes_max, observer: Arc::clone(observer) }
    }

    /// Writes one line, or says that it is one too many. While a descriptor is read, lines count and go nowhere.
    pub(super) fn write(
        &self,
        live: &Live,
        level: LogLevel,
        message: String,
        fields: Vec<(String, String)>,
    ) -> Result<(), Stop> {
        let text: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        live.use_log(LINE_BYTES + (message.len() + text) as u64, self.bytes_max)?;
        if let Some(task) = live.task() {
            let dispatch = &task.message.dispatch;
            let line = LogLine {
                at: live::now(),
                task: dispatch.id,
                attempt: dispatch.attempt,
                level,
                message: cut(message, MESSAGE_BYTES_MAX),
                fields: first(fields),
            };
            self.observer.log(&task.message, line);
        }
        Ok(())
    }
}

impl contract::Host for Call {
    fn write(&mut self, level: Level, message: String, fields: Vec<Field>) -> wasmtime::Result<()> {
        self.count()?;
        let level = match level {
            Level::Trace => LogLevel::Trace,
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        let fields = fields.into_iter().map(|field| (field.name, field.value)).collect();
        self.capabilities.log.write(&self.live, level, message, fields).map_err(wasmtime::Error::new)
    }
}

/// The first bytes of a text, up to the end of a letter, with a mark where something is missing.
pub(super) fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max));
        text.push(CUT);
    }
    text
}

/// The first fields, with one more that says how many are missing.
fn first(mut fields: Vec<(String, String)>) -> Vec<(String, String)> {
    if fields.len() > FIELDS_MAX {
        let missing = fields.len() - FIELDS_MAX;
        fields.truncate(FIELDS_MAX);
        fields.push((CUT.to_string(), format!("{missing} more fields were cut")));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_at_the_end_of_a_letter() {
        assert_eq!(cut("abc".into(), 3), "abc");
        assert_eq!(cut("abcd".into(), 3), "abc…");
        assert_eq!(cut("aäb".into(), 2), "a…");
    }

    #[test]
    fn fields_are_kept_up_to_their_limit() {
        let fields = |count: usize| vec![("name".to_owned(), "value".to_owned()); count];
        assert_eq!(first(fields(FIELDS_MAX)).len(), FIELDS_MAX);
        let kept = first(fields(FIELDS_MAX + 2));
        assert_eq!(kept.len(), FIELDS_MAX + 1);
        assert_eq!(kept[FIELDS_MAX], ("…".to_owned(), "2 more fields were cut".to_owned()));
    }
}
