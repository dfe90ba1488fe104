//! `use`: what a document defines once and refers to by name.

use std::collections::BTreeMap;

use super::compiler::{Compiler, Scope};
use super::expressions::{Moment, Sight};
use super::findings::Spot;
use super::nearest::nearest;
use super::properties::listed;
use super::report::{UNKNOWN_REFERENCE, WRONG_VALUE};
use super::tree::Place;

const PROPERTIES: [&str; 8] =
    ["authentications", "catalogs", "errors", "extensions", "functions", "retries", "secrets", "timeouts"];

/// The tasks that an extension may extend.
const EXTENDED: [&str; 12] =
    ["call", "composite", "emit", "for", "listen", "raise", "run", "set", "switch", "try", "wait", "all"];

/// The named parts, by the property of `use` and their name.
#[derive(Default)]
pub(super) struct Reuse<'t> {
    named: BTreeMap<&'static str, BTreeMap<&'t str, Place<'t>>>,
}

impl<'t> Reuse<'t> {
    pub(super) fn find(&self, kind: &str, name: &str) -> Option<Place<'t>> {
        self.named.get(kind)?.get(name).copied()
    }
}

impl<'t> Compiler<'t, '_> {
    /// Notes the names down, before anything refers to them.
    pub(super) fn note_reusable(&mut self, document: Place<'t>) {
        let Some(place) = document.get("use") else { return };
        if !self.closed(place, "`use`", &PROPERTIES) {
            return;
        }
        for kind in PROPERTIES {
            if matches!(kind, "extensions" | "secrets") {
                continue;
            }
            let members = self.object_of(place, kind).into_iter().flat_map(Place::children);
            let named = members.filter_map(|member| Some((member.name()?, member))).collect();
            self.reuse.named.insert(kind, named);
        }
    }

    /// The part of `use` that a name refers to.
    pub(super) fn reused(&mut self, place: Place<'t>, name: &str, kind: &'static str) -> Option<Place<'t>> {
        let found = self.reuse.find(kind, name);
        if found.is_none() {
            let names = || self.reuse.named.get(kind).into_iter().flatten().map(|(name, _)| *name);
            let suggestion = match nearest(name, names()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if names().next().is_none() => format!("define it under `use.{kind}`"),
                None => format!("`use.{kind}` has {}", listed(names().take(10), "and")),
            };
            let message = format!("`use.{kind}` does not define `{name}`");
            self.refuse_for(Spot::Value(place), UNKNOWN_REFERENCE, message, suggestion);
        }
        found
    }

    /// Checks every part of `use`, also those that nothing refers to.
    pub(super) fn check_reusable(&mut self, document: Place<'t>) {
        let Some(place) = document.get("use").filter(|place| place.is_object()) else { return };
        let scope = Scope::outermost();
        let sight = Sight::of(Moment::Task, &scope);
        for kind in ["errors", "retries", "timeouts", "authentications", "catalogs", "functions"] {
            for part in place.get(kind).into_iter().flat_map(Place::children) {
                match kind {
                    "errors" => drop(self.error(part, sight)),
                    "retries" => self.unused_retry(part),
                    "timeouts" => drop(self.timeout(part, sight)),
                    "authentications" => self.authentication(part, "an authentication"),
                    "catalogs" => self.catalog(part),
                    _ => drop(self.task(part, &scope, None)),
                }
            }
        }
        self.extensions(place);
        self.texts_of(place, "secrets");
        for kind in ["authentications", "catalogs", "extensions", "functions", "secrets"] {
            if let Some(part) = place.get(kind).filter(|part| part.children().len() > 0) {
                self.unsupported(part, &format!("`use.{kind}`"));
            }
        }
    }

    fn catalog(&mut self, place: Place<'t>) {
        if self.closed(place, "a catalog", &["endpoint"])
            && let Some(endpoint) = self.required(place, "a catalog", "endpoint")
        {
            self.endpoint(endpoint, Sight::workflow(Moment::WorkflowInput));
        }
    }

    fn extensions(&mut self, place: Place<'t>) {
        let Some(extensions) = place.get("extensions") else { return };
        for item in self.elements(extensions, "`extensions`") {
            if !self.is_object(item, "an extension") {
                continue;
            }
            if item.children().len() != 1 {
                let message = "an element of `extensions` holds one extension".to_string();
                self.refuse(Spot::Value(item), WRONG_VALUE, message);
            }
            for extension in item.children() {
                self.extension(extension);
            }
        }
    }

    fn extension(&mut self, place: Place<'t>) {
        if !self.closed(place, "an extension", &["extend", "when", "before", "after"]) {
            return;
        }
        if let Some(target) = self.required(place, "an extension", "extend") {
            self.word(target, "`extend`", &EXTENDED);
        }
        let scope = Scope::outermost();
        self.expression_of(place, "when", Sight::of(Moment::Task, &scope));
        for name in ["before", "after"] {
            if let Some(list) = place.get(name) {
                self.list(list, &format!("`{name}`"), &scope);
            }
        }
    }
}
