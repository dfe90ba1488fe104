//! What a case expects, as it is written down.

use sandmill_core::ids::JsonPointer;
use sandmill_core::time::Millis;
use sandmill_core::value::Value;

use crate::mocks::{PROBLEM_MEMBERS, type_uri};
use crate::reader::Reader;

const MEMBERS: [&str; 5] = ["output", "error", "tasks", "calls", "took"];

/// What is expected of a run. What is `None` is not looked at.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub(super) end: ExpectedEnd,
    /// Tasks by name or pointer that began in this order, others between them or not.
    pub(super) tasks: Option<Vec<String>>,
    /// All calls, in the order in which they were made.
    pub(super) calls: Option<Vec<ExpectedCall>>,
    /// How much virtual time it took.
    pub(super) took: Option<Millis>,
}

/// How a run is expected to end.
#[derive(Debug, Default)]
pub(super) enum ExpectedEnd {
    /// With any output.
    #[default]
    Completed,
    /// With that output.
    Output(Value),
    /// With an error that has these members.
    Error(Vec<(String, Value)>),
}

/// One call. What is `None` is not looked at.
#[derive(Debug, Default)]
pub(super) struct ExpectedCall {
    pub(super) call: Option<String>,
    pub(super) task: Option<String>,
    pub(super) config: Option<Value>,
}

/// Reads `expect`.
pub(super) fn read(reader: &mut Reader<'_>, at: &JsonPointer) -> Expected {
    if !reader.is_object(at, "`expect`", &MEMBERS) {
        return Expected::default();
    }
    let end = match (reader.member(at, "output"), reader.member(at, "error")) {
        (Some(_), Some(error)) => {
            reader.refuse(&error, "a run ends with an `output` or with an `error`", "keep one of them");
            ExpectedEnd::Completed
        }
        (Some(output), None) => ExpectedEnd::Output(reader.value(&output)),
        (None, Some(error)) => ExpectedEnd::Error(read_error(reader, &error)),
        (None, None) => ExpectedEnd::Completed,
    };
    let tasks = reader.member(at, "tasks").map(|tasks| {
        let places = reader.elements(&tasks, "`tasks`");
        places.iter().filter_map(|place| reader.text(place, "a task")).collect()
    });
    let calls = reader.member(at, "calls").map(|calls| {
        let places = reader.elements(&calls, "`calls`");
        places.iter().map(|place| read_call(reader, place)).collect()
    });
    Expected { end, tasks, calls, took: reader.duration_of(at, "took") }
}

/// The members of an error; a text alone is its type. The name of a standard error stands for its whole type.
fn read_error(reader: &mut Reader<'_>, at: &JsonPointer) -> Vec<(String, Value)> {
    let value = reader.value(at);
    if let Some(kind) = value.as_str() {
        return vec![("type".into(), Value::from(type_uri(&kind)))];
    }
    let known: Vec<&str> = PROBLEM_MEMBERS.into_iter().filter(|name| *name != "retryable").collect();
    reader.is_object(at, "an error", &known);
    let members = value.entries().into_iter().flatten().map(|(name, member)| match (&*name, member.as_str()) {
        ("type", Some(kind)) => (name.to_string(), Value::from(type_uri(&kind))),
        _ => (name.to_string(), member.clone()),
    });
    members.collect()
}

fn read_call(reader: &mut Reader<'_>, at: &JsonPointer) -> ExpectedCall {
    if !reader.is_object(at, "a call", &["call", "task", "config"]) {
        return ExpectedCall::default();
    }
    let config = reader.member(at, "config").map(|config| reader.value(&config));
    ExpectedCall { call: reader.text_of(at, "call"), task: reader.text_of(at, "task"), config }
}
