//! The project's own scenarios, through every crash: the process dies at each append of the journal, before it or after it, and what comes of the
//! workflow is what comes of it when nothing happens.
//!
//! Time is virtual, and calls give back what they are given: what a scenario says of the outcome is checked against the real host, and here only
//! that a crash changes nothing of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sandmill_conformance::features::{self, Scenario};
use sandmill_conformance::whole;
use sandmill_core::definition::{Data, Definition, EveryPlugin, compile};
use sandmill_core::value::Value;
use sandmill_engine::ports::{Batch, ExecutionKey, Status};
use sandmill_engine::{Disk, Engine, Options, Writing};
use sandmill_testkit::{Faults, NoFaults, Verdict, World, end, tenant};

/// Appends of one scenario that are crashed at: those of a wide map are all alike.
const APPENDS_MAX: u64 = 40;

/// Turns in which something would have happened, if anything could.
const TURNS: usize = 100;

/// What a scenario needs that is taken through crashes.
struct Story {
    place: String,
    definition: Arc<Definition>,
    others: Vec<Arc<Definition>>,
    input: String,
}

/// How a journal fails: at that append, which is written or not.
struct CrashAt {
    append: u64,
    is_written: bool,
    appends: AtomicU64,
}

impl Faults for CrashAt {
    fn verdict(&self, _: &[Batch]) -> Verdict {
        match self.appends.fetch_add(1, Ordering::SeqCst) {
            append if append != self.append => Verdict::Write,
            _ if self.is_written => Verdict::LoseAcknowledgement,
            _ => Verdict::Fail,
        }
    }
}

/// How an execution ended, with its output or error.
type Outcome = (Status, Option<Value>);

impl Story {
    /// The story of a scenario that does nothing but run one workflow; `None` for one whose host refuses it, or that does more.
    fn of(scenario: &Scenario) -> Option<Self> {
        let compiled = |text: &str| compile(whole(text).as_bytes(), &EveryPlugin).ok().map(Arc::new);
        let (mut definition, mut others, mut input) = (None, Vec::new(), "{}".to_owned());
        for step in &scenario.steps {
            let text = step.text.as_str();
            let argument = step.argument.as_deref().unwrap_or_default();
            match text {
                "a workflow with definition:" => definition = Some(compiled(argument)?),
                "another workflow with definition:" => others.push(compiled(argument)?),
                "the workflow input is:" => input = Data::read(argument.as_bytes()).ok()?.value().to_string(),
                "the workflow is executed" => {}
                _ if text.contains(" should ") || text.starts_with("the plugin ") => {}
                _ => return None,
            }
        }
        Some(Self { place: scenario.place(), definition: definition?, others, input })
    }

    async fn start(&self, world: &World, engine: &Engine) -> Option<ExecutionKey> {
        self.others.iter().for_each(|other| world.shelf.put(other));
        let id = engine.start(world.request(&self.definition, &self.input, "one")).await.ok()?;
        Some(ExecutionKey { tenant: tenant(), id })
    }

    /// What comes of it when nothing happens, and after how many appends.
    async fn undisturbed(&self) -> (Outcome, u64) {
        let world = World::new();
        let count = Arc::new(CrashAt { append: u64::MAX, is_written: true, appends: AtomicU64::new(0) });
        let engine = world.launch_over(Arc::clone(&count) as Arc<dyn Faults>, options());
        let key = self.start(&world, &engine).await.unwrap();
        let outcome = passing_time(&world, end(&engine, &key)).await;
        let appends = count.appends.load(Ordering::SeqCst);
        drop(engine);
        (outcome, appends)
    }

    /// What comes of it when the process dies at an append.
    async fn crashed(&self, append: u64, is_written: bool) -> Outcome {
        let world = World::new();
        let faults = CrashAt { append, is_written, appends: AtomicU64::new(0) };
        let engine = world.launch_over(Arc::new(faults), options());
        let failed = world.failed.notified();
        if let Some(key) = self.start(&world, &engine).await {
            passing_time(&world, async {
                tokio::select! {
                    () = failed => {}
                    _ = engine.ended(&key) => {}
                }
            })
            .await;
        }
        drop(engine);
        let engine = world.launch_over(Arc::new(NoFaults), options());
        // Whoever was not told that it started asks again, with the same key.
        let key = self.start(&world, &engine).await.unwrap();
        let outcome = passing_time(&world, end(&engine, &key)).await;
        drop(engine);
        outcome
    }
}

/// Lets time pass whenever nothing else can go on. Everything runs in turn on this one thread, so that enough turns mean just that.
async fn passing_time<T>(world: &World, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        for _ in 0..TURNS {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::task::yield_now() => {}
            }
        }
        if let Some(next) = world.clock.next() {
            world.clock.set(next);
        }
    }
}

/// A disk that never makes anybody wait.
struct Quick;

#[async_trait::async_trait]
impl Disk for Quick {
    async fn ready(&self) {}
}

/// One shard, and a writer that takes its turn as everything else does.
fn options() -> Options {
    Options { shards: 1, writing: Writing::Task(Arc::new(Quick)), ..Options::default() }
}

fn stories() -> Vec<Story> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("features");
    features::read(&folder).unwrap().iter().filter_map(Story::of).collect()
}

#[test]
fn what_comes_of_a_workflow_is_the_same_whenever_the_process_dies() {
    let stories = stories();
    assert!(stories.len() >= 150, "only {} scenarios are taken through crashes", stories.len());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut crashes = 0;
    for story in &stories {
        let (outcome, appends) = runtime.block_on(story.undisturbed());
        for append in 0..appends.min(APPENDS_MAX) {
            for is_written in [false, true] {
                let crashed = runtime.block_on(story.crashed(append, is_written));
                assert_eq!(crashed, outcome, "{} at append {append}, written: {is_written}", story.place);
                crashes += 1;
            }
        }
    }
    println!("{crashes} crashes in {} scenarios", stories.len());
}
