//! One call of `echo` through our runtime, with all limits on, against the same call on bare wasmtime: bytes in, bytes out.
//!
//! The guest fetches a config of 1 KB and reads one value of a context of 1.06 MB. Ours and bare ones take turns in short rounds, and each figure is
//! the median over rounds.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, anyhow, ensure};
use bytes::Bytes;
use sandmill_core::definition::DefinitionName;
use sandmill_core::ids::{Digest, JsonPointer, TaskExecId, WorkflowExecId};
use sandmill_core::machine::{self, ContextHandle, Delivery, Dispatch, IdempotencyKey, SharedContext, WorkflowInfo};
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;
use sandmill_engine::ports::{SharedStore, TaskMessage};
use sandmill_runtime::{CallError, Runtime};
use sandmill_speed::figures::{median, time_us};
use sandmill_speed::machine::Usage;
use sandmill_speed::report::{Report, Target};
use sandmill_store::MemoryStore;
use tokio::task::JoinSet;

use crate::bare::{Answers, Bare};
use crate::stage::{self, tenant};
use crate::workflow::data_of;

/// Rounds of each kind.
const ROUNDS: usize = 15;

/// Calls of a round with 64 in flight, and alone.
const CALLS: u32 = 12_800;
const CALLS_ALONE: u32 = 2_000;

const IN_FLIGHT: u32 = 64;

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let component = stage::echo()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let pair = Arc::new(Pair::new(&component)?);
        pair.check().await?;
        // Every slot of the pool that is used later is used once before.
        pair.round(Kind::Ours, IN_FLIGHT, CALLS).await?;
        pair.round(Kind::Bare, IN_FLIGHT, CALLS).await?;
        let many = pair.compare(IN_FLIGHT, CALLS).await?;
        let alone = pair.compare(1, CALLS_ALONE).await?;
        print(report, &pair, &many, &alone).await
    })
}

async fn print(report: &mut Report, pair: &Pair, many: &Comparison, alone: &Comparison) -> Result<()> {
    for (name, both) in [("64 in flight", many), ("1 in flight", alone)] {
        for (kind, rounds) in [("ours", &both.ours), ("bare", &both.bare)] {
            let wall = median_of(rounds, |round| round.wall_us);
            report.row(&format!("{name}, {kind}: us a call"), wall, Target::Baseline);
            report.row(
                &format!("{name}, {kind}: CPU us a call"),
                median_of(rounds, |round| round.cpu_us),
                Target::Baseline,
            );
            let faults = median_of(rounds, |round| round.faults);
            report.row(&format!("{name}, {kind}: minor faults a call"), faults, Target::Baseline);
        }
    }
    let output = pair.call(Kind::Ours).await?;
    let decode =
        median(&(0..51).map(|_| time_us(1_000, || drop(Value::from_json(output.as_bytes())))).collect::<Vec<_>>());
    report.result("task_call_ratio", many.ratio(), Target::AtMost(1.3));
    report.result("task_call_ratio_alone", alone.ratio(), Target::Baseline);
    report.result("task_call_cpu_us", median_of(&many.ours, |round| round.cpu_us), Target::AtMost(15.0));
    report.result("task_call_minor_faults", median_of(&many.ours, |round| round.faults), Target::AtMost(0.05));
    report.result("task_call_decode_us", decode, Target::Baseline);
    Ok(())
}

fn median_of(rounds: &[Round], figure: impl Fn(&Round) -> f64) -> f64 {
    median(&rounds.iter().map(figure).collect::<Vec<_>>())
}

#[derive(Clone, Copy)]
enum Kind {
    Ours,
    Bare,
}

/// What a call took in one round.
struct Round {
    wall_us: f64,
    cpu_us: f64,
    faults: f64,
}

/// Rounds of both.
struct Comparison {
    ours: Vec<Round>,
    bare: Vec<Round>,
}

impl Comparison {
    /// The median over rounds of what ours took over what bare ones took just before or after.
    fn ratio(&self) -> f64 {
        let pairs = self.ours.iter().zip(&self.bare);
        median(&pairs.map(|(ours, bare)| ours.wall_us / bare.wall_us).collect::<Vec<_>>())
    }
}

/// Our runtime and a bare one, with the same component.
struct Pair {
    ours: Arc<Runtime>,
    bare: Bare,
    message: TaskMessage,
    answers: Arc<Answers>,
}

impl Pair {
    fn new(component: &Bytes) -> Result<Self> {
        let store: SharedStore = Arc::new(MemoryStore::default());
        let plugin = stage::register(&*store, component)?;
        let message = message(plugin);
        let context = message.dispatch.context.context().pointer("/files/3/path").unwrap_or_default();
        let answers = Answers {
            id: message.dispatch.id.to_string(),
            config: String::from_utf8(message.config.to_vec())?,
            context: context.to_string(),
        };
        Ok(Self { ours: stage::runtime(&store)?, bare: Bare::new(component)?, message, answers: Arc::new(answers) })
    }

    /// Both give the same output, and it is what was given to them.
    async fn check(&self) -> Result<()> {
        let (ours, bare) = (self.call(Kind::Ours).await?, self.call(Kind::Bare).await?);
        ensure!(ours == bare, "the two do not agree: {ours}, {bare}");
        ensure!(ours.len() > 800, "the output is not what was given: {ours}");
        Ok(())
    }

    async fn call(&self, kind: Kind) -> Result<String> {
        match kind {
            Kind::Bare => self.bare.call(&self.answers).await,
            Kind::Ours => self.ours.call(self.next_message()).await.map_err(|error| match error {
                CallError::Stopped => anyhow!("the call was stopped"),
                CallError::Failed(problem) => anyhow!("{problem:?}"),
            }),
        }
    }

    /// Calls in flight have ids of their own, as tasks have.
    fn next_message(&self) -> TaskMessage {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let id = TaskExecId { workflow: self.message.dispatch.id.workflow, number };
        let dispatch = Arc::new(Dispatch { id, ..(*self.message.dispatch).clone() });
        TaskMessage { dispatch, ..self.message.clone() }
    }

    /// Rounds of ours and of bare ones, taking turns.
    async fn compare(self: &Arc<Self>, in_flight: u32, calls: u32) -> Result<Comparison> {
        let mut both = Comparison { ours: Vec::new(), bare: Vec::new() };
        for turn in 0..ROUNDS {
            let ours_first = turn % 2 == 0;
            if ours_first {
                both.ours.push(self.round(Kind::Ours, in_flight, calls).await?);
            }
            both.bare.push(self.round(Kind::Bare, in_flight, calls).await?);
            if !ours_first {
                both.ours.push(self.round(Kind::Ours, in_flight, calls).await?);
            }
        }
        Ok(both)
    }

    async fn round(self: &Arc<Self>, kind: Kind, in_flight: u32, calls: u32) -> Result<Round> {
        let before = Usage::now()?;
        let begin = Instant::now();
        let each = calls / in_flight;
        let mut lanes = JoinSet::new();
        (0..in_flight).for_each(|_| drop(lanes.spawn(lane(Arc::clone(self), kind, each))));
        while let Some(lane) = lanes.join_next().await {
            lane??;
        }
        let wall = begin.elapsed();
        let used = Usage::now()?.since(before);
        let calls = f64::from(each * in_flight);
        Ok(Round {
            wall_us: wall.as_secs_f64() * 1e6 / calls,
            cpu_us: used.cpu.as_secs_f64() * 1e6 / calls,
            faults: used.minor_faults as f64 / calls,
        })
    }
}

/// One call after the other.
async fn lane(pair: Arc<Pair>, kind: Kind, calls: u32) -> Result<()> {
    for _ in 0..calls {
        pair.call(kind).await?;
    }
    Ok(())
}

/// A task over a context of 1.06 MB, with a config of 1 KB.
fn message(plugin: Digest) -> TaskMessage {
    let data = data_of(1_060_000);
    let id = WorkflowExecId::from_random(7);
    let workflow = WorkflowInfo {
        id,
        name: DefinitionName { namespace: "bench".into(), name: "task-call".into(), version: "1.0.0".into() },
        input: data.clone(),
        started_at: Timestamp(0),
    };
    let shared = SharedContext::new(Arc::new(workflow), data, Value::null());
    let config = Value::object([
        ("context", Value::from("context.files[3].path")),
        ("value", Value::object([("text", Value::from("x".repeat(960)))])),
    ]);
    let dispatch = Dispatch {
        id: TaskExecId { workflow: id, number: 0 },
        attempt: 1,
        round: 1,
        pointer: JsonPointer::from("/do/0/call"),
        target: machine::Target::Plugin(plugin),
        idempotency_key: IdempotencyKey(0xabc),
        context: ContextHandle::new(Arc::new(shared), Value::from(5_i64), 5),
        deadline: None,
        delivery: Delivery::default(),
    };
    TaskMessage::new(tenant(), Arc::new(dispatch), config.to_json().into())
}
