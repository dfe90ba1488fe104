//! `set`, `switch` and `raise`.

use super::compiler::Compiler;
use super::expressions::Sight;
use super::findings::Spot;
use super::formats::{is_pointer, is_uri};
use super::report::WRONG_VALUE;
use super::task::Task;
use super::tree::Place;
use crate::definition::{Case, Raise, Then};
use crate::expression::{Template, parse_expression};

impl<'t> Compiler<'t, '_> {
    pub(super) fn set(&mut self, task: Task<'t, '_>) -> Option<Template> {
        let place = task.place.get("set")?;
        match place.value().kind() {
            "string" => {}
            "object" if place.children().len() > 0 => {}
            "object" => {
                self.wrong_value(place, "`set` sets nothing".into(), "write a member, or leave the task out");
                return None;
            }
            _ => {
                self.wrong_type(place, "`set`", "an object or an expression");
                return None;
            }
        }
        Some(self.template(place, task.sight()))
    }

    /// The case without a condition stands for all that no other case matches, wherever it is written.
    pub(super) fn switch(&mut self, task: Task<'t, '_>) -> Option<Vec<Case>> {
        let place = task.place.get("switch")?;
        let items = self.named_items(place, "`switch`");
        if place.is_array() && place.children().len() == 0 {
            self.wrong_value(place, "`switch` needs a case".into(), "write for example `- always: { then: continue }`");
        }
        let mut cases = Vec::new();
        let mut default: Option<Case> = None;
        for item in items {
            let Some(case) = self.case(item, task) else { continue };
            if item.get("when").is_some() {
                cases.push(case);
            } else if let Some(first) = &default {
                let message = format!("a `switch` has one case without `when`, and `{}` is one already", first.name);
                self.refuse_for(Spot::Name(item), WRONG_VALUE, message, "give this case a `when`".into());
            } else {
                default = Some(case);
            }
        }
        cases.extend(default);
        Some(cases)
    }

    fn case(&mut self, place: Place<'t>, task: Task<'t, '_>) -> Option<Case> {
        if !self.closed(place, "a case", &["when", "then"]) {
            return None;
        }
        let when = self.expression_of(place, "when", task.sight());
        self.required(place, "a case", "then");
        let then = self.then_of(place, task.siblings).unwrap_or(Then::Continue);
        Some(Case { name: place.name().unwrap_or_default().into(), when, then })
    }

    pub(super) fn raise(&mut self, task: Task<'t, '_>) -> Option<Raise> {
        let place = task.place.get("raise")?;
        if !self.closed(place, "`raise`", &["error"]) {
            return None;
        }
        let error = self.required(place, "`raise`", "error")?;
        let described = match error.text() {
            Some(name) => self.reused(error, &name, "errors")?,
            None => error,
        };
        self.error(described, task.sight()).map(|error| Raise { error })
    }

    /// An error that is raised: inline, or one of `use.errors`.
    pub(super) fn error(&mut self, place: Place<'t>, sight: Sight<'_>) -> Option<Template> {
        if !self.closed(place, "an error", &["type", "status", "instance", "title", "detail"]) {
            return None;
        }
        if let Some(kind) = self.required(place, "an error", "type") {
            self.uri(kind, "`type`");
        }
        if let Some(status) = self.required(place, "an error", "status") {
            self.integer(status, "`status`");
        }
        self.texts(place, &["title", "detail"]);
        if let Some(instance) = self.text_of(place, "instance") {
            let is_wrong = !is_pointer(&instance) && parse_expression(&instance).is_none();
            if let Some(member) = place.get("instance").filter(|_| is_wrong) {
                let message = format!("`instance` must be a JSON Pointer, and is `{instance}`");
                self.wrong_value(member, message, "write for example `/do/0/first`");
            }
        }
        Some(self.template(place, sight))
    }

    /// A URI reference, or an expression that gives one.
    pub(super) fn uri(&mut self, place: Place<'t>, what: &str) {
        let Some(text) = self.text(place, what) else { return };
        if !is_uri(&text) && parse_expression(&text).is_none() {
            self.refuse(
                Spot::Value(place),
                WRONG_VALUE,
                format!("{what} must be a URI or an expression, and is `{text}`"),
            );
        }
    }
}
