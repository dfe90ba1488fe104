//! A `fork`: branches at the same time, each with `$context` as it was at entry.

use std::collections::BTreeMap;

use crate::definition::{self, Kind, TaskList};
use crate::machine::Machine;
use crate::machine::frame::{Fork, FrameId, Run, State};
use crate::problem::Problem;
use crate::value::Value;

impl Machine {
    pub(super) fn begin_fork(&mut self, frame: FrameId, task: &definition::Fork) -> Result<(), Box<Problem>> {
        let around = self.surroundings(frame);
        let input = self.frames[&frame].input.clone();
        let mut runs = BTreeMap::new();
        for (slot, branch) in (0..).zip(&*task.branches) {
            let list = TaskList::from([*branch]);
            runs.insert(slot, self.begin_run(Some((frame, slot)), &list, input.clone(), around.clone()));
        }
        let outputs = vec![None; runs.len()];
        if runs.is_empty() {
            self.complete(frame, Value::array([]));
        }
        if let Some(state) = self.state(frame) {
            *state = State::Fork(Box::new(Fork { runs, outputs, exported: None, fault: None }));
        }
        Ok(())
    }

    pub(super) fn branch_ended(&mut self, frame: FrameId, run: &Run, result: Result<Value, Box<Problem>>) {
        let Kind::Fork(definition::Fork { compete, .. }) = self.definition.node(self.frames[&frame].node).kind else {
            return;
        };
        let Some(State::Fork(fork)) = self.state(frame) else { return };
        fork.runs.remove(&run.slot);
        let all_ended = fork.runs.is_empty();
        match result {
            Ok(output) if compete => {
                let exported = run.around.exported.then(|| run.around.context.clone());
                self.stop_inside(frame);
                self.join(frame, output, exported);
            }
            Ok(output) => {
                fork.outputs[run.slot as usize] = Some(output);
                fork.keep_export(run);
                if all_ended {
                    let output = Value::array(fork.outputs.drain(..).flatten());
                    let exported = fork.exported.take().map(|(_, context)| context);
                    self.join(frame, output, exported);
                }
            }
            Err(problem) if compete => {
                let first = fork.fault.get_or_insert(*problem).clone();
                if all_ended {
                    self.fail(frame, first);
                }
            }
            Err(problem) => {
                self.stop_inside(frame);
                self.fail(frame, *problem);
            }
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
}
