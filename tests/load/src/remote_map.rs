//! A map of 10,000 items over a context of 1 MB on two workers behind Redis: items a second, and how often the context crosses the wire.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use sandmill_engine::{Engine, Live, Options, Parts, Workers};
use sandmill_speed::figures::median;
use sandmill_speed::machine::temporary_folder;
use sandmill_speed::report::{Report, Target};
use sandmill_store::redis::queue::QueueOptions;
use sandmill_testkit::Proxy;

use crate::remote::{With, Worker, connect, engine_end, server};
use crate::stage::{self, Stage};
use crate::workflow::{Shelf, compiled, map, prose_map_input};

/// Bytes of the context that all items share.
const CONTEXT_BYTES: usize = 1_000_000;

/// Bytes of a context that is compared with it: four of its files are there, and no more than ten.
const SMALL_BYTES: usize = 10_000;

/// Items of the map.
const ITEMS: u64 = 10_000;

/// Items in flight.
const WINDOW: u32 = 200;

/// Workers.
const WORKERS: usize = 2;

/// Runs of which the median counts.
const RUNS: usize = 3;

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(report))
}

async fn measure(report: &mut Report) -> Result<()> {
    let folder = temporary_folder()?;
    let (store, _) = stage::open_store(&folder.path().join("store"))?;
    let definition = compiled(&map(WINDOW), stage::register(&*store, &stage::echo()?)?)?;
    let shelf = Arc::new(Shelf::of(std::slice::from_ref(&definition)));
    let server = server();
    // Workers go through a proxy that counts what comes to them.
    let proxy = Proxy::start(server.port());
    let live = Live::start(Arc::clone(&store))?;
    let queue = engine_end(connect(&server.url()).await?, &store, Arc::clone(&live), QueueOptions::default()).await?;
    let workers = Workers { queue, local: None };
    let parts = Parts {
        store,
        definitions: shelf,
        workers,
        live,
        clock: Arc::new(stage::SystemClock),
        on_store_failure: Arc::new(|error| panic!("{error}")),
    };
    let stage = Stage::over(Engine::launch(parts, Options::default())?);
    let mut running = Vec::new();
    for number in 0..WORKERS {
        running.push(Worker::start(&proxy.url(), number, With::Guests).await?);
    }
    stage.complete(&definition, &prose_map_input(SMALL_BYTES, 500)).await?;
    let (mut speeds, mut large, mut small) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        for (context_bytes, bytes) in [(SMALL_BYTES, &mut small), (CONTEXT_BYTES, &mut large)] {
            let input = prose_map_input(context_bytes, ITEMS);
            let (before, begin) = (proxy.bytes_down(), Instant::now());
            stage.complete(&definition, &input).await?;
            bytes.push((proxy.bytes_down() - before) as f64);
            if context_bytes == CONTEXT_BYTES {
                speeds.push(ITEMS as f64 / begin.elapsed().as_secs_f64());
            }
        }
    }
    report.row("bytes to the workers, an item", median(&large) / ITEMS as f64, Target::Baseline);
    report.row("the same, over a context of 10 KB", median(&small) / ITEMS as f64, Target::Baseline);
    // Packed on its way, it is less than one.
    let crossings = (median(&large) - median(&small)) / (CONTEXT_BYTES * WORKERS) as f64;
    report.result("context_crossings_per_worker", crossings, Target::AtMost(1.0));
    report.result("remote_map_items_per_s", median(&speeds), Target::AtLeast(5_000.0));
    for worker in running {
        worker.stop().await?;
    }
    stage.engine.drain().await;
    Ok(())
}
