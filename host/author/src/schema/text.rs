//! The texts of the language: expressions, addresses, names, versions and durations.

use schemars::JsonSchema;

/// A runtime expression: jq between `${` and `}`.
#[derive(JsonSchema)]
pub(super) struct Expression(#[schemars(regex(pattern = r"^\s*\$\{[\s\S]+\}\s*$"))] String);

/// A runtime expression, in jq. The `${ }` around it may be left out.
#[derive(JsonSchema)]
pub(super) struct Condition(String);

/// A URI reference, or a URI template with parts in braces.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Uri {
    Template(#[schemars(regex(pattern = r"^(?!\$\{)\S+$"), extend("format" = "uri-template"))] String),
    Reference(#[schemars(regex(pattern = r"^(?!\$\{)\S+$"), extend("format" = "uri-reference"))] String),
}

/// A URI, or an expression that gives one.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
pub(super) enum UriOrExpression {
    Literal(Uri),
    Expression(Expression),
}

/// 1 to 63 letters, digits and inner hyphens.
#[derive(JsonSchema)]
pub(super) struct Label(#[schemars(regex(pattern = r"^[0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?$"))] String);

/// 1 to 63 lower-case letters, digits and inner hyphens.
#[derive(JsonSchema)]
pub(super) struct QueueName(#[schemars(regex(pattern = r"^[0-9a-z]([0-9a-z-]{0,61}[0-9a-z])?$"))] String);

/// A semantic version, such as `1.0.0`.
#[derive(JsonSchema)]
pub(super) struct Version(#[schemars(regex(pattern = SEMANTIC_VERSION))] String);

const SEMANTIC_VERSION: &str = concat!(
    r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)",
    r"(-(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?",
    r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$",
);

/// A span of time: an object of units, ISO 8601 text such as `PT1M30S`, or an expression that gives one of them.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Duration {
    Units(Units),
    Iso8601(#[schemars(regex(pattern = ISO_8601), extend("examples" = ["PT30S", "P1DT12H"]))] String),
    Expression(Expression),
}

const ISO_8601: &str = concat!(
    r"^P(?=[0-9]|T[0-9])([0-9]+(\.[0-9]+)?Y)?([0-9]+(\.[0-9]+)?M)?([0-9]+(\.[0-9]+)?W)?([0-9]+(\.[0-9]+)?D)?",
    r"(T(?=[0-9])([0-9]+(\.[0-9]+)?H)?([0-9]+(\.[0-9]+)?M)?([0-9]+(\.[0-9]+)?S)?)?$",
);

/// A span of time by its units, which are added up.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
pub(super) struct Units {
    /// Days of 24 hours.
    days: Option<i64>,
    /// Hours.
    hours: Option<i64>,
    /// Minutes.
    minutes: Option<i64>,
    /// Seconds.
    seconds: Option<i64>,
    /// Milliseconds.
    milliseconds: Option<i64>,
}

/// Written out, or the name of one that `use` defines.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
pub(super) enum OrName<T> {
    Inline(T),
    Name(String),
}
