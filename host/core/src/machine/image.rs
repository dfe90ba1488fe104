//! A machine as data that can be stored: what a snapshot holds of it.

use std::collections::BTreeMap;

use crate::codec::snapshot::{TableWriter, v2};
use crate::definition::Then;
use crate::machine::frame::{
    CallPhase, Done, Extended, Extending, Fork, Frame, Held, Loop, Map, Places, Run, RunId, Stage, State, Surroundings,
    Try, TryPhase,
};
use crate::machine::timers::{Purpose, Timers};
use crate::machine::{Machine, Phase};
use crate::problem::Problem;
use crate::value::Value;

impl Machine {
    /// True where transitions are left to do, or actions to take: that is no state to go on from.
    pub(crate) fn has_work(&self) -> bool {
        !self.steps.is_empty() || !self.actions.is_empty()
    }

    pub(crate) fn to_image(&self, table: &mut TableWriter<'_>) -> v2::Machine {
        v2::Machine {
            definition: *self.definition.digest.as_bytes(),
            phase: match self.phase {
                Phase::New => v2::Phase::New,
                Phase::Running => v2::Phase::Running,
                Phase::Suspended => v2::Phase::Suspended,
                Phase::Ended => v2::Phase::Ended,
            },
            now: self.now.0,
            suspended_at: self.suspended_at.0,
            started_at: self.workflow.started_at.0,
            input: table.value(&self.workflow.input),
            settings: v2::Settings::of(&self.settings),
            frames: self.frames.iter().map(|(id, frame)| (*id, self.frame_image(frame, table))).collect(),
            runs: self.runs.iter().map(|(id, run)| (*id, run_image(run, table))).collect(),
            timers: timers_image(&self.timers),
            next_frame: self.next_frame,
            next_run: self.next_run,
            open: self.open.iter().copied().collect(),
            queued: self.queued.iter().copied().collect(),
            stopping: self.stopping.iter().copied().collect(),
            children: self.children.iter().copied().collect(),
            suspended_below: self.suspended_below,
            held: self.held.iter().map(|held| held_image(held, table)).collect(),
            outputs: self.outputs.iter().map(|(visit, output)| (visit.0, table.value(output))).collect(),
        }
    }

    fn frame_image(&self, frame: &Frame, table: &mut TableWriter<'_>) -> v2::Frame {
        v2::Frame {
            pointer: table.pointer(&self.definition.node(frame.node).pointer),
            run: frame.run,
            path: frame.path,
            raw_input: table.value(&frame.raw_input),
            input: table.value(&frame.input),
            started_at: frame.started_at.0,
            timeout: frame.timeout.map(|timer| timer.0),
            extended: frame.extended.as_deref().map(|extended| extended_image(extended, table)),
            state: state_image(&frame.state, table),
        }
    }
}

fn state_image(state: &State, table: &mut TableWriter<'_>) -> v2::State {
    match state {
        State::Entering => v2::State::Entering,
        State::Call(call) => v2::State::Call {
            attempt: call.attempt,
            losses: call.losses,
            phase: match call.phase {
                CallPhase::Queued => v2::CallPhase::Queued,
                CallPhase::Dispatched => v2::CallPhase::Dispatched,
                CallPhase::Backoff(timer) => v2::CallPhase::Backoff { timer: timer.0 },
            },
        },
        State::List(run) => v2::State::List { run: *run },
        State::Loop(Loop { items, next, value, run }) => {
            v2::State::Loop { items: table.value(items), next: *next, value: table.value(value), run: *run }
        }
        State::Map(map) => v2::State::Map(map_image(map, table)),
        State::Fork(fork) => v2::State::Fork(fork_image(fork, table)),
        State::Try(state) => try_image(state),
        State::Wait(timer) => v2::State::Wait { timer: timer.0 },
    }
}

fn held_image(held: &Held, table: &mut TableWriter<'_>) -> v2::Held {
    match held {
        Held::GoOn(run, then) => v2::Held::GoOn(*run, then_image(*then)),
        Held::Fault(run, problem) => v2::Held::Fault(*run, problem_image(problem, table)),
    }
}

const fn then_image(then: Then) -> v2::Then {
    match then {
        Then::Continue => v2::Then::Continue,
        Then::Exit => v2::Then::Exit,
        Then::End => v2::Then::End,
        Then::Goto(place) => v2::Then::Goto(place),
    }
}

fn extended_image(extended: &Extended, table: &mut TableWriter<'_>) -> v2::Extended {
    let stage = match &extended.stage {
        Stage::Before(number) => v2::Stage::Before(*number),
        Stage::Task => v2::Stage::Task,
        Stage::After(number, Done { raw_output, output, then }) => v2::Stage::After {
            number: *number,
            raw_output: table.value(raw_output),
            output: table.value(output),
            then: then_image(*then),
        },
    };
    v2::Extended { applying: extended.applying.clone(), stage }
}

fn map_image(map: &Map, table: &mut TableWriter<'_>) -> v2::Map {
    v2::Map {
        items: table.value(&map.items),
        count: map.count,
        next: map.next,
        runs: runs_image(&map.runs),
        places: places_image(&map.places, table),
    }
}

fn places_image(places: &Places, table: &mut TableWriter<'_>) -> v2::Places {
    v2::Places {
        outputs: outputs_image(&places.outputs, table),
        order: places.order.clone(),
        failures: places.failures.iter().map(|(index, problem)| (*index, problem_image(problem, table))).collect(),
        successes: places.successes,
    }
}

fn fork_image(fork: &Fork, table: &mut TableWriter<'_>) -> v2::Fork {
    v2::Fork {
        next: fork.next,
        runs: runs_image(&fork.runs),
        places: places_image(&fork.places, table),
        exported: fork.exported.as_ref().map(|(slot, context)| (*slot, table.context(context))),
    }
}

fn try_image(state: &Try) -> v2::State {
    let phase = match state.phase {
        TryPhase::Body(run, timer) => v2::TryPhase::Body { run, timer: timer.map(|timer| timer.0) },
        TryPhase::Backoff(timer) => v2::TryPhase::Backoff { timer: timer.0 },
        TryPhase::Catch(run) => v2::TryPhase::Catch { run },
    };
    v2::State::Try { round: state.round, began_at: state.began_at.0, phase }
}

fn runs_image(runs: &BTreeMap<u32, RunId>) -> Vec<(u32, RunId)> {
    runs.iter().map(|(slot, run)| (*slot, *run)).collect()
}

fn outputs_image(outputs: &[Option<Value>], table: &mut TableWriter<'_>) -> Vec<Option<u32>> {
    outputs.iter().map(|output| output.as_ref().map(|output| table.value(output))).collect()
}

fn run_image(run: &Run, table: &mut TableWriter<'_>) -> v2::Run {
    let Surroundings { context, exported, bindings, item, path, round, calls, extending } = &run.around;
    v2::Run {
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
        calls: *calls,
        extending: match extending {
            Extending::Nothing => v2::Extending::Nothing,
            Extending::Task(frame) => v2::Extending::Task(*frame),
            Extending::Called => v2::Extending::Called,
        },
    }
}

fn problem_image(problem: &Problem, table: &mut TableWriter<'_>) -> v2::Problem {
    let Problem { kind, status, title, detail, instance, data, retryable } = problem.clone();
    let data = data.map(|data| table.value(&data));
    v2::Problem { kind, status, title, detail, instance, data, retryable }
}

fn timers_image(timers: &Timers) -> v2::Timers {
    let purpose = |purpose: Purpose| match purpose {
        Purpose::Wait(frame) => v2::Purpose::Wait(frame),
        Purpose::Attempt(frame) => v2::Purpose::Attempt(frame),
        Purpose::Round(frame) => v2::Purpose::Round(frame),
        Purpose::RoundTimeout(frame) => v2::Purpose::RoundTimeout(frame),
        Purpose::TaskTimeout(frame) => v2::Purpose::TaskTimeout(frame),
        Purpose::WorkflowTimeout => v2::Purpose::WorkflowTimeout,
        Purpose::ActiveTimeout => v2::Purpose::ActiveTimeout,
    };
    v2::Timers {
        next: timers.next,
        running: timers.running.iter().map(|(timer, (at, what))| (timer.0, at.0, purpose(*what))).collect(),
        active_used_ms: timers.active_used.0,
        active: timers.active.map(|(since, timer)| (since.0, timer.0)),
    }
}
