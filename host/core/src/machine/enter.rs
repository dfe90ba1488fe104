//! Begins a task: its condition, its input, its timeout, then what its kind does.

use std::sync::Arc;

use crate::definition::{Kind, TaskList};
use crate::machine::event::SEMANTICS_OF_WHOLE_LIFECYCLE;
use crate::machine::frame::{FrameId, State, Step};
use crate::machine::timers::Purpose;
use crate::machine::{Lifecycle, Machine};
use crate::problem::{ErrorKind, Problem};
use crate::value::Value;

impl Machine {
    pub(super) fn enter(&mut self, frame: FrameId) {
        if !self.frames.contains_key(&frame) {
            return;
        }
        self.publish_created(frame);
        match self.admit(frame) {
            Ok(Some(input)) => self.begin(frame, input),
            Ok(None) => self.skip(frame),
            Err(problem) => {
                self.publish_started(frame);
                self.fail(frame, *problem);
            }
        }
    }

    /// The transformed input; `None` where the task's condition is false.
    fn admit(&self, frame: FrameId) -> Result<Option<Value>, Box<Problem>> {
        let visit = &self.frames[&frame];
        let node = self.definition.node(visit.node);
        let arguments = self.arguments(frame);
        if !self.test_or_true(node.condition.as_ref(), &visit.raw_input, &arguments)? {
            return Ok(None);
        }
        if let Some(mismatch) = node.input.schema.as_ref().and_then(|schema| schema.mismatch(&visit.raw_input)) {
            return Err(Box::new(Problem::new(
                ErrorKind::Validation,
                format!("the task's input does not match its schema {mismatch}"),
            )));
        }
        let transformed = node.input.from.as_ref().map(|from| self.evaluate(from, &visit.raw_input, &arguments));
        transformed.unwrap_or_else(|| Ok(visit.raw_input.clone())).map(Some)
    }

    fn begin(&mut self, frame: FrameId, input: Value) {
        if let Some(visit) = self.frames.get_mut(&frame) {
            visit.input = input;
        }
        self.publish_started(frame);
        match self.start_task_timeout(frame).and_then(|()| self.begin_extensions(frame)) {
            Ok(false) => self.begin_kind(frame),
            Ok(true) => {}
            Err(problem) => self.fail(frame, *problem),
        }
    }

    /// Does what the task is for.
    pub(super) fn begin_kind(&mut self, frame: FrameId) {
        let definition = Arc::clone(&self.definition);
        let begun = match &definition.node(self.frames[&frame].node).kind {
            Kind::Call(call) => self.begin_call(frame, &call.with),
            Kind::Subflow(subflow) => self.begin_call(frame, &subflow.input),
            Kind::Function(call) => self.begin_function(frame, call),
            Kind::Do(list) => self.begin_list(frame, list),
            Kind::Set(template) => self.begin_set(frame, template),
            Kind::Switch(cases) => self.begin_switch(frame, cases),
            Kind::For(task) => self.begin_for(frame, task),
            Kind::Fork(task) => self.begin_fork(frame, task),
            Kind::Try(task) => self.begin_round(frame, task, 1),
            Kind::Raise(task) => self.begin_raise(frame, task),
            Kind::Wait(span) => self.begin_wait(frame, span),
        };
        if let Err(problem) = begun {
            self.fail(frame, *problem);
        }
    }

    fn begin_list(&mut self, frame: FrameId, list: &TaskList) -> Result<(), Box<Problem>> {
        let around = self.surroundings(frame);
        let input = self.frames[&frame].input.clone();
        let run = self.begin_run(Some((frame, 0)), list, input, around);
        if let Some(state) = self.state(frame) {
            *state = State::List(run);
        }
        Ok(())
    }

    fn start_task_timeout(&mut self, frame: FrameId) -> Result<(), Box<Problem>> {
        let visit = &self.frames[&frame];
        let node = self.definition.node(visit.node);
        let span = match &node.timeout {
            Some(span) => self.span(span, &visit.input, &self.arguments(frame))?,
            None => match self.settings.task_timeout.filter(|_| node.kind.works_outside()) {
                Some(span) => span,
                None => return Ok(()),
            },
        };
        let timer = self.start_timer(self.now.after(span), Purpose::TaskTimeout(frame));
        if let Some(visit) = self.frames.get_mut(&frame) {
            visit.timeout = Some(timer);
        }
        Ok(())
    }

    fn publish_created(&mut self, frame: FrameId) {
        if self.settings.semantics >= SEMANTICS_OF_WHOLE_LIFECYCLE {
            let place = self.place(frame, self.definition.node(self.frames[&frame].node));
            self.publish(Lifecycle::TaskCreated(place));
        }
    }

    fn publish_started(&mut self, frame: FrameId) {
        let node = self.definition.node(self.frames[&frame].node);
        let place = self.place(frame, node);
        self.publish(Lifecycle::TaskStarted(place));
    }

    /// The raw input passes through, and control goes where the task says.
    fn skip(&mut self, frame: FrameId) {
        let Some(visit) = self.frames.remove(&frame) else { return };
        let definition = Arc::clone(&self.definition);
        let node = definition.node(visit.node);
        let place = self.place(frame, node);
        self.publish(Lifecycle::TaskSkipped(place));
        self.go_on(visit.run, visit.raw_input, node.then);
    }

    pub(super) fn complete(&mut self, frame: FrameId, output: Value) {
        self.steps.push_back(Step::Leave(frame, Ok(output), None));
    }
}
