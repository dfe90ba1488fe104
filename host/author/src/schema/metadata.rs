//! Options of Sandmill, which stand in `metadata`. The specification leaves it open, so they are described for editors and never enforced.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::text::{Duration, QueueName};

/// What something should be, while the schema lets everything pass.
pub(super) struct Hint<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for Hint<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [generator.subschema_for::<T>(), true] })
    }
}

/// Options of Sandmill for the workflow, and whatever else is to be noted.
#[derive(JsonSchema)]
pub(super) struct DocumentMetadata {
    /// What holds for tasks that say nothing else.
    defaults: Option<Hint<TaskDefaults>>,
    /// How long an execution is kept after its end.
    retention: Option<Hint<Duration>>,
    /// The configs of tasks.
    config: Option<Hint<ConfigOptions>>,
    /// How the schedule is kept.
    schedule: Option<Hint<ScheduleOptions>>,
    /// What a cancellation does to tasks that run.
    cancellation: Option<Hint<Cancellation>>,
}

/// What holds for tasks that say nothing else.
#[derive(JsonSchema)]
struct TaskDefaults {
    /// How long a task may take that works outside.
    timeout: Option<Duration>,
    /// How often a task is repeated whose problem may pass.
    retry: Option<Attempts>,
    /// The queue that a task waits in.
    #[schemars(extend("default" = "default"))]
    queue: Option<QueueName>,
}

/// The configs of tasks.
#[derive(JsonSchema)]
struct ConfigOptions {
    /// How long a config is kept where workers read it: from a minute to 365 days.
    ttl: Option<Duration>,
}

/// How a schedule is kept.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct ScheduleOptions {
    /// The time zone of the cron expression, such as `Europe/Berlin`.
    timezone: Option<String>,
    /// A random time that is added to each start.
    jitter: Option<Duration>,
    /// What is done where the execution before has not ended.
    overlap: Option<Overlap>,
    /// How far back starts are made up for that were missed.
    catch_up: Option<Duration>,
    /// When the schedule begins.
    start: Option<String>,
    /// When the schedule ends.
    end: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", inline)]
enum Overlap {
    /// The start is left out.
    Skip,
    /// Both run.
    Allow,
    /// One start waits for the end.
    BufferOne,
    /// The one before is cancelled.
    CancelOther,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", inline)]
enum Cancellation {
    /// They are cancelled.
    CancelRunning,
    /// They come to their end.
    AllowFinish,
}

/// Options of Sandmill for the task, and whatever else is to be noted.
#[derive(JsonSchema)]
pub(super) struct TaskMetadata {
    /// For `for` tasks: runs the items at the same time.
    #[schemars(rename = "for")]
    map: Option<Hint<MapOptions>>,
    /// For `fork` tasks: what a fault of a branch means.
    fork: Option<Hint<ForkOptions>>,
    /// How the task is run.
    task: Option<Hint<TaskOptions>>,
}

/// A parallel map over the items of a loop.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct MapOptions {
    /// `map`: the items at the same time.
    #[schemars(extend("const" = "map"))]
    mode: String,
    /// How many items run at the same time.
    #[schemars(range(min = 1), extend("default" = 10))]
    concurrency: Option<i64>,
    /// How many items make one batch: the variable then holds an array.
    #[schemars(range(min = 1))]
    batch: Option<i64>,
    /// What a fault of an item means.
    #[schemars(extend("default" = "failFast"))]
    strategy: Option<Strategy>,
    /// False for the output in the order of completion, as `{ index, output }`.
    #[schemars(extend("default" = true))]
    ordered: Option<bool>,
}

/// What a fault of a branch means.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
struct ForkOptions {
    /// What a fault of a branch means.
    #[schemars(extend("default" = "failFast"))]
    strategy: Option<Strategy>,
    /// How many branches run at the same time.
    #[schemars(range(min = 1))]
    max_concurrency: Option<i64>,
    /// The branches whose fault is that of the fork; the others are best effort.
    critical: Option<Vec<String>>,
}

#[derive(JsonSchema)]
#[schemars(untagged, inline)]
enum Strategy {
    Named(NamedStrategy),
    /// `atLeast:n`: ends at the n-th success.
    AtLeast(#[schemars(regex(pattern = r"^atLeast:[1-9][0-9]*$"), extend("examples" = ["atLeast:3"]))] String),
}

#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", inline)]
enum NamedStrategy {
    /// The first fault cancels what runs.
    FailFast,
    /// All come to their end; then it faults where one did.
    WaitAll,
    /// It never faults.
    BestEffort,
}

/// How a task is run.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
struct TaskOptions {
    /// For `call` tasks: the queue that the task waits in.
    queue: Option<QueueName>,
    /// For `call` tasks: which of the waiting tasks come first.
    #[schemars(extend("default" = "normal"))]
    priority: Option<Priority>,
    /// How often the task must say that it lives.
    heartbeat: Option<Duration>,
    /// How long the task may wait in a queue.
    schedule_to_start: Option<Duration>,
    /// For `call` tasks: how often the task is repeated where its problem may pass.
    retry: Option<Attempts>,
    /// Limits of the task, never above those of the tenant.
    limits: Option<BTreeMap<String, Value>>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", inline)]
enum Priority {
    /// Before all others.
    High,
    /// Before those that can wait.
    Normal,
    /// When nothing else waits.
    Low,
}

/// How often a task is repeated whose problem may pass.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
struct Attempts {
    /// How often it is run at most.
    #[schemars(range(min = 1))]
    attempts: Option<i64>,
    /// The wait before it is run again.
    delay: Option<Duration>,
    /// The factor by which the wait grows.
    #[schemars(range(min = 1))]
    factor: Option<i64>,
    /// The longest wait.
    max_delay: Option<Duration>,
}
