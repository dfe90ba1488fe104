//! Definitions of the engine's own stories, and stores that fail at one append.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sandmill_core::definition::Definition;
use sandmill_core::time::Millis;
use sandmill_engine::ports::{Batch, SharedStore};
use sandmill_engine::{Engine, Options};
use sandmill_store::MemoryStore;
pub(crate) use sandmill_testkit::{Effect, World, define, define_named, end, tenant, value};
use sandmill_testkit::{Faults, FaultyStore, Verdict};

/// `call` tasks that each add 1 to `n`, with a wait of the given length after the first.
pub(crate) fn steps(count: u32, wait: Option<Millis>) -> Arc<Definition> {
    let step = |step| format!(r#"{{"step{step}":{{"call":"work","with":{{"n":"${{ .n + 1 }}"}}}}}}"#);
    let mut tasks: Vec<String> = (0..count).map(step).collect();
    if let Some(wait) = wait {
        tasks.insert(1, format!(r#"{{"pause":{{"wait":{{"milliseconds":{}}}}}}}"#, wait.0));
    }
    define(&format!("[{}]", tasks.join(",")))
}

/// One parallel map over `.items`, a call for each.
pub(crate) fn map(concurrency: u32) -> Arc<Definition> {
    define(&format!(
        r#"[{{"each":{{"for":{{"in":"${{ .items }}"}},"metadata":{{"for":{{"mode":"map","concurrency":{concurrency}}}}},
              "do":[{{"work":{{"call":"work","with":{{"n":"${{ $item }}"}}}}}}]}}}}]"#
    ))
}

/// How a journal misbehaves at its n-th append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It never does.
    Never,
    /// Nothing is written, and it says so.
    RefusesAt(u64),
    /// Nothing is written, and nobody knows.
    FailsAt(u64),
    /// It is written, and nobody knows: the acknowledgement is lost.
    LosesAcknowledgementAt(u64),
}

struct Failing {
    failure: Failure,
    appends: AtomicU64,
}

impl Faults for Failing {
    fn verdict(&self, _: &[Batch]) -> Verdict {
        let append = self.appends.fetch_add(1, Ordering::SeqCst);
        match self.failure {
            Failure::RefusesAt(at) if append == at => Verdict::Refuse,
            Failure::FailsAt(at) if append == at => Verdict::Fail,
            Failure::LosesAcknowledgementAt(at) if append == at => Verdict::LoseAcknowledgement,
            _ => Verdict::Write,
        }
    }
}

/// Engines over stores that fail.
pub(crate) trait LaunchFailing {
    fn launch_with(&self, failure: Failure) -> Engine;

    fn launch_as(&self, failure: Failure, options: Options) -> Engine;
}

impl LaunchFailing for World {
    fn launch_with(&self, failure: Failure) -> Engine {
        self.launch_as(failure, Options { shards: 2, slots: 64, ..Options::default() })
    }

    fn launch_as(&self, failure: Failure, options: Options) -> Engine {
        self.launch_over(Arc::new(Failing { failure, appends: AtomicU64::new(0) }), options)
    }
}

struct SlowLogs<F>(F);

impl<F: Fn() + Send + Sync> Faults for SlowLogs<F> {
    fn verdict(&self, _: &[Batch]) -> Verdict {
        Verdict::Write
    }

    fn before_logs(&self) {
        (self.0)();
    }
}

/// A store that does something before lines are added to a log.
pub(crate) fn slow_logs(store: Arc<MemoryStore>, before_logs: impl Fn() + Send + Sync + 'static) -> SharedStore {
    Arc::new(FaultyStore::new(store, Arc::new(SlowLogs(before_logs))))
}
