//! The tasks that end within one transition: `set`, `switch` and `raise`; and `wait`, which only needs a timer.

use crate::definition::{Case, Raise, Span};
use crate::expression::Template;
use crate::machine::Machine;
use crate::machine::frame::{FrameId, State, Step};
use crate::machine::timers::Purpose;
use crate::problem::{ErrorKind, Problem};
use crate::value::Value;

impl Machine {
    pub(super) fn begin_set(&mut self, frame: FrameId, template: &Template) -> Result<(), Box<Problem>> {
        let output = self.evaluate(template, &self.frames[&frame].input, &self.arguments(frame))?;
        self.note_resolved(frame, || output.clone());
        self.complete(frame, output);
        Ok(())
    }

    /// The first case that matches chooses the way; without one the task's own `then` does.
    pub(super) fn begin_switch(&mut self, frame: FrameId, cases: &[Case]) -> Result<(), Box<Problem>> {
        let input = self.frames[&frame].input.clone();
        let mut then = None;
        for case in cases {
            if self.test_or_true(case.when.as_ref(), &input, &self.arguments(frame))? {
                then = Some(case.then);
                self.note_resolved(frame, || Value::object([("case", Value::from(&*case.name))]));
                break;
            }
        }
        self.steps.push_back(Step::Leave(frame, Ok(input), then));
        Ok(())
    }

    pub(super) fn begin_raise(&mut self, frame: FrameId, task: &Raise) -> Result<(), Box<Problem>> {
        let error = self.evaluate(&task.error, &self.frames[&frame].input, &self.arguments(frame))?;
        self.note_resolved(frame, || error.clone());
        Err(Box::new(raised(&error)))
    }

    pub(super) fn begin_wait(&mut self, frame: FrameId, span: &Span) -> Result<(), Box<Problem>> {
        if self.recorded_output(frame).is_some() {
            let output = self.frames[&frame].input.clone();
            self.complete(frame, output);
            return Ok(());
        }
        let span = self.span(span, &self.frames[&frame].input, &self.arguments(frame))?;
        self.note_resolved(frame, || {
            Value::object([("milliseconds", Value::from(i64::try_from(span.0).unwrap_or(i64::MAX)))])
        });
        let timer = self.start_timer(self.now.after(span), Purpose::Wait(frame));
        if let Some(state) = self.state(frame) {
            *state = State::Wait(timer);
        }
        Ok(())
    }
}

/// The problem that an error object describes.
fn raised(error: &Value) -> Problem {
    Problem::from_value(error).unwrap_or_else(|| {
        let detail = format!("the error to raise needs a `type` (text) and a `status` (number), and is {error}");
        Problem::new(ErrorKind::Expression, detail)
    })
}
