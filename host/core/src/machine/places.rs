//! What comes of things that run at the same time: the items of a map, the branches of a fork.

use crate::definition::Strategy;
use crate::machine::frame::Places;
use crate::problem::{ErrorKind, Problem};
use crate::value::Value;

/// How many there are, and whether none of them runs or is still to be begun.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    pub(super) count: u32,
    pub(super) all_ended: bool,
}

impl Places {
    pub(super) fn record(&mut self, index: u32, result: Result<Value, Box<Problem>>) {
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

    /// How all of it ends, where it does already: well (true), or with so many failures in its data.
    pub(super) fn verdict(&self, strategy: Strategy, extent: Extent) -> Option<Result<(), usize>> {
        let failed = u32::try_from(self.failures.len()).unwrap_or(u32::MAX);
        if extent.count == 0 {
            return Some(Ok(()));
        }
        match strategy {
            Strategy::FailFast if failed > 0 => Some(Err(1)),
            Strategy::WaitAll if extent.all_ended && failed > 0 => Some(Err(self.failures.len())),
            Strategy::AtLeast(wanted) if self.successes >= wanted => Some(Ok(())),
            Strategy::AtLeast(wanted) if extent.count - failed < wanted => Some(Err(self.failures.len())),
            _ => extent.all_ended.then_some(Ok(())),
        }
    }

    /// The error of the lowest index that failed, with so many failures in its data. Without a failure there were too few from the start.
    pub(super) fn fault(&self, failures_max: usize) -> Box<Problem> {
        let Some((index, problem)) = self.failures.first_key_value() else {
            let detail = "there are fewer than have to succeed";
            return Box::new(Problem::new(ErrorKind::Validation, detail));
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

    /// The outputs in the order of their places.
    pub(super) fn in_order(&self, count: u32) -> Value {
        Value::array((0..count).map(|index| self.place_of(index, false)))
    }

    /// The outputs in the order of completion, each with its place.
    pub(super) fn in_order_of_completion(&self) -> Value {
        Value::array(self.order.iter().map(|index| self.place_of(*index, true)))
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

/// What stands for something that failed, or that was not finished.
fn failed_place(index: u32, problem: Option<&Problem>) -> Value {
    let error = problem.map_or_else(|| Value::object([("title", Value::from("Not finished"))]), Problem::to_value);
    Value::object([("index", Value::from(i64::from(index))), ("error", error)])
}
