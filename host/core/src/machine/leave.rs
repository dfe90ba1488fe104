//! Ends a task: its output, its export, then where control goes.

use std::sync::Arc;

use crate::definition::{Kind, Node, Then};
use crate::machine::arguments::Arguments;
use crate::machine::frame::{Done, Frame, FrameId, Held, RunId, Step};
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
        self.hand_up_interrupted(frame);
        self.stop_inside(frame);
        let Some(visit) = self.frames.get(&frame) else { return };
        let definition = Arc::clone(&self.definition);
        let node = definition.node(visit.node);
        match result.and_then(|raw_output| Ok((self.transform(node, visit, &raw_output)?, raw_output))) {
            Ok((left, raw_output)) => {
                if let (Some(context), Some(run)) = (left.context, self.runs.get_mut(&visit.run)) {
                    run.around.context = context;
                    run.around.exported = true;
                }
                let done = Done::new(raw_output, left.output, then.unwrap_or(node.then));
                if let Some(done) = self.begin_after(frame, done) {
                    self.end_task(frame, done);
                }
            }
            Err(problem) => self.fault_task(frame, node, *problem),
        }
    }

    fn fault_task(&mut self, frame: FrameId, node: &Node, problem: Problem) {
        let Some(visit) = self.take_frame(frame) else { return };
        // What stands outside of the document has no pointer into it.
        let is_outside = matches!(&node.kind, Kind::Function(call) if call.is_cataloged);
        let problem = if is_outside { Problem { instance: None, ..problem } } else { problem }.at(&node.pointer);
        let place = self.place(frame, node);
        self.publish(Lifecycle::TaskFaulted(place, Arc::new(problem.clone())));
        if self.holds_back() {
            if let Some(run) = self.runs.get_mut(&visit.run) {
                run.frame = None;
            }
            return self.held.push(Held::Fault(visit.run, Box::new(problem)));
        }
        self.steps.push_back(Step::Close(visit.run, Err(Box::new(problem))));
    }

    /// Takes a task out, with its timeout.
    pub(super) fn take_frame(&mut self, frame: FrameId) -> Option<Frame> {
        let visit = self.frames.remove(&frame)?;
        if let Some(timer) = visit.timeout {
            self.cancel_timer(timer);
        }
        Some(visit)
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
            extended: around.extending.task(),
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
        if self.holds_back() {
            return self.held.push(Held::GoOn(run, then));
        }
        self.proceed(run, then);
    }

    /// Takes a run to where the task that has ended said.
    pub(super) fn proceed(&mut self, run: RunId, then: Then) {
        let Some(state) = self.runs.get_mut(&run) else { return };
        match then {
            Then::Continue => state.position += 1,
            Then::Goto(place) => {
                state.jumps += u32::from(place <= state.position);
                state.position = place;
            }
            Then::Exit => {
                state.exited = true;
                let output = state.value.clone();
                return self.steps.push_back(Step::Close(run, Ok(output)));
            }
            Then::End => return self.end_from(run),
        }
        self.steps.push_back(Step::Advance(run));
    }
}
