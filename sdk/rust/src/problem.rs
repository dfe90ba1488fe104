//! How a task says no: problem details (RFC 9457), with a builder.
//!
//! Owns the shape of a problem and how a Rust error becomes one. Knows neither the host nor what a workflow does with
//! it.

use std::error::Error;

use serde::Serialize;

use crate::serde_json::{Map, Value};
use crate::{config, context};

/// Before the name of each kind of problem that this crate itself makes.
const KIND_PREFIX: &str = "https://sandmill.dev/problems/";

/// Why a task failed.
///
/// Workflows catch a problem by its kind and status, people read title and detail.
///
/// ```
/// use sandmill_sdk::Problem;
///
/// let problem = Problem::new(429, "Too many requests")
///     .kind("https://example.com/problems/quota")
///     .detail("the quota of 100 requests is used up until 12:00")
///     .with("limit", 100)
///     .retryable();
/// assert!(problem.retryable);
/// ```
///
/// Every [`std::error::Error`] turns into a problem with status 500 whose detail is the error and its sources, so `?`
/// just works. A failed read of the context keeps its own kind and status, also deep in the chain of sources. For an
/// error type of your own with its own kind, write `impl From<MyError> for Problem`, and leave `std::error::Error` out.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Problem {
    /// What kind of problem it is: a URI reference that stays the same for ever, for workflows match on it. Empty where
    /// the status says it all.
    pub kind: String,
    /// The kind in a few words, the same for every occurrence.
    pub title: String,
    /// What happened this time.
    pub detail: Option<String>,
    /// A status with the meaning that HTTP gives it, 400 to 599.
    pub status: u16,
    /// True where another attempt with the same config may succeed.
    pub retryable: bool,
    /// Further members for programs.
    pub data: Map<String, Value>,
}

impl Problem {
    /// A problem that is not worth another attempt. `status` is 400 to 599; the host reads any other number as 500.
    pub fn new(status: u16, title: impl Into<String>) -> Self {
        Self { kind: String::new(), title: title.into(), detail: None, status, retryable: false, data: Map::new() }
    }

    /// Names the kind of problem, by a URI that never changes.
    #[must_use]
    pub fn kind(mut self, uri: impl Into<String>) -> Self {
        self.kind = uri.into();
        self
    }

    /// Says what happened this time, for people.
    #[must_use]
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.detail = Some(text.into());
        self
    }

    /// Says that another attempt with the same config may succeed.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Adds a member for programs. A value that has no form in JSON, such as a map with keys that are no text, becomes
    /// `null`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        self.data.insert(name.into(), crate::serde_json::to_value(value).unwrap_or_default());
        self
    }

    /// A problem of this crate's own: `name` is the last part of the kind.
    pub(crate) fn of_sdk(name: &str, status: u16, title: &str) -> Self {
        Self::new(status, title).kind(format!("{KIND_PREFIX}{name}"))
    }

    fn from_error(error: &(dyn Error + 'static)) -> Self {
        let links = || std::iter::successors(Some(error), |&link| link.source());
        let texts: Vec<String> = links().map(ToString::to_string).collect();
        links().find_map(known).unwrap_or_else(|| Self::new(500, "The plugin failed")).detail(texts.join(": "))
    }
}

/// The problem for an error of this crate.
fn known(error: &(dyn Error + 'static)) -> Option<Problem> {
    let of_config = error.downcast_ref().map(config::Error::problem);
    of_config.or_else(|| error.downcast_ref().map(context::Error::problem))
}

impl<E: Error + 'static> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::from_error(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serde_json::json;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot make the report")]
    struct Outer<E: Error + 'static>(#[source] E);

    #[test]
    fn a_standard_error_becomes_a_problem_with_its_chain() {
        let number = "x".parse::<u8>().unwrap_err();
        let problem = Problem::from(Outer(number));
        assert_eq!((problem.status, problem.retryable, problem.kind.as_str()), (500, false, ""));
        assert_eq!(problem.detail.as_deref(), Some("cannot make the report: invalid digit found in string"));
    }

    #[test]
    fn a_read_that_may_succeed_later_stays_retryable_inside_of_another_error() {
        let problem = Problem::from(Outer(context::Error::Unavailable));
        assert_eq!((problem.status, problem.retryable), (503, true));
        assert!(problem.kind.ends_with("/context-unavailable"), "{}", problem.kind);
    }

    #[test]
    fn members_for_programs_are_kept_as_json() {
        let problem = Problem::new(400, "No").with("limit", 3).with("names", ["a"]);
        assert_eq!(Value::Object(problem.data), json!({ "limit": 3, "names": ["a"] }));
    }
}
