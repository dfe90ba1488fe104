//! What a task may read of its workflow: shared by all that run over the same values, with the item of a loop beside it.

use std::sync::Arc;

use crate::definition::DefinitionName;
use crate::ids::WorkflowExecId;
use crate::machine::{Bindings, bound};
use crate::time::Timestamp;
use crate::value::Value;

/// Which execution this is, for expressions and for tasks.
#[derive(Debug)]
pub struct WorkflowInfo {
    /// The execution.
    pub id: WorkflowExecId,
    /// The definition that it runs on.
    pub name: DefinitionName,
    /// The raw input of the execution.
    pub input: Value,
    /// When it started.
    pub started_at: Timestamp,
}

/// The part of a context that is the same for many tasks.
#[derive(Debug)]
pub struct SharedContext {
    pub(super) workflow: Arc<WorkflowInfo>,
    pub(super) context: Value,
    pub(super) input: Value,
    pub(super) variables: Bindings,
    /// True inside a loop, where there is an item.
    pub(super) has_item: bool,
}

impl SharedContext {
    /// A context of the given values, without variables.
    #[must_use]
    pub fn new(workflow: Arc<WorkflowInfo>, context: Value, input: Value) -> Self {
        Self { workflow, context, input, variables: None, has_item: true }
    }
}

/// What one task may read: read-only, and nothing but a few pointers. A thousand items over one context cost forty kilobytes.
#[derive(Debug, Clone)]
pub struct ContextHandle {
    shared: Arc<SharedContext>,
    item: Value,
    index: u64,
}

/// The promise of the design: whatever a context holds, an item in flight costs this much.
const _: () = assert!(size_of::<ContextHandle>() <= 40);

impl ContextHandle {
    /// The handle of one item over a shared context.
    #[must_use]
    pub const fn new(shared: Arc<SharedContext>, item: Value, index: u64) -> Self {
        Self { shared, item, index }
    }

    /// The execution.
    #[must_use]
    pub fn workflow(&self) -> &WorkflowInfo {
        &self.shared.workflow
    }

    /// `$context`.
    #[must_use]
    pub fn context(&self) -> &Value {
        &self.shared.context
    }

    /// The members of `$context` in its order, each shared with it; `None` where it is no object.
    #[must_use]
    pub fn members(&self) -> Option<Vec<(String, Value)>> {
        let members = self.context().entries()?;
        Some(members.map(|(name, member)| (name.into_owned(), member)).collect())
    }

    /// The task's transformed input.
    #[must_use]
    pub fn input(&self) -> &Value {
        &self.shared.input
    }

    /// The item of the innermost loop and its index, inside of one.
    #[must_use]
    pub fn item(&self) -> Option<(&Value, u64)> {
        self.shared.has_item.then_some((&self.item, self.index))
    }

    /// A variable of a loop or a catch.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<Value> {
        bound(&self.shared.variables, name)
    }

    /// All variables as one object: the innermost where a name is bound twice.
    #[must_use]
    pub fn variables(&self) -> Value {
        let mut visible: Vec<(Arc<str>, Value)> = Vec::new();
        let mut next = &self.shared.variables;
        while let Some(binding) = next {
            if !visible.iter().any(|(name, _)| *name == binding.name) {
                visible.push((Arc::clone(&binding.name), binding.value.clone()));
            }
            next = &binding.outer;
        }
        Value::object(visible.iter().rev().map(|(name, value)| (&**name, value.clone())))
    }
}
