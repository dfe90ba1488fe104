//! Version 2 of snapshots, as postcard writes them.
//!
//! Never changed: neither the order of variants nor that of fields. Whatever is new is a version of its own. A `u32` called after a value is its
//! place in the table of values, one called after a timer, a run or a frame is its number.

use serde::{Deserialize, Serialize};

pub(crate) use super::super::v1::Value;
pub(crate) use super::super::v2::Settings;

#[derive(Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) table: Table,
    pub(crate) machine: Machine,
    pub(crate) configs: Vec<(u32, Value)>,
}

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) values: Vec<Entry>,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) pointers: Vec<String>,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Entry {
    Value(Value),
    /// An object whose large members stand for themselves: the small ones as one object, and each large one with its place among all.
    Members {
        small: Value,
        large: Vec<(u32, String, Value)>,
    },
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Binding {
    pub(crate) name: String,
    pub(crate) value: u32,
    pub(crate) outer: Option<u32>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) definition: [u8; 32],
    pub(crate) phase: Phase,
    pub(crate) now: i64,
    pub(crate) suspended_at: i64,
    pub(crate) started_at: i64,
    pub(crate) input: u32,
    pub(crate) settings: Settings,
    pub(crate) frames: Vec<(u32, Frame)>,
    pub(crate) runs: Vec<(u32, Run)>,
    pub(crate) timers: Timers,
    pub(crate) next_frame: u32,
    pub(crate) next_run: u32,
    pub(crate) open: Vec<u32>,
    pub(crate) queued: Vec<u32>,
    pub(crate) stopping: Vec<u32>,
    pub(crate) children: Vec<u32>,
    pub(crate) suspended_below: u32,
    pub(crate) held: Vec<Held>,
    pub(crate) outputs: Vec<(u128, u32)>,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Held {
    GoOn(u32, Then),
    Fault(u32, Problem),
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Phase {
    New,
    Running,
    Suspended,
    Ended,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Frame {
    pub(crate) pointer: u32,
    pub(crate) run: u32,
    pub(crate) path: u128,
    pub(crate) raw_input: u32,
    pub(crate) input: u32,
    pub(crate) started_at: i64,
    pub(crate) timeout: Option<u32>,
    pub(crate) extended: Option<Extended>,
    pub(crate) state: State,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Extended {
    pub(crate) applying: Vec<u32>,
    pub(crate) stage: Stage,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Stage {
    Before(u32),
    Task,
    After { number: u32, raw_output: u32, output: u32, then: Then },
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Then {
    Continue,
    Exit,
    End,
    Goto(u32),
}

#[derive(Serialize, Deserialize)]
pub(crate) enum State {
    Entering,
    Call { attempt: u32, losses: u32, phase: CallPhase },
    List { run: u32 },
    Loop { items: u32, next: u32, value: u32, run: Option<u32> },
    Map(Map),
    Fork(Fork),
    Try { round: u32, began_at: i64, phase: TryPhase },
    Wait { timer: u32 },
}

#[derive(Serialize, Deserialize)]
pub(crate) enum CallPhase {
    Queued,
    Dispatched,
    Backoff { timer: u32 },
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Map {
    pub(crate) items: u32,
    pub(crate) count: u32,
    pub(crate) next: u32,
    pub(crate) runs: Vec<(u32, u32)>,
    pub(crate) places: Places,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Fork {
    pub(crate) next: u32,
    pub(crate) runs: Vec<(u32, u32)>,
    pub(crate) places: Places,
    pub(crate) exported: Option<(u32, u32)>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Places {
    pub(crate) outputs: Vec<Option<u32>>,
    pub(crate) order: Vec<u32>,
    pub(crate) failures: Vec<(u32, Problem)>,
    pub(crate) successes: u32,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum TryPhase {
    Body { run: u32, timer: Option<u32> },
    Backoff { timer: u32 },
    Catch { run: u32 },
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Problem {
    pub(crate) kind: String,
    pub(crate) status: u16,
    pub(crate) title: String,
    pub(crate) detail: Option<String>,
    pub(crate) instance: Option<String>,
    pub(crate) data: Option<u32>,
    pub(crate) retryable: bool,
}

/// One pass over a list. Which list that is follows from its owner and its slot.
#[derive(Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) owner: Option<u32>,
    pub(crate) slot: u32,
    pub(crate) position: u32,
    pub(crate) jumps: u32,
    pub(crate) value: u32,
    pub(crate) frame: Option<u32>,
    pub(crate) context: u32,
    pub(crate) exported: bool,
    pub(crate) bindings: Option<u32>,
    pub(crate) item: Option<(u32, u64)>,
    pub(crate) path: u128,
    pub(crate) round: u32,
    pub(crate) calls: u32,
    pub(crate) extending: Extending,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Extending {
    Nothing,
    Task(u32),
    Called,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Timers {
    pub(crate) next: u32,
    pub(crate) running: Vec<(u32, i64, Purpose)>,
    pub(crate) active_used_ms: u64,
    pub(crate) active: Option<(i64, u32)>,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Purpose {
    Wait(u32),
    Attempt(u32),
    Round(u32),
    RoundTimeout(u32),
    TaskTimeout(u32),
    WorkflowTimeout,
    ActiveTimeout,
}
