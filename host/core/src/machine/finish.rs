//! The beginning and the end of an execution.

use std::sync::Arc;

use crate::machine::arguments::Arguments;
use crate::machine::frame::{Extending, RunId, Surroundings};
use crate::machine::timers::Purpose;
use crate::machine::{Action, Lifecycle, Machine, Origin, Phase, Settings, WorkflowInfo};
use crate::problem::{ErrorKind, Problem};
use crate::value::Value;

impl Machine {
    pub(super) fn start(&mut self, input: Value, settings: Settings, origin: Option<Box<Origin>>) {
        if self.phase != Phase::New {
            return;
        }
        let WorkflowInfo { id, name, .. } = &*self.workflow;
        self.workflow =
            Arc::new(WorkflowInfo { id: *id, name: name.clone(), input: input.clone(), started_at: self.now });
        self.settings = settings;
        self.phase = Phase::Running;
        self.publish(Lifecycle::WorkflowStarted);
        match self.admit_input(&input) {
            Ok(input) => self.begin_body(input, origin.map(|origin| *origin).unwrap_or_default()),
            Err(problem) => self.fault(*problem),
        }
    }

    fn admit_input(&mut self, input: &Value) -> Result<Value, Box<Problem>> {
        let definition = Arc::clone(&self.definition);
        if let Some(mismatch) = definition.input.schema.as_ref().and_then(|schema| schema.mismatch(input)) {
            return Err(Box::new(Problem::new(
                ErrorKind::Validation,
                format!("the workflow's input does not match its schema {mismatch}"),
            )));
        }
        let scope = self.workflow_arguments(input);
        let transformed = definition.input.from.as_ref().map(|from| self.evaluate(from, input, &scope));
        let timeout = definition.timeout.as_ref().map(|span| self.span(span, input, &scope)).transpose()?;
        if let Some(span) = timeout {
            self.start_timer(self.now.after(span), Purpose::WorkflowTimeout);
        }
        transformed.unwrap_or_else(|| Ok(input.clone()))
    }

    /// The transformed input is the first task's raw input, and the first `$context` where nothing else is given.
    fn begin_body(&mut self, input: Value, origin: Origin) {
        let around = Surroundings {
            context: origin.context.unwrap_or_else(|| input.clone()),
            exported: false,
            bindings: None,
            item: None,
            path: 0,
            round: 1,
            calls: 0,
            extending: Extending::Nothing,
        };
        self.outputs = origin.outputs;
        let list = Arc::clone(&self.definition.body);
        let run = self.begin_run(None, &list, input, around);
        let place = origin.start_at.as_deref().map(|name| self.definition.place_of(name));
        match (place, self.runs.get_mut(&run)) {
            (Some(Some(place)), Some(run)) => run.position = place,
            (Some(None), _) => {
                let name = origin.start_at.unwrap_or_default();
                self.fault(Problem::new(ErrorKind::Configuration, format!("there is no task `{name}` to start at")));
            }
            _ => {}
        }
    }

    /// `then: end`: the workflow ends with the output of the task that said so, and whatever else runs is cancelled.
    pub(super) fn end_from(&mut self, run: RunId) {
        let Some(run) = self.runs.get(&run) else { return };
        let (output, context) = (run.value.clone(), run.around.context.clone());
        self.end(Ok(output), &context);
    }

    pub(super) fn end(&mut self, result: Result<Value, Box<Problem>>, context: &Value) {
        match result.and_then(|output| self.transform_output(output, context)) {
            Ok(output) => {
                self.stop();
                self.publish(Lifecycle::WorkflowCompleted(output.clone()));
                self.act(Action::Complete { output });
            }
            Err(problem) => self.fault(*problem),
        }
    }

    fn transform_output(&self, output: Value, context: &Value) -> Result<Value, Box<Problem>> {
        let described = &self.definition.output;
        let output = match &described.template {
            Some(template) => self.evaluate(template, &output, &self.workflow_arguments(context))?,
            None => output,
        };
        match described.schema.as_ref().and_then(|schema| schema.mismatch(&output)) {
            Some(mismatch) => {
                let detail = format!("the workflow's output does not match its schema {mismatch}");
                Err(Box::new(Problem::new(ErrorKind::Validation, detail)))
            }
            None => Ok(output),
        }
    }

    pub(super) fn fault(&mut self, problem: Problem) {
        self.stop();
        self.publish(Lifecycle::WorkflowFaulted(Arc::new(problem.clone())));
        self.act(Action::Fault { problem: Box::new(problem) });
    }

    fn workflow_arguments<'a>(&'a self, context: &'a Value) -> Arguments<'a> {
        Arguments {
            machine: self,
            context,
            bindings: &None,
            task: None,
            raw_output: None,
            output: None,
            extended: None,
        }
    }

    /// Nothing more will happen: everything that runs is cancelled, and what was left to do is dropped.
    pub(super) fn stop(&mut self) {
        self.phase = Phase::Ended;
        self.stop_everything();
        self.cancel_all_timers();
        self.steps.clear();
        self.queued.clear();
        self.held.clear();
    }
}
