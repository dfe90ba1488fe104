//! `try`: what is caught, how often it is tried again, and what is done in the end.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use super::control::Then;
use super::metadata::Hint;
use super::task::{Common, TaskList};
use super::text::{Condition, Duration, OrName};

/// Runs tasks, and catches their errors.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct TryTask {
    /// The tasks that may fail.
    #[schemars(rename = "try")]
    tasks: TaskList,
    /// Which errors are caught, and what is done then.
    catch: Catch,
    #[schemars(flatten)]
    common: Common,
}

/// Which errors are caught, and what is done then.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
struct Catch {
    /// Which errors are caught; without it, all of them.
    errors: Option<CaughtErrors>,
    /// The variable that holds the error.
    #[schemars(rename = "as", extend("default" = "error"))]
    variable: Option<String>,
    /// An error is caught only where this is true.
    when: Option<Condition>,
    /// An error is not caught where this is true.
    except_when: Option<Condition>,
    /// How the tasks are tried again: inline, or the name of a policy in `use.retries`.
    retry: Option<OrName<RetryPolicy>>,
    /// What is done with an error that is not tried again.
    #[schemars(rename = "do")]
    tasks: Option<TaskList>,
    /// What comes after an error; without it, what comes after the task.
    then: Option<Then>,
}

/// Which errors are caught.
#[derive(JsonSchema)]
struct CaughtErrors {
    /// What an error must have.
    with: Option<ErrorFilter>,
}

/// An error matches where all of these are equal.
#[derive(JsonSchema)]
#[schemars(extend("minProperties" = 1))]
struct ErrorFilter {
    /// The URI of the kind of error.
    #[schemars(rename = "type")]
    kind: Option<String>,
    /// The status.
    status: Option<i64>,
    /// The JSON Pointer of the task that it comes from.
    instance: Option<String>,
    /// What went wrong, in a few words.
    title: Option<String>,
    /// What went wrong that time.
    detail: Option<String>,
}

/// How tasks are tried again.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RetryPolicy {
    /// They are tried again only where this is true.
    when: Option<Condition>,
    /// They are not tried again where this is true.
    except_when: Option<Condition>,
    /// The wait before the next round.
    delay: Option<Duration>,
    /// How the wait grows from round to round.
    backoff: Option<Backoff>,
    /// When there is an end to it.
    limit: Option<RetryLimit>,
    /// A random time that is added to each wait.
    jitter: Option<Jitter>,
}

/// How a wait grows.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
enum Backoff {
    /// Not at all.
    Constant(BTreeMap<String, Value>),
    /// By a factor.
    Exponential(Exponential),
    /// By the same time each round.
    Linear(Linear),
}

/// A wait that grows by a factor.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct Exponential {
    /// The factor, 2 without it.
    multiplier: Option<Hint<Multiplier>>,
    /// The longest wait.
    max_delay: Option<Hint<Duration>>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
struct Multiplier(#[schemars(range(min = 1))] f64);

/// A wait that grows by the same time each round.
#[derive(JsonSchema)]
struct Linear {
    /// What is added each round; the delay without it.
    increment: Option<Hint<Duration>>,
}

/// When there is an end to trying.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct RetryLimit {
    /// Bounds of the rounds.
    attempt: Option<AttemptLimit>,
    /// How long all rounds may take together.
    duration: Option<Duration>,
}

/// Bounds of the rounds.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct AttemptLimit {
    /// How often they are tried again at most.
    count: Option<i64>,
    /// How long each round may take.
    duration: Option<Duration>,
}

/// A random time between two.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Jitter {
    /// The shortest.
    from: Duration,
    /// The longest.
    to: Duration,
}
