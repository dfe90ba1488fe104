//! What the engine itself costs: durable steps and items per second over the embedded store on a real disk, with tasks that cost nothing.
//!
//! `cargo bench -p sandmill-engine --bench steps [-- FOLDER]`: the folder says which disk. Prints one line `RESULT name=value` for each figure.
//! With `--test`, as `cargo test` calls it, it only checks that it runs.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on says where")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use sandmill_core::definition::Definition;
use sandmill_core::ids::{TaskExecId, TenantId};
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;
use sandmill_engine::ports::{Clock, ExecutionKey, Runner, SharedStore, Status, TaskMessage, TaskResult};
use sandmill_engine::{Engine, Live, Options, Parts, Start, Workers};
use sandmill_store::{EmbeddedOptions, EmbeddedStore};
use sandmill_testkit::{Shelf, define, tenant, value};

const STEPS: usize = 10;

/// Answers at once with 200 bytes.
struct Echo(Bytes);

#[async_trait]
impl Runner for Echo {
    async fn run(&self, _: TaskMessage) -> TaskResult {
        TaskResult::Completed(Value::from_json(&self.0).unwrap())
    }

    fn cancel(&self, _: &TenantId, _: TaskExecId) {}
}

struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp(i64::try_from(since.as_millis()).unwrap())
    }

    async fn sleep_until(&self, at: Timestamp) {
        tokio::time::sleep(Duration::from_millis(at.since(self.now()).0)).await;
    }
}

struct Bench {
    engine: Arc<Engine>,
    shelf: Arc<Shelf>,
    store: SharedStore,
}

impl Bench {
    fn new(folder: &Path) -> Self {
        let store: SharedStore = Arc::new(EmbeddedStore::open(EmbeddedOptions::new(folder)).unwrap());
        let shelf = Arc::new(Shelf::default());
        let output = format!(r#"{{"n":1,"text":"{}"}}"#, "x".repeat(182));
        let parts = Parts {
            live: Live::start(Arc::clone(&store)).unwrap(),
            store: Arc::clone(&store),
            definitions: Arc::clone(&shelf) as _,
            workers: Workers::here(Arc::new(Echo(output.into()))),
            clock: Arc::new(SystemClock),
            on_store_failure: Arc::new(|error| panic!("{error}")),
        };
        Self { engine: Arc::new(Engine::launch(parts, Options::default()).unwrap()), shelf, store }
    }

    /// Runs one execution to its end.
    async fn run(&self, definition: &Arc<Definition>, input: &Value, random: u128) {
        let (tenant, definition, input) = (tenant(), Arc::clone(definition), input.clone());
        let id = self.engine.start(Start {
            tenant: tenant.clone(),
            definition,
            input,
            idempotency_key: None,
            random,
            origin: None,
        });
        let key = ExecutionKey { tenant, id: id.await.unwrap() };
        let row = self.engine.ended(&key).await.unwrap().unwrap();
        assert_eq!(row.status, Status::Completed);
    }

    /// Runs so many executions, so many at a time.
    async fn run_many(self: &Arc<Self>, definition: &Arc<Definition>, count: usize, at_once: usize) {
        let input = value(r#"{"n":0}"#);
        let runs = (0..at_once).map(|lane| {
            let (bench, definition, input) = (Arc::clone(self), Arc::clone(definition), input.clone());
            tokio::spawn(async move {
                for number in (lane..count).step_by(at_once) {
                    let random = (at_once as u128) << 64 | number as u128;
                    bench
                        .run(&definition, &input, random.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
                        .await;
                }
            })
        });
        for run in runs.collect::<Vec<_>>() {
            run.await.unwrap();
        }
    }
}

fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

async fn measure(name: &str, count: usize, work: impl Future<Output = ()>) {
    let (began, cpu_before) = (Instant::now(), cpu());
    work.await;
    let (wall, cpu) = (began.elapsed(), cpu().saturating_sub(cpu_before));
    let each = |span: Duration| span.as_secs_f64() * 1e6 / count as f64;
    println!("RESULT {name}_per_s={:.0}", count as f64 / wall.as_secs_f64());
    println!("RESULT {name}_cpu_us={:.1}", each(cpu));
    println!("RESULT {name}_wall_us={:.1}", each(wall));
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_test = !arguments.iter().any(|argument| argument == "--bench");
    let scale = if is_test { 100 } else { 1 };
    let parent = arguments.iter().find(|argument| !argument.starts_with("--"));
    let folder = match parent {
        Some(parent) => tempfile::tempdir_in(parent).unwrap(),
        None => tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap(),
    };
    let bench = Arc::new(Bench::new(&folder.path().join("store")));
    let step = |step| format!(r#"{{"step{step}":{{"call":"echo","with":{{"n":"${{ .n + 1 }}"}}}}}}"#);
    let steps = define(&format!("[{}]", (0..STEPS).map(step).collect::<Vec<_>>().join(",")));
    bench.shelf.put(&steps);
    for (at_once, executions) in [(1, 200), (50, 10_000), (500, 10_000)] {
        let executions = (executions / scale).max(1);
        let before = bench.store.health().used_bytes;
        measure(&format!("steps_at_{at_once}"), executions * STEPS, bench.run_many(&steps, executions, at_once)).await;
        let written = bench.store.health().used_bytes.saturating_sub(before);
        println!("RESULT steps_at_{at_once}_disk_bytes_per_step={}", written / (executions * STEPS) as u64);
    }
    let map = define(
        r#"[{"each":{"for":{"in":"${ [range(.count)] }"},"metadata":{"for":{"mode":"map","concurrency":50}},
             "do":[{"work":{"call":"echo","with":{"n":"${ $item }"}}}]}}]"#,
    );
    bench.shelf.put(&map);
    let items = 10_000 / scale;
    let input = value(&format!(r#"{{"count":{items}}}"#));
    for round in 0..3 {
        measure(&format!("items_{round}"), items, bench.run(&map, &input, 7 + round)).await;
    }
}
