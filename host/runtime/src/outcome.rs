//! How a call ends other than with an output, and what a workflow sees of it.
//!
//! Owns the way from whatever stopped a guest to one problem. Three kinds: a guest's own problem, which passes as it is; what a guest did wrong,
//! which has a type under our prefix and is never repeated; and what went wrong in this host, which is a standard error that may be.

use sandmill_abi::v0_1::sandmill::task::types::Problem as GuestProblem;
use sandmill_core::problem::{ErrorKind, Problem};
use sandmill_core::value::Value;
use wasmtime::{Trap, WasmBacktrace};

use crate::limits::{Limit, PROBLEM_PREFIX, TaskLimits};

/// Why a call gave no output.
#[derive(Debug, Clone)]
pub enum CallError {
    /// It was cancelled, and the guest has stopped.
    Stopped,
    /// It failed.
    Failed(Box<Problem>),
}

/// Why the host stopped a guest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stop {
    /// It went over a limit.
    #[error("the task went over its limit on {}", .0.row().title)]
    Limit(Limit),
    /// The task's own timeout came.
    #[error("the timeout of the task ended it")]
    Deadline,
    /// Nobody waits for it any more.
    #[error("the task was cancelled")]
    Cancelled,
    /// What it asked of its context, which another process holds, cannot be had at this moment.
    #[error("the context of the task cannot be read: {0}")]
    Context(String),
    /// The host could not keep a promise. Another attempt may succeed.
    #[error("the host failed: {0}")]
    Host(String),
}

/// Frames of a backtrace that a problem shows. The innermost tell what happened, and a detail is read by people.
const FRAMES_MAX: usize = 8;

/// The longest name of a function that a problem shows: generic ones have thousands of letters.
const NAME_CHARS_MAX: usize = 120;

/// How `wasmtime` words that a guest hands more bytes to the host than it may: the error has no public type.
const TOO_MANY_BYTES: &str = "fuel allocated for hostcalls has been exhausted";

/// How `wasmtime` words that a component has more core instances than a call may have, which the host's own limit refuses when it is registered.
const TOO_MANY_INSTANCES: &str = "resource limit exceeded: instance count too high";

impl Stop {
    /// How the call ends because of this.
    pub(crate) fn into_error(self, limits: &TaskLimits) -> CallError {
        let problem = match self {
            Self::Limit(limit) => limit.problem(limits),
            Self::Deadline => Problem::new(ErrorKind::Timeout, "the timeout of the task ended it"),
            Self::Cancelled => return CallError::Stopped,
            Self::Context(_) => Problem {
                retryable: true,
                ..of_ours("context-unavailable", "The context is unavailable", self.to_string())
            },
            Self::Host(reason) => Problem { retryable: true, ..Problem::new(ErrorKind::Runtime, reason) },
        };
        CallError::Failed(Box::new(problem))
    }
}

impl CallError {
    /// A call that failed with a problem.
    pub(crate) fn failed(problem: Problem) -> Self {
        Self::Failed(Box::new(problem))
    }
}

/// How a call ends whose guest did not return.
pub(crate) fn from_wasmtime(error: &wasmtime::Error, limits: &TaskLimits) -> CallError {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return stop.clone().into_error(limits);
    }
    if error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>().is_some() {
        return Stop::Host(format!("there was no room for the task's instance: {error:#}")).into_error(limits);
    }
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    if error.root_cause().to_string().contains(TOO_MANY_BYTES) {
        // A result is read when no frame of the guest is left; the arguments of an import while it calls.
        let limit = if backtrace.is_some() { Limit::HostCallBytes } else { Limit::Output };
        return Stop::Limit(limit).into_error(limits);
    }
    if error.root_cause().to_string().starts_with(TOO_MANY_INSTANCES) {
        return Stop::Limit(Limit::Instances).into_error(limits);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => Stop::Limit(Limit::Stack).into_error(limits),
        _ => CallError::failed(trap(error, backtrace)),
    }
}

/// A guest that broke off, or broke the rules of the component model.
fn trap(error: &wasmtime::Error, backtrace: Option<&WasmBacktrace>) -> Problem {
    let cause = error.root_cause().to_string();
    let cause = cause.strip_prefix("wasm trap: ").unwrap_or(&cause);
    let frames = backtrace.map(frames).unwrap_or_default();
    let place = if frames.is_empty() { String::new() } else { format!(" in {}", frames.join(" < ")) };
    let detail = format!("the guest trapped: {cause}{place}");
    of_ours("trap", "The guest trapped", detail)
}

/// The names of the innermost functions, those first that say where the guest was.
fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    let name = |frame: &wasmtime::FrameInfo| match frame.func_name() {
        Some(name) => short_name(name),
        None => format!("function {}", frame.func_index()),
    };
    let all = backtrace.frames();
    let mut names: Vec<String> = all.iter().take(FRAMES_MAX).map(name).collect();
    if all.len() > FRAMES_MAX {
        names.push(format!("{} more", all.len() - FRAMES_MAX));
    }
    names
}

/// A name as its author wrote it, without the hash that a compiler puts at its end, and not too long.
fn short_name(name: &str) -> String {
    let plain = format!("{:#}", rustc_demangle::demangle(name));
    if plain.chars().count() <= NAME_CHARS_MAX {
        return plain;
    }
    plain.chars().take(NAME_CHARS_MAX).chain(['…']).collect()
}

/// A failure that has no standard error. One of the guest is never repeated.
pub(crate) fn of_ours(code: &str, title: &str, detail: String) -> Problem {
    Problem {
        kind: format!("{PROBLEM_PREFIX}{code}"),
        status: 500,
        title: title.to_owned(),
        detail: Some(detail),
        instance: None,
        data: None,
        retryable: false,
    }
}

/// The problem that a guest returned, as the contract reads it.
pub(crate) fn from_guest(problem: GuestProblem, limits: &TaskLimits) -> CallError {
    let GuestProblem { type_, title, detail, status, retryable, data } = problem;
    let texts = [Some(&type_), Some(&title), detail.as_ref(), data.as_ref()];
    let bytes: usize = texts.into_iter().flatten().map(String::len).sum();
    if bytes as u64 > limits.output_bytes {
        return Stop::Limit(Limit::Output).into_error(limits);
    }
    CallError::failed(Problem {
        // RFC 9457, section 4.2.1: the kind that says no more than the status.
        kind: if type_.is_empty() { "about:blank".to_owned() } else { type_ },
        status: if (400..600).contains(&status) { status } else { 500 },
        title,
        detail,
        instance: None,
        data: data.map(data_of),
        retryable,
    })
}

/// The members of a problem; text that is no object is kept as it is, for it may be what tells somebody what is wrong.
fn data_of(text: String) -> Value {
    match Value::from_json(text.as_bytes()) {
        Ok(value) if value.kind() == "object" => value,
        _ => Value::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(status: u16) -> GuestProblem {
        GuestProblem { type_: String::new(), title: "t".into(), detail: None, status, retryable: true, data: None }
    }

    fn read(problem: GuestProblem) -> Problem {
        match from_guest(problem, &TaskLimits::default()) {
            CallError::Failed(problem) => *problem,
            CallError::Stopped => panic!("a problem is no cancellation"),
        }
    }

    #[test]
    fn a_status_outside_of_its_range_is_500() {
        for (given, expected) in [(0, 500), (200, 500), (399, 500), (400, 400), (599, 599), (600, 500)] {
            assert_eq!(read(guest(given)).status, expected, "{given}");
        }
    }

    #[test]
    fn an_empty_type_says_no_more_than_the_status() {
        assert_eq!(read(guest(404)).kind, "about:blank");
        assert_eq!(read(GuestProblem { type_: "a:b".into(), ..guest(404) }).kind, "a:b");
    }

    #[test]
    fn data_is_an_object_or_kept_as_text() {
        let data = |text: &str| read(GuestProblem { data: Some(text.into()), ..guest(404) }).data;
        assert_eq!(data(r#"{"a":1}"#), Some(Value::object([("a", Value::from(1_i64))])));
        assert_eq!(data("[1]"), Some(Value::from("[1]")));
        assert_eq!(data("no json"), Some(Value::from("no json")));
    }

    #[test]
    fn the_texts_of_a_problem_are_bounded_together() {
        let limits = TaskLimits { output_bytes: 4, ..TaskLimits::default() };
        let problem = |detail: &str| GuestProblem { detail: Some(detail.into()), ..guest(404) };
        let kind = |problem| match from_guest(problem, &limits) {
            CallError::Failed(problem) => problem.kind,
            CallError::Stopped => String::new(),
        };
        assert_eq!(kind(problem("123")), "about:blank");
        assert_eq!(kind(problem("1234")), "https://sandmill.dev/problems/limit-output-bytes");
    }

    #[test]
    fn names_lose_their_hash_and_their_length() {
        assert_eq!(short_name("_ZN4core9panicking5panic17h0123456789abcdefE"), "core::panicking::panic");
        assert_eq!(short_name("a::hello"), "a::hello");
        assert_eq!(short_name(&"x".repeat(500)).chars().count(), NAME_CHARS_MAX + 1);
    }
}
