//! Cancellations that came before their task: it was taken from the queue and had not arrived here yet.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use sandmill_core::ids::{TaskExecId, TenantId};

/// The oldest are forgotten past this: a task is on its way for microseconds, so what is older was never coming.
const KEPT_MAX: usize = 256;

/// The last few that found no task.
#[derive(Default)]
pub(crate) struct Early {
    kept: Mutex<VecDeque<(TenantId, TaskExecId)>>,
    /// How many there are, so that a call takes no lock where there are none.
    count: AtomicUsize,
}

impl Early {
    /// Remembers one.
    pub(crate) fn insert(&self, tenant: &TenantId, id: TaskExecId) {
        let mut kept = self.kept.lock();
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back((tenant.clone(), id));
        self.count.store(kept.len(), Ordering::SeqCst);
    }

    /// Whether that task was cancelled; it is then forgotten.
    pub(crate) fn take(&self, tenant: &TenantId, id: TaskExecId) -> bool {
        if self.count.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let mut kept = self.kept.lock();
        let before = kept.len();
        kept.retain(|(kept_tenant, kept_id)| !(*kept_id == id && kept_tenant == tenant));
        self.count.store(kept.len(), Ordering::SeqCst);
        kept.len() < before
    }
}

#[cfg(test)]
mod tests {
    use sandmill_core::ids::WorkflowExecId;

    use super::*;

    fn id(number: u32) -> TaskExecId {
        TaskExecId { workflow: WorkflowExecId::from_random(1), number }
    }

    #[test]
    fn one_is_taken_once_and_by_its_tenant() {
        let early = Early::default();
        let (a, b) = (TenantId::new("a").unwrap(), TenantId::new("b").unwrap());
        early.insert(&a, id(1));
        assert!(!early.take(&b, id(1)));
        assert!(!early.take(&a, id(2)));
        assert!(early.take(&a, id(1)));
        assert!(!early.take(&a, id(1)));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let early = Early::default();
        let tenant = TenantId::new("a").unwrap();
        for number in 0..=u32::try_from(KEPT_MAX).unwrap() {
            early.insert(&tenant, id(number));
        }
        assert!(!early.take(&tenant, id(0)));
        assert!(early.take(&tenant, id(1)));
    }
}
