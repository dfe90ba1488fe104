//! A parallel map: a window that slides over the items, each on the same input and the same frozen context.

use std::collections::BTreeMap;

use crate::definition::{For, Map as Plan};
use crate::machine::Machine;
use crate::machine::frame::{FrameId, Map, Places, State, Step};
use crate::machine::places::Extent;
use crate::problem::Problem;
use crate::value::Value;

impl Machine {
    pub(super) fn begin_map(plan: &Plan, items: Value, items_count: u32) -> State {
        State::Map(Box::new(Map {
            items,
            count: plan.batch.map_or(items_count, |batch| items_count.div_ceil(batch)),
            next: 0,
            runs: BTreeMap::new(),
            places: Places::default(),
        }))
    }

    /// Begins one more item while the window has room, and ends the map once nothing is left to do.
    pub(super) fn next_item(&mut self, frame: FrameId, task: &For) {
        let Some(plan) = &task.map else { return };
        let State::Map(map) = &self.frames[&frame].state else { return };
        if let Some(verdict) = map.verdict(plan) {
            return self.steps.push_back(Step::Leave(frame, verdict, None));
        }
        if map.next == map.count || map.runs.len() >= plan.concurrency as usize {
            return;
        }
        let index = map.next;
        let item = map.item(plan, index);
        let around = self.around_iteration(frame, task, item, index);
        let input = self.frames[&frame].input.clone();
        let run = self.begin_run(Some((frame, index)), &task.body, input, around);
        if let Some(State::Map(map)) = self.state(frame) {
            map.next += 1;
            map.runs.insert(index, run);
            map.places.outputs.push(None);
        }
        self.steps.push_back(Step::Iterate(frame));
    }

    pub(super) fn item_ended(&mut self, frame: FrameId, index: u32, result: Result<Value, Box<Problem>>) {
        let Some(State::Map(map)) = self.state(frame) else { return };
        map.record(index, result);
        self.steps.push_back(Step::Iterate(frame));
    }
}

impl Map {
    fn item(&self, plan: &Plan, index: u32) -> Value {
        let Some(batch) = plan.batch else { return self.items.index(index as usize).unwrap_or_default() };
        let first = index as usize * batch as usize;
        Value::array((first..first + batch as usize).filter_map(|place| self.items.index(place)))
    }

    fn record(&mut self, index: u32, result: Result<Value, Box<Problem>>) {
        self.runs.remove(&index);
        self.places.record(index, result);
    }

    /// How the map ends, where it does already.
    fn verdict(&self, plan: &Plan) -> Option<Result<Value, Box<Problem>>> {
        let extent = Extent { count: self.count, all_ended: self.next == self.count && self.runs.is_empty() };
        let verdict = self.places.verdict(plan.strategy, extent)?;
        Some(match verdict {
            Ok(()) if plan.ordered => Ok(self.places.in_order(self.count)),
            Ok(()) => Ok(self.places.in_order_of_completion()),
            Err(failures_max) => Err(self.places.fault(failures_max)),
        })
    }
}
