//! Extensions: what is run before a task begins and after it has ended, in declared order.
//!
//! What an extension puts out is dropped, for the task keeps its own input and its own output. Only one that leaves by `exit` before the task
//! stands for the task itself: its output is the task's raw output.

use std::sync::Arc;

use crate::definition::{Extension, TaskList, Then};
use crate::machine::Machine;
use crate::machine::frame::{Done, Extended, Extending, FrameId, Run, Stage, State, Surroundings};
use crate::machine::run::{Turn, path_inside};
use crate::problem::Problem;
use crate::value::Value;

/// The lists of an extension. Its number is the slot of the run.
#[derive(Clone, Copy)]
enum Part {
    Before = 0,
    After = 1,
}

impl Part {
    const fn of(self, extension: &Extension) -> Option<&TaskList> {
        match self {
            Self::Before => extension.before.as_ref(),
            Self::After => extension.after.as_ref(),
        }
    }
}

impl Machine {
    /// Begins what comes before a task. False where nothing does.
    pub(super) fn begin_extensions(&mut self, frame: FrameId) -> Result<bool, Box<Problem>> {
        let visit = &self.frames[&frame];
        let definition = Arc::clone(&self.definition);
        let extensions = &definition.node(visit.node).extensions;
        if extensions.is_empty() || self.runs[&visit.run].around.extending != Extending::Nothing {
            return Ok(false);
        }
        let mut applying = Vec::new();
        for place in extensions.iter().copied() {
            let when = definition.extensions[place as usize].when.as_ref();
            let mut arguments = self.arguments(frame);
            arguments.extended = Some(frame);
            if self.test_or_true(when, &visit.input, &arguments)? {
                applying.push(place);
            }
        }
        if applying.is_empty() {
            return Ok(false);
        }
        if let Some(visit) = self.frames.get_mut(&frame) {
            visit.extended = Some(Box::new(Extended { applying, stage: Stage::Task }));
        }
        Ok(self.next_before(frame, 0))
    }

    /// Begins the next list before the task, from that extension on. False where none is left.
    fn next_before(&mut self, frame: FrameId, from: u32) -> bool {
        let raw_input = self.frames[&frame].raw_input.clone();
        let begun = self.begin_next(frame, from, Part::Before, raw_input);
        self.set_stage(frame, begun.map_or(Stage::Task, Stage::Before));
        begun.is_some()
    }

    /// Begins what comes after a task that has ended, from that extension on; gives its end back where nothing does.
    fn next_after(&mut self, frame: FrameId, from: u32, done: Done) -> Option<Done> {
        let output = done.output.clone();
        match self.begin_next(frame, from, Part::After, output) {
            Some(number) => {
                self.set_stage(frame, Stage::After(number, done));
                None
            }
            None => Some(done),
        }
    }

    /// Begins what comes after a task that has ended; gives its end back where nothing does.
    pub(super) fn begin_after(&mut self, frame: FrameId, done: Done) -> Option<Done> {
        if self.frames[&frame].extended.is_none() {
            return Some(done);
        }
        self.next_after(frame, 0, done)
    }

    /// Begins the first list of a kind that the extensions from that number on have, and gives the number of its extension.
    fn begin_next(&mut self, frame: FrameId, from: u32, part: Part, value: Value) -> Option<u32> {
        let definition = Arc::clone(&self.definition);
        let applying = &self.frames[&frame].extended.as_ref()?.applying;
        let mut rest = (from..).zip(&applying[from as usize..]);
        let (number, list) = rest.find_map(|(number, place)| {
            part.of(&definition.extensions[*place as usize]).map(|list| (number, TaskList::clone(list)))
        })?;
        let around = self.surroundings(frame);
        let pointer = &definition.node(self.frames[&frame].node).pointer;
        let path = path_inside(around.path, Turn::Through(pointer));
        let around = Surroundings { path, extending: Extending::Task(frame), ..around };
        let run = self.begin_run(Some((frame, part as u32)), &list, value, around);
        if let Some(state) = self.state(frame) {
            *state = State::List(run);
        }
        Some(number)
    }

    fn set_stage(&mut self, frame: FrameId, stage: Stage) {
        if let Some(extended) = self.frames.get_mut(&frame).and_then(|visit| visit.extended.as_mut()) {
            extended.stage = stage;
        }
    }

    /// True where what a frame waits for is one of its extensions.
    pub(super) fn is_with_its_extensions(&self, frame: FrameId) -> bool {
        let extended = self.frames.get(&frame).and_then(|visit| visit.extended.as_ref());
        extended.is_some_and(|extended| !matches!(extended.stage, Stage::Task))
    }

    /// A list before or after a task has ended.
    pub(super) fn extension_ended(&mut self, frame: FrameId, run: &Run, result: Result<Value, Box<Problem>>) {
        let Some(extended) = self.frames.get_mut(&frame).and_then(|visit| visit.extended.as_mut()) else { return };
        let stage = std::mem::replace(&mut extended.stage, Stage::Task);
        let output = match result {
            Ok(output) => output,
            Err(problem) => return self.fail(frame, *problem),
        };
        match stage {
            Stage::Before(_) if run.exited => self.complete(frame, output),
            Stage::Before(number) => {
                if !self.next_before(frame, number + 1) {
                    self.begin_kind(frame);
                }
            }
            Stage::After(number, done) => {
                if let Some(done) = self.next_after(frame, number + 1, done) {
                    self.end_task(frame, done);
                }
            }
            Stage::Task => {}
        }
    }

    /// Ends a task whose output is final.
    pub(super) fn end_task(&mut self, frame: FrameId, done: Done) {
        let Some(visit) = self.take_frame(frame) else { return };
        let definition = Arc::clone(&self.definition);
        let place = self.place(frame, definition.node(visit.node));
        self.publish(crate::machine::Lifecycle::TaskCompleted(place, done.output.clone()));
        self.go_on(visit.run, done.output, done.then);
    }
}

impl Done {
    pub(super) const fn new(raw_output: Value, output: Value, then: Then) -> Self {
        Self { raw_output, output, then }
    }
}
