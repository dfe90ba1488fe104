//! The compiler of one document: what it has found so far, and what it knows where it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::PluginSource;
use super::findings::{Findings, Spot};
use super::report::Code;
use super::reuse::Reuse;
use super::tree::Place;
use crate::definition::{Defaults, Node, NodeId, PinnedFunction, PinnedPlugin};
use crate::ids::JsonPointer;

/// Tasks in tasks: the list of the document is the first level.
pub const TASKS_NESTED_MAX: u32 = 20;

/// Compiles one document.
pub(super) struct Compiler<'t, 'c> {
    pub(super) findings: &'c mut Findings<'t>,
    pub(super) plugins: &'c dyn PluginSource,
    /// `evaluate.mode: loose`.
    pub(super) is_loose: bool,
    /// What `use` defines.
    pub(super) reuse: Reuse<'t>,
    /// What stands before the pointers of tasks: nothing, or the function of a catalog that they are part of.
    pub(super) base: JsonPointer,
    pub(super) defaults: Defaults,
    /// Every task, by its number; `None` while it is being compiled.
    pub(super) nodes: Vec<Option<Node>>,
    /// The plugins that are called, and where each stands in that list.
    pub(super) pinned: Vec<PinnedPlugin>,
    pub(super) pins: BTreeMap<(String, Option<String>), Option<u32>>,
    /// The names of the catalog, asked for at most once.
    pub(super) plugin_names: Option<Vec<String>>,
    /// The functions of `use`, by name.
    pub(super) functions: BTreeMap<String, NodeId>,
    /// The functions of catalogs that were asked for, by endpoint, name and version.
    pub(super) cataloged: BTreeMap<(String, String, String), Option<NodeId>>,
    pub(super) pinned_functions: Vec<PinnedFunction>,
    /// The kind of task that each extension extends: nothing where it extends all, `None` where it is wrong.
    pub(super) targets: Vec<Option<&'static str>>,
    /// What is run within parallel maps and stands elsewhere.
    pub(super) in_maps: Vec<(Place<'t>, InMap)>,
}

/// Something that is run within a parallel map and stands elsewhere.
pub(super) enum InMap {
    /// A function that is called.
    Function(NodeId),
    /// Extensions that extend a task.
    Extensions(Arc<[u32]>),
}

/// What is known where a task stands.
#[derive(Clone)]
pub(super) struct Scope {
    /// The variables of the loops and catches around it.
    pub(super) variables: Vec<Arc<str>>,
    /// How many tasks it stands in, itself included.
    pub(super) depth: u32,
    /// True inside of a parallel map.
    pub(super) is_in_map: bool,
}

impl Scope {
    /// The scope of the document's own list.
    pub(super) const fn outermost() -> Self {
        Self { variables: Vec::new(), depth: 1, is_in_map: false }
    }

    /// The scope of a list inside of a task that stands in this one.
    pub(super) fn inside(&self) -> Self {
        Self { depth: self.depth + 1, ..self.clone() }
    }

    pub(super) fn with(mut self, variable: Arc<str>) -> Self {
        self.variables.push(variable);
        self
    }
}

impl<'t> Compiler<'t, '_> {
    /// Reports something that is wrong.
    pub(super) fn refuse(&mut self, spot: Spot<'t>, code: Code, message: impl Into<String>) {
        self.findings.add(spot, code, message.into(), None);
    }

    /// Reports something that is wrong, with what to write instead.
    pub(super) fn refuse_for(&mut self, spot: Spot<'t>, code: Code, message: impl Into<String>, suggestion: String) {
        self.findings.add(spot, code, message.into(), Some(suggestion));
    }

    /// Reports a part of the specification that is not run yet.
    pub(super) fn unsupported(&mut self, place: Place<'t>, what: &str) {
        let message = format!("this host does not support {what} yet");
        self.refuse(Spot::Name(place), super::report::NOT_SUPPORTED, message);
    }

    /// Takes the number of the next task, so that a task comes before those inside of it.
    pub(super) fn reserve(&mut self) -> NodeId {
        self.nodes.push(None);
        NodeId(u32::try_from(self.nodes.len() - 1).expect("a document has fewer values than that"))
    }
}
