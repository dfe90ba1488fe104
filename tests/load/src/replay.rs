//! How fast executions come back from their journals, with configs by id and with configs inlined in the events.
//!
//! Each execution is a loop, every call with a config of 7 KB of its own, and then one call that never ends. An engine without snapshots runs
//! it up to there and is stopped; another one is launched over the same store, and the time is taken from its launch to the moment when the open calls
//! of all executions have come to a worker again: by then every event was read and followed. In one store values over the engine's threshold stand
//! beside the journal, in the other all of them stand in it.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use sandmill_core::codec::INLINE_BYTES_MAX;
use sandmill_core::definition::Definition;
use sandmill_core::ids::{Digest, TaskExecId, TenantId};
use sandmill_core::machine::Settings;
use sandmill_core::time::Millis;
use sandmill_core::value::Value;
use sandmill_engine::ports::{Runner, SharedStore, TaskMessage, TaskResult};
use sandmill_engine::{Options, Snapshots};
use sandmill_speed::figures::{median, millis};
use sandmill_speed::machine::temporary_folder;
use sandmill_speed::report::{Report, Target};
use tokio::sync::watch;

use crate::stage::{self, Stage};
use crate::workflow::{Shelf, compiled};

/// Events of an execution, but for the few that are not the end of a call, and executions that come back together.
const RECOVERIES: [(u64, u32); 2] = [(1_000, 10), (10_000, 3)];

/// Recoveries of which the median counts.
const RUNS: usize = 7;

/// A loop, and then a call that never ends.
const DOCUMENT: &str = "
document: { dsl: 1.0.3, namespace: bench, name: replay, version: 1.0.0 }
do:
  - each:
      for: { in: '${ [range(.)] }' }
      do: [ { work: { call: 'echo:0.1.0@default', with: { number: '${ $item }', text: '${ $workflow.input | tostring + \"Write what you found in one line. \" * 210 }' } } } ]
  - last: { call: 'echo:0.1.0@default', with: { is_last: true } }
";

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let folder = temporary_folder()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(folder.path(), report))
}

async fn measure(folder: &Path, report: &mut Report) -> Result<()> {
    let definition = compiled(DOCUMENT, Digest::of(b"no component is run"))?;
    let mut speedups = Vec::new();
    for (events, executions) in RECOVERIES {
        let mut ways = Vec::new();
        for (name, inline_bytes_max) in [("by id", INLINE_BYTES_MAX), ("inlined", usize::MAX)] {
            let (store, _) = stage::open_store(&folder.join(format!("{events}-{inline_bytes_max}")))?;
            let way = Way { store, definition: Arc::clone(&definition), inline_bytes_max };
            way.fill(events, executions).await?;
            ways.push((name, way, Vec::new()));
        }
        for _ in 0..RUNS {
            for (_, way, times) in &mut ways {
                times.push(way.recover(executions).await?);
            }
        }
        for (name, _, times) in &ways {
            report.row(
                &format!("{events} events, {name}, ms"),
                median(times) / f64::from(executions),
                Target::Baseline,
            );
        }
        let speedup = median(&ways[1].2) / median(&ways[0].2);
        report.row(&format!("{events} events, speedup"), speedup, Target::AtLeast(5.0));
        speedups.push(speedup);
    }
    report.result("replay_speedup", speedups.into_iter().fold(f64::INFINITY, f64::min), Target::AtLeast(5.0));
    Ok(())
}

/// A store, and how the journal in it is written.
struct Way {
    store: SharedStore,
    definition: Arc<Definition>,
    inline_bytes_max: usize,
}

impl Way {
    async fn fill(&self, events: u64, executions: u32) -> Result<()> {
        let stop = Arc::new(StopAtLast::default());
        let stage = self.launch(&stop)?;
        for number in 1..=executions {
            let key = stage.start(&self.definition, &Value::from(events)).await?;
            tokio::select! {
                reached = stop.reached(number) => reached?,
                ended = stage.engine.ended(&key) => bail!("the execution ended: {:?}", ended?),
            }
        }
        stage.engine.drain().await;
        Ok(())
    }

    /// How long a recovery takes, in milliseconds.
    async fn recover(&self, executions: u32) -> Result<f64> {
        let stop = Arc::new(StopAtLast::default());
        let begin = Instant::now();
        let stage = self.launch(&stop)?;
        stop.reached(executions).await?;
        let span = millis(begin.elapsed());
        stage.engine.drain().await;
        Ok(span)
    }

    fn launch(&self, stop: &Arc<StopAtLast>) -> Result<Stage> {
        let options = Options {
            // They come back one after the other, so that a share of the time is the time of one.
            shards: 1,
            // Each recovery is a loss for the call that is open.
            settings: Settings { losses_max: u32::MAX, ..Settings::default() },
            snapshots: Snapshots { events: u64::MAX, events_parked: u64::MAX },
            inline_bytes_max: self.inline_bytes_max,
            drain: Millis(0),
            ..Options::default()
        };
        let shelf = Arc::new(Shelf::of(std::slice::from_ref(&self.definition)));
        let runner: Arc<dyn Runner> = stop.clone();
        Stage::launch(Arc::clone(&self.store), runner, shelf, options)
    }
}

/// Answers every call but the last of each execution, and counts those.
struct StopAtLast(watch::Sender<u32>);

impl Default for StopAtLast {
    fn default() -> Self {
        Self(watch::channel(0).0)
    }
}

impl StopAtLast {
    async fn reached(&self, executions: u32) -> Result<()> {
        self.0.subscribe().wait_for(|reached| *reached >= executions).await.context("the runner is gone")?;
        Ok(())
    }
}

#[async_trait]
impl Runner for StopAtLast {
    async fn run(&self, message: TaskMessage) -> TaskResult {
        if message.config.as_ref() == br#"{"is_last":true}"# {
            self.0.send_modify(|reached| *reached += 1);
            std::future::pending::<()>().await;
        }
        TaskResult::Completed(Value::from("done"))
    }

    fn cancel(&self, _: &TenantId, _: TaskExecId) {}
}
