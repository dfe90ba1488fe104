//! One answer: what a call gives back, when, and how often.

use sandmill_core::definition::Definition;
use sandmill_core::expression::{Budget, Environment, EvaluationError, Filter, Scope, Template};
use sandmill_core::ids::JsonPointer;
use sandmill_core::machine::Dispatch;
use sandmill_core::problem::Problem;
use sandmill_core::time::{Millis, Timestamp};
use sandmill_core::value::Value;

use super::problems::{MEMBERS, problem};
use super::{Callee, Entry, Key};
use crate::reader::Reader;

/// What an expression of a mock sees beside its input, the config.
const VARIABLES: [&str; 6] = ["input", "context", "item", "index", "attempt", "round"];

const ANSWER: [&str; 5] = ["output", "error", "delay", "when", "times"];

/// What a call gives back.
#[derive(Debug)]
pub(crate) struct Answer {
    when: Option<Filter>,
    /// How many calls get it; `None` for all.
    times: Option<u32>,
    delay: Millis,
    gives: Gives,
}

#[derive(Debug)]
enum Gives {
    Output(Template),
    Error(Template),
}

/// What a call is answered with, and after what time.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) result: Result<Value, Box<Problem>>,
    pub(crate) delay: Millis,
}

/// One call, as a mock sees it.
pub(crate) struct Call<'c> {
    pub(crate) dispatch: &'c Dispatch,
    pub(crate) config: &'c Value,
    pub(crate) now: Timestamp,
}

impl Scope for Call<'_> {
    fn variable(&self, name: &str) -> Option<Value> {
        let context = &self.dispatch.context;
        match name {
            "input" => Some(context.input().clone()),
            "context" => Some(context.context().clone()),
            "item" => context.item().map(|(item, _)| item.clone()),
            "index" => context.item().map(|(_, index)| Value::from(index)),
            "attempt" => Some(Value::from(u64::from(self.dispatch.attempt))),
            "round" => Some(Value::from(u64::from(self.dispatch.round))),
            _ => None,
        }
    }
}

impl Call<'_> {
    fn environment(&self) -> Environment {
        Environment { now: self.now, budget: Budget::default() }
    }
}

/// The answers at a place: one that holds for every call, or a list of those for one call each.
pub(super) fn list(reader: &mut Reader<'_>, at: &JsonPointer) -> Vec<Answer> {
    if reader.value(at).iter_array().is_none() {
        return read(reader, at, None).into_iter().collect();
    }
    let places = reader.elements(at, "the answers");
    places.iter().filter_map(|place| read(reader, place, Some(1))).collect()
}

fn read(reader: &mut Reader<'_>, at: &JsonPointer, times: Option<u32>) -> Option<Answer> {
    if !reader.is_object(at, "an answer", &ANSWER) {
        return None;
    }
    let when = reader.member(at, "when").and_then(|when| reader.filter(&when, &VARIABLES));
    let times = match reader.member(at, "times") {
        Some(member) => read_times(reader, &member),
        None => times,
    };
    let delay = reader.duration_of(at, "delay").unwrap_or_default();
    let gives = match (reader.member(at, "output"), reader.member(at, "error")) {
        (Some(output), None) => Gives::Output(reader.template(&output, &VARIABLES)?),
        (None, Some(error)) => Gives::Error(read_error(reader, &error)?),
        (output, _) => {
            let both = output.is_some();
            let message =
                if both { "an answer is an `output` or an `error`, and not both" } else { "the answer says nothing" };
            reader.refuse(at, message, "write `output: …`, or `error: { type: …, status: … }`");
            return None;
        }
    };
    Some(Answer { when, times, delay, gives })
}

/// `always`, or how many calls get the answer.
fn read_times(reader: &mut Reader<'_>, at: &JsonPointer) -> Option<u32> {
    let value = reader.value(at);
    if value.as_str().as_deref() == Some("always") {
        return None;
    }
    let times = value.as_u64().and_then(|times| u32::try_from(times).ok()).filter(|times| *times > 0);
    if times.is_none() {
        reader.refuse(at, format!("`times` is no number of calls: {value}"), "write a number from 1, or `always`");
    }
    times
}

fn read_error(reader: &mut Reader<'_>, at: &JsonPointer) -> Option<Template> {
    let value = reader.value(at);
    if value.keys().is_some() {
        reader.is_object(at, "an error", &MEMBERS);
    }
    let template = reader.template(at, &VARIABLES)?;
    if template.is_constant()
        && let Err(reason) = problem(&value)
    {
        reader.refuse(at, reason, "write `error: { type: 'https://example.com/busy', status: 503 }`");
    }
    Some(template)
}

/// Mocks while they answer: which of them were used, and how often.
pub(crate) struct Answering<'m> {
    entries: Vec<&'m Entry>,
    /// How often each answer of each entry was used.
    used: Vec<Vec<u32>>,
}

/// Why a call has no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// No mock is for it.
    Unknown,
    /// The answers of the mock were used up, or are for other calls.
    NoneLeft(Key),
    /// An expression of the mock failed.
    Broken(String),
}

impl<'m> Answering<'m> {
    pub(crate) fn new(entries: Vec<&'m Entry>) -> Self {
        let used = entries.iter().map(|entry| vec![0; entry.answers.len()]).collect();
        Self { entries, used }
    }

    /// The answer to a call.
    pub(crate) fn answer(&mut self, definition: &Definition, call: &Call<'_>) -> Result<Reply, NoAnswer> {
        let place = self.find(definition, call.dispatch).ok_or(NoAnswer::Unknown)?;
        let entry = self.entries[place];
        for (answer, used) in entry.answers.iter().zip(&mut self.used[place]) {
            if answer.times.is_some_and(|times| *used >= times) || !answer.is_for(call)? {
                continue;
            }
            *used += 1;
            return answer.reply(call);
        }
        Err(NoAnswer::NoneLeft(entry.key.clone()))
    }

    /// The mock of the task by its pointer, by its name, of what it calls with the version, and without.
    fn find(&self, definition: &Definition, dispatch: &Dispatch) -> Option<usize> {
        let (callee, node) = Callee::at(definition, &dispatch.pointer)?;
        let keys = [
            Key::Task(node.pointer.to_string()),
            Key::Task(node.name.to_string()),
            Key::Call(callee.to_string()),
            Key::Call(callee.name),
        ];
        keys.iter().find_map(|key| self.entries.iter().position(|entry| entry.key == *key))
    }

    /// The mocks that answered nothing.
    pub(crate) fn unused(&self) -> Vec<String> {
        let unused = self.entries.iter().zip(&self.used).filter(|(_, used)| used.iter().all(|used| *used == 0));
        unused.map(|(entry, _)| entry.key.to_string()).collect()
    }
}

impl Answer {
    fn is_for(&self, call: &Call<'_>) -> Result<bool, NoAnswer> {
        let Some(when) = &self.when else { return Ok(true) };
        let value = when.evaluate(call.config, call, &call.environment()).map_err(|error| broken(&error))?;
        Ok(value.is_truthy())
    }

    fn reply(&self, call: &Call<'_>) -> Result<Reply, NoAnswer> {
        let evaluate = |template: &Template| {
            template.evaluate(call.config, call, &call.environment()).map_err(|error| broken(&error))
        };
        let result = match &self.gives {
            Gives::Output(output) => Ok(evaluate(output)?),
            Gives::Error(error) => Err(Box::new(problem(&evaluate(error)?).map_err(NoAnswer::Broken)?)),
        };
        Ok(Reply { result, delay: self.delay })
    }
}

fn broken(error: &EvaluationError) -> NoAnswer {
    NoAnswer::Broken(error.to_string())
}
