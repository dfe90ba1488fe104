//! A sequential `for`: one iteration after the other, each on the output of the one before.

use std::sync::Arc;

use crate::definition::{For, Kind};
use crate::machine::Machine;
use crate::machine::arguments::Arguments;
use crate::machine::frame::{FrameId, Loop, State, Step, Surroundings, bind};
use crate::machine::run::{Turn, path_inside};
use crate::problem::{ErrorKind, Problem};
use crate::value::Value;

impl Machine {
    pub(super) fn begin_for(&mut self, frame: FrameId, task: &For) -> Result<(), Box<Problem>> {
        let input = self.frames[&frame].input.clone();
        let items = self.evaluate(&task.items, &input, &self.arguments(frame))?;
        let count =
            items.iter_array().map(Iterator::count).and_then(|count| u32::try_from(count).ok()).ok_or_else(|| {
                Box::new(Problem::new(
                    ErrorKind::Expression,
                    format!("`for.in` must give an array, and gives {}", items.kind()),
                ))
            })?;
        self.note_resolved(frame, || Value::object([("in", items.clone())]));
        let begun = match &task.map {
            Some(map) => Self::begin_map(map, items, count),
            None => State::Loop(Loop { items, next: 0, value: input, run: None }),
        };
        if let Some(state) = self.state(frame) {
            *state = begun;
        }
        self.steps.push_back(Step::Iterate(frame));
        Ok(())
    }

    /// Begins what the loop or the map of a frame has next.
    pub(super) fn iterate(&mut self, frame: FrameId) {
        let Some(visit) = self.frames.get(&frame) else { return };
        let definition = Arc::clone(&self.definition);
        let Kind::For(task) = &definition.node(visit.node).kind else { return };
        match &visit.state {
            State::Loop(_) => {
                if let Err(problem) = self.next_iteration(frame, task) {
                    self.fail(frame, *problem);
                }
            }
            State::Map(_) => self.next_item(frame, task),
            _ => {}
        }
    }

    fn next_iteration(&mut self, frame: FrameId, task: &For) -> Result<(), Box<Problem>> {
        let State::Loop(state) = &self.frames[&frame].state else { return Ok(()) };
        let (index, value) = (state.next, state.value.clone());
        let Some(item) = state.items.index(index as usize) else {
            self.complete(frame, value);
            return Ok(());
        };
        let around = self.around_iteration(frame, task, item, index);
        if !self.goes_on(frame, task, &value, &around)? {
            self.complete(frame, value);
            return Ok(());
        }
        let run = self.begin_run(Some((frame, index)), &task.body, value, around);
        if let Some(State::Loop(state)) = self.state(frame) {
            state.next += 1;
            state.run = Some(run);
        }
        Ok(())
    }

    /// `while`, with the item bound.
    fn goes_on(&self, frame: FrameId, task: &For, value: &Value, around: &Surroundings) -> Result<bool, Box<Problem>> {
        let arguments = Arguments { bindings: &around.bindings, ..self.arguments(frame) };
        self.test_or_true(task.condition.as_ref(), value, &arguments)
    }

    /// What the tasks of one iteration find around them: the item and its index as variables, and a path of their own.
    pub(super) fn around_iteration(&self, frame: FrameId, task: &For, item: Value, index: u32) -> Surroundings {
        let around = self.surroundings(frame);
        let bindings = bind(&around.bindings, &task.each, item.clone());
        Surroundings {
            bindings: bind(&bindings, &task.at, Value::from(i64::from(index))),
            item: Some((item, index.into())),
            path: path_inside(around.path, Turn::Iteration(index)),
            ..around
        }
    }

    pub(super) fn iteration_ended(&mut self, frame: FrameId, result: Result<Value, Box<Problem>>) {
        match result {
            Ok(output) => {
                if let Some(State::Loop(state)) = self.state(frame) {
                    state.value = output;
                    state.run = None;
                }
                self.steps.push_back(Step::Iterate(frame));
            }
            Err(problem) => self.fail(frame, *problem),
        }
    }
}
