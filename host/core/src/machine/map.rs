//! A parallel map: a window that slides over the items, each on the same input and the same frozen context.

use std::collections::BTreeMap;

use crate::definition::{For, Map as Plan, MapStrategy};
use crate::machine::Machine;
use crate::machine::frame::{FrameId, Map, State, Step};
use crate::problem::Problem;
use crate::value::Value;

impl Machine {
    pub(super) fn begin_map(plan: &Plan, items: Value, items_count: u32) -> State {
        State::Map(Box::new(Map {
            items,
            count: plan.batch.map_or(items_count, |batch| items_count.div_ceil(batch)),
            next: 0,
            runs: BTreeMap::new(),
            outputs: Vec::new(),
            order: Vec::new(),
            failures: BTreeMap::new(),
            successes: 0,
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
            map.outputs.push(None);
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
        self.order.push(index);
        match result {
            Ok(output) => {
                self.outputs[index as usize] = Some(output);
                self.successes += 1;
            }
            Err(problem) => {
                self.failures.insert(index, *problem);
            }
        }
    }

    /// How the map ends, where it does already.
    fn verdict(&self, plan: &Plan) -> Option<Result<Value, Box<Problem>>> {
        let all_ended = self.next == self.count && self.runs.is_empty();
        let failed = u32::try_from(self.failures.len()).unwrap_or(u32::MAX);
        match plan.strategy {
            MapStrategy::FailFast if failed > 0 => Some(Err(self.fault(1))),
            MapStrategy::WaitAll if all_ended && failed > 0 => Some(Err(self.fault(self.failures.len()))),
            MapStrategy::AtLeast(wanted) if self.successes >= wanted => Some(Ok(self.output(plan))),
            MapStrategy::AtLeast(wanted) if self.count - failed < wanted => Some(Err(self.fault(self.failures.len()))),
            _ => all_ended.then(|| Ok(self.output(plan))),
        }
    }

    /// The error of the lowest index that failed, with so many failures in its data.
    fn fault(&self, failures_max: usize) -> Box<Problem> {
        let Some((index, problem)) = self.failures.first_key_value() else {
            unreachable!("a map without a failure does not fault")
        };
        let failures =
            self.failures.iter().take(failures_max).map(|(index, problem)| failed_place(*index, Some(problem)));
        let members = [("index", Value::from(i64::from(*index))), ("failures", Value::array(failures))];
        let data = match &problem.data {
            Some(data) => Value::object(members.into_iter().chain([("data", data.clone())])),
            None => Value::object(members),
        };
        Box::new(problem.clone().with_data(data))
    }

    fn output(&self, plan: &Plan) -> Value {
        if !plan.ordered {
            return Value::array(self.order.iter().map(|index| self.place_of(*index, true)));
        }
        Value::array((0..self.count).map(|index| self.place_of(index, false)))
    }

    fn place_of(&self, index: u32, numbered: bool) -> Value {
        match self.outputs.get(index as usize).and_then(Option::as_ref) {
            Some(output) if numbered => {
                Value::object([("index", Value::from(i64::from(index))), ("output", output.clone())])
            }
            Some(output) => output.clone(),
            None => failed_place(index, self.failures.get(&index)),
        }
    }
}

/// What stands for an item that failed, or that was not finished.
fn failed_place(index: u32, problem: Option<&Problem>) -> Value {
    let error = problem.map_or_else(|| Value::object([("title", Value::from("Not finished"))]), Problem::to_value);
    Value::object([("index", Value::from(i64::from(index))), ("error", error)])
}
