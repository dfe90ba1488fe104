//! `for`: one item after the other, or all of them as a parallel map.

use super::compiler::Compiler;
use super::findings::Spot;
use super::report::AMBIGUOUS_NAME;
use super::task::Task;
use super::tree::Place;
use crate::definition::{For, Map};
use crate::expression::Template;

impl<'t> Compiler<'t, '_> {
    pub(super) fn repeat(&mut self, task: Task<'t, '_>, map: Option<Map>) -> Option<For> {
        let place = task.place.get("for")?;
        let body = self.required(task.place, "a `for` task", "do");
        if !self.closed(place, "`for`", &["each", "in", "at"]) {
            return None;
        }
        let each = self.variable(place, "each", "item");
        let at = self.variable(place, "at", "index");
        if each == at {
            let spot = Spot::Name(place.get("at").or(place.get("each")).unwrap_or(place));
            let message = format!("the item and its index are both named `{each}`");
            self.refuse_for(spot, AMBIGUOUS_NAME, message, "choose another name for one of them".into());
        }
        let mut scope = task.scope.inside().with(each.clone()).with(at.clone());
        scope.is_in_map |= task.place.get("metadata").is_some_and(|metadata| metadata.get("for").is_some());
        let items = self.required(place, "`for`", "in").and_then(|items| self.items(items, task));
        let inside = Task { scope: &scope, ..task };
        let condition = self.expression_of(task.place, "while", inside.sight());
        let body = self.list(body?, "`do`", &scope);
        Some(For { each, at, items: items?, condition, body, map })
    }

    /// An expression, or an array of objects with expressions in them.
    fn items(&mut self, place: Place<'t>, task: Task<'t, '_>) -> Option<Template> {
        if !place.is_array() {
            if place.text().is_none() {
                self.wrong_type(place, "`in`", "an expression or an array of objects");
                return None;
            }
            return self.expression(place, "`in`", task.sight()).map(Template::expression);
        }
        for element in place.children().filter(|element| !element.is_object()) {
            let message = "an element of an array in `in` must be an object".to_string();
            let suggestion = format!("write the array as an expression: in: '${{ {} }}'", place.value());
            let suggestion =
                if suggestion.len() > 200 { "write the array as an expression".into() } else { suggestion };
            self.refuse_for(Spot::Value(element), super::report::WRONG_TYPE, message, suggestion);
        }
        Some(self.template(place, task.sight()))
    }
}
