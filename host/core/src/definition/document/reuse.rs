//! `use`: what a document defines once and refers to by name.

use std::collections::BTreeMap;

use super::compiler::{Compiler, Scope};
use super::expressions::{Moment, Sight};
use super::findings::Spot;
use super::nearest::nearest;
use super::properties::listed;
use super::report::UNKNOWN_REFERENCE;
use super::tree::Place;
use crate::definition::Extension;

const PROPERTIES: [&str; 8] =
    ["authentications", "catalogs", "errors", "extensions", "functions", "retries", "secrets", "timeouts"];

/// The named parts, by the property of `use` and their name.
#[derive(Default)]
pub(super) struct Reuse<'t> {
    named: BTreeMap<&'static str, BTreeMap<&'t str, Place<'t>>>,
}

impl<'t> Reuse<'t> {
    pub(super) fn find(&self, kind: &str, name: &str) -> Option<Place<'t>> {
        self.named.get(kind)?.get(name).copied()
    }

    /// Everything of one kind, by name.
    pub(super) fn all(&self, kind: &str) -> impl Iterator<Item = (&'t str, Place<'t>)> + '_ {
        self.named.get(kind).into_iter().flatten().map(|(name, place)| (*name, *place))
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
        self.reserve_functions();
        self.note_extensions(place);
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

    /// Compiles every part of `use`, also those that nothing refers to, and gives the extensions.
    pub(super) fn compile_reusable(&mut self, document: Place<'t>) -> Vec<Extension> {
        let Some(place) = document.get("use").filter(|place| place.is_object()) else { return Vec::new() };
        let scope = Scope::outermost();
        let sight = Sight::of(Moment::Task, &scope);
        for kind in ["errors", "retries", "timeouts", "authentications", "catalogs"] {
            for part in place.get(kind).into_iter().flat_map(Place::children) {
                match kind {
                    "errors" => drop(self.error(part, sight)),
                    "retries" => self.unused_retry(part),
                    "timeouts" => drop(self.timeout(part, sight)),
                    "authentications" => self.authentication(part, "an authentication"),
                    _ => self.catalog(part),
                }
            }
        }
        self.compile_functions();
        let extensions = self.compile_extensions(place);
        self.texts_of(place, "secrets");
        for kind in ["authentications", "secrets"] {
            if let Some(part) = place.get(kind).filter(|part| part.children().len() > 0) {
                self.unsupported(part, &format!("`use.{kind}`"));
            }
        }
        extensions
    }

    fn catalog(&mut self, place: Place<'t>) {
        if self.closed(place, "a catalog", &["endpoint"])
            && let Some(endpoint) = self.required(place, "a catalog", "endpoint")
        {
            self.endpoint(endpoint, Sight::workflow(Moment::WorkflowInput));
        }
    }
}
