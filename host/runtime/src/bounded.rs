//! What tasks may do that bring limits of their own: made once for each set of limits, within bounds.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use sandmill_engine::ports::{TaskMessage, TaskObserver};

use crate::capabilities::Capabilities;
use crate::limits::TaskLimits;

/// The sets that are kept. An engine has one, and a worker seldom serves more than a few engines; whoever makes up more pays for each call.
const KEPT_MAX: usize = 64;

/// The capabilities of this host, and of tasks that may do less.
pub(crate) struct Bounded {
    own: Arc<Capabilities>,
    observer: Arc<dyn TaskObserver>,
    kept: RwLock<HashMap<TaskLimits, Arc<Capabilities>>>,
}

impl Bounded {
    /// Under the limits of this host.
    pub(crate) fn new(limits: TaskLimits, observer: &Arc<dyn TaskObserver>) -> Self {
        let own = Arc::new(Capabilities::configure(limits, observer));
        Self { own, observer: Arc::clone(observer), kept: RwLock::default() }
    }

    /// What this task may do.
    pub(crate) fn of(&self, message: &TaskMessage) -> Arc<Capabilities> {
        let Some(remote) = &message.remote else { return Arc::clone(&self.own) };
        let bounded = self.own.limits.bounded_by(&remote.limits);
        // The stack is a setting of the one engine: a figure of the task's would be told and not hold.
        let limits = TaskLimits { stack_bytes: self.own.limits.stack_bytes, ..bounded };
        if limits == self.own.limits {
            return Arc::clone(&self.own);
        }
        let kept = self.kept.read().get(&limits).map(Arc::clone);
        kept.unwrap_or_else(|| self.make(limits))
    }

    fn make(&self, limits: TaskLimits) -> Arc<Capabilities> {
        let made = Arc::new(Capabilities::configure(limits, &self.observer));
        let mut kept = self.kept.write();
        if kept.len() < KEPT_MAX {
            return Arc::clone(kept.entry(limits).or_insert(made));
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Instant;

    use bytes::Bytes;
    use sandmill_core::definition::DefinitionName;
    use sandmill_core::ids::{Digest, JsonPointer, TaskExecId, TenantId, WorkflowExecId};
    use sandmill_core::machine::{
        ContextHandle, Delivery, Dispatch, IdempotencyKey, SharedContext, Target, WorkflowInfo,
    };
    use sandmill_core::time::Timestamp;
    use sandmill_core::value::Value;
    use sandmill_engine::ports::{LogLine, Progress, Remote, RemoteContext};

    use super::*;

    struct Nothing;

    impl TaskObserver for Nothing {
        fn log(&self, _: &TaskMessage, _: LogLine) {}
        fn progress(&self, _: &TaskMessage, _: Progress) {}
    }

    #[async_trait::async_trait]
    impl RemoteContext for Nothing {
        async fn member(&self, _: &str, _: Option<&str>) -> Result<Option<Value>, String> {
            Ok(None)
        }

        fn has_item(&self) -> bool {
            false
        }
    }

    fn message(limits: &[(&str, u64)]) -> TaskMessage {
        let name = DefinitionName { namespace: "n".into(), name: "w".into(), version: "1.0.0".into() };
        let id = WorkflowExecId::from_random(1);
        let workflow = WorkflowInfo { id, name, input: Value::null(), started_at: Timestamp(0) };
        let shared = SharedContext::new(Arc::new(workflow), Value::null(), Value::null());
        let dispatch = Dispatch {
            id: TaskExecId { workflow: id, number: 0 },
            attempt: 1,
            round: 1,
            pointer: JsonPointer::from("/do/0/task"),
            target: Target::Plugin(Digest::of(b"plugin")),
            idempotency_key: IdempotencyKey(1),
            context: ContextHandle::new(Arc::new(shared), Value::null(), 0),
            deadline: None,
            delivery: Delivery::default(),
        };
        let limits: BTreeMap<String, u64> = limits.iter().map(|(name, figure)| ((*name).to_owned(), *figure)).collect();
        let remote =
            Remote { engine: "engine-1".into(), epoch: 1, read_at: Instant::now(), context: Box::new(Nothing), limits };
        let tenant = TenantId::new("default").unwrap();
        TaskMessage { remote: Some(Arc::new(remote)), ..TaskMessage::new(tenant, Arc::new(dispatch), Bytes::new()) }
    }

    fn bounded() -> Bounded {
        let observer: Arc<dyn TaskObserver> = Arc::new(Nothing);
        Bounded::new(TaskLimits::default(), &observer)
    }

    #[test]
    fn the_same_limits_are_made_once() {
        let bounded = bounded();
        let of = |limits: &[(&str, u64)]| bounded.of(&message(limits));
        assert!(Arc::ptr_eq(&of(&[]), &bounded.own));
        assert!(Arc::ptr_eq(&of(&[("memory", u64::MAX), ("stack-bytes", 1), ("unknown", 1)]), &bounded.own));
        let (first, second) = (of(&[("memory", 7)]), of(&[("memory", 7)]));
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(first.limits, TaskLimits { memory_bytes: 7, ..TaskLimits::default() });
    }

    #[test]
    fn as_many_sets_as_allowed_are_kept_and_the_next_are_made_each_time() {
        let bounded = bounded();
        let of = |memory| bounded.of(&message(&[("memory", memory)]));
        let is_kept = |memory| Arc::ptr_eq(&of(memory), &of(memory));
        for memory in 0..KEPT_MAX as u64 {
            assert!(is_kept(memory), "{memory}");
        }
        assert!(!is_kept(KEPT_MAX as u64));
        assert_eq!(of(KEPT_MAX as u64).limits.memory_bytes, KEPT_MAX as u64);
        assert!(is_kept(0));
    }
}
