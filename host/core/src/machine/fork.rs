//! A `fork`: branches at the same time, each with `$context` as it was at entry.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::definition::{self, Kind, Strategy, TaskList};
use crate::machine::Machine;
use crate::machine::frame::{Fork, FrameId, Places, Run, State};
use crate::machine::places::Extent;
use crate::problem::Problem;
use crate::value::Value;

impl Machine {
    pub(super) fn begin_fork(&mut self, frame: FrameId, task: &definition::Fork) -> Result<(), Box<Problem>> {
        let places = Places { outputs: vec![None; task.branches.len()], ..Places::default() };
        if task.branches.is_empty() {
            self.complete(frame, Value::array([]));
        }
        if let Some(state) = self.state(frame) {
            *state = State::Fork(Box::new(Fork { next: 0, runs: BTreeMap::new(), places, exported: None }));
        }
        self.begin_branches(frame, task);
        Ok(())
    }

    /// Begins branches while there are some and the window has room.
    fn begin_branches(&mut self, frame: FrameId, task: &definition::Fork) {
        let window = task.concurrency.map_or(usize::MAX, |concurrency| concurrency as usize);
        while let Some(State::Fork(fork)) = self.frames.get(&frame).map(|visit| &visit.state) {
            let slot = fork.next;
            let Some(branch) = task.branches.get(slot as usize).filter(|_| fork.runs.len() < window) else { return };
            let input = self.frames[&frame].input.clone();
            let around = self.surroundings(frame);
            let run = self.begin_run(Some((frame, slot)), &TaskList::from([*branch]), input, around);
            if let Some(State::Fork(fork)) = self.state(frame) {
                fork.next += 1;
                fork.runs.insert(slot, run);
            }
        }
    }

    pub(super) fn branch_ended(&mut self, frame: FrameId, run: &Run, result: Result<Value, Box<Problem>>) {
        let definition = Arc::clone(&self.definition);
        let Kind::Fork(task) = &definition.node(self.frames[&frame].node).kind else { return };
        let Some(State::Fork(fork)) = self.state(frame) else { return };
        fork.runs.remove(&run.slot);
        if result.is_ok() && (task.compete || run.around.exported) {
            fork.keep_export(run);
        }
        fork.places.record(run.slot, result);
        match fork.verdict(task, run.slot) {
            Some(Ok(output)) => {
                let exported = fork.exported.take().map(|(_, context)| context);
                self.stop_inside(frame);
                self.join(frame, output, exported);
            }
            Some(Err(problem)) => {
                self.stop_inside(frame);
                self.fail(frame, *problem);
            }
            None => self.begin_branches(frame, task),
        }
    }

    fn join(&mut self, frame: FrameId, output: Value, exported: Option<Value>) {
        let run = self.frames[&frame].run;
        if let (Some(context), Some(run)) = (exported, self.runs.get_mut(&run)) {
            run.around.context = context;
            run.around.exported = true;
        }
        self.complete(frame, output);
    }
}

impl Fork {
    /// The last branch in declared order wins, whenever it ended.
    fn keep_export(&mut self, run: &Run) {
        let is_later = self.exported.as_ref().is_none_or(|(slot, _)| *slot < run.slot);
        if run.around.exported && is_later {
            self.exported = Some((run.slot, run.around.context.clone()));
        }
    }

    /// How the fork ends after that branch has, where it does.
    fn verdict(&mut self, task: &definition::Fork, slot: u32) -> Option<Result<Value, Box<Problem>>> {
        let count = u32::try_from(task.branches.len()).unwrap_or(u32::MAX);
        let extent = Extent { count, all_ended: self.next == count && self.runs.is_empty() };
        let failed = self.places.failures.get(&slot);
        if task.compete {
            return match self.places.outputs[slot as usize].take() {
                Some(output) => Some(Ok(output)),
                // The fault of the branch that ended first stands for all.
                None if extent.all_ended => {
                    let first = self.places.order.first().and_then(|slot| self.places.failures.remove(slot));
                    first.map(|problem| Err(Box::new(problem)))
                }
                None => None,
            };
        }
        let is_critical = task.critical.get(slot as usize).copied().unwrap_or(false);
        if let Some(problem) = failed.filter(|_| is_critical || task.strategy == Strategy::FailFast) {
            return Some(Err(Box::new(problem.clone())));
        }
        let verdict = self.places.verdict(task.strategy, extent)?;
        Some(match verdict {
            Ok(()) => Ok(self.places.in_order(count)),
            Err(failures_max) => Err(self.places.fault(failures_max)),
        })
    }
}
