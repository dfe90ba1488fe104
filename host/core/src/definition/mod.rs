//! The workflow definition, compiled: what the interpreter walks over.
//!
//! Owns the model, and the way from a document to it. A definition is compiled once, when it is deployed: nodes, pointers, expressions and
//! schemas; nothing of it is parsed while a workflow runs. Knows nothing of executions.
//!
//! The nodes stand in one arena and name each other by number. Those numbers never leave the process: whatever is stored names a task by
//! its JSON Pointer.

mod node;

mod duration;
mod policy;

mod document;

use std::sync::Arc;

pub use document::{
    CODES, Code, DOCUMENT_BYTES_MAX, DOCUMENT_VALUES_MAX, Data, EveryPlugin, Excerpt, Finding, PluginSource, Report,
    Rigour, TASKS_NESTED_MAX, Verdict, compile, nearest, read_document, validate, validate_against, validate_with,
};
pub use duration::{DurationError, parse_duration};
pub use node::{
    Backoff, Call, CallOptions, Case, Catch, ErrorFilter, Export, Extension, For, Fork, Function, Input, Kind, Map,
    Node, NodeId, Output, Raise, RetryPolicy, Schema, Span, Strategy, Subflow, TaskList, Then, Try,
};
pub use policy::{AttemptPolicy, Defaults, Priority};

use crate::ids::Digest;
use crate::time::Millis;
use crate::value::Value;

/// The name of a definition: `namespace/name:version`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DefinitionName {
    /// The namespace, a DNS label.
    pub namespace: Arc<str>,
    /// The name, a DNS label.
    pub name: Arc<str>,
    /// A semantic version.
    pub version: Arc<str>,
}

impl std::fmt::Display for DefinitionName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}:{}", self.namespace, self.name, self.version)
    }
}

/// A plugin that a definition calls, with the digest that it was pinned to when the definition was deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedPlugin {
    /// The plugin's name, a DNS label.
    pub name: Arc<str>,
    /// The version that was pinned.
    pub version: Arc<str>,
    /// Its component.
    pub digest: Digest,
}

/// A function of a catalog that a definition calls, as it was when the definition was deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedFunction {
    /// The endpoint of its catalog.
    pub catalog: Arc<str>,
    /// Its name, a DNS label.
    pub name: Arc<str>,
    /// Its version.
    pub version: Arc<str>,
    /// Its document, YAML or JSON.
    pub document: Arc<[u8]>,
}

/// A compiled workflow definition.
#[derive(Debug)]
pub struct Definition {
    /// The digest of the document's bytes.
    pub digest: Digest,
    /// What the document calls itself.
    pub name: DefinitionName,
    /// The document as a value: `$workflow.definition`.
    pub document: Value,
    /// What is done to the input of an execution.
    pub input: Input,
    /// What is done to the output of the last task.
    pub output: Output,
    /// The timeout that the document names, which counts all time but suspension.
    pub timeout: Option<Span>,
    /// Defaults for tasks, from the document's metadata.
    pub defaults: Defaults,
    /// How long an execution is kept after its end, where the document says so.
    pub retention: Option<Millis>,
    /// How long the config of a task is kept where workers read it, where the document says so: a minute at least, 365 days at most.
    pub config_ttl: Option<Millis>,
    /// Every task of the document.
    pub nodes: Vec<Node>,
    /// The document's own list of tasks.
    pub body: TaskList,
    /// The plugins that are called, in the order of their first call.
    pub plugins: Vec<PinnedPlugin>,
    /// The functions of catalogs that are called, in the order of their first call.
    pub functions: Vec<PinnedFunction>,
    /// `use.extensions`, in declared order.
    pub extensions: Vec<Extension>,
}

impl Definition {
    /// The task with that number.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// The task that stands at a pointer, for what is stored by pointer.
    #[must_use]
    pub fn find(&self, pointer: &str) -> Option<NodeId> {
        let position = self.nodes.iter().position(|node| node.pointer.as_str() == pointer)?;
        u32::try_from(position).ok().map(NodeId)
    }

    /// The place of a task in the document's own list.
    #[must_use]
    pub fn place_of(&self, name: &str) -> Option<u32> {
        let place = self.body.iter().position(|id| &*self.node(*id).name == name)?;
        u32::try_from(place).ok()
    }
}
