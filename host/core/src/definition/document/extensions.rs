//! `use.extensions`: tasks that are run before and after others.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::compiler::{Compiler, InMap, Scope};
use super::expressions::{Moment, Sight};
use super::findings::Spot;
use super::report::{NOT_SUPPORTED, WRONG_VALUE};
use super::task::Task;
use super::tree::Place;
use crate::definition::{Extension, NodeId};

/// The tasks that an extension may extend: each name, and the kind of task that it stands for.
const TARGETS: [(&str, &str); 12] = [
    ("call", "call"),
    ("composite", "do"),
    ("emit", "emit"),
    ("for", "for"),
    ("listen", "listen"),
    ("raise", "raise"),
    ("run", "run"),
    ("set", "set"),
    ("switch", "switch"),
    ("try", "try"),
    ("wait", "wait"),
    ("all", ""),
];

impl<'t> Compiler<'t, '_> {
    /// Takes note of what each extension extends, before any task is compiled.
    pub(super) fn note_extensions(&mut self, used: Place<'t>) {
        for extension in self.extensions_of_use(used) {
            let target = extension.get("extend").and_then(|target| target.text().map(|text| text.into_owned()));
            let kind = TARGETS.iter().find(|(name, _)| Some(*name) == target.as_deref()).map(|(_, kind)| *kind);
            self.targets.push(kind);
        }
    }

    /// The extensions, as places in the definition's list, that may extend a task of that kind.
    fn extensions_for(&self, kind: &str) -> Arc<[u32]> {
        let applies = |target: &Option<&str>| target.is_some_and(|target| target.is_empty() || target == kind);
        (0..).zip(&self.targets).filter(|(_, target)| applies(target)).map(|(place, _)| place).collect()
    }

    /// Compiles all extensions, in declared order.
    pub(super) fn compile_extensions(&mut self, used: Place<'t>) -> Vec<Extension> {
        let Some(extensions) = used.get("extensions") else { return Vec::new() };
        for item in self.elements(extensions, "`extensions`") {
            if self.is_object(item, "an extension") && item.children().len() != 1 {
                let message = "an element of `extensions` holds one extension".to_string();
                self.refuse(Spot::Value(item), WRONG_VALUE, message);
            }
        }
        self.extensions_of_use(used).into_iter().map(|place| self.extension(place)).collect()
    }

    fn extensions_of_use(&self, used: Place<'t>) -> Vec<Place<'t>> {
        let items = used.get("extensions").filter(|extensions| extensions.is_array());
        items.into_iter().flat_map(Place::children).filter(|item| item.is_object()).flat_map(Place::children).collect()
    }

    fn extension(&mut self, place: Place<'t>) -> Extension {
        let name = place.name().unwrap_or_default().into();
        if !self.closed(place, "an extension", &["extend", "when", "before", "after"]) {
            return Extension { name, when: None, before: None, after: None };
        }
        if let Some(target) = self.required(place, "an extension", "extend") {
            self.word(target, "`extend`", &TARGETS.map(|(name, _)| name));
        }
        let scope = Scope::outermost();
        let when = self.expression_of(place, "when", Sight::of(Moment::Task, &scope));
        let mut list = |name: &str| place.get(name).map(|list| self.list(list, &format!("`{name}`"), &scope));
        let (before, after) = (list("before"), list("after"));
        Extension { name, when, before, after }
    }

    /// Nothing inside of a parallel map may export: neither what a function does that is called there, nor what extends a task there.
    pub(super) fn check_exports_in_maps(&mut self, extensions: &[Extension]) {
        for (place, within) in std::mem::take(&mut self.in_maps) {
            let begun = match within {
                InMap::Function(id) => vec![id],
                InMap::Extensions(places) => tasks_of(&places, extensions),
            };
            if let Some(exporting) = self.first_export(begun, extensions) {
                let message = format!(
                    "this is run in a parallel map, whose items run at the same time over one context, and `{exporting}` exports"
                );
                let suggestion = "let the map's own `export` take what the items put out".into();
                self.refuse_for(Spot::Name(place), NOT_SUPPORTED, message, suggestion);
            }
        }
    }

    /// The pointer of a task that exports among these and those inside of them.
    fn first_export(&self, mut waiting: Vec<NodeId>, extensions: &[Extension]) -> Option<String> {
        let mut seen = BTreeSet::new();
        while let Some(id) = waiting.pop() {
            let Some(node) = self.nodes[id.0 as usize].as_ref().filter(|_| seen.insert(id)) else { continue };
            if node.export.is_some() {
                return Some(node.pointer.as_str().to_owned());
            }
            node.kind.lists().for_each(|list| waiting.extend(list.iter().copied()));
            waiting.extend(tasks_of(&node.extensions, extensions));
        }
        None
    }

    /// The extensions of a task of that kind; of one in a parallel map note is taken.
    pub(super) fn extend(&mut self, task: Task<'t, '_>, kind: &str) -> Arc<[u32]> {
        let extensions = self.extensions_for(kind);
        if task.scope.is_in_map && !extensions.is_empty() {
            self.in_maps.push((task.place, InMap::Extensions(Arc::clone(&extensions))));
        }
        extensions
    }
}

/// The tasks that some extensions run.
fn tasks_of(places: &[u32], extensions: &[Extension]) -> Vec<NodeId> {
    let extending = places.iter().filter_map(|place| extensions.get(*place as usize));
    let lists = extending.flat_map(|Extension { before, after, .. }| before.iter().chain(after));
    lists.flat_map(|list| list.iter().copied()).collect()
}
