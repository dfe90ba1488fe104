//! A parallel map of a hundred thousand items, a hundred of them together in each call, over a large context through the whole engine: what an item
//! costs must not grow with their number.
//!
//! The same on the machine and the codec alone is `map-machine` in `tests/speed`.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use sandmill_core::definition::Definition;
use sandmill_engine::Options;
use sandmill_speed::allocator::Count;
use sandmill_speed::figures::median;
use sandmill_speed::machine::temporary_folder;
use sandmill_speed::report::{Report, Target};

use crate::stage::{self, Stage};
use crate::workflow::{Shelf, batched_map, compiled, map_input};

/// Bytes of the context that all items share.
const CONTEXT_BYTES: usize = 10_000_000;

/// Calls in flight.
const WINDOW: u32 = 50;

/// Items that one call takes.
const BATCH: u32 = 100;

/// Items of the small map and of the large one.
const ITEMS: [u64; 2] = [1_000, 100_000];

/// Runs of which the median counts.
const RUNS: usize = 5;

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let folder = temporary_folder()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(folder.path(), report))
}

async fn measure(folder: &Path, report: &mut Report) -> Result<()> {
    let (store, _) = stage::open_store(&folder.join("store"))?;
    let definition = compiled(&batched_map(WINDOW, BATCH), stage::register(&*store, &stage::echo()?)?)?;
    let shelf = Arc::new(Shelf::of(std::slice::from_ref(&definition)));
    let runner = stage::runtime(&store)?;
    let stage = Stage::launch(store, runner, shelf, Options::default())?;
    stage.complete(&definition, &map_input(CONTEXT_BYTES, ITEMS[0])).await?;
    let [mut small, mut large] = [Figures::default(), Figures::default()];
    // Small and large ones take turns, so that whatever else the machine does meets both.
    for _ in 0..RUNS {
        small.add(&stage, &definition, ITEMS[0]).await?;
        large.add(&stage, &definition, ITEMS[1]).await?;
    }
    for (items, figures) in ITEMS.iter().zip([&small, &large]) {
        report.row(&format!("{items} items, us each"), median(&figures.micros), Target::Baseline);
        report.row(&format!("{items} items, peak bytes each"), median(&figures.peaks), Target::Baseline);
    }
    report.result("big_map_items_per_s", 1e6 / median(&large.micros), Target::Baseline);
    report.result("big_map_time_ratio", median(&large.micros) / median(&small.micros), Target::AtMost(1.2));
    report.result("big_map_memory_ratio", median(&large.peaks) / median(&small.peaks), Target::AtMost(1.2));
    stage.engine.drain().await;
    Ok(())
}

/// What each item took, in each of some runs.
#[derive(Default)]
struct Figures {
    micros: Vec<f64>,
    peaks: Vec<f64>,
}

impl Figures {
    /// Runs one map for its time, and one for its memory: counting bytes takes time.
    async fn add(&mut self, stage: &Stage, definition: &Arc<Definition>, items: u64) -> Result<()> {
        let input = map_input(CONTEXT_BYTES, items);
        let begin = Instant::now();
        stage.complete(definition, &input).await?;
        self.micros.push(begin.elapsed().as_secs_f64() * 1e6 / items as f64);
        let counting = Count::begin();
        stage.complete(definition, &input).await?;
        self.peaks.push(counting.peak_bytes() as f64 / items as f64);
        Ok(())
    }
}
