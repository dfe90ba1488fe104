//! What a handle on a context costs beside a deep clone of it, and what an item in flight costs inside the running engine.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use sandmill_core::definition::DefinitionName;
use sandmill_core::ids::{Digest, TaskExecId, TenantId, WorkflowExecId};
use sandmill_core::machine::{ContextHandle, SharedContext, WorkflowInfo};
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;
use sandmill_engine::Options;
use sandmill_engine::ports::{Runner, SharedStore, TaskMessage, TaskResult};
use sandmill_speed::allocator::Count;
use sandmill_speed::figures::{median, micros};
use sandmill_speed::report::{Report, Target};
use sandmill_store::MemoryStore;
use tokio::sync::{Semaphore, watch};

use crate::stage::Stage;
use crate::workflow::{Shelf, compiled, data_of, map, map_input};

const CONTEXT_BYTES: [usize; 3] = [100_000, 1_060_000, 10_000_000];

/// Handles that are made at a time.
const HANDLES: u64 = 1_000;

/// Items in flight: what the second has more is what so many more items cost.
const IN_FLIGHT: [u32; 2] = [100, 1_000];

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    report.result("context_handle_bytes", size_of::<ContextHandle>() as f64, Target::AtMost(40.0));
    for bytes in CONTEXT_BYTES {
        let data = data_of(bytes);
        let (handle_bytes, handle_us) = handles(&data);
        let (clone_bytes, clone_us) = clones(&data, if bytes > 5_000_000 { 3 } else { 20 });
        report.row(&format!("1,000 handles on {bytes} bytes, bytes"), handle_bytes, Target::Baseline);
        report.row(&format!("1,000 deep clones of {bytes} bytes, bytes"), clone_bytes * 1_000.0, Target::Baseline);
        report.row(&format!("1,000 handles on {bytes} bytes, us"), handle_us, Target::Baseline);
        report.row(&format!("1,000 deep clones of {bytes} bytes, us"), clone_us * 1_000.0, Target::Baseline);
        if bytes == CONTEXT_BYTES[1] {
            report.result("context_1000_handles_bytes", handle_bytes, Target::AtMost(40_960.0));
            report.result("context_1000_handles_us", handle_us, Target::AtMost(100.0));
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut per_item = Vec::new();
    for bytes in CONTEXT_BYTES {
        let item = runtime.block_on(item_in_flight(bytes))?;
        report.row(&format!("an item in flight over {bytes} bytes, bytes"), item, Target::Baseline);
        per_item.push(item);
    }
    report.result("context_growth", per_item[2] / per_item[0], Target::AtMost(1.05));
    Ok(())
}

/// Bytes of a thousand handles with what they share, and the microseconds that it takes to make them.
fn handles(data: &Value) -> (f64, f64) {
    let workflow = Arc::new(WorkflowInfo {
        id: WorkflowExecId::from_random(1),
        name: DefinitionName { namespace: "bench".into(), name: "context".into(), version: "1.0.0".into() },
        input: data.clone(),
        started_at: Timestamp(0),
    });
    let items = data.get("files").unwrap_or_default();
    let make = || {
        let shared = Arc::new(SharedContext::new(Arc::clone(&workflow), data.clone(), data.clone()));
        let mut handles = Vec::with_capacity(HANDLES as usize);
        let count = items.length().unwrap_or(1) as u64;
        for index in 0..HANDLES {
            let item = items.index((index % count) as usize).unwrap_or_default();
            handles.push(ContextHandle::new(Arc::clone(&shared), item, index));
        }
        handles
    };
    let mut times = Vec::new();
    for _ in 0..101 {
        let begin = Instant::now();
        let made = black_box(make());
        times.push(micros(begin.elapsed()));
        drop(made);
    }
    let count = Count::begin();
    let made = black_box(make());
    let bytes = count.live_bytes();
    drop(made);
    (bytes as f64, median(&times))
}

/// Bytes of one deep clone, and the microseconds that it takes.
fn clones(data: &Value, times: usize) -> (f64, f64) {
    let mut spans = Vec::new();
    for _ in 0..times {
        let begin = Instant::now();
        let clone = black_box(deep_clone(data));
        spans.push(micros(begin.elapsed()));
        drop(clone);
    }
    let count = Count::begin();
    let clone = black_box(deep_clone(data));
    let bytes = count.live_bytes();
    drop(clone);
    (bytes as f64, median(&spans))
}

/// The same value, with nothing shared: what handing each task its own context would cost.
fn deep_clone(value: &Value) -> Value {
    if let Some(items) = value.iter_array() {
        return Value::array(items.map(|item| deep_clone(&item)));
    }
    if let Some(members) = value.entries() {
        return Value::object(members.map(|(name, member)| (name.into_owned(), deep_clone(&member))));
    }
    match value.as_str() {
        Some(text) => Value::from(text.into_owned()),
        None => value.clone(),
    }
}

/// Bytes that each item of a parallel map has allocated while it is with a worker. The store is in memory, so that its rows are counted and the
/// caches of a disk are not.
async fn item_in_flight(context_bytes: usize) -> Result<f64> {
    let mut allocated = Vec::new();
    for concurrency in IN_FLIGHT {
        allocated.push(allocated_in_flight(context_bytes, concurrency).await?);
    }
    Ok((allocated[1] - allocated[0]) as f64 / f64::from(IN_FLIGHT[1] - IN_FLIGHT[0]))
}

async fn allocated_in_flight(context_bytes: usize, concurrency: u32) -> Result<i64> {
    let store: SharedStore = Arc::new(MemoryStore::default());
    let definition = compiled(&map(concurrency), Digest::of(b"no component is run"))?;
    let holder = Arc::new(Holder::default());
    let shelf = Arc::new(Shelf::of(std::slice::from_ref(&definition)));
    let options = Options { slots: 2_000, ..Options::default() };
    let stage = Stage::launch(store, holder.clone(), shelf, options)?;
    let input = map_input(context_bytes, u64::from(IN_FLIGHT[1]));
    let count = Count::begin();
    let key = stage.start(&definition, &input).await?;
    let mut arrived = holder.arrived.subscribe();
    arrived.wait_for(|arrived| *arrived == concurrency).await.context("the runner is gone")?;
    // Counted down by every worker that goes on to wait; the last of them may still be on its way, which is a few bytes of some hundred thousand.
    let bytes = count.live_bytes();
    drop(count);
    holder.release.add_permits(Semaphore::MAX_PERMITS / 2);
    stage.engine.ended(&key).await?;
    stage.engine.drain().await;
    Ok(bytes)
}

/// Holds every task until all may go.
struct Holder {
    arrived: watch::Sender<u32>,
    release: Semaphore,
}

impl Default for Holder {
    fn default() -> Self {
        Self { arrived: watch::channel(0).0, release: Semaphore::new(0) }
    }
}

#[async_trait]
impl Runner for Holder {
    async fn run(&self, _: TaskMessage) -> TaskResult {
        self.arrived.send_modify(|arrived| *arrived += 1);
        match self.release.acquire().await {
            Ok(_) => TaskResult::Completed(Value::null()),
            Err(_) => TaskResult::Lost,
        }
    }

    fn cancel(&self, _: &TenantId, _: TaskExecId) {}
}
