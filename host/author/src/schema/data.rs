//! What goes in and what comes out: transformations, schemas, and things that lie elsewhere.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use super::security::AuthenticationOrName;
use super::text::{Expression, Uri, UriOrExpression};

/// What is done to an input.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Input {
    /// What the raw input must be.
    schema: Option<Schema>,
    /// What the input becomes.
    from: Option<Transformation>,
}

/// What is done to an output.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Output {
    /// What the output must be, once it is transformed.
    schema: Option<Schema>,
    /// What the output becomes.
    #[schemars(rename = "as")]
    template: Option<Transformation>,
}

/// What is kept in `$context`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Export {
    /// What the context must be.
    schema: Option<Schema>,
    /// What replaces `$context`; it sees the output of the task.
    #[schemars(rename = "as")]
    template: Option<Transformation>,
}

/// An expression, or an object with expressions in it.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Transformation {
    Expression(String),
    Object(BTreeMap<String, Value>),
}

/// A schema: written out under `document`, or fetched from a `resource`.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Schema {
    Inline(InlineSchema),
    External(ExternalSchema),
}

/// A schema that is written out.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct InlineSchema {
    /// The kind of schema, with its version behind a colon where that matters.
    #[schemars(extend("default" = "json"))]
    format: Option<String>,
    /// The schema itself.
    document: Value,
}

/// A schema that lies elsewhere.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ExternalSchema {
    /// The kind of schema, with its version behind a colon where that matters.
    #[schemars(extend("default" = "json"))]
    format: Option<String>,
    /// Where the schema lies.
    resource: Resource,
}

/// Something that lies elsewhere.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Resource {
    /// A name for it.
    name: Option<String>,
    /// Where it is fetched from.
    endpoint: Endpoint,
}

/// An address: a URI, an expression that gives one, or an object that says how to be let in too.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Endpoint {
    Expression(Expression),
    Uri(Uri),
    Full(FullEndpoint),
}

/// An address with an authentication.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct FullEndpoint {
    /// The URI, or an expression that gives it.
    uri: UriOrExpression,
    /// How to be let in.
    authentication: Option<AuthenticationOrName>,
}
