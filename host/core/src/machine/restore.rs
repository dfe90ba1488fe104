//! A machine from what a snapshot holds of it.
//!
//! What an image says of itself is checked as far as the machine relies on it: frames, runs and tasks that name each other exist.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::codec::CodecError;
use crate::codec::snapshot::{TableReader, malformed, v2};
use crate::definition::{Definition, Kind, TaskList, Then};
use crate::ids::{Digest, WorkflowExecId};
use crate::machine::frame::{
    Call, CallPhase, Done, Extended, Extending, Fork, Frame, FrameId, Held, Loop, Map, Places, Run, RunId, Stage,
    State, Surroundings, Try, TryPhase,
};
use crate::machine::timers::{Purpose, Timers};
use crate::machine::{Machine, Phase, TimerId, VisitKey, WorkflowInfo};
use crate::problem::Problem;
use crate::time::{Millis, Timestamp};
use crate::value::Value;

impl Machine {
    pub(crate) fn from_image(
        image: v2::Machine,
        id: WorkflowExecId,
        definition: &Arc<Definition>,
        table: &TableReader,
    ) -> Result<Self, CodecError> {
        if Digest::from_bytes(image.definition) != definition.digest {
            return Err(malformed("the snapshot was made on another definition"));
        }
        let workflow = WorkflowInfo {
            id,
            name: definition.name.clone(),
            input: table.value(image.input)?,
            started_at: Timestamp(image.started_at),
        };
        let frames = image.frames.into_iter().map(|(id, frame)| Ok((id, restore_frame(frame, table)?)));
        let frames = frames.collect::<Result<BTreeMap<_, _>, CodecError>>()?;
        let list_of = |run: &v2::Run| list_of(run, definition, &frames);
        let runs = image.runs.into_iter().map(|(id, run)| Ok((id, restore_run(list_of(&run)?, run, table)?)));
        let runs = runs.collect::<Result<BTreeMap<_, _>, CodecError>>()?;
        let held = image.held.into_iter().map(|held| restore_held(held, table));
        let outputs = image.outputs.into_iter().map(|(visit, output)| Ok((VisitKey(visit), table.value(output)?)));
        let machine = Self {
            workflow: Arc::new(workflow),
            settings: image.settings.into_settings(),
            phase: match image.phase {
                v2::Phase::New => Phase::New,
                v2::Phase::Running => Phase::Running,
                v2::Phase::Suspended => Phase::Suspended,
                v2::Phase::Ended => Phase::Ended,
            },
            now: Timestamp(image.now),
            suspended_at: Timestamp(image.suspended_at),
            frames,
            runs,
            timers: restore_timers(image.timers),
            next_frame: image.next_frame,
            next_run: image.next_run,
            open: image.open.into_iter().collect(),
            queued: image.queued.into_iter().collect(),
            stopping: image.stopping.into_iter().collect(),
            children: image.children.into_iter().collect(),
            suspended_below: image.suspended_below,
            held: held.collect::<Result<_, CodecError>>()?,
            outputs: outputs.collect::<Result<_, CodecError>>()?,
            ..Self::new(id, Arc::clone(definition))
        };
        machine.check_names()?;
        Ok(machine)
    }

    /// Frames and runs that name each other exist.
    fn check_names(&self) -> Result<(), CodecError> {
        let has_run = |run: &RunId| self.runs.contains_key(run);
        let has_frame = |frame: &FrameId| self.frames.contains_key(frame);
        let frames_hold =
            self.frames.values().all(|frame| has_run(&frame.run) && inner_runs(&frame.state).all(has_run));
        let runs_hold = self.runs.values().all(|run| run.owner.iter().chain(&run.frame).all(has_frame));
        // A call that was stopped while it was queued stays in the queue until its turn comes.
        if frames_hold && runs_hold && self.open.iter().all(has_frame) {
            return Ok(());
        }
        Err(malformed("a task or a list that is named is missing"))
    }
}

fn inner_runs(state: &State) -> impl Iterator<Item = &RunId> {
    let (one, many) = match state {
        State::Entering | State::Call(_) | State::Wait(_) => (None, None),
        State::List(run) => (Some(run), None),
        State::Loop(state) => (state.run.as_ref(), None),
        State::Map(map) => (None, Some(map.runs.values())),
        State::Fork(fork) => (None, Some(fork.runs.values())),
        State::Try(state) => match &state.phase {
            TryPhase::Body(run, _) | TryPhase::Catch(run) => (Some(run), None),
            TryPhase::Backoff(_) => (None, None),
        },
    };
    one.into_iter().chain(many.into_iter().flatten())
}

/// The list that a run goes through: which of its owner's lists it is follows from the slot.
fn list_of(run: &v2::Run, definition: &Definition, frames: &BTreeMap<FrameId, Frame>) -> Result<TaskList, CodecError> {
    let Some(owner) = run.owner else { return Ok(Arc::clone(&definition.body)) };
    let owner = frames.get(&owner).ok_or_else(|| malformed("the owner of a list is missing"))?;
    if let Some(list) = extending_list(run.slot, owner, definition) {
        return Ok(list);
    }
    let list = match &definition.node(owner.node).kind {
        Kind::Do(list) => Some(Arc::clone(list)),
        Kind::Function(call) => Some(Arc::clone(&call.body)),
        Kind::For(task) => Some(Arc::clone(&task.body)),
        Kind::Fork(task) => task.branches.get(run.slot as usize).map(|branch| TaskList::from([*branch])),
        Kind::Try(task) if run.slot == 0 => Some(Arc::clone(&task.body)),
        Kind::Try(task) => task.catch.body.clone(),
        Kind::Call(_) | Kind::Subflow(_) | Kind::Set(_) | Kind::Switch(_) | Kind::Raise(_) | Kind::Wait(_) => None,
    };
    list.ok_or_else(|| malformed("a list belongs to a task that has none"))
}

/// The list of an extension, while one runs.
fn extending_list(slot: u32, owner: &Frame, definition: &Definition) -> Option<TaskList> {
    let extended = owner.extended.as_ref()?;
    let (Stage::Before(number) | Stage::After(number, _)) = &extended.stage else { return None };
    let place = extended.applying.get(*number as usize)?;
    let extension = definition.extensions.get(*place as usize)?;
    if slot == 0 { extension.before.clone() } else { extension.after.clone() }
}

fn restore_held(held: v2::Held, table: &TableReader) -> Result<Held, CodecError> {
    Ok(match held {
        v2::Held::GoOn(run, then) => Held::GoOn(run, restore_then(then)),
        v2::Held::Fault(run, problem) => Held::Fault(run, Box::new(restore_problem(problem, table)?)),
    })
}

const fn restore_then(then: v2::Then) -> Then {
    match then {
        v2::Then::Continue => Then::Continue,
        v2::Then::Exit => Then::Exit,
        v2::Then::End => Then::End,
        v2::Then::Goto(place) => Then::Goto(place),
    }
}

fn restore_extended(extended: v2::Extended, table: &TableReader) -> Result<Extended, CodecError> {
    let stage = match extended.stage {
        v2::Stage::Before(number) => Stage::Before(number),
        v2::Stage::Task => Stage::Task,
        v2::Stage::After { number, raw_output, output, then } => {
            Stage::After(number, Done::new(table.value(raw_output)?, table.value(output)?, restore_then(then)))
        }
    };
    Ok(Extended { applying: extended.applying, stage })
}

fn restore_frame(frame: v2::Frame, table: &TableReader) -> Result<Frame, CodecError> {
    Ok(Frame {
        node: table.node(frame.pointer)?,
        run: frame.run,
        path: frame.path,
        raw_input: table.value(frame.raw_input)?,
        input: table.value(frame.input)?,
        started_at: Timestamp(frame.started_at),
        timeout: frame.timeout.map(TimerId),
        extended: frame.extended.map(|extended| restore_extended(extended, table).map(Box::new)).transpose()?,
        state: restore_state(frame.state, table)?,
    })
}

fn restore_state(state: v2::State, table: &TableReader) -> Result<State, CodecError> {
    Ok(match state {
        v2::State::Entering => State::Entering,
        v2::State::Call { attempt, losses, phase } => State::Call(Call {
            attempt,
            losses,
            phase: match phase {
                v2::CallPhase::Queued => CallPhase::Queued,
                v2::CallPhase::Dispatched => CallPhase::Dispatched,
                v2::CallPhase::Backoff { timer } => CallPhase::Backoff(TimerId(timer)),
            },
        }),
        v2::State::List { run } => State::List(run),
        v2::State::Loop { items, next, value, run } => {
            State::Loop(Loop { items: table.value(items)?, next, value: table.value(value)?, run })
        }
        v2::State::Map(map) => State::Map(Box::new(restore_map(map, table)?)),
        v2::State::Fork(fork) => State::Fork(Box::new(restore_fork(fork, table)?)),
        v2::State::Try { round, began_at, phase } => {
            let phase = match phase {
                v2::TryPhase::Body { run, timer } => TryPhase::Body(run, timer.map(TimerId)),
                v2::TryPhase::Backoff { timer } => TryPhase::Backoff(TimerId(timer)),
                v2::TryPhase::Catch { run } => TryPhase::Catch(run),
            };
            State::Try(Box::new(Try { round, began_at: Timestamp(began_at), phase }))
        }
        v2::State::Wait { timer } => State::Wait(TimerId(timer)),
    })
}

fn restore_map(map: v2::Map, table: &TableReader) -> Result<Map, CodecError> {
    Ok(Map {
        items: table.value(map.items)?,
        count: map.count,
        next: map.next,
        runs: map.runs.into_iter().collect(),
        places: restore_places(map.places, table)?,
    })
}

fn restore_fork(fork: v2::Fork, table: &TableReader) -> Result<Fork, CodecError> {
    let exported = fork.exported.map(|(slot, context)| Ok::<_, CodecError>((slot, table.value(context)?)));
    Ok(Fork {
        next: fork.next,
        runs: fork.runs.into_iter().collect(),
        places: restore_places(fork.places, table)?,
        exported: exported.transpose()?,
    })
}

fn restore_places(places: v2::Places, table: &TableReader) -> Result<Places, CodecError> {
    let failures = places.failures.into_iter().map(|(index, problem)| Ok((index, restore_problem(problem, table)?)));
    Ok(Places {
        outputs: restore_outputs(places.outputs, table)?,
        order: places.order,
        failures: failures.collect::<Result<_, CodecError>>()?,
        successes: places.successes,
    })
}

fn restore_outputs(outputs: Vec<Option<u32>>, table: &TableReader) -> Result<Vec<Option<Value>>, CodecError> {
    outputs.into_iter().map(|output| output.map(|output| table.value(output)).transpose()).collect()
}

fn restore_run(list: TaskList, run: v2::Run, table: &TableReader) -> Result<Run, CodecError> {
    let item = run.item.map(|(item, index)| Ok::<_, CodecError>((table.value(item)?, index)));
    let around = Surroundings {
        context: table.value(run.context)?,
        exported: run.exported,
        bindings: table.bindings(run.bindings)?,
        item: item.transpose()?,
        path: run.path,
        round: run.round,
        calls: run.calls,
        extending: match run.extending {
            v2::Extending::Nothing => Extending::Nothing,
            v2::Extending::Task(frame) => Extending::Task(frame),
            v2::Extending::Called => Extending::Called,
        },
    };
    Ok(Run {
        owner: run.owner,
        slot: run.slot,
        list,
        position: run.position,
        jumps: run.jumps,
        value: table.value(run.value)?,
        frame: run.frame,
        exited: false,
        around,
    })
}

fn restore_problem(problem: v2::Problem, table: &TableReader) -> Result<Problem, CodecError> {
    let v2::Problem { kind, status, title, detail, instance, data, retryable } = problem;
    let data = data.map(|data| table.value(data)).transpose()?;
    Ok(Problem { kind, status, title, detail, instance, data, retryable })
}

fn restore_timers(image: v2::Timers) -> Timers {
    let mut timers = Timers {
        next: image.next,
        active_used: Millis(image.active_used_ms),
        active: image.active.map(|(since, timer)| (Timestamp(since), TimerId(timer))),
        ..Timers::default()
    };
    for (timer, at, purpose) in image.running {
        let purpose = match purpose {
            v2::Purpose::Wait(frame) => Purpose::Wait(frame),
            v2::Purpose::Attempt(frame) => Purpose::Attempt(frame),
            v2::Purpose::Round(frame) => Purpose::Round(frame),
            v2::Purpose::RoundTimeout(frame) => Purpose::RoundTimeout(frame),
            v2::Purpose::TaskTimeout(frame) => Purpose::TaskTimeout(frame),
            v2::Purpose::WorkflowTimeout => Purpose::WorkflowTimeout,
            v2::Purpose::ActiveTimeout => Purpose::ActiveTimeout,
        };
        timers.put(TimerId(timer), Timestamp(at), purpose);
    }
    timers
}
