//! A parallel map over one large context through the whole engine: how many items a second, and how much memory they take.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use sandmill_core::definition::Definition;
use sandmill_core::value::Value;
use sandmill_engine::Options;
use sandmill_speed::allocator::Count;
use sandmill_speed::figures::median;
use sandmill_speed::machine::temporary_folder;
use sandmill_speed::report::{Report, Target};

use crate::stage::{self, Stage};
use crate::workflow::{Shelf, compiled, map, map_input, value_of_200_bytes};

/// Bytes of the context that all items share.
const CONTEXT_BYTES: usize = 1_060_000;

/// Items in flight.
const WINDOW: u32 = 50;

/// Items of one map, against ten maps of a tenth.
const ITEMS: [u64; 2] = [1_000, 10_000];

/// Runs of which the median counts.
const RUNS: usize = 3;

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let folder = temporary_folder()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(folder.path(), report))
}

async fn measure(folder: &Path, report: &mut Report) -> Result<()> {
    let (store, _) = stage::open_store(&folder.join("store"))?;
    let definition = compiled(&map(WINDOW), stage::register(&*store, &stage::echo()?)?)?;
    let shelf = Arc::new(Shelf::of(std::slice::from_ref(&definition)));
    let runner = stage::runtime(&store)?;
    let bench = Bench { stage: Stage::launch(store, runner, shelf, Options::default())?, definition };
    bench.maps(1, 1_000).await?;
    let (mut speeds, mut ratios) = (Vec::new(), Vec::new());
    for items in ITEMS {
        let (mut one, mut ten) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            one.push(bench.maps(1, items).await?);
            ten.push(bench.maps(10, items / 10).await?);
        }
        report.row(&format!("one map of {items} items, items/s"), median(&one), Target::Baseline);
        report.row(&format!("ten maps of {} items, items/s", items / 10), median(&ten), Target::Baseline);
        speeds.push(median(&one));
        let (mut one, mut ten) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            one.push(bench.peak_bytes(1, items).await?);
            ten.push(bench.peak_bytes(10, items / 10).await?);
        }
        let (one, ten) = (median(&one), median(&ten));
        report.row(&format!("one map of {items} items, peak less outputs, bytes"), one, Target::Baseline);
        report.row(&format!("ten maps of {} items, peak less outputs, bytes", items / 10), ten, Target::Baseline);
        ratios.push(one / ten);
    }
    report.result("map_items_per_s_1000", speeds[0], Target::Baseline);
    report.result("map_items_per_s", speeds[1], Target::AtLeast(20_000.0));
    report.result("map_memory_ratio_1000", ratios[0], Target::Baseline);
    report.result("map_memory_ratio", ratios[1], Target::AtMost(1.2));
    bench.stage.engine.drain().await;
    Ok(())
}

struct Bench {
    stage: Stage,
    definition: Arc<Definition>,
}

impl Bench {
    /// Runs so many maps one after the other, and gives the items a second.
    async fn maps(&self, count: u64, items: u64) -> Result<f64> {
        let input = map_input(CONTEXT_BYTES, items);
        let begin = Instant::now();
        for _ in 0..count {
            self.stage.complete(&self.definition, &input).await?;
        }
        Ok((count * items) as f64 / begin.elapsed().as_secs_f64())
    }

    /// The most bytes that were allocated while so many maps ran, less the outputs of one of them.
    async fn peak_bytes(&self, count: u64, items: u64) -> Result<f64> {
        let input = map_input(CONTEXT_BYTES, items);
        let outputs = bytes_of_outputs(items)?;
        let counting = Count::begin();
        for _ in 0..count {
            self.stage.complete(&self.definition, &input).await?;
        }
        Ok((counting.peak_bytes() - outputs) as f64)
    }
}

/// Bytes of an array with that many outputs, as the engine holds them.
fn bytes_of_outputs(items: u64) -> Result<i64> {
    let text = value_of_200_bytes().to_json();
    let counting = Count::begin();
    let outputs = (0..items).map(|_| Value::from_json(&text)).collect::<Result<Vec<_>, _>>()?;
    let outputs = Value::array(outputs);
    let bytes = counting.live_bytes();
    drop(outputs);
    Ok(bytes)
}
