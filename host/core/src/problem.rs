//! Errors that a workflow can see and catch, in the form of problem details (RFC 9457).
//!
//! Owns the type URIs of the specification and which spellings of them are one. Knows nothing of HTTP statuses on the wire or of exit
//! codes: those are decided at the edges.

use serde::{Deserialize, Serialize};

use crate::ids::JsonPointer;
use crate::value::Value;

/// What we emit before the name of a standard error.
const TYPE_PREFIX: &str = "https://open-workflow-specification.org/spec/1.0.0/errors/";

/// The spellings that are in circulation and mean the same: two hosts, two paths.
const TYPE_PREFIXES: [&str; 4] = [
    TYPE_PREFIX,
    "https://open-workflow-specification.org/dsl/errors/types/",
    "https://serverlessworkflow.io/spec/1.0.0/errors/",
    "https://serverlessworkflow.io/dsl/errors/types/",
];

/// The standard errors of the specification (DSL reference, "Standard Error Types"), and ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Something is set up in a way that cannot work.
    Configuration,
    /// Data does not match its schema.
    Validation,
    /// An expression failed or went over its budget.
    Expression,
    /// Whoever asked could not show who it is.
    Authentication,
    /// Whoever asked may not do that.
    Authorization,
    /// A task or the workflow took too long.
    Timeout,
    /// Something that was called failed.
    Communication,
    /// The runtime failed, or a limit of it was reached.
    Runtime,
    /// The worker that ran a task died, over and over.
    WorkerLost,
    /// The journal of an execution does not lead where it led when it was written.
    JournalDiverged,
    /// The journal of an execution, or what it needs, cannot be read.
    JournalUnreadable,
}

impl ErrorKind {
    /// The name at the end of the type URI, the title and the status.
    const fn parts(self) -> (&'static str, &'static str, u16) {
        match self {
            Self::Configuration => ("configuration", "Configuration Error", 400),
            Self::Validation => ("validation", "Validation Error", 400),
            Self::Expression => ("expression", "Expression Error", 400),
            Self::Authentication => ("authentication", "Authentication Error", 401),
            Self::Authorization => ("authorization", "Authorization Error", 403),
            Self::Timeout => ("timeout", "Timeout Error", 408),
            Self::Communication => ("communication", "Communication Error", 500),
            Self::Runtime => ("runtime", "Runtime Error", 500),
            Self::WorkerLost => ("worker-lost", "Worker Lost", 500),
            Self::JournalDiverged => ("journal-diverged", "Journal Diverged", 500),
            Self::JournalUnreadable => ("journal-unreadable", "Journal Unreadable", 500),
        }
    }

    /// The type URI that we emit.
    #[must_use]
    pub fn type_uri(self) -> String {
        format!("{TYPE_PREFIX}{}", self.parts().0)
    }
}

/// One failure, as a workflow sees it in `catch` and a caller in the `error` of an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind of failure it is: a URI reference that stays the same.
    #[serde(rename = "type")]
    pub kind: String,
    /// The meaning that HTTP gives the number, 400 to 599.
    pub status: u16,
    /// The kind in a few words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// What happened this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The task that failed, as a JSON Pointer into the definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Further members for programs. One that is null is there all the same.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub data: Option<Value>,
    /// True where another attempt with the same config may succeed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retryable: bool,
}

/// Reads a member that is there, which null would not be otherwise.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Problem {
    /// A standard error with what happened this time.
    #[must_use]
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        let (_, title, status) = kind.parts();
        Self {
            kind: kind.type_uri(),
            status,
            title: title.into(),
            detail: Some(detail.into()),
            instance: None,
            data: None,
            retryable: false,
        }
    }

    /// The same problem with the task it came from, unless it names one already.
    #[must_use]
    pub fn at(mut self, pointer: &JsonPointer) -> Self {
        self.instance.get_or_insert_with(|| pointer.as_str().into());
        self
    }

    /// The same problem with members for programs.
    #[must_use]
    pub fn with_data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }

    /// True for the standard error of that kind, in any spelling of its URI.
    #[must_use]
    pub fn is(&self, kind: ErrorKind) -> bool {
        same_type(&self.kind, &kind.type_uri())
    }

    /// The problem as expressions see it: an object without the members that are not set.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let text = |value: &Option<String>| value.as_deref().map(Value::from);
        let members = [
            ("type", Some(Value::from(self.kind.as_str()))),
            ("status", Some(Value::from(i64::from(self.status)))),
            ("title", (!self.title.is_empty()).then(|| Value::from(self.title.as_str()))),
            ("detail", text(&self.detail)),
            ("instance", text(&self.instance)),
            ("data", self.data.clone()),
        ];
        Value::object(members.into_iter().filter_map(|(name, value)| Some((name, value?))))
    }
}

impl Problem {
    /// The problem that an object describes: `None` where it lacks a `type` (text) or a `status` (number).
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(|value| value.as_str().map(|text| text.to_string()));
        let status = value.get("status").and_then(|status| status.as_u64());
        Some(Self {
            kind: text("type")?,
            status: status.and_then(|status| u16::try_from(status).ok())?,
            title: text("title").unwrap_or_default(),
            detail: text("detail"),
            instance: text("instance"),
            data: value.get("data").map(|data| data.to_owned()),
            retryable: false,
        })
    }
}

/// True where two type URIs name the same kind of error: equal, or the same standard name behind two of the known prefixes.
#[must_use]
pub fn same_type(one: &str, other: &str) -> bool {
    one == other || standard_name(one).is_some_and(|name| standard_name(other) == Some(name))
}

fn standard_name(uri: &str) -> Option<&str> {
    TYPE_PREFIXES.iter().find_map(|prefix| uri.strip_prefix(prefix)).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_prefixes_are_one_and_no_other_is() {
        for prefix in TYPE_PREFIXES {
            assert!(same_type(&format!("{prefix}timeout"), &ErrorKind::Timeout.type_uri()), "{prefix}");
            assert!(!same_type(&format!("{prefix}validation"), &ErrorKind::Timeout.type_uri()), "{prefix}");
        }
        assert!(!same_type("https://example.com/errors/timeout", &ErrorKind::Timeout.type_uri()));
        assert!(!same_type(TYPE_PREFIXES[0], TYPE_PREFIXES[1]), "a prefix alone names nothing");
        assert!(same_type("https://example.com/a", "https://example.com/a"));
    }

    #[test]
    fn a_problem_keeps_the_task_it_came_from() {
        let inner = JsonPointer::root().child("do").index(0);
        let problem = Problem::new(ErrorKind::Runtime, "x").at(&inner).at(&JsonPointer::root());
        assert_eq!(problem.instance.as_deref(), Some("/do/0"));
    }
}
