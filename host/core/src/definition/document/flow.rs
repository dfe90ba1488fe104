//! Lists of tasks, and where control goes within them.

use std::collections::BTreeMap;

use super::compiler::{Compiler, Scope};
use super::findings::Spot;
use super::nearest::nearest;
use super::properties::listed;
use super::report::{AMBIGUOUS_NAME, UNKNOWN_TASK, WRONG_VALUE};
use super::tree::Place;
use crate::definition::{TaskList, Then};

/// The tasks of one list: what a `then` may name.
pub(super) struct Siblings<'t> {
    numbers: BTreeMap<&'t str, u32>,
    order: Vec<&'t str>,
}

impl<'t> Compiler<'t, '_> {
    /// A list of tasks, whose scope is given.
    pub(super) fn list(&mut self, place: Place<'t>, what: &str, scope: &Scope) -> TaskList {
        let tasks = self.named_items(place, what);
        let siblings = self.siblings(&tasks);
        tasks.into_iter().map(|task| self.task(task, scope, Some(&siblings))).collect()
    }

    /// The elements of an array of objects with one member each.
    pub(super) fn named_items(&mut self, place: Place<'t>, what: &str) -> Vec<Place<'t>> {
        let mut items = Vec::new();
        for element in self.elements(place, what) {
            if !self.is_object(element, &format!("an element of {what}")) {
                continue;
            }
            let mut members = element.children();
            match members.next() {
                Some(first) => items.push(first),
                None => self.refuse(Spot::Value(element), WRONG_VALUE, format!("an element of {what} holds nothing")),
            }
            if let Some(second) = members.next() {
                let message = format!(
                    "an element of {what} holds one member, and here is a second one: `{}`",
                    second.name().unwrap_or_default()
                );
                self.refuse_for(Spot::Name(second), WRONG_VALUE, message, "begin each of them with `- `".into());
            }
        }
        items
    }

    fn siblings(&mut self, tasks: &[Place<'t>]) -> Siblings<'t> {
        let mut siblings = Siblings { numbers: BTreeMap::new(), order: Vec::new() };
        for (number, task) in (0..).zip(tasks) {
            let name = task.name().unwrap_or_default();
            if siblings.numbers.insert(name, number).is_some() {
                let message = format!("two tasks of this list are named `{name}`");
                self.refuse_for(Spot::Name(*task), AMBIGUOUS_NAME, message, "give each of them its own name".into());
            }
            siblings.order.push(name);
        }
        siblings
    }

    /// `then`: a directive, or the name of a task of the same list. Outside of any list only directives are left.
    pub(super) fn then_of(&mut self, place: Place<'t>, siblings: Option<&Siblings<'t>>) -> Option<Then> {
        let member = place.get("then")?;
        let name = self.text(member, "`then`")?;
        let number = siblings.and_then(|siblings| siblings.numbers.get(&*name));
        match (&*name, number) {
            ("continue", _) => Some(Then::Continue),
            ("exit", _) => Some(Then::Exit),
            ("end", _) => Some(Then::End),
            (_, Some(number)) => Some(Then::Goto(*number)),
            (name, None) => {
                let names = || siblings.into_iter().flat_map(|siblings| &siblings.order).copied();
                let suggestion = match nearest(name, names().chain(["continue", "exit", "end"])) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("write {}", listed(names().take(10).chain(["continue", "exit", "end"]), "or")),
                };
                let message = format!("there is no task `{name}` in this list");
                self.refuse_for(Spot::Value(member), UNKNOWN_TASK, message, suggestion);
                None
            }
        }
    }
}
