//! Functions: tasks that stand elsewhere and are called by name, in `use.functions` or in a catalog.
//!
//! Each is compiled once, however often it is called, and may call itself. One of a catalog is a document of its own: it sees nothing of the one
//! that calls it, and what is wrong with it is said where it is called.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compiler::{Compiler, InMap, Scope};
use super::findings::{Rigour, Spot};
use super::report::{Finding, NOT_SUPPORTED, Report, UNKNOWN_FUNCTION, Verdict};
use super::reuse::Reuse;
use super::task::Task;
use super::tree::Place;
use super::with_tree;
use crate::definition::{Function, Kind, NodeId, PinnedFunction, TaskList};
use crate::expression::Template;
use crate::ids::{JsonPointer, is_dns_label};

/// What is at the end of the address of every function of a catalog.
const FUNCTION_FILES: [&str; 2] = ["function.yaml", "function.json"];

/// A function of a catalog, as a document names it.
struct Cataloged<'n> {
    /// The endpoint of the catalog.
    endpoint: String,
    name: &'n str,
    version: &'n str,
}

impl<'t> Compiler<'t, '_> {
    /// Takes a number for each function of `use`, before anything calls one.
    pub(super) fn reserve_functions(&mut self) {
        let functions: Vec<_> = self.reuse.all("functions").map(|(name, _)| name.to_owned()).collect();
        for name in functions {
            let id = self.reserve();
            self.functions.insert(name, id);
        }
    }

    /// Compiles the functions of `use`, also those that nothing calls.
    pub(super) fn compile_functions(&mut self) {
        let functions: Vec<_> = self.reuse.all("functions").map(|(name, place)| (name.to_owned(), place)).collect();
        for (name, place) in functions {
            if let Some(id) = self.functions.get(&name).copied() {
                self.task_as(id, place, &Scope::outermost(), None);
            }
        }
    }

    /// A call of a function of `use`; `None` where there is none of that name.
    pub(super) fn used_function(&mut self, task: Task<'t, '_>, name: &str, with: Template) -> Option<Kind> {
        let id = self.functions.get(name).copied()?;
        self.called(task, id);
        Some(Kind::Function(Function { body: TaskList::from([id]), with, is_cataloged: false }))
    }

    /// A call of `name:version@catalog`.
    pub(super) fn cataloged_function(
        &mut self,
        task: Task<'t, '_>,
        call: Place<'t>,
        (function, catalog): (&str, &str),
        with: Template,
    ) -> Option<Kind> {
        let described = self.reused(call, catalog, "catalogs")?;
        let endpoint = self.endpoint_of(described)?;
        let Some((name, version)) = function.split_once(':') else {
            let message = format!("`{function}` names no version of the function");
            self.refuse_for(
                Spot::Value(call),
                UNKNOWN_FUNCTION,
                message,
                format!("write `{function}:1.0.0@{catalog}`"),
            );
            return None;
        };
        self.of_catalog(task, call, &Cataloged { endpoint, name, version }, with)
    }

    /// A call of a function by the address of its document, which must lie in a catalog that this host knows.
    pub(super) fn function_at(
        &mut self,
        task: Task<'t, '_>,
        call: Place<'t>,
        uri: &str,
        with: Template,
    ) -> Option<Kind> {
        let mut parts = uri.rsplitn(5, '/');
        let mut part = || parts.next().unwrap_or_default();
        let (file, version, name, folder) = (part(), part(), part(), part());
        let endpoint = parts.next().unwrap_or_default();
        if !FUNCTION_FILES.contains(&file) || folder != "functions" || endpoint.is_empty() {
            let message = "this host takes functions from catalogs only, and this is no address of one in a catalog";
            let suggestion = "write `CATALOG/functions/NAME/VERSION/function.yaml`, or `name:version@catalog`".into();
            self.refuse_for(Spot::Value(call), NOT_SUPPORTED, message, suggestion);
            return None;
        }
        self.of_catalog(task, call, &Cataloged { endpoint: endpoint.into(), name, version }, with)
    }

    /// Takes note of a call in a parallel map, where nothing may export.
    fn called(&mut self, task: Task<'t, '_>, id: NodeId) {
        if task.scope.is_in_map {
            self.in_maps.push((task.place, InMap::Function(id)));
        }
    }

    fn endpoint_of(&mut self, catalog: Place<'t>) -> Option<String> {
        let endpoint = catalog.get("endpoint")?;
        if let Some(authentication) = endpoint.get("authentication") {
            let message = "catalogs are folders of this host, to which no authentication applies";
            self.refuse_for(Spot::Name(authentication), NOT_SUPPORTED, message, "leave `authentication` out".into());
        }
        let uri = if endpoint.is_object() { endpoint.get("uri")? } else { endpoint };
        let text = uri.text()?;
        if text.contains('{') {
            let message = "this host does not support expressions in the endpoint of a catalog";
            self.refuse(Spot::Value(uri), NOT_SUPPORTED, message);
            return None;
        }
        Some(text.trim_end_matches('/').to_owned())
    }

    fn of_catalog(
        &mut self,
        task: Task<'t, '_>,
        call: Place<'t>,
        wanted: &Cataloged<'_>,
        with: Template,
    ) -> Option<Kind> {
        let key = (wanted.endpoint.clone(), wanted.name.to_owned(), wanted.version.to_owned());
        let known = self.cataloged.get(&key).copied();
        let id = known.unwrap_or_else(|| self.fetch(call, wanted));
        self.cataloged.insert(key, id);
        let id = id?;
        self.called(task, id);
        Some(Kind::Function(Function { body: TaskList::from([id]), with, is_cataloged: true }))
    }

    fn fetch(&mut self, call: Place<'t>, wanted: &Cataloged<'_>) -> Option<NodeId> {
        let Cataloged { endpoint, name, version } = wanted;
        let found = if is_dns_label(name) && semver::Version::parse(version).is_ok() {
            self.plugins.function(endpoint, name, version)
        } else {
            Err(format!("`{name}:{version}` is no name and version of a function: write it like `log:1.0.0`"))
        };
        match found {
            Ok(function) => self.compile_cataloged(call, function),
            Err(reason) => {
                self.refuse(Spot::Value(call), UNKNOWN_FUNCTION, reason);
                None
            }
        }
    }

    /// Compiles the document of a function into the tasks of this one.
    fn compile_cataloged(&mut self, call: Place<'t>, function: PinnedFunction) -> Option<NodeId> {
        let PinnedFunction { catalog, name, version, document } = &function;
        let whole = format!("{name}:{version}");
        let base = JsonPointer::root().child("use").child("catalogs").child(catalog).child(&whole);
        let id = self.reserve();
        let report = self.compile_elsewhere(id, base, document);
        self.rename(id, name);
        for finding in report.findings.iter().filter(|finding| finding.verdict != Verdict::Lint) {
            let Finding { line, column, message, .. } = finding;
            let code = if finding.verdict == Verdict::Invalid { UNKNOWN_FUNCTION } else { NOT_SUPPORTED };
            let message = format!("the function `{whole}` of `{catalog}`, line {line}, column {column}: {message}");
            self.refuse(Spot::Value(call), code, message);
        }
        self.pinned_functions.push(function);
        report.is_deployable().then_some(id)
    }

    /// Compiles the text of a task into the tasks of this document, with what is known so far of plugins.
    fn compile_elsewhere(&mut self, id: NodeId, base: JsonPointer, text: &[u8]) -> Report {
        let hint = Some("write a task, such as `set: { logged: true }`");
        let (_, report) = with_tree(text, (Rigour::Usual, hint), |tree, findings| {
            let mut inner = Compiler {
                findings,
                plugins: self.plugins,
                is_loose: self.is_loose,
                reuse: Reuse::default(),
                base,
                defaults: self.defaults.clone(),
                nodes: std::mem::take(&mut self.nodes),
                pinned: std::mem::take(&mut self.pinned),
                pins: std::mem::take(&mut self.pins),
                plugin_names: self.plugin_names.take(),
                functions: BTreeMap::new(),
                cataloged: BTreeMap::new(),
                pinned_functions: Vec::new(),
                targets: std::mem::take(&mut self.targets),
                in_maps: Vec::new(),
            };
            inner.task_as(id, tree.root(), &Scope::outermost(), None);
            let Compiler { nodes, pinned, pins, plugin_names, targets, .. } = inner;
            (self.nodes, self.pinned, self.pins) = (nodes, pinned, pins);
            (self.plugin_names, self.targets) = (plugin_names, targets);
            None::<()>
        });
        report
    }

    /// A function of a catalog is named by its catalog, and by nothing in its document.
    fn rename(&mut self, id: NodeId, name: &Arc<str>) {
        if let Some(node) = self.nodes.get_mut(id.0 as usize).and_then(Option::as_mut) {
            node.name = Arc::clone(name);
        }
    }
}
