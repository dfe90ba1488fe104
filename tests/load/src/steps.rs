//! How many durable steps a second the engine does, and how long a workflow takes that is alone.
//!
//! A workflow has ten steps, one after the other. Each is a call of the plugin `echo` with an output of 200 bytes, and its completion is synced
//! before the next one begins.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use sandmill_core::definition::Definition;
use sandmill_core::ids::WorkflowExecId;
use sandmill_core::value::Value;
use sandmill_engine::Options;
use sandmill_engine::ports::{Batch, ExecutionKey, JournalEntry, SharedStore};
use sandmill_speed::figures::{median, millis, quantile};
use sandmill_speed::machine::{Usage, temporary_folder};
use sandmill_speed::report::{Report, Target};
use tokio::task::JoinSet;

use crate::counted::Counts;
use crate::stage::{self, Stage, tenant};
use crate::workflow::{Shelf, compiled, steps, value_of_200_bytes};

/// Steps of a workflow.
const STEPS: u32 = 10;

/// How long each number of workflows is kept going, after a warm-up of a quarter of it.
const SPAN: Duration = Duration::from_secs(8);

/// One-record commits of the baseline.
const COMMITS: u64 = 300;

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let component = stage::echo()?;
    let folder = temporary_folder()?;
    let (store, counts) = stage::open_store(&folder.path().join("store"))?;
    let definition = compiled(&steps(STEPS), stage::register(&*store, &component)?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let shelf = Arc::new(Shelf::of(std::slice::from_ref(&definition)));
        let runner = stage::runtime(&store)?;
        let stage = Arc::new(Stage::launch(Arc::clone(&store), runner, shelf, Options::default())?);
        let load = Load { stage, counts, definition, input: value_of_200_bytes() };
        let mut commits = fsyncs(&store, 0)?;
        load.keep_going(1, SPAN / 4).await?;
        let alone = load.keep_going(1, SPAN).await?;
        commits.extend(fsyncs(&store, 1)?);
        load.keep_going(50, SPAN / 4).await?;
        let fifty = load.keep_going(50, SPAN).await?;
        let many = load.keep_going(500, SPAN).await?;
        commits.extend(fsyncs(&store, 2)?);
        print(report, &commits, &[alone, fifty, many]);
        let stage = Arc::into_inner(load.stage).context("somebody still holds the engine")?;
        stage.engine.drain().await;
        Ok(())
    })
}

fn print(report: &mut Report, commits: &[f64], runs: &[Run; 3]) {
    let fsync = median(commits);
    for run in runs {
        let name = |what: &str| format!("{} at once: {what}", run.at_once);
        report.row(&name("steps/s"), run.steps_per_s(), Target::Baseline);
        report.row(&name("workflow p50, ms"), median(&run.latencies_ms), Target::Baseline);
        report.row(&name("workflow p99, ms"), quantile(&run.latencies_ms, 0.99), Target::Baseline);
        report.row(&name("syncs/s"), run.appends as f64 / run.span.as_secs_f64(), Target::Baseline);
        report.row(&name("batches in a sync"), run.batches as f64 / run.appends as f64, Target::Baseline);
        report.row(&name("CPU, us a step"), run.cpu.as_secs_f64() * 1e6 / run.steps(), Target::Baseline);
    }
    report.row("one-record commit p99, ms", quantile(commits, 0.99), Target::Baseline);
    let [alone, fifty, many] = runs;
    report.result("fsync_p50_ms", fsync, Target::Baseline);
    report.result("fsyncs_at_1", alone.appends as f64, Target::Baseline);
    report.result("fsyncs_at_50", fifty.appends as f64, Target::Baseline);
    report.result("fsyncs_at_500", many.appends as f64, Target::Baseline);
    report.result("workflow_p50_ms", median(&alone.latencies_ms), Target::AtMost(11.0 * fsync + 1.0));
    report.result("steps_per_s", fifty.steps_per_s(), Target::AtLeast(20_000.0));
    report.result("steps_per_s_at_500", many.steps_per_s(), Target::Baseline);
}

/// Milliseconds of commits of one record of 250 bytes each.
fn fsyncs(store: &SharedStore, run: u128) -> Result<Vec<f64>> {
    let key = ExecutionKey { tenant: tenant(), id: WorkflowExecId::from_random(u128::MAX - run) };
    let record = Bytes::from(vec![7_u8; 250]);
    let mut times = Vec::new();
    for position in 0..COMMITS {
        let mut batch = Batch::new(key.clone());
        batch.entry = Some(JournalEntry { position, record: record.clone() });
        let begin = Instant::now();
        store.append(vec![batch])?;
        times.push(millis(begin.elapsed()));
    }
    Ok(times)
}

/// What is kept going.
struct Load {
    stage: Arc<Stage>,
    counts: Arc<Counts>,
    definition: Arc<Definition>,
    input: Value,
}

/// What came of it.
struct Run {
    at_once: usize,
    span: Duration,
    cpu: Duration,
    latencies_ms: Vec<f64>,
    appends: u64,
    batches: u64,
}

impl Run {
    fn steps(&self) -> f64 {
        self.latencies_ms.len() as f64 * f64::from(STEPS)
    }

    fn steps_per_s(&self) -> f64 {
        self.steps() / self.span.as_secs_f64()
    }
}

impl Load {
    /// Keeps so many workflows going for that long: where one ends, the next one starts.
    async fn keep_going(&self, at_once: usize, span: Duration) -> Result<Run> {
        let before = self.appended();
        let usage = Usage::now()?;
        let begin = Instant::now();
        let mut lanes = JoinSet::new();
        for _ in 0..at_once {
            let (stage, definition, input) =
                (Arc::clone(&self.stage), Arc::clone(&self.definition), self.input.clone());
            lanes.spawn(async move {
                let mut latencies_ms = Vec::new();
                while begin.elapsed() < span {
                    let started = Instant::now();
                    stage.complete(&definition, &input).await?;
                    latencies_ms.push(millis(started.elapsed()));
                }
                anyhow::Ok(latencies_ms)
            });
        }
        let mut latencies_ms = Vec::new();
        while let Some(lane) = lanes.join_next().await {
            latencies_ms.extend(lane??);
        }
        let (appends, batches) = self.appended();
        let cpu = Usage::now()?.since(usage).cpu;
        let (appends, batches) = (appends - before.0, batches - before.1);
        Ok(Run { at_once, span: begin.elapsed(), cpu, latencies_ms, appends, batches })
    }

    fn appended(&self) -> (u64, u64) {
        (self.counts.appends.load(Ordering::Relaxed), self.counts.batches.load(Ordering::Relaxed))
    }
}
