//! Compares a run with what is expected of it.

use sandmill_core::problem::{Problem, same_type};
use sandmill_core::time::Millis;
use sandmill_core::value::Value;

use super::diff::diff;
use super::expect::{Expected, ExpectedCall, ExpectedEnd};
use crate::dry_run::{Attempt, DryRun, End, Ending, Visit};
use crate::text::duration;

/// What is not as expected.
pub(super) fn failures(expected: &Expected, run: &DryRun) -> Vec<String> {
    if let End::Stopped(stop) = &run.end {
        return vec![format!("the run could not go on: {}", stop.told())];
    }
    let tasks = expected.tasks.as_ref().and_then(|tasks| tasks_differ(tasks, run));
    let calls = expected.calls.as_ref().and_then(|calls| calls_differ(calls, run));
    let took = expected.took.and_then(|took| time_differs(took, run));
    end_differs(&expected.end, &run.end).into_iter().chain(tasks).chain(calls).chain(took).collect()
}

fn end_differs(expected: &ExpectedEnd, end: &End) -> Option<String> {
    match (expected, end) {
        (ExpectedEnd::Completed, End::Completed(_)) => None,
        (ExpectedEnd::Output(expected), End::Completed(output)) => {
            (expected != output).then(|| format!("the output differs\n{}", diff(expected, output)))
        }
        (ExpectedEnd::Error(members), End::Faulted(problem)) => error_differs(members, problem),
        (ExpectedEnd::Error(_), End::Completed(output)) => {
            Some(format!("an error was expected, and the workflow completed with {output}"))
        }
        (ExpectedEnd::Completed | ExpectedEnd::Output(_), End::Faulted(problem)) => {
            Some(format!("an output was expected, and the workflow faulted with {}", problem.to_value()))
        }
        (_, End::Stopped(_)) => None,
    }
}

/// Only the members that are expected count, and the spellings of a standard type are one.
fn error_differs(members: &[(String, Value)], problem: &Problem) -> Option<String> {
    let whole = problem.to_value();
    let actual = members.iter().filter_map(|(name, expected)| {
        let actual = whole.get(name)?;
        let is_same = name == "type" && expected.as_str().is_some_and(|kind| same_type(&kind, &problem.kind));
        Some((name, if is_same { expected.clone() } else { actual }))
    });
    let actual = Value::object(actual);
    let expected = Value::object(members.iter().map(|(name, value)| (name, value.clone())));
    (expected != actual).then(|| format!("the error differs: it is {whole}\n{}", diff(&expected, &actual)))
}

fn is_named(visit: &Visit, name: &str) -> bool {
    name == &*visit.name || name == visit.pointer.as_str()
}

fn tasks_differ(expected: &[String], run: &DryRun) -> Option<String> {
    let ran: Vec<&Visit> = run.visits.iter().filter(|visit| visit.ending != Ending::Skipped).collect();
    let mut left = ran.iter();
    let mut before: Option<&String> = None;
    for name in expected {
        if !left.by_ref().any(|visit| is_named(visit, name)) {
            let after = before.map(|before| format!(" after `{before}`")).unwrap_or_default();
            let ran: Vec<&str> = ran.iter().map(|visit| &*visit.name).collect();
            return Some(format!("the task `{name}` did not run{after}; these ran, in this order: {}", ran.join(", ")));
        }
        before = Some(name);
    }
    None
}

fn calls_differ(expected: &[ExpectedCall], run: &DryRun) -> Option<String> {
    let mut calls: Vec<(&Visit, &Attempt)> =
        run.visits.iter().flat_map(|visit| visit.attempts.iter().map(move |attempt| (visit, attempt))).collect();
    calls.sort_by_key(|(_, attempt)| attempt.order);
    let all = ExpectedCall { call: Some(String::new()), task: Some(String::new()), config: Some(Value::null()) };
    let actual = calls
        .iter()
        .enumerate()
        .map(|(place, (visit, attempt))| describe_actual(expected.get(place).unwrap_or(&all), visit, attempt));
    let actual = Value::array(actual);
    let expected = Value::array(expected.iter().map(describe_expected));
    (expected != actual).then(|| format!("the calls differ\n{}", diff(&expected, &actual)))
}

fn describe_expected(call: &ExpectedCall) -> Value {
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    describe(text(&call.call), text(&call.task), call.config.clone())
}

/// Of a call what is looked at, in the words of the one who looks.
fn describe_actual(expected: &ExpectedCall, visit: &Visit, attempt: &Attempt) -> Value {
    let callee = &attempt.callee;
    let call = expected.call.as_ref().map(|name| match callee.is_named(name) {
        true => Value::from(name.as_str()),
        false => Value::from(callee.to_string()),
    });
    let task = expected.task.as_ref().map(|name| match is_named(visit, name) {
        true => Value::from(name.as_str()),
        false => Value::from(visit.pointer.as_str()),
    });
    let config = expected.config.as_ref().map(|_| visit.resolved.clone().unwrap_or_default());
    describe(call, task, config)
}

fn describe(call: Option<Value>, task: Option<Value>, config: Option<Value>) -> Value {
    let members = [("call", call), ("task", task), ("config", config)];
    Value::object(members.into_iter().filter_map(|(name, value)| Some((name, value?))))
}

fn time_differs(expected: Millis, run: &DryRun) -> Option<String> {
    let took = run.ended_at.since(run.started_at);
    (took != expected).then(|| format!("it took {}, and {} were expected", duration(took), duration(expected)))
}
