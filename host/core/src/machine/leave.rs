//! Ends a task: its output, its export, then where control goes.

use std::sync::Arc;

use crate::definition::{Node, Then};
use crate::machine::arguments::Arguments;
use crate::machine::frame::{Frame, FrameId, RunId, Step};
use crate::machine::{Lifecycle, Machine};
use crate::problem::{ErrorKind, Problem};
use crate::value::Value;

/// What a task leaves behind.
struct Left {
    output: Value,
    /// The new `$context`, where the task exports one.
    context: Option<Value>,
}

impl Machine {
    /// Ends a task with its raw output or a problem. `then` stands for the task's own where it chose another way.
    pub(super) fn leave(&mut self, frame: FrameId, result: Result<Value, Box<Problem>>, then: Option<Then>) {
        self.stop_inside(frame);
        let Some(visit) = self.frames.remove(&frame) else { return };
        if let Some(timer) = visit.timeout {
            self.cancel_timer(timer);
        }
        let definition = Arc::clone(&self.definition);
        let node = definition.node(visit.node);
        let place = self.place(frame, node);
        match result.and_then(|raw_output| self.transform(node, &visit, &raw_output)) {
            Ok(left) => {
                if let (Some(context), Some(run)) = (left.context, self.runs.get_mut(&visit.run)) {
                    run.around.context = context;
                    run.around.exported = true;
                }
                self.publish(Lifecycle::TaskCompleted(place, left.output.clone()));
                self.go_on(visit.run, left.output, then.unwrap_or(node.then));
            }
            Err(problem) => {
                let problem = problem.at(&node.pointer);
                self.publish(Lifecycle::TaskFaulted(place, Arc::new(problem.clone())));
                self.steps.push_back(Step::Close(visit.run, Err(Box::new(problem))));
            }
        }
    }

    fn transform(&self, node: &Node, visit: &Frame, raw_output: &Value) -> Result<Left, Box<Problem>> {
        let around = &self.runs[&visit.run].around;
        let mut arguments = Arguments {
            machine: self,
            context: &around.context,
            bindings: &around.bindings,
            task: Some((node, visit)),
            raw_output: Some(raw_output),
            output: None,
        };
        let output = match &node.output.template {
            Some(template) => self.evaluate(template, raw_output, &arguments)?,
            None => raw_output.clone(),
        };
        if let Some(mismatch) = node.output.schema.as_ref().and_then(|schema| schema.mismatch(&output)) {
            return Err(Box::new(Problem::new(
                ErrorKind::Validation,
                format!("the task's output does not match its schema {mismatch}"),
            )));
        }
        let Some(export) = &node.export else { return Ok(Left { output, context: None }) };
        arguments.output = Some(&output);
        let context = self.evaluate(&export.template, &output, &arguments)?;
        if let Some(mismatch) = export.schema.as_ref().and_then(|schema| schema.mismatch(&context)) {
            return Err(Box::new(Problem::new(
                ErrorKind::Validation,
                format!("what the task exports does not match its schema {mismatch}"),
            )));
        }
        Ok(Left { output, context: Some(context) })
    }

    /// Takes a run on after a task has ended with an output.
    pub(super) fn go_on(&mut self, run: RunId, output: Value, then: Then) {
        let Some(state) = self.runs.get_mut(&run) else { return };
        state.frame = None;
        state.value = output;
        match then {
            Then::Continue => state.position += 1,
            Then::Goto(place) => {
                state.jumps += u32::from(place <= state.position);
                state.position = place;
            }
            Then::Exit => {
                let output = state.value.clone();
                return self.steps.push_back(Step::Close(run, Ok(output)));
            }
            Then::End => return self.end_from(run),
        }
        self.steps.push_back(Step::Advance(run));
    }
}
