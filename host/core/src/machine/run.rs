//! Runs: passes over lists of tasks.

use sha2::{Digest as _, Sha256};

use crate::definition::TaskList;
use crate::ids::JsonPointer;
use crate::machine::Machine;
use crate::machine::event::SEMANTICS_OF_WHOLE_LIFECYCLE;
use crate::machine::frame::{Frame, FrameId, Run, RunId, State, Step, Surroundings};
use crate::problem::{ErrorKind, Problem};
use crate::value::Value;

/// What makes one visit of a task another than the last.
#[derive(Clone, Copy)]
pub(super) enum Turn<'p> {
    /// Control went back in the list so often.
    Jumps(u32),
    /// It is that iteration.
    Iteration(u32),
    /// It stands elsewhere, and that task led to it.
    Through(&'p JsonPointer),
}

/// The path of a visit inside of another path.
pub(super) fn path_inside(outer: u128, turn: Turn<'_>) -> u128 {
    let (kind, number) = match turn {
        Turn::Jumps(0) => return outer,
        Turn::Jumps(number) => (0_u8, number),
        Turn::Iteration(number) => (1, number),
        Turn::Through(_) => (2, 0),
    };
    let mut hash = Sha256::new();
    hash.update(outer.to_be_bytes());
    hash.update([kind]);
    hash.update(number.to_be_bytes());
    if let Turn::Through(pointer) = turn {
        hash.update(pointer.as_str().as_bytes());
    }
    first_half(hash)
}

/// The first half of a digest, as a number.
pub(super) fn first_half(hash: Sha256) -> u128 {
    let bytes: [u8; 32] = hash.finalize().into();
    u128::from_be_bytes(bytes[..16].try_into().expect("16 of 32 bytes"))
}

impl Machine {
    /// What a run that a frame begins finds around it.
    pub(super) fn surroundings(&self, frame: FrameId) -> Surroundings {
        let visit = &self.frames[&frame];
        let around = &self.runs[&visit.run].around;
        Surroundings { exported: false, path: visit.path, ..around.clone() }
    }

    pub(super) fn begin_run(
        &mut self,
        owner: Option<(FrameId, u32)>,
        list: &TaskList,
        value: Value,
        around: Surroundings,
    ) -> RunId {
        let id = self.next_run;
        self.next_run += 1;
        let (owner, slot) = owner.map_or((None, 0), |(frame, slot)| (Some(frame), slot));
        let run = Run {
            owner,
            slot,
            list: TaskList::clone(list),
            position: 0,
            jumps: 0,
            value,
            frame: None,
            exited: false,
            around,
        };
        self.runs.insert(id, run);
        self.steps.push_back(Step::Advance(id));
        id
    }

    /// Begins the next task of a run, or ends the run where there is none.
    pub(super) fn advance(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        let Some(node) = run.list.get(run.position as usize).copied() else {
            let output = run.value.clone();
            return self.steps.push_back(Step::Close(id, Ok(output)));
        };
        if self.next_frame >= self.settings.tasks_max {
            return self.too_many_tasks();
        }
        let frame = self.next_frame;
        self.next_frame += 1;
        run.frame = Some(frame);
        let visit = Frame {
            node,
            run: id,
            path: path_inside(run.around.path, Turn::Jumps(run.jumps)),
            raw_input: run.value.clone(),
            input: run.value.clone(),
            started_at: self.now,
            timeout: None,
            extended: None,
            state: State::Entering,
        };
        self.frames.insert(frame, visit);
        self.steps.push_back(Step::Enter(frame));
    }

    /// Ends a run and tells the frame that began it.
    pub(super) fn close(&mut self, id: RunId, result: Result<Value, Box<Problem>>) {
        let Some(run) = self.runs.remove(&id) else { return };
        let Some(owner) = run.owner else { return self.end(result, &run.around.context) };
        match self.frames.get(&owner).map(|frame| &frame.state) {
            Some(State::List(_)) if self.is_with_its_extensions(owner) => {
                self.hand_up_context(owner, &run.around);
                self.extension_ended(owner, &run, result);
            }
            Some(State::List(_)) => {
                self.hand_up_context(owner, &run.around);
                self.steps.push_back(Step::Leave(owner, result, None));
            }
            Some(State::Loop(_)) => {
                self.hand_up_context(owner, &run.around);
                self.iteration_ended(owner, result);
            }
            Some(State::Map(_)) => self.item_ended(owner, run.slot, result),
            Some(State::Fork(_)) => self.branch_ended(owner, &run, result),
            Some(State::Try(_)) => {
                self.hand_up_context(owner, &run.around);
                self.round_ended(owner, result);
            }
            Some(State::Entering | State::Call(_) | State::Wait(_)) | None => {}
        }
    }

    /// What was exported inside is seen outside, also by the one who catches an error of the inside.
    fn hand_up_context(&mut self, owner: FrameId, inside: &Surroundings) {
        if !inside.exported {
            return;
        }
        let outer = self.frames[&owner].run;
        if let Some(outer) = self.runs.get_mut(&outer) {
            outer.around.context = inside.context.clone();
            outer.around.exported = true;
        }
    }

    /// The same for lists that do not come to their end because a timeout interrupts them: what they exported is not undone.
    pub(super) fn hand_up_interrupted(&mut self, frame: FrameId) {
        if self.settings.semantics < SEMANTICS_OF_WHOLE_LIFECYCLE {
            return;
        }
        let Some(run) = self.frames.get(&frame).and_then(|visit| visit.state.list()) else { return };
        if let Some(inner) = self.runs.get(&run).and_then(|run| run.frame) {
            self.hand_up_interrupted(inner);
        }
        let Some(inside) = self.runs.get(&run).map(|run| run.around.clone()) else { return };
        self.hand_up_context(frame, &inside);
    }

    /// A workflow that runs for ever is stopped, and no `catch` of it can go on.
    fn too_many_tasks(&mut self) {
        let detail = format!(
            "the execution began {} tasks, which is the limit: look for a loop without an end",
            self.settings.tasks_max
        );
        self.fault(Problem::new(ErrorKind::Runtime, detail));
    }
}
