//! The resolved arguments of the tasks that the machine runs itself: never stored, made again when somebody replays the journal to look (rule 4).

use crate::machine::Machine;
use crate::machine::frame::FrameId;
use crate::value::Value;

impl Machine {
    /// Keeps resolved arguments from here on, until they are taken.
    pub fn keep_resolved(&mut self) {
        self.resolved = Some(Vec::new());
    }

    /// What was resolved since they were taken last, by the number of the task. Of `set` its value, of `switch` the case that matched, of `for` the
    /// collection, of `wait` the length, of `raise` the error.
    pub fn take_resolved(&mut self) -> Vec<(u32, Value)> {
        self.resolved.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Takes note of resolved arguments, which are made only where somebody wants to see them.
    pub(super) fn note_resolved(&mut self, frame: FrameId, arguments: impl FnOnce() -> Value) {
        if let Some(resolved) = &mut self.resolved {
            resolved.push((frame, arguments()));
        }
    }
}
