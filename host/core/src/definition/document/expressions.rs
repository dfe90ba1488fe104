//! Expressions and templates of a document: compiled with the variables that the specification's table allows at their place.

use std::sync::Arc;

use super::compiler::{Compiler, Scope};
use super::findings::Spot;
use super::report::{NOT_SUPPORTED, TEXT_NOT_EVALUATED, WRONG_EXPRESSION};
use super::tree::Place;
use crate::expression::{ExpressionError, Filter, Template, parse_expression};
use crate::value::Value;

/// Arguments that hold secrets, which no expression of this host may read yet.
const SECRETS: [&str; 2] = ["secrets", "authorization"];

/// Every argument of the specification: no variable of a loop or a catch may have such a name.
pub(super) const ARGUMENTS: [&str; 8] =
    ["context", "input", "output", "secrets", "authorization", "task", "workflow", "runtime"];

/// When an expression is evaluated, which says what it sees (dsl.md, "Runtime expression arguments").
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// `input.from` and `timeout` of the workflow.
    WorkflowInput,
    /// `output.as` of the workflow.
    WorkflowOutput,
    /// `if` and `input.from` of a task.
    TaskInput,
    /// What a task does, and its `output.as`.
    Task,
    /// `export.as` of a task.
    Export,
}

impl Moment {
    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::WorkflowInput => &["workflow", "runtime"],
            Self::WorkflowOutput => &["context", "workflow", "runtime"],
            Self::TaskInput => &["context", "task", "workflow", "runtime"],
            Self::Task => &["context", "input", "task", "workflow", "runtime"],
            Self::Export => &["context", "input", "output", "task", "workflow", "runtime"],
        }
    }
}

/// What an expression sees at its place.
#[derive(Clone, Copy)]
pub(super) struct Sight<'s> {
    pub(super) moment: Moment,
    /// Loop and catch variables.
    pub(super) variables: &'s [Arc<str>],
}

impl<'s> Sight<'s> {
    pub(super) const fn of(moment: Moment, scope: &'s Scope) -> Self {
        Self { moment, variables: scope.variables.as_slice() }
    }

    pub(super) const fn workflow(moment: Moment) -> Self {
        Self { moment, variables: &[] }
    }

    fn names(self) -> Vec<&'s str> {
        self.moment.arguments().iter().copied().chain(self.variables.iter().map(|name| &**name)).collect()
    }
}

impl<'t> Compiler<'t, '_> {
    /// Compiles the source of an expression, which begins at a byte of a text.
    fn filter(&mut self, place: Place<'t>, source: &str, begin: usize, sight: Sight<'_>) -> Option<Filter> {
        let names = sight.names();
        let with_secrets: Vec<&str> = names.iter().copied().chain(SECRETS).collect();
        let compiled = match Filter::compile(source, &with_secrets) {
            Ok(filter) => Ok(filter),
            // Once more without the secrets, so that the error does not offer them.
            Err(error) => Err(Filter::compile(source, &names).err().unwrap_or(error)),
        };
        match compiled {
            Ok(filter) => {
                if let Some(secret) =
                    SECRETS.into_iter().find(|secret| filter.variables_used().iter().any(|used| used == secret))
                {
                    let at = begin + source.find(&format!("${secret}")).unwrap_or(0);
                    let message = format!("this host does not support `${secret}` in expressions yet");
                    self.refuse(Spot::Inside(place, at), NOT_SUPPORTED, message);
                    return None;
                }
                Some(filter)
            }
            Err(ExpressionError { reason, at }) => {
                let spot = Spot::Inside(place, begin + at.unwrap_or(0));
                self.refuse(spot, WRONG_EXPRESSION, format!("the expression does not compile: {reason}"));
                None
            }
        }
    }

    /// The expression that a text is, with `${ }` around it or without: for places that hold nothing else.
    pub(super) fn expression(&mut self, place: Place<'t>, what: &str, sight: Sight<'_>) -> Option<Filter> {
        if place.text().is_none() {
            let message = format!("{what} must be an expression, which is text");
            let suggestion = format!("write `${{ {} }}`", place.value());
            self.refuse_for(Spot::Value(place), super::report::WRONG_TYPE, message, suggestion);
            return None;
        }
        let text = place.text()?;
        let source = parse_expression(&text).unwrap_or(&text);
        self.filter(place, source, offset(&text, source), sight)
    }

    /// The expression of a member that may be missing.
    pub(super) fn expression_of(&mut self, place: Place<'t>, name: &str, sight: Sight<'_>) -> Option<Filter> {
        let member = place.get(name)?;
        self.expression(member, &format!("`{name}`"), sight)
    }

    /// A value with expressions in it.
    pub(super) fn template(&mut self, place: Place<'t>, sight: Sight<'_>) -> Template {
        if let Some(text) = place.text() {
            return self.text_template(place, &text, sight);
        }
        if !place.is_array() && !place.is_object() {
            return Template::constant(place.value().clone());
        }
        let parts: Vec<_> = place.children().map(|child| (child.name(), self.template(child, sight))).collect();
        if place.is_array() {
            return Template::array(place.value(), parts.into_iter().map(|(_, part)| part));
        }
        Template::object(place.value(), parts.into_iter().filter_map(|(name, part)| Some((name?.to_owned(), part))))
    }

    fn text_template(&mut self, place: Place<'t>, text: &str, sight: Sight<'_>) -> Template {
        let value = || place.value().clone();
        if let Some(source) = parse_expression(text) {
            let filter = self.filter(place, source, offset(text, source), sight);
            return filter.map_or_else(|| Template::constant(Value::null()), Template::expression);
        }
        if self.is_loose {
            // Whatever does not evaluate is the text that it is.
            let filter = Filter::compile(text, &sight.names());
            return filter.map_or_else(|_| Template::constant(value()), |filter| Template::lenient(filter, value()));
        }
        if let Some(at) = text.find("${") {
            let message = "an expression inside of a text is not evaluated";
            let suggestion = r#"make the whole text one expression: '${ "text \(.path) text" }'"#;
            self.refuse_for(Spot::Inside(place, at), TEXT_NOT_EVALUATED, message, suggestion.into());
        }
        Template::constant(value())
    }

    /// `from` and `as`: an expression, or an object with expressions in it.
    pub(super) fn transformation(&mut self, place: Place<'t>, what: &str, sight: Sight<'_>) -> Option<Template> {
        match place.value().kind() {
            "string" => self.expression(place, what, sight).map(Template::expression),
            "object" => Some(self.template(place, sight)),
            _ => {
                self.wrong_type(place, what, "an expression or an object");
                None
            }
        }
    }
}

/// Where a part of a text begins in it.
fn offset(whole: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len())
}
