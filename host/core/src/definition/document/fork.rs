//! `fork`: branches at the same time.

use super::compiler::Compiler;
use super::task::Task;
use crate::definition::Fork;

impl<'t> Compiler<'t, '_> {
    /// A branch is in no list: none of them can go to another.
    pub(super) fn fork(&mut self, task: Task<'t, '_>) -> Option<Fork> {
        let place = task.place.get("fork")?;
        if !self.closed(place, "`fork`", &["branches", "compete"]) {
            return None;
        }
        let compete = self.boolean_of(place, "compete").unwrap_or(false);
        let branches = self.required(place, "`fork`", "branches")?;
        let scope = task.scope.inside();
        let branches = self.named_items(branches, "`branches`");
        let branches = branches.into_iter().map(|branch| self.task(branch, &scope, None)).collect();
        Some(Fork { branches, compete })
    }
}
