//! One task of a definition, compiled.

use std::sync::Arc;

use crate::definition::{AttemptPolicy, Priority};
use crate::expression::{Filter, Template};
use crate::ids::{JsonPointer, QueueName};
use crate::time::Millis;
use crate::value::Value;

/// The number of a task in its definition's arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// Tasks that run one after the other, in declared order.
pub type TaskList = Arc<[NodeId]>;

/// A compiled JSON Schema.
#[derive(Debug, Clone)]
pub struct Schema(pub Arc<jsonschema::Validator>);

impl Schema {
    /// What the value does wrong, in one sentence; `None` when it matches.
    #[must_use]
    pub fn mismatch(&self, value: &Value) -> Option<String> {
        let value = value.to_serde();
        self.0.iter_errors(&value).next().map(|error| format!("at `{}`: {error}", error.instance_path()))
    }
}

/// `input`: checked as it comes, then transformed.
#[derive(Debug, Default)]
pub struct Input {
    /// What the raw input must match.
    pub schema: Option<Schema>,
    /// Makes the transformed input.
    pub from: Option<Template>,
}

/// `output`: transformed, then checked.
#[derive(Debug, Default)]
pub struct Output {
    /// Makes the transformed output.
    pub template: Option<Template>,
    /// What the transformed output must match.
    pub schema: Option<Schema>,
}

/// `export`: makes the new `$context`, then checked.
#[derive(Debug)]
pub struct Export {
    /// Makes the new `$context`, evaluated on the transformed output.
    pub template: Template,
    /// What the new `$context` must match.
    pub schema: Option<Schema>,
}

/// A length of time that is known when the definition is deployed, or made by an expression.
#[derive(Debug)]
pub enum Span {
    /// Written in the document.
    Fixed(Millis),
    /// Made when it is needed; gives what a document could have written.
    Expression(Filter),
}

/// Where control goes after a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// To the next task of the list.
    Continue,
    /// Out of the list, whose owner ends with this task's output.
    Exit,
    /// To the end of the workflow.
    End,
    /// To the task at this place of the same list.
    Goto(u32),
}

/// One task.
#[derive(Debug)]
pub struct Node {
    /// The task's name.
    pub name: Arc<str>,
    /// Where it stands in the document, its name included: `/do/2/resize`.
    pub pointer: JsonPointer,
    /// What stands there: `$task.definition`.
    pub definition: Value,
    /// `if`: the task is skipped where it is false.
    pub condition: Option<Filter>,
    /// `input`.
    pub input: Input,
    /// `output`.
    pub output: Output,
    /// `export`.
    pub export: Option<Export>,
    /// `timeout`, with the definition's default for tasks worked in.
    pub timeout: Option<Span>,
    /// `then`.
    pub then: Then,
    /// The extensions that may extend it, as their places in the definition's list.
    pub extensions: Arc<[u32]>,
    /// What the task does.
    pub kind: Kind,
}

/// What a task does.
#[derive(Debug)]
pub enum Kind {
    /// Calls a plugin.
    Call(Call),
    /// Calls a function: a task that stands elsewhere.
    Function(Function),
    /// Runs another workflow.
    Subflow(Box<Subflow>),
    /// Runs a list.
    Do(TaskList),
    /// Makes its output from an expression.
    Set(Template),
    /// Chooses where control goes; its output is its input.
    Switch(Vec<Case>),
    /// Runs a list for each item of a collection.
    For(Box<For>),
    /// Runs branches at the same time.
    Fork(Fork),
    /// Runs a list and catches its errors.
    Try(Box<Try>),
    /// Fails with an error.
    Raise(Raise),
    /// Waits; its output is its input.
    Wait(Span),
}

impl Kind {
    /// True for a task that something outside of the machine works on.
    #[must_use]
    pub const fn works_outside(&self) -> bool {
        matches!(self, Self::Call(_) | Self::Subflow(_))
    }

    /// The lists of tasks that are run for a task of this kind.
    pub fn lists(&self) -> impl Iterator<Item = &TaskList> {
        let (one, other) = match self {
            Self::Do(list) => (Some(list), None),
            Self::Function(function) => (Some(&function.body), None),
            Self::For(task) => (Some(&task.body), None),
            Self::Fork(fork) => (Some(&fork.branches), None),
            Self::Try(task) => (Some(&task.body), task.catch.body.as_ref()),
            Self::Call(_) | Self::Subflow(_) | Self::Set(_) | Self::Switch(_) | Self::Raise(_) | Self::Wait(_) => {
                (None, None)
            }
        };
        one.into_iter().chain(other)
    }
}

/// `call`.
#[derive(Debug)]
pub struct Call {
    /// The plugin, as its place in the definition's list.
    pub plugin: u32,
    /// Makes the config.
    pub with: Template,
    /// What `metadata.task` says.
    pub options: CallOptions,
}

/// `metadata.task` of a call, with the definition's defaults worked in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// `retry`: how often it is attempted; `None` where neither it nor the definition says so.
    pub retry: Option<AttemptPolicy>,
    /// `queue`: where it waits for a worker.
    pub queue: QueueName,
    /// `priority`: which of those that wait there comes first.
    pub priority: Priority,
}

/// `call` of a function: of `use.functions`, or of a catalog.
#[derive(Debug)]
pub struct Function {
    /// The function's task.
    pub body: TaskList,
    /// Makes the raw input of the function's task.
    pub with: Template,
    /// True for a function of a catalog, which stands outside of the document.
    pub is_cataloged: bool,
}

/// `run.workflow`.
#[derive(Debug)]
pub struct Subflow {
    /// The namespace of the workflow.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its version; `None` for the newest at the moment when it is started.
    pub version: Option<Arc<str>>,
    /// Makes its input.
    pub input: Template,
    /// False where the task ends once the other workflow has started.
    pub is_awaited: bool,
}

/// An extension: what is run before and after the tasks that it extends.
#[derive(Debug)]
pub struct Extension {
    /// Its name.
    pub name: Arc<str>,
    /// Extends only where it is true.
    pub when: Option<Filter>,
    /// What is run before the task.
    pub before: Option<TaskList>,
    /// What is run after it.
    pub after: Option<TaskList>,
}

/// One case of a `switch`.
#[derive(Debug)]
pub struct Case {
    /// The case's name.
    pub name: Arc<str>,
    /// Matches where it is true; a case without one always matches.
    pub when: Option<Filter>,
    /// Where control goes.
    pub then: Then,
}

/// `for`, one item after the other or as a parallel map.
#[derive(Debug)]
pub struct For {
    /// The variable that holds the item, without `$`.
    pub each: Arc<str>,
    /// The variable that holds the index, without `$`.
    pub at: Arc<str>,
    /// Makes the collection, from the transformed input.
    pub items: Template,
    /// `while`: tested before each iteration, with the item bound.
    pub condition: Option<Filter>,
    /// What is done for each item.
    pub body: TaskList,
    /// `metadata.for`, where it asks for a parallel map.
    pub map: Option<Map>,
}

/// How a parallel map runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    /// Items in flight at most.
    pub concurrency: u32,
    /// Items that one iteration takes together, where they are batched.
    pub batch: Option<u32>,
    /// What a failed item does to the others.
    pub strategy: Strategy,
    /// Outputs in item order, or in the order of completion as `{ index, output }`.
    pub ordered: bool,
}

/// What a failed item of a parallel map, or a failed branch of a fork, does to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Cancels what runs and faults with the error.
    FailFast,
    /// Waits for all, then faults with the error of the lowest failed index.
    WaitAll,
    /// Never faults.
    BestEffort,
    /// Completes at the n-th success, and faults once that is out of reach.
    AtLeast(u32),
}

impl Strategy {
    /// True where those that still run may be cancelled.
    #[must_use]
    pub const fn may_cancel(self) -> bool {
        match self {
            Self::FailFast | Self::AtLeast(_) => true,
            Self::WaitAll | Self::BestEffort => false,
        }
    }
}

/// `fork`.
#[derive(Debug)]
pub struct Fork {
    /// The branches, each one task.
    pub branches: TaskList,
    /// True where the first success wins.
    pub compete: bool,
    /// `metadata.fork.strategy`: what a failed branch does to the others.
    pub strategy: Strategy,
    /// `metadata.fork.critical`: branches whose fault faults the fork, whatever the strategy; one place for each branch.
    pub critical: Arc<[bool]>,
    /// `metadata.fork.maxConcurrency`: branches in flight at most.
    pub concurrency: Option<u32>,
}

impl Fork {
    /// True where branches that still run may be cancelled.
    #[must_use]
    pub fn may_cancel(&self) -> bool {
        self.compete || self.strategy.may_cancel() || self.critical.contains(&true)
    }
}

/// `try`.
#[derive(Debug)]
pub struct Try {
    /// What is tried.
    pub body: TaskList,
    /// What is done about an error.
    pub catch: Catch,
}

/// `catch`.
#[derive(Debug)]
pub struct Catch {
    /// `errors.with`: the error must match it.
    pub errors: ErrorFilter,
    /// The variable that holds the error, without `$`.
    pub variable: Arc<str>,
    /// `when`: catches only where it is true.
    pub when: Option<Filter>,
    /// `exceptWhen`: does not catch where it is true.
    pub except_when: Option<Filter>,
    /// `retry`.
    pub retry: Option<RetryPolicy>,
    /// `do`: what is run once no retry is left.
    pub body: Option<TaskList>,
    /// `then`: where control goes after an error was caught, instead of the task's own `then`.
    pub then: Option<Then>,
}

/// `errors.with`: members that are set must be equal; types by the rule of [`crate::problem::same_type`].
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ErrorFilter {
    /// The type URI.
    pub kind: Option<Arc<str>>,
    /// The status.
    pub status: Option<u16>,
    /// The JSON Pointer of the task.
    pub instance: Option<Arc<str>>,
    /// The title.
    pub title: Option<Arc<str>>,
    /// The detail.
    pub detail: Option<Arc<str>>,
}

/// `catch.retry`.
#[derive(Debug)]
pub struct RetryPolicy {
    /// Retries only where it is true.
    pub when: Option<Filter>,
    /// Does not retry where it is true.
    pub except_when: Option<Filter>,
    /// The wait before the first retry.
    pub delay: Span,
    /// How the wait grows.
    pub backoff: Backoff,
    /// `limit.attempt.count`: retries at most. The first pass is none.
    pub retries_max: Option<u32>,
    /// `limit.attempt.duration`: how long one pass may take.
    pub round_timeout: Option<Span>,
    /// `limit.duration`: how long all passes together may take; after that no retry is begun.
    pub duration_max: Option<Span>,
    /// `jitter`: the shortest and the longest that is added to a wait.
    pub jitter: Option<(Span, Span)>,
}

/// How the wait of a retry grows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Backoff {
    /// Always the delay.
    Constant,
    /// The delay, multiplied after each retry.
    Exponential {
        /// What it is multiplied with: 2 where the document says nothing.
        multiplier: f64,
        /// The longest wait.
        delay_max: Option<Millis>,
    },
    /// The delay, with this much added after each retry: the delay itself where the document says nothing.
    Linear {
        /// What is added.
        increment: Option<Millis>,
    },
}

/// `raise`.
#[derive(Debug)]
pub struct Raise {
    /// Makes the error object: `type`, `status`, `title`, `detail`, `instance`.
    pub error: Template,
}
