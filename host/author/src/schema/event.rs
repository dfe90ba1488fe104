//! `emit` and `listen`: events, which of them are consumed, and what is done with each.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use super::data::{Export, Output};
use super::task::{Common, TaskList};
use super::text::{Condition, Expression, UriOrExpression};

/// Publishes an event.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct EmitTask {
    /// What is published.
    emit: Emission,
    #[schemars(flatten)]
    common: Common,
}

/// What is published.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Emission {
    /// The event.
    event: EmittedEvent,
}

/// The event that is published.
#[derive(JsonSchema)]
struct EmittedEvent {
    /// Its attributes, as those of a CloudEvent.
    with: Option<EmittedAttributes>,
}

/// The attributes of an event that is published. Others than these are extensions of it.
#[derive(JsonSchema)]
#[schemars(extend("required" = ["type"]))]
struct EmittedAttributes {
    #[schemars(flatten)]
    attributes: Attributes,
}

/// Attributes of an event. Others than these are extensions of it.
#[derive(JsonSchema)]
struct Attributes {
    /// The id of the event, made up without it.
    id: Option<String>,
    /// Where the event comes from; the workflow without it.
    source: Option<UriOrExpression>,
    /// The kind of event.
    #[schemars(rename = "type")]
    kind: Option<String>,
    /// When it happened.
    time: Option<Time>,
    /// What it is about.
    subject: Option<String>,
    /// The media type of its data.
    datacontenttype: Option<String>,
    /// Where the schema of its data lies.
    dataschema: Option<UriOrExpression>,
    /// Its data.
    data: Option<Value>,
}

#[derive(JsonSchema)]
#[schemars(untagged, inline)]
enum Time {
    Literal(#[schemars(extend("format" = "date-time"))] String),
    Expression(Expression),
}

/// Waits for events.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct ListenTask {
    /// Which events.
    listen: Listener,
    /// What is done with each event.
    foreach: Option<Iterator>,
    #[schemars(flatten)]
    common: Common,
}

/// Which events are waited for.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Listener {
    /// The events.
    to: Consumption,
    /// What of the events becomes the output.
    #[schemars(extend("default" = "data"))]
    read: Option<ReadAs>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", inline)]
pub(super) enum ReadAs {
    /// The data of the event.
    Data,
    /// The event with its attributes.
    Envelope,
    /// The data as it was sent.
    Raw,
}

/// Which events are consumed: all of some, any of some, or one.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Consumption {
    All(All),
    Any(AnyUntil),
    One(One),
}

/// One event of each filter.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct All {
    /// The filters.
    all: Vec<EventFilter>,
}

/// Events of any of the filters, one or until something is true. No filters let every event through.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct AnyUntil {
    /// The filters.
    any: Vec<EventFilter>,
    /// Goes on until this is true, or until these events have come.
    until: Option<Until>,
}

/// One event.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct One {
    /// The filter.
    one: EventFilter,
}

/// What ends the consumption of events.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Until {
    Condition(Condition),
    All(All),
    Any(AnyOnce),
    One(One),
}

/// An event of any of the filters.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct AnyOnce {
    /// The filters.
    any: Vec<EventFilter>,
}

/// Which events pass.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct EventFilter {
    /// What an event must have: values, or expressions that are true for it.
    #[schemars(extend("minProperties" = 1))]
    with: Attributes,
    /// What events that belong together have in common, under names of your own.
    correlate: Option<BTreeMap<String, Correlation>>,
}

/// What events that belong together have in common.
#[derive(JsonSchema)]
struct Correlation {
    /// What of an event it is.
    from: Condition,
    /// What it must be; without it, what it is in the first event.
    expect: Option<String>,
}

/// What is done with each event or message.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Iterator {
    /// The variable that holds the event or message.
    #[schemars(extend("default" = "item"))]
    item: Option<String>,
    /// The variable that holds its number, from 0.
    #[schemars(extend("default" = "index"))]
    at: Option<String>,
    /// The tasks.
    #[schemars(rename = "do")]
    tasks: Option<TaskList>,
    /// What is made of the output of the tasks.
    output: Option<Output>,
    /// What is kept in `$context`.
    export: Option<Export>,
}
