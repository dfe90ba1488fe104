//! Running again: what came of visits in one execution, taken over by another that takes the same way.
//!
//! A visit is known by its task and by the iterations, jumps and calls that led to it, so that what was done before a failed step, or for the items of
//! a map that succeeded, is found again wherever it stands in the document. Each is taken once: whatever the workflow itself does again (a round of a
//! `try`) is done again.

use sha2::{Digest as _, Sha256};

use crate::machine::frame::FrameId;
use crate::machine::run::first_half;
use crate::machine::{Machine, VisitKey};
use crate::value::Value;

impl Machine {
    /// Keeps what comes of visits from here on, until it is taken.
    pub fn keep_visits(&mut self) {
        self.visits = Some(Vec::new());
    }

    /// What came of visits since it was taken last, in order: of a call its output, of a `wait` nothing.
    pub fn take_visits(&mut self) -> Vec<(VisitKey, Value)> {
        self.visits.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn note_visit(&mut self, frame: FrameId, output: &Value) {
        let key = self.visits.is_some().then(|| self.visit_key(frame));
        if let (Some(key), Some(visits)) = (key, &mut self.visits) {
            visits.push((key, output.clone()));
        }
    }

    /// What came of this visit in the execution that this one runs again.
    pub(super) fn recorded_output(&mut self, frame: FrameId) -> Option<Value> {
        if self.outputs.is_empty() {
            return None;
        }
        let output = self.outputs.remove(&self.visit_key(frame))?;
        self.note_visit(frame, &output);
        Some(output)
    }

    fn visit_key(&self, frame: FrameId) -> VisitKey {
        let visit = &self.frames[&frame];
        let mut hash = Sha256::new();
        hash.update(visit.path.to_be_bytes());
        hash.update(self.definition.node(visit.node).pointer.as_str().as_bytes());
        VisitKey(first_half(hash))
    }
}
