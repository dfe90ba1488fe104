//! Calls of functions: tasks that stand elsewhere, each on the input that its call makes.

use std::sync::Arc;

use crate::definition;
use crate::machine::Machine;
use crate::machine::frame::{Extending, FrameId, State, Surroundings};
use crate::machine::run::{Turn, path_inside};
use crate::problem::{ErrorKind, Problem};

/// How deep functions may call each other.
const CALLS_NESTED_MAX: u32 = 100;

impl Machine {
    /// A function sees none of the variables around its call: what it needs is handed over.
    pub(super) fn begin_function(&mut self, frame: FrameId, call: &definition::Function) -> Result<(), Box<Problem>> {
        let visit = &self.frames[&frame];
        let input = self.evaluate(&call.with, &visit.input, &self.arguments(frame))?;
        let around = self.surroundings(frame);
        if around.calls == CALLS_NESTED_MAX {
            let detail =
                format!("functions call each other more than {CALLS_NESTED_MAX} deep: look for one that calls itself");
            return Err(Box::new(Problem::new(ErrorKind::Runtime, detail)));
        }
        self.note_resolved(frame, || input.clone());
        let definition = Arc::clone(&self.definition);
        let pointer = &definition.node(self.frames[&frame].node).pointer;
        let extending = if around.extending == Extending::Nothing { Extending::Nothing } else { Extending::Called };
        let around = Surroundings {
            bindings: None,
            item: None,
            path: path_inside(around.path, Turn::Through(pointer)),
            calls: around.calls + 1,
            extending,
            ..around
        };
        let run = self.begin_run(Some((frame, 0)), &call.body, input, around);
        if let Some(state) = self.state(frame) {
            *state = State::List(run);
        }
        Ok(())
    }
}
