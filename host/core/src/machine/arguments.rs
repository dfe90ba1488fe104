//! The arguments of expressions: `$context`, `$input`, `$output`, `$task`, `$workflow`, `$runtime`, and the variables of loops and catches.
//!
//! An argument is made when an expression asks for it, so that one nobody uses costs nothing. Which argument an expression may use is
//! checked when the definition is compiled.

use crate::definition::{Node, Span, parse_duration};
use crate::expression::{EvaluationError, Filter, Scope, Template};
use crate::machine::frame::{Frame, FrameId, Stage};
use crate::machine::{Bindings, Machine, WorkflowInfo, bound};
use crate::problem::{ErrorKind, Problem};
use crate::time::{Millis, Timestamp};
use crate::value::Value;

/// What an expression of a task sees.
pub(super) struct Arguments<'a> {
    pub(super) machine: &'a Machine,
    pub(super) context: &'a Value,
    pub(super) bindings: &'a Bindings,
    /// The task, where the expression belongs to one.
    pub(super) task: Option<(&'a Node, &'a Frame)>,
    /// The task's raw output, once it has one.
    pub(super) raw_output: Option<&'a Value>,
    /// The transformed output, once there is one.
    pub(super) output: Option<&'a Value>,
    /// The task that is extended, where the expression belongs to an extension.
    pub(super) extended: Option<FrameId>,
}

impl Scope for Arguments<'_> {
    fn variable(&self, name: &str) -> Option<Value> {
        match name {
            "context" => Some(self.context.clone()),
            "input" => self.task.map(|(_, frame)| frame.input.clone()),
            "output" => self.output.cloned(),
            "task" => match self.extended {
                Some(extended) => self.describe_extended(extended),
                None => self.task.map(|(node, frame)| describe_task(node, frame, self.raw_output)),
            },
            "workflow" => Some(describe_workflow(&self.machine.workflow, &self.machine.definition.document)),
            "runtime" => Some(self.describe_runtime()),
            _ => bound(self.bindings, name),
        }
    }
}

impl Arguments<'_> {
    /// An extended task: what it is, with the members of its definition beside.
    fn describe_extended(&self, extended: FrameId) -> Option<Value> {
        let visit = self.machine.frames.get(&extended)?;
        let node = self.machine.definition.node(visit.node);
        let raw_output = match visit.extended.as_ref().map(|extended| &extended.stage) {
            Some(Stage::After(_, done)) => Some(&done.raw_output),
            _ => None,
        };
        let described = describe_task(node, visit, raw_output);
        let own = node.definition.entries().into_iter().flatten();
        let own = own.filter(|(name, _)| described.get(name).is_none());
        Some(Value::object(described.entries().into_iter().flatten().chain(own)))
    }

    fn describe_runtime(&self) -> Value {
        let version = Value::from(self.machine.settings.runtime_version.as_str());
        Value::object([
            ("name", Value::from("sandmill")),
            ("version", version),
            ("metadata", Value::object::<&str>([])),
        ])
    }
}

fn describe_task(node: &Node, frame: &Frame, raw_output: Option<&Value>) -> Value {
    let members = [
        ("name", Some(Value::from(&*node.name))),
        ("reference", Some(Value::from(node.pointer.as_str()))),
        ("definition", Some(node.definition.clone())),
        ("input", Some(frame.raw_input.clone())),
        ("output", raw_output.cloned()),
        ("startedAt", Some(describe_moment(frame.started_at))),
    ];
    Value::object(members.into_iter().filter_map(|(name, value)| Some((name, value?))))
}

fn describe_workflow(workflow: &WorkflowInfo, document: &Value) -> Value {
    Value::object([
        ("id", Value::from(workflow.id.to_string())),
        ("definition", document.clone()),
        ("input", workflow.input.clone()),
        ("startedAt", describe_moment(workflow.started_at)),
    ])
}

fn describe_moment(moment: Timestamp) -> Value {
    let epoch =
        Value::object([("seconds", Value::from(moment.0.div_euclid(1_000))), ("milliseconds", Value::from(moment.0))]);
    Value::object([("iso8601", Value::from(moment.to_string())), ("epoch", epoch)])
}

impl Machine {
    /// What an expression of a task sees before the task has an output.
    pub(super) fn arguments(&self, frame: FrameId) -> Arguments<'_> {
        let visit = &self.frames[&frame];
        let around = &self.runs[&visit.run].around;
        let node = self.definition.node(visit.node);
        Arguments {
            machine: self,
            context: &around.context,
            bindings: &around.bindings,
            task: Some((node, visit)),
            raw_output: None,
            output: None,
            extended: around.extending.task(),
        }
    }

    pub(super) fn evaluate(
        &self,
        template: &Template,
        input: &Value,
        scope: &dyn Scope,
    ) -> Result<Value, Box<Problem>> {
        template.evaluate(input, scope, &self.environment()).map_err(problem_of)
    }

    pub(super) fn test(&self, filter: &Filter, input: &Value, scope: &dyn Scope) -> Result<bool, Box<Problem>> {
        let value = filter.evaluate(input, scope, &self.environment()).map_err(problem_of)?;
        Ok(value.is_truthy())
    }

    /// True where there is no filter, or it is true.
    pub(super) fn test_or_true(
        &self,
        filter: Option<&Filter>,
        input: &Value,
        scope: &dyn Scope,
    ) -> Result<bool, Box<Problem>> {
        filter.map_or(Ok(true), |filter| self.test(filter, input, scope))
    }

    pub(super) fn span(&self, span: &Span, input: &Value, scope: &dyn Scope) -> Result<Millis, Box<Problem>> {
        match span {
            Span::Fixed(millis) => Ok(*millis),
            Span::Expression(filter) => {
                let value = filter.evaluate(input, scope, &self.environment()).map_err(problem_of)?;
                parse_duration(&value).map_err(|error| Box::new(Problem::new(ErrorKind::Expression, error.to_string())))
            }
        }
    }
}

fn problem_of(error: EvaluationError) -> Box<Problem> {
    Box::new(Problem::new(ErrorKind::Expression, error.to_string()))
}
