//! `schedule`: when a workflow starts by itself.

use schemars::JsonSchema;

use super::event::{Consumption, ReadAs};
use super::text::Duration;

/// When the workflow starts by itself.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("dependentRequired" = { "read": ["on"] }))]
pub(super) struct Schedule {
    /// From one start to the next.
    every: Option<Duration>,
    /// A cron expression, such as `0 0 * * *` for each midnight.
    cron: Option<String>,
    /// From the end of one execution to the start of the next.
    after: Option<Duration>,
    /// The events that start it.
    on: Option<Consumption>,
    /// What of the events becomes the input.
    #[schemars(extend("default" = "data"))]
    read: Option<ReadAs>,
}
