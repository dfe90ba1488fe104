//! Tasks that wait in the engine, and which of them goes out next.
//!
//! Fairness lives here (rule 35): within a queue the more urgent goes first, within a priority the tenants take turns by deficit round-robin, and
//! within a tenant the oldest goes first. Knows no Redis: how many may go out is said by whoever asks.

use std::collections::{HashMap, VecDeque};

use sandmill_core::ids::{TaskExecId, TenantId};

/// What a tenant may send in one turn, in units of [`cost`].
const QUANTUM: u64 = 16;

/// Bytes of a config that cost one unit.
const BYTES_PER_UNIT: u64 = 4 * 1024;

/// What a task counts in its tenant's turn: one, and more with a large config.
pub(super) const fn cost(config_bytes: usize) -> u64 {
    1 + config_bytes as u64 / BYTES_PER_UNIT
}

/// Tasks of one priority, in turn.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    tenants: HashMap<TenantId, Line>,
    /// The tenants that have something waiting, the next one first.
    turns: VecDeque<TenantId>,
    count: usize,
}

/// The tasks of one tenant.
#[derive(Debug, Default)]
struct Line {
    tasks: VecDeque<(TaskExecId, u64)>,
    deficit: u64,
}

impl Waiting {
    /// Puts a task at the end of its tenant's line.
    pub(super) fn push(&mut self, tenant: &TenantId, id: TaskExecId, cost: u64) {
        let line = self.tenants.entry(tenant.clone()).or_insert_with(|| {
            self.turns.push_back(tenant.clone());
            Line::default()
        });
        line.tasks.push_back((id, cost));
        self.count += 1;
    }

    /// Puts a task at the head of its tenant's line: it was out before.
    pub(super) fn push_front(&mut self, tenant: &TenantId, id: TaskExecId, cost: u64) {
        self.push(tenant, id, cost);
        if let Some(line) = self.tenants.get_mut(tenant) {
            line.tasks.rotate_right(1);
        }
    }

    /// The next task to go out.
    pub(super) fn pop(&mut self) -> Option<(TenantId, TaskExecId)> {
        loop {
            let tenant = self.turns.front()?.clone();
            let line = self.tenants.get_mut(&tenant)?;
            let Some((id, cost)) = line.tasks.front().copied() else {
                self.leave(&tenant);
                continue;
            };
            if line.deficit < cost {
                line.deficit += QUANTUM;
                self.turns.rotate_left(1);
                continue;
            }
            line.deficit -= cost;
            line.tasks.pop_front();
            self.count -= 1;
            if line.tasks.is_empty() {
                self.leave(&tenant);
            }
            return Some((tenant, id));
        }
    }

    /// Takes a task out, and tells whether it was there.
    pub(super) fn remove(&mut self, tenant: &TenantId, id: TaskExecId) -> bool {
        let Some(line) = self.tenants.get_mut(tenant) else { return false };
        let Some(place) = line.tasks.iter().position(|(waiting, _)| *waiting == id) else { return false };
        line.tasks.remove(place);
        self.count -= 1;
        if line.tasks.is_empty() {
            self.leave(tenant);
        }
        true
    }

    /// How many wait.
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    /// A tenant without tasks loses its turn and what it saved up.
    fn leave(&mut self, tenant: &TenantId) {
        self.tenants.remove(tenant);
        self.turns.retain(|other| other != tenant);
    }
}

#[cfg(test)]
mod tests {
    use sandmill_core::ids::WorkflowExecId;

    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).unwrap()
    }

    fn id(number: u32) -> TaskExecId {
        TaskExecId { workflow: WorkflowExecId::from_random(1), number }
    }

    fn order(waiting: &mut Waiting) -> Vec<(String, u32)> {
        std::iter::from_fn(|| waiting.pop()).map(|(tenant, id)| (tenant.to_string(), id.number)).collect()
    }

    #[test]
    fn the_tasks_of_one_tenant_keep_their_order() {
        let mut waiting = Waiting::default();
        (0..100).for_each(|number| waiting.push(&tenant("a"), id(number), 1));
        let order = order(&mut waiting);
        assert!(order.iter().map(|(_, number)| *number).eq(0..100));
        assert_eq!(waiting.len(), 0);
    }

    #[test]
    fn a_tenant_with_many_tasks_does_not_hold_up_one_with_few() {
        let mut waiting = Waiting::default();
        (0..10_000).for_each(|number| waiting.push(&tenant("many"), id(number), 1));
        waiting.push(&tenant("few"), id(0), 1);
        let place = order(&mut waiting).iter().position(|(tenant, _)| tenant == "few").unwrap();
        assert!(place <= QUANTUM as usize, "it came as number {place}");
    }

    #[test]
    fn large_configs_count_more() {
        let mut waiting = Waiting::default();
        (0..100).for_each(|number| waiting.push(&tenant("large"), id(number), cost(60 * 1024)));
        (0..100).for_each(|number| waiting.push(&tenant("small"), id(number), cost(100)));
        let first: Vec<_> = std::iter::from_fn(|| waiting.pop()).take(64).collect();
        let large = first.iter().filter(|(tenant, _)| tenant.as_str() == "large").count();
        assert!((1..=8).contains(&large), "{large} of 64 were large");
    }

    #[test]
    fn what_was_out_before_goes_first() {
        let mut waiting = Waiting::default();
        waiting.push(&tenant("a"), id(1), 1);
        waiting.push_front(&tenant("a"), id(0), 1);
        assert_eq!(order(&mut waiting), [("a".into(), 0), ("a".into(), 1)]);
    }

    #[test]
    fn what_is_taken_out_does_not_come() {
        let mut waiting = Waiting::default();
        waiting.push(&tenant("a"), id(0), 1);
        waiting.push(&tenant("a"), id(1), 1);
        assert!(waiting.remove(&tenant("a"), id(0)));
        assert!(!waiting.remove(&tenant("a"), id(0)));
        assert!(!waiting.remove(&tenant("b"), id(1)));
        assert_eq!(order(&mut waiting), [("a".into(), 1)]);
    }
}
