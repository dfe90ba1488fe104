//! Tasks that another process dispatched: their context, their limits and their components come from afar.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use sandmill_core::ids::{Digest, TenantId, WorkflowExecId};
use sandmill_core::problem::ErrorKind;
use sandmill_core::value::Value;
use sandmill_engine::ports::{ComponentBytes, ConfigError, Remote, RemoteContext, TaskMessage};
use sandmill_runtime::{Limit, TaskLimits};
use tokio::sync::Notify;

use crate::kit::{
    Bench, code, completed, component, failed, json, limited, message, message_over, options, stopped, tenant,
};
use crate::text::Parts;

/// A context that somebody else holds.
struct Afar {
    root: Value,
    has_item: bool,
    answers: Answers,
    seen: Arc<Asked>,
}

/// How it answers.
#[derive(Clone, Copy)]
enum Answers {
    AtOnce,
    After(Duration),
    Never,
    Unavailable,
    Panics,
}

/// What it was asked for.
#[derive(Default)]
struct Asked {
    members: Mutex<Vec<String>>,
    is_given_up: AtomicBool,
    changed: Notify,
}

impl Asked {
    fn members(&self) -> Vec<String> {
        self.members.lock().clone()
    }

    async fn is_asked(&self) {
        loop {
            let changed = self.changed.notified();
            if !self.members.lock().is_empty() {
                return;
            }
            changed.await;
        }
    }
}

/// Says so when nobody waits for an answer any more.
struct Waiting<'a>(&'a Asked);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.is_given_up.store(true, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

#[async_trait]
impl RemoteContext for Afar {
    async fn member(&self, name: &str, inner: Option<&str>) -> Result<Option<Value>, String> {
        let asked = inner.map_or_else(|| name.to_owned(), |inner| format!("{name} {inner}"));
        self.seen.members.lock().push(asked);
        self.seen.changed.notify_waiters();
        match self.answers {
            Answers::AtOnce => {}
            Answers::After(wait) => tokio::time::sleep(wait).await,
            Answers::Never => {
                let _waiting = Waiting(&self.seen);
                std::future::pending::<()>().await;
            }
            Answers::Unavailable => return Err("nobody answers at the other end".into()),
            Answers::Panics => panic!("the context panics"),
        }
        let member = self.root.get(name);
        Ok(inner.map_or_else(|| member.clone(), |inner| member.as_ref()?.get(inner)))
    }

    fn has_item(&self) -> bool {
        self.has_item
    }
}

impl Afar {
    /// What the messages of these tests have as their context, with a `$context` of one's own.
    fn new(context: &str) -> Self {
        let workflow = Value::object([
            ("id", Value::from(WorkflowExecId::from_random(7).to_string())),
            ("name", Value::from("tests/runtime")),
            ("version", Value::from("1.2.3")),
            ("input", json(r#"{"order":1}"#)),
        ]);
        let root = Value::object([
            ("context", json(context)),
            ("input", json(r#"{"in":true}"#)),
            ("workflow", workflow),
            ("vars", json("{}")),
            ("item", Value::from("the item")),
            ("index", Value::from(5_u64)),
        ]);
        Self { root, has_item: true, answers: Answers::AtOnce, seen: Arc::default() }
    }

    fn answering(answers: Answers) -> Self {
        Self { answers, ..Self::new(FILES) }
    }
}

const FILES: &str = r#"{"files":[{"name":"a"},{"name":"b"}],"text":"long","a/b":{"":1}}"#;

/// The message of a task whose own handle is not what it may read.
fn remote(context: Afar, limits: &[(Limit, u64)], mut message: TaskMessage) -> TaskMessage {
    let limits = limits.iter().map(|(limit, figure)| (limit.row().name.to_owned(), *figure)).collect();
    message = message_over(json(r#"{"text":"local"}"#), message);
    message.remote = Some(Arc::new(Remote {
        engine: "engine-1".into(),
        epoch: 1,
        read_at: Instant::now(),
        context: Box::new(context),
        limits,
    }));
    message
}

fn reading(path: &str) -> String {
    Value::object([("do", Value::from("read")), ("text", Value::from(path))]).to_string()
}

const PATHS: [&str; 33] = [
    "",
    "/",
    "$",
    "context",
    "/context",
    "context.files",
    "context.files[1]",
    "/context/files/1",
    "/context/files/01",
    "/context/files/9/name",
    "$.context.files[1].name",
    "context.files.name",
    "context.text",
    "context.text.more",
    "/context/text/0",
    "/context/a~1b",
    "/context/a~1b/",
    "context.nothing",
    "context[0]",
    "context.0",
    "/context/0",
    "/context/0/0",
    "input",
    "input.in",
    "workflow",
    "workflow.id",
    "workflow.input.order",
    "vars",
    "item",
    "index",
    "nothing",
    "[0]",
    "context..files",
];

#[tokio::test]
async fn a_task_reads_from_afar_what_it_reads_in_one_process() {
    let bench = Bench::new(&options());
    let guests = bench.add(&component("guests"));
    for context in [FILES, r#"[["first"],"second"]"#, r#""text""#, "null", r#"{"0":{"0":1}}"#] {
        for path in PATHS {
            let local = message_over(json(context), message(guests, 0, &reading(path)));
            let local = completed(bench.run(local).await);
            let from_afar = remote(Afar::new(context), &[], message(guests, 0, &reading(path)));
            assert_eq!(completed(bench.run(from_afar).await), local, "{path} of {context}");
        }
    }
}

#[tokio::test]
async fn outside_of_a_loop_there_is_no_item_afar() {
    let bench = Bench::new(&options());
    let guests = bench.add(&component("guests"));
    for (path, expected) in [
        ("", r#"["none","Some([\"context\", \"input\", \"workflow\", \"vars\"])","Some(4)"]"#),
        ("item", r#"["none","None","None"]"#),
        ("index", r#"["none","None","None"]"#),
    ] {
        let context = Afar { has_item: false, ..Afar::new(FILES) };
        let output = completed(bench.run(remote(context, &[], message(guests, 0, &reading(path)))).await);
        assert_eq!(output, json(expected), "{path}");
    }
}

#[tokio::test]
async fn only_what_a_guest_asks_for_is_fetched() {
    let bench = Bench::new(&options());
    let guests = bench.add(&component("guests"));
    for (path, expected) in [
        ("context.text", Some("context text")),
        ("/context/a~1b/", Some("context a/b")),
        ("context.files[1].name", Some("context files")),
        // The number of an element, where an array may stand.
        ("/context/0", Some("context")),
        ("context", Some("context")),
        ("workflow.input.order", Some("workflow")),
        ("item", Some("item")),
        ("", None),
        ("nothing.at.all", None),
        ("context..files", None),
    ] {
        let context = Afar::new(FILES);
        let seen = Arc::clone(&context.seen);
        completed(bench.run(remote(context, &[], message(guests, 0, &reading(path)))).await);
        // The guest asks for the value, the keys and the length.
        let expected: Vec<_> = expected.into_iter().flat_map(|member| [member; 3]).collect();
        assert_eq!(seen.members(), expected, "{path}");
    }
    let context = Afar::new(FILES);
    let seen = Arc::clone(&context.seen);
    let facts = completed(bench.run(remote(context, &[], message(guests, 0, r#"{"do":"facts"}"#))).await);
    assert_eq!(facts.get("attempt"), Some(json("2")));
    assert!(seen.members().is_empty(), "what is in the dispatch is not fetched");
}

#[tokio::test]
async fn a_context_that_is_unavailable_ends_the_task_until_another_attempt() {
    let bench = Bench::new(&options());
    let guests = bench.add(&component("guests"));
    let run = |answers, path| bench.run(remote(Afar::answering(answers), &[], message(guests, 0, &reading(path))));
    let problem = failed(run(Answers::Unavailable, "context.text").await);
    assert_eq!(problem.kind, "https://sandmill.dev/problems/context-unavailable");
    assert_eq!((problem.status, problem.retryable), (500, true));
    let detail = "the context of the task cannot be read: nobody answers at the other end";
    assert_eq!(problem.detail.as_deref(), Some(detail));
    completed(run(Answers::Unavailable, "nothing").await);
    assert!(failed(run(Answers::Panics, "context.text").await).is(ErrorKind::Runtime));
}

#[tokio::test]
async fn a_task_that_waits_for_its_context_is_cancelled_within_its_grace() {
    let bench = Bench::new(&options());
    let guests = bench.add(&component("guests"));
    let context = Afar::answering(Answers::Never);
    let seen = Arc::clone(&context.seen);
    let running = bench.start(remote(context, &[], message(guests, 0, &reading("context"))));
    seen.is_asked().await;
    let cancelled = Instant::now();
    bench.cancel(0);
    stopped(running.await.unwrap());
    // The grace is a tenth of a second; the rest is for a computer that is busy.
    assert!(cancelled.elapsed() < Duration::from_secs(5), "{:?}", cancelled.elapsed());
    while !seen.is_given_up.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.runtime.live_tasks(), 0);
}

#[tokio::test]
async fn waiting_for_a_context_takes_wall_time_and_no_cpu_time() {
    let bench = Bench::new(&options());
    let guests = bench.add(&component("guests"));
    let run = |answers, limit| {
        let config = reading("context.text");
        bench.run(remote(Afar::answering(answers), &[limit], message(guests, 0, &config)))
    };
    completed(run(Answers::After(Duration::from_millis(60)), (Limit::CpuTime, 50)).await);
    assert_eq!(code(run(Answers::Never, (Limit::WallTime, 50)).await), Limit::WallTime.row().code);
}

/// Runs under a named limit a task that fits and one that does not; without it, both do.
async fn check(bench: &Bench, (limit, figure): (Limit, u64), [fits, is_over]: [TaskMessage; 2]) {
    let under = |figure: u64, message: &TaskMessage| {
        let limits = [(limit, figure)];
        bench.run(remote(Afar::new(FILES), &limits, message.clone()))
    };
    completed(under(figure, &fits).await);
    let problem = failed(under(figure, &is_over).await);
    assert!(problem.kind.ends_with(limit.row().code), "{problem:?}");
    assert_eq!(problem.data.and_then(|data| data.get("allowed")), Some(Value::from(figure)));
    completed(under(u64::MAX, &is_over).await);
    completed(bench.run(is_over).await);
}

#[tokio::test]
async fn limits_that_a_task_brings_along_hold_at_their_figure() {
    let bench = Bench::new(&options());
    let guests = bench.add(&component("guests"));
    let counted = |behaviour: &str, [fits, is_over]: [u64; 2]| {
        [fits, is_over].map(|count| message(guests, 0, &format!(r#"{{"do":"{behaviour}","count":{count}}}"#)))
    };
    check(&bench, (Limit::Output, 1_000), counted("return-bytes", [1_000, 1_001])).await;
    check(&bench, (Limit::Log, 1_000), counted("log-bytes", [936, 937])).await;
    check(&bench, (Limit::HostCalls, 100), counted("call", [99, 100])).await;
    check(&bench, (Limit::WallTime, 500), counted("sleep", [1, 1_000])).await;
}

#[tokio::test]
async fn limits_on_what_a_component_is_made_of_hold_at_their_figure() {
    let bench = Bench::new(&options());
    let made = |parts: [Parts; 2]| parts.map(|parts| message(bench.add(&parts.build()), 0, "{}"));
    let grow = |pages: u32| Parts::with_run(&format!("(drop (memory.grow (i32.const {pages})))"));
    check(&bench, (Limit::Memory, 3 * 65_536), made([grow(2), grow(3)])).await;
    let elements = |count: u32| Parts {
        core: "(table $t 4 funcref)".into(),
        ..Parts::with_run(&format!("(drop (table.grow $t (ref.null func) (i32.const {count})))"))
    };
    check(&bench, (Limit::TableElements, 10), made([elements(6), elements(7)])).await;
    let instances = |more: usize| {
        let items = "(core instance (instantiate $empty))".repeat(more);
        Parts { items: format!("(core module $empty (func)) {items}"), ..Parts::default() }
    };
    check(&bench, (Limit::Instances, 4), made([instances(3), instances(4)])).await;
}

#[tokio::test]
async fn bytes_handed_over_are_bounded_by_the_task() {
    let bench = Bench::new(&options());
    let guests = bench.add(&component("guests"));
    let run = |bytes: u64| {
        let config = format!(r#"{{"do":"fetch-bytes","count":{bytes}}}"#);
        // One figure bounds both, so the output must be bounded too.
        let limits = [(Limit::HostCallBytes, 1_000), (Limit::Output, 1_000)];
        bench.run(remote(Afar::new(FILES), &limits, message(guests, 0, &config)))
    };
    completed(run(1_000).await);
    assert_eq!(code(run(1_001).await), Limit::HostCallBytes.row().code);
}

#[tokio::test]
async fn a_task_cannot_have_more_than_the_host_allows() {
    let bench = Bench::new(&limited(TaskLimits { output_bytes: 10, ..TaskLimits::default() }));
    let guests = bench.add(&component("guests"));
    let run = |count: u64| {
        let config = format!(r#"{{"do":"return-bytes","count":{count}}}"#);
        bench.run(remote(Afar::new(FILES), &[(Limit::Output, 1_000)], message(guests, 0, &config)))
    };
    completed(run(10).await);
    assert_eq!(code(run(11).await), Limit::Output.row().code);
}

/// What an engine elsewhere put there for its workers.
#[derive(Default)]
struct Elsewhere {
    components: Mutex<BTreeMap<(TenantId, Digest), Bytes>>,
    is_down: AtomicBool,
    reads: Mutex<usize>,
}

#[async_trait]
impl ComponentBytes for Elsewhere {
    async fn put(&self, tenant: &TenantId, digest: Digest, component: Bytes) -> Result<(), ConfigError> {
        self.components.lock().insert((tenant.clone(), digest), component);
        Ok(())
    }

    async fn get(&self, tenant: &TenantId, digest: Digest) -> Result<Option<Bytes>, ConfigError> {
        *self.reads.lock() += 1;
        if self.is_down.load(Ordering::SeqCst) {
            return Err(ConfigError::Unavailable { reason: "nobody answers".into() });
        }
        Ok(self.components.lock().get(&(tenant.clone(), digest)).cloned())
    }
}

fn worker() -> (Bench, Arc<Elsewhere>) {
    let elsewhere = Arc::new(Elsewhere::default());
    let bytes: Arc<dyn ComponentBytes> = elsewhere.clone();
    (Bench::over(&options(), bytes), elsewhere)
}

async fn try_run(bench: &Bench, owner: &str, digest: Digest) -> sandmill_engine::ports::TaskResult {
    let mut message = remote(Afar::new(FILES), &[], message(digest, 0, r#"{"value":7}"#));
    message.tenant = tenant(owner);
    bench.run(message).await
}

#[tokio::test]
async fn a_component_from_elsewhere_runs_and_is_fetched_once() {
    let (bench, elsewhere) = worker();
    let echo = component("echo");
    let digest = Digest::of(&echo);
    elsewhere.put(&tenant("owner"), digest, echo).await.unwrap();
    for _ in 0..2 {
        assert_eq!(completed(try_run(&bench, "owner", digest).await), json("7"));
    }
    assert_eq!(*elsewhere.reads.lock(), 1);
}

#[tokio::test]
async fn a_component_of_another_tenant_does_not_run() {
    let (bench, elsewhere) = worker();
    let echo = component("echo");
    let digest = Digest::of(&echo);
    elsewhere.put(&tenant("owner"), digest, echo.clone()).await.unwrap();
    completed(try_run(&bench, "owner", digest).await);
    let problem = failed(try_run(&bench, "other", digest).await);
    assert!(problem.is(ErrorKind::Runtime) && problem.retryable, "{problem:?}");
    assert!(problem.detail.as_deref().unwrap().contains("may fetch for the tenant"), "{problem:?}");
    // Once it is put there, it runs.
    elsewhere.put(&tenant("other"), digest, echo).await.unwrap();
    completed(try_run(&bench, "other", digest).await);
}

#[tokio::test]
async fn a_component_that_cannot_be_fetched_may_be_had_later() {
    let (bench, elsewhere) = worker();
    let echo = component("echo");
    let digest = Digest::of(&echo);
    elsewhere.put(&tenant("owner"), digest, echo).await.unwrap();
    elsewhere.is_down.store(true, Ordering::SeqCst);
    let problem = failed(try_run(&bench, "owner", digest).await);
    assert!(problem.is(ErrorKind::Runtime) && problem.retryable, "{problem:?}");
    assert!(problem.detail.as_deref().unwrap().contains("nobody answers"), "{problem:?}");
    elsewhere.is_down.store(false, Ordering::SeqCst);
    completed(try_run(&bench, "owner", digest).await);
}

#[tokio::test]
async fn other_bytes_than_those_asked_for_do_not_run() {
    let (bench, elsewhere) = worker();
    let digest = Digest::of(b"what was asked for");
    elsewhere.put(&tenant("owner"), digest, component("echo")).await.unwrap();
    let problem = failed(try_run(&bench, "owner", digest).await);
    assert!(problem.is(ErrorKind::Configuration) && !problem.retryable, "{problem:?}");
}
