//! `fork`: branches at the same time.

use super::compiler::Compiler;
use super::metadata::ForkPolicy;
use super::task::Task;
use crate::definition::{Fork, Strategy};

impl<'t> Compiler<'t, '_> {
    /// A branch is in no list: none of them can go to another.
    pub(super) fn fork(&mut self, task: Task<'t, '_>, policy: ForkPolicy) -> Option<Fork> {
        let place = task.place.get("fork")?;
        if !self.closed(place, "`fork`", &["branches", "compete"]) {
            return None;
        }
        let compete = self.boolean_of(place, "compete").unwrap_or(false);
        let branches = self.required(place, "`fork`", "branches")?;
        let scope = task.scope.inside();
        let branches = self.named_items(branches, "`branches`");
        let critical = (0..branches.len()).map(|branch| policy.critical.contains(&branch)).collect();
        let branches = branches.into_iter().map(|branch| self.task(branch, &scope, None)).collect();
        let ordinary = if policy.critical.is_empty() { Strategy::FailFast } else { Strategy::BestEffort };
        let strategy = policy.strategy.unwrap_or(ordinary);
        Some(Fork { branches, compete, strategy, critical, concurrency: policy.concurrency })
    }
}
