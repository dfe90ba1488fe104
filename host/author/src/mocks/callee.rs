//! What a task calls: the one place that knows which tasks call something.

use sandmill_core::definition::{Definition, Kind, Node};
use sandmill_core::ids::JsonPointer;

/// The version that a plugin has where the document names none, and there is no catalog to pin it.
const NO_VERSION: &str = "0.0.0";

/// What a task calls: a plugin, or `namespace/name` of another workflow, with the version where the document names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callee {
    /// The name, as a mock names it.
    pub name: String,
    /// The version that the document asks for.
    pub version: Option<String>,
}

impl Callee {
    /// What the task at a pointer calls, with that task; `None` for one that calls nothing.
    pub(crate) fn at<'d>(definition: &'d Definition, pointer: &JsonPointer) -> Option<(Self, &'d Node)> {
        let node = definition.node(definition.find(pointer.as_str())?);
        let callee = match &node.kind {
            Kind::Call(call) => {
                let plugin = definition.plugins.get(call.plugin as usize)?;
                let version = (&*plugin.version != NO_VERSION).then(|| plugin.version.to_string());
                Self { name: plugin.name.to_string(), version }
            }
            Kind::Subflow(child) => {
                let version = child.version.as_ref().map(ToString::to_string);
                Self { name: format!("{}/{}", child.namespace, child.name), version }
            }
            _ => return None,
        };
        Some((callee, node))
    }

    /// True where a mock of that name is one for this.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        name == self.name || name == self.to_string()
    }
}

impl std::fmt::Display for Callee {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.version {
            Some(version) => write!(formatter, "{}:{version}", self.name),
            None => formatter.write_str(&self.name),
        }
    }
}
