//! What a `call: asyncapi` needs: an operation, and the message to publish or the subscription.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use super::super::data::Resource;
use super::super::event::Iterator;
use super::super::security::AuthenticationOrName;
use super::super::text::{Duration, Expression};

/// An operation or a channel, and the message to publish or the subscription.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    extend("allOf" = [
        { "oneOf": [{ "required": ["operation"] }, { "required": ["channel"] }] },
        { "oneOf": [{ "required": ["message"] }, { "required": ["subscription"] }] },
    ])
)]
pub(in crate::schema) struct AsyncApi {
    /// The AsyncAPI document.
    document: Resource,
    /// The channel, for AsyncAPI 2.
    channel: Option<String>,
    /// The operation, for AsyncAPI 3.
    operation: Option<String>,
    /// The server, where the document names several.
    server: Option<Server>,
    /// The protocol, where the document has servers of several.
    protocol: Option<Protocol>,
    /// The message to publish.
    message: Option<Message>,
    /// The messages to consume.
    subscription: Option<Subscription>,
    /// How to be let in.
    authentication: Option<AuthenticationOrName>,
}

/// A server of an AsyncAPI document.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Server {
    /// Its name in the document.
    name: String,
    /// What stands for the variables of its address.
    variables: Option<BTreeMap<String, Value>>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
enum Protocol {
    Amqp,
    Amqp1,
    AnypointMq,
    GooglePubSub,
    Http,
    IbmMq,
    Jms,
    Kafka,
    Mercure,
    Mqtt,
    Mqtt5,
    Nats,
    Pulsar,
    Redis,
    Sns,
    Solace,
    Sqs,
    Stomp,
    Ws,
}

/// A message to publish.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Message {
    /// What it says.
    payload: Option<BTreeMap<String, Value>>,
    /// Its headers.
    headers: Option<BTreeMap<String, Value>>,
}

/// Messages to consume.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Subscription {
    /// Which messages: an expression that is true for them.
    filter: Option<Expression>,
    /// How many, and for how long.
    consume: Consume,
    /// What is done with each message.
    foreach: Option<Iterator>,
}

/// How many messages are consumed, and for how long.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Consume {
    Amount(ConsumeAmount),
    While(ConsumeWhile),
    Until(ConsumeUntil),
}

/// A number of messages.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ConsumeAmount {
    /// How many.
    amount: i64,
    /// For how long at most.
    #[schemars(rename = "for")]
    time: Option<Duration>,
}

/// Messages for as long as something is true.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ConsumeWhile {
    /// Asked after each message: it goes on where this is true.
    #[schemars(rename = "while")]
    condition: Expression,
    /// For how long at most.
    #[schemars(rename = "for")]
    time: Option<Duration>,
}

/// Messages until something is true.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ConsumeUntil {
    /// Asked before each message: it ends where this is true.
    until: Expression,
    /// For how long at most.
    #[schemars(rename = "for")]
    time: Option<Duration>,
}
