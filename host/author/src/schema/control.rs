//! Tasks that decide what runs: `do`, `for`, `fork`, `set`, `switch`, `raise` and `wait`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use super::task::{Common, TaskList};
use super::text::{Condition, Duration, Expression, OrName, UriOrExpression};

/// Runs tasks one after the other.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct DoTask {
    /// The tasks.
    #[schemars(rename = "do")]
    tasks: TaskList,
    #[schemars(flatten)]
    common: Common,
}

/// Runs tasks once for each item.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct ForTask {
    /// The items, and what they are called.
    #[schemars(rename = "for")]
    items: Loop,
    /// Asked before each item, which it sees: the loop ends where it is false.
    #[schemars(rename = "while")]
    condition: Option<Condition>,
    /// What is done with each item.
    #[schemars(rename = "do")]
    tasks: TaskList,
    #[schemars(flatten)]
    common: Common,
}

/// The items of a loop.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Loop {
    /// The variable that holds the item.
    #[schemars(extend("default" = "item"))]
    each: Option<String>,
    /// The items: an expression that gives an array, or an array of objects.
    #[schemars(rename = "in")]
    items: Items,
    /// The variable that holds the number of the item, from 0.
    #[schemars(extend("default" = "index"))]
    at: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(untagged, inline)]
enum Items {
    Expression(Condition),
    Array(Vec<BTreeMap<String, Value>>),
}

/// Runs branches at the same time.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct ForkTask {
    /// The branches.
    fork: Fork,
    #[schemars(flatten)]
    common: Common,
}

/// Branches that run at the same time.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Fork {
    /// The branches, each a task. The output is theirs, in this order.
    branches: TaskList,
    /// The first branch that succeeds gives the output, and the others are cancelled.
    #[schemars(extend("default" = false))]
    compete: Option<bool>,
}

/// Makes a value.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct SetTask {
    /// The output: an object with expressions in it, or an expression.
    set: Assignment,
    #[schemars(flatten)]
    common: Common,
}

#[derive(JsonSchema)]
#[schemars(untagged, inline)]
enum Assignment {
    Object(#[schemars(extend("minProperties" = 1))] BTreeMap<String, Value>),
    Expression(String),
}

/// Chooses what comes next.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct SwitchTask {
    /// The cases. The first that matches decides; without one, the task's own `then`.
    #[schemars(length(min = 1))]
    switch: Vec<CaseItem>,
    #[schemars(flatten)]
    common: Common,
}

/// One case, under its name.
#[derive(JsonSchema)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
struct CaseItem(BTreeMap<String, Case>);

/// A case of a `switch`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Case {
    /// When the case matches. The one without it stands for whatever no other case matches.
    when: Option<Condition>,
    /// What comes next.
    then: Then,
}

/// What comes next: `continue`, `exit`, `end`, or the name of a task of the same list.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Then {
    Directive(Directive),
    Task(String),
}

#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", inline)]
pub(super) enum Directive {
    /// The next task of the list.
    Continue,
    /// Leaves the list that the task stands in.
    Exit,
    /// Ends the workflow.
    End,
}

/// Raises an error.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct RaiseTask {
    /// What is raised.
    raise: Raise,
    #[schemars(flatten)]
    common: Common,
}

/// What is raised.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Raise {
    /// The error: inline, or the name of one in `use.errors`.
    error: OrName<Error>,
}

/// An error, as a problem of RFC 7807.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Error {
    /// A URI that names the kind of error, or an expression that gives one.
    #[schemars(rename = "type")]
    kind: UriOrExpression,
    /// The status, as one of HTTP.
    status: i64,
    /// A JSON Pointer to the task that the error comes from; the runtime sets it.
    instance: Option<Instance>,
    /// What went wrong, in a few words.
    title: Option<String>,
    /// What went wrong this time.
    detail: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(untagged, inline)]
enum Instance {
    Pointer(#[schemars(extend("format" = "json-pointer"))] String),
    Expression(Expression),
}

/// Waits.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct WaitTask {
    /// How long.
    wait: Duration,
    #[schemars(flatten)]
    common: Common,
}

/// How long something may take.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Timeout {
    /// The time after which it faults.
    after: Duration,
}
