//! One task: what all tasks have, and the table of what a task can do.

use std::sync::Arc;

use super::compiler::{Compiler, Scope, TASKS_NESTED_MAX};
use super::expressions::{Moment, Sight};
use super::findings::Spot;
use super::flow::Siblings;
use super::nearest::nearest;
use super::properties::listed;
use super::report::{MISSING_PROPERTY, NOT_SUPPORTED, TOO_DEEP, UNKNOWN_PROPERTY};
use super::tree::Place;
use crate::definition::{Export, Input, Kind, Node, NodeId, Output, Span, TaskList, Then};
use crate::expression::{Filter, Template};
use crate::ids::JsonPointer;
use crate::value::Value;

/// What all tasks have.
const COMMON: [&str; 7] = ["if", "input", "output", "export", "timeout", "then", "metadata"];

/// What a task can do: the property that says so, and the others that belong to it. `for` comes before `do`, which it has too.
const KINDS: [(&str, &[&str]); 12] = [
    ("for", &["while", "do"]),
    ("listen", &["foreach"]),
    ("call", &["with"]),
    ("try", &["catch"]),
    ("do", &[]),
    ("emit", &[]),
    ("fork", &[]),
    ("raise", &[]),
    ("run", &[]),
    ("set", &[]),
    ("switch", &[]),
    ("wait", &[]),
];

/// A task that is being compiled, with what is known where it stands.
#[derive(Clone, Copy)]
pub(super) struct Task<'t, 's> {
    pub(super) place: Place<'t>,
    pub(super) scope: &'s Scope,
    /// The tasks of its list; `None` where it stands in none.
    pub(super) siblings: Option<&'s Siblings<'t>>,
}

impl<'s> Task<'_, 's> {
    /// What the expressions of its definition see.
    pub(super) const fn sight(&self) -> Sight<'s> {
        Sight::of(Moment::Task, self.scope)
    }
}

impl<'t> Compiler<'t, '_> {
    /// Compiles the task that is the value of a place. One with mistakes becomes a task that does nothing.
    pub(super) fn task(&mut self, place: Place<'t>, scope: &Scope, siblings: Option<&Siblings<'t>>) -> NodeId {
        let id = self.reserve();
        self.task_as(id, place, scope, siblings);
        id
    }

    /// Compiles a task whose number was reserved.
    pub(super) fn task_as(&mut self, id: NodeId, place: Place<'t>, scope: &Scope, siblings: Option<&Siblings<'t>>) {
        let task = Task { place, scope, siblings };
        let mut node = Node {
            name: place.name().unwrap_or_default().into(),
            pointer: self.base.join(&place.pointer()),
            definition: place.value().clone(),
            condition: None,
            input: Input::default(),
            output: Output::default(),
            export: None,
            timeout: None,
            then: Then::Continue,
            extensions: Arc::new([]),
            kind: Kind::Do(TaskList::from([])),
        };
        if scope.depth > TASKS_NESTED_MAX {
            let message = format!("tasks are nested more than {TASKS_NESTED_MAX} deep");
            self.refuse_for(
                Spot::Name(place),
                TOO_DEEP,
                message,
                "move the inner tasks into a workflow of their own".into(),
            );
        } else if self.is_object(place, "a task") {
            self.fill(task, &mut node);
        }
        self.nodes[id.0 as usize] = Some(node);
    }

    fn fill(&mut self, task: Task<'t, '_>, node: &mut Node) {
        let place = task.place;
        let Some(kind) = self.kind_of(place) else { return };
        node.condition = self.condition(task);
        node.input = self.input(place, Sight::of(Moment::TaskInput, task.scope));
        node.output = self.output(place, task.sight());
        node.export = self.export(task);
        node.timeout = self.task_timeout(task, kind);
        node.then = self.then_of(place, task.siblings).unwrap_or(Then::Continue);
        node.extensions = self.extend(task, kind);
        if let Some(compiled) = self.kind(task, kind) {
            node.kind = compiled;
        }
    }

    /// What the task does. It does one thing, and has no property of another.
    fn kind_of(&mut self, place: Place<'t>) -> Option<&'static str> {
        let found = KINDS.iter().find(|(kind, _)| place.get(kind).is_some());
        let Some((kind, own)) = found else {
            self.no_kind(place);
            return None;
        };
        let what = format!("a `{kind}` task");
        for member in place.children() {
            let name = member.name().unwrap_or_default();
            let is_other = KINDS.iter().any(|(other, _)| *other == name) && name != *kind && !own.contains(&name);
            if is_other {
                let message = format!("a task does one thing, and this one has both `{kind}` and `{name}`");
                self.refuse_for(Spot::Name(member), UNKNOWN_PROPERTY, message, "make two tasks of it".into());
            }
        }
        let others = KINDS.iter().map(|(other, _)| *other);
        let known: Vec<&str> = std::iter::once(*kind).chain(own.iter().copied()).chain(COMMON).collect();
        let is_unknown = |name: &str| !known.contains(&name) && !others.clone().any(|other| other == name);
        for member in place.children().filter(|member| is_unknown(member.name().unwrap_or_default())) {
            let name = member.name().unwrap_or_default();
            let suggestion = match nearest(name, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("{what} has {}", listed(known.iter().copied(), "and")),
            };
            let message = format!("`{name}` is no property of {what}");
            self.refuse_for(Spot::Name(member), UNKNOWN_PROPERTY, message, suggestion);
        }
        Some(kind)
    }

    fn no_kind(&mut self, place: Place<'t>) {
        let kinds = || KINDS.iter().map(|(kind, _)| *kind);
        let unknown = |member: &Place<'t>| !COMMON.contains(&member.name().unwrap_or_default());
        let mut is_misspelt = false;
        for member in place.children().filter(unknown) {
            let name = member.name().unwrap_or_default();
            let message = format!("`{name}` is no property of a task");
            let meant = nearest(name, kinds().chain(COMMON));
            is_misspelt |= meant.is_some();
            match meant {
                Some(meant) => {
                    let suggestion = format!("did you mean `{meant}`?");
                    self.refuse_for(Spot::Name(member), UNKNOWN_PROPERTY, message, suggestion);
                }
                None => self.refuse(Spot::Name(member), UNKNOWN_PROPERTY, message),
            }
        }
        if !is_misspelt {
            let suggestion = format!("write {}", listed(kinds(), "or"));
            self.refuse_for(Spot::Name(place), MISSING_PROPERTY, "the task says nothing that it does", suggestion);
        }
    }

    fn kind(&mut self, task: Task<'t, '_>, kind: &'static str) -> Option<Kind> {
        let metadata = self.task_metadata(task, kind);
        match kind {
            "call" => self.call(task, metadata.call),
            "do" => {
                let list = task.place.get("do")?;
                Some(Kind::Do(self.list(list, "`do`", &task.scope.inside())))
            }
            "for" => self.repeat(task, metadata.map).map(|task| Kind::For(Box::new(task))),
            "fork" => self.fork(task, metadata.fork).map(Kind::Fork),
            "try" => self.attempt(task).map(|task| Kind::Try(Box::new(task))),
            "set" => self.set(task).map(Kind::Set),
            "switch" => self.switch(task).map(Kind::Switch),
            "raise" => self.raise(task).map(Kind::Raise),
            "wait" => self.span_of(task.place, "wait", task.sight()).map(Kind::Wait),
            "emit" => self.emit(task),
            "listen" => self.listen(task),
            _ => self.run(task),
        }
    }

    fn condition(&mut self, task: Task<'t, '_>) -> Option<Filter> {
        self.expression_of(task.place, "if", Sight::of(Moment::TaskInput, task.scope))
    }

    /// `input` of a task or of the workflow.
    pub(super) fn input(&mut self, place: Place<'t>, sight: Sight<'_>) -> Input {
        let Some(input) = place.get("input") else { return Input::default() };
        if !self.closed(input, "`input`", &["schema", "from"]) {
            return Input::default();
        }
        let from = input.get("from").and_then(|from| self.transformation(from, "`from`", sight));
        Input { schema: self.schema_of(input), from }
    }

    /// `output` of a task or of the workflow.
    pub(super) fn output(&mut self, place: Place<'t>, sight: Sight<'_>) -> Output {
        let Some(output) = place.get("output") else { return Output::default() };
        if !self.closed(output, "`output`", &["schema", "as"]) {
            return Output::default();
        }
        let template = output.get("as").and_then(|output| self.transformation(output, "`as`", sight));
        Output { template, schema: self.schema_of(output) }
    }

    fn export(&mut self, task: Task<'t, '_>) -> Option<Export> {
        let export = task.place.get("export")?;
        if task.scope.is_in_map {
            let message = "a task of a parallel map cannot export: the items run at the same time, over one context";
            let suggestion = "let the map's own `export` take what the items put out".into();
            self.refuse_for(Spot::Name(export), NOT_SUPPORTED, message, suggestion);
        }
        self.export_at(export, Sight::of(Moment::Export, task.scope))
    }

    /// Without `as` the context stays what it is, and is checked.
    pub(super) fn export_at(&mut self, export: Place<'t>, sight: Sight<'_>) -> Option<Export> {
        if !self.closed(export, "`export`", &["schema", "as"]) {
            return None;
        }
        let template = match export.get("as") {
            Some(export) => self.transformation(export, "`as`", sight),
            None => Filter::compile("$context", &["context"]).ok().map(Template::expression),
        };
        let schema = self.schema_of(export);
        if export.get("as").is_none() && schema.is_none() {
            return None;
        }
        Some(Export { template: template?, schema })
    }

    /// The task's own timeout. The document's default is one for the tasks that work outside, and no bound for those that only hold others.
    fn task_timeout(&mut self, task: Task<'t, '_>, kind: &str) -> Option<Span> {
        match task.place.get("timeout") {
            Some(timeout) => self.timeout(timeout, task.sight()),
            None if matches!(kind, "call" | "run") => self.defaults.timeout.map(Span::Fixed),
            None => None,
        }
    }

    /// The name of a variable of a loop or a catch.
    pub(super) fn variable(&mut self, place: Place<'t>, name: &str, default: &str) -> Arc<str> {
        let Some(text) = self.text_of(place, name) else { return default.into() };
        let Some(member) = place.get(name) else { return default.into() };
        let is_name = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && text.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
        if !is_name {
            let message = format!("no expression can use a variable of the name `{text}`");
            self.wrong_option(member, message, "write letters, digits and underscores, without the `$`");
        } else if super::expressions::ARGUMENTS.contains(&&*text) {
            let message = format!("`${text}` is an argument of every expression already");
            self.refuse_for(Spot::Value(member), super::report::AMBIGUOUS_NAME, message, "choose another name".into());
        }
        Arc::from(&*text)
    }

    /// Every task that was compiled, with a stand-in for one that is not there.
    pub(super) fn take_nodes(&mut self) -> Vec<Node> {
        std::mem::take(&mut self.nodes).into_iter().map(|node| node.unwrap_or_else(nothing)).collect()
    }
}

/// A task that does nothing. Every number that was reserved is filled, so none of these is ever reached.
fn nothing() -> Node {
    Node {
        name: "".into(),
        pointer: JsonPointer::root(),
        definition: Value::null(),
        condition: None,
        input: Input::default(),
        output: Output::default(),
        export: None,
        timeout: None,
        then: Then::Continue,
        extensions: Arc::new([]),
        kind: Kind::Do(TaskList::from([])),
    }
}
