//! A machine as data that can be stored: what a snapshot holds of it.

use std::collections::BTreeMap;

use crate::codec::snapshot::{TableWriter, v1};
use crate::machine::frame::{CallPhase, Fork, Frame, Loop, Map, Run, RunId, State, Surroundings, Try, TryPhase};
use crate::machine::timers::{Purpose, Timers};
use crate::machine::{Machine, Phase};
use crate::problem::Problem;
use crate::value::Value;

impl Machine {
    /// True where transitions are left to do, or actions to take: that is no state to go on from.
    pub(crate) fn has_work(&self) -> bool {
        !self.steps.is_empty() || !self.actions.is_empty()
    }

    pub(crate) fn to_image(&self, table: &mut TableWriter<'_>) -> v1::Machine {
        v1::Machine {
            definition: *self.definition.digest.as_bytes(),
            phase: match self.phase {
                Phase::New => v1::Phase::New,
                Phase::Running => v1::Phase::Running,
                Phase::Suspended => v1::Phase::Suspended,
                Phase::Ended => v1::Phase::Ended,
            },
            now: self.now.0,
            suspended_at: self.suspended_at.0,
            started_at: self.workflow.started_at.0,
            input: table.value(&self.workflow.input),
            settings: v1::Settings::of(&self.settings),
            frames: self.frames.iter().map(|(id, frame)| (*id, self.frame_image(frame, table))).collect(),
            runs: self.runs.iter().map(|(id, run)| (*id, run_image(run, table))).collect(),
            timers: timers_image(&self.timers),
            next_frame: self.next_frame,
            next_run: self.next_run,
            open: self.open.iter().copied().collect(),
            queued: self.queued.iter().copied().collect(),
            stopping: self.stopping.iter().copied().collect(),
        }
    }

    fn frame_image(&self, frame: &Frame, table: &mut TableWriter<'_>) -> v1::Frame {
        v1::Frame {
            pointer: table.pointer(&self.definition.node(frame.node).pointer),
            run: frame.run,
            path: frame.path,
            raw_input: table.value(&frame.raw_input),
            input: table.value(&frame.input),
            started_at: frame.started_at.0,
            timeout: frame.timeout.map(|timer| timer.0),
            state: state_image(&frame.state, table),
        }
    }
}

fn state_image(state: &State, table: &mut TableWriter<'_>) -> v1::State {
    match state {
        State::Entering => v1::State::Entering,
        State::Call(call) => v1::State::Call {
            attempt: call.attempt,
            losses: call.losses,
            phase: match call.phase {
                CallPhase::Queued => v1::CallPhase::Queued,
                CallPhase::Dispatched => v1::CallPhase::Dispatched,
                CallPhase::Backoff(timer) => v1::CallPhase::Backoff { timer: timer.0 },
            },
        },
        State::List(run) => v1::State::List { run: *run },
        State::Loop(Loop { items, next, value, run }) => {
            v1::State::Loop { items: table.value(items), next: *next, value: table.value(value), run: *run }
        }
        State::Map(map) => v1::State::Map(map_image(map, table)),
        State::Fork(fork) => v1::State::Fork(fork_image(fork, table)),
        State::Try(state) => try_image(state),
        State::Wait(timer) => v1::State::Wait { timer: timer.0 },
    }
}

fn map_image(map: &Map, table: &mut TableWriter<'_>) -> v1::Map {
    v1::Map {
        items: table.value(&map.items),
        count: map.count,
        next: map.next,
        runs: runs_image(&map.runs),
        outputs: outputs_image(&map.outputs, table),
        order: map.order.clone(),
        failures: map.failures.iter().map(|(index, problem)| (*index, problem_image(problem, table))).collect(),
        successes: map.successes,
    }
}

fn fork_image(fork: &Fork, table: &mut TableWriter<'_>) -> v1::Fork {
    v1::Fork {
        runs: runs_image(&fork.runs),
        outputs: outputs_image(&fork.outputs, table),
        exported: fork.exported.as_ref().map(|(slot, context)| (*slot, table.context(context))),
        fault: fork.fault.as_ref().map(|problem| problem_image(problem, table)),
    }
}

fn try_image(state: &Try) -> v1::State {
    let phase = match state.phase {
        TryPhase::Body(run, timer) => v1::TryPhase::Body { run, timer: timer.map(|timer| timer.0) },
        TryPhase::Backoff(timer) => v1::TryPhase::Backoff { timer: timer.0 },
        TryPhase::Catch(run) => v1::TryPhase::Catch { run },
    };
    v1::State::Try { round: state.round, began_at: state.began_at.0, phase }
}

fn runs_image(runs: &BTreeMap<u32, RunId>) -> Vec<(u32, RunId)> {
    runs.iter().map(|(slot, run)| (*slot, *run)).collect()
}

fn outputs_image(outputs: &[Option<Value>], table: &mut TableWriter<'_>) -> Vec<Option<u32>> {
    outputs.iter().map(|output| output.as_ref().map(|output| table.value(output))).collect()
}

fn run_image(run: &Run, table: &mut TableWriter<'_>) -> v1::Run {
    let Surroundings { context, exported, bindings, item, path, round } = &run.around;
    v1::Run {
        owner: run.owner,
        slot: run.slot,
        position: run.position,
        jumps: run.jumps,
        // Where a value is the context and something else too, it is the context that decides how it is stored.
        context: table.context(context),
        value: table.value(&run.value),
        frame: run.frame,
        exported: *exported,
        bindings: table.bindings(bindings),
        item: item.as_ref().map(|(item, index)| (table.value(item), *index)),
        path: *path,
        round: *round,
    }
}

fn problem_image(problem: &Problem, table: &mut TableWriter<'_>) -> v1::Problem {
    let Problem { kind, status, title, detail, instance, data, retryable } = problem.clone();
    let data = data.map(|data| table.value(&data));
    v1::Problem { kind, status, title, detail, instance, data, retryable }
}

fn timers_image(timers: &Timers) -> v1::Timers {
    let purpose = |purpose: Purpose| match purpose {
        Purpose::Wait(frame) => v1::Purpose::Wait(frame),
        Purpose::Attempt(frame) => v1::Purpose::Attempt(frame),
        Purpose::Round(frame) => v1::Purpose::Round(frame),
        Purpose::RoundTimeout(frame) => v1::Purpose::RoundTimeout(frame),
        Purpose::TaskTimeout(frame) => v1::Purpose::TaskTimeout(frame),
        Purpose::WorkflowTimeout => v1::Purpose::WorkflowTimeout,
        Purpose::ActiveTimeout => v1::Purpose::ActiveTimeout,
    };
    v1::Timers {
        next: timers.next,
        running: timers.running.iter().map(|(timer, (at, what))| (timer.0, at.0, purpose(*what))).collect(),
        active_used_ms: timers.active_used.0,
        active: timers.active.map(|(since, timer)| (since.0, timer.0)),
    }
}
