//! `use`: what a document defines once and refers to by name.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::control::{Error, Timeout};
use super::data::Endpoint;
use super::security::NamedAuthentication;
use super::task::{Task, TaskList};
use super::text::Condition;
use super::trying::RetryPolicy;

/// What is defined once and referred to by name.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Use {
    /// Authentications, by name.
    authentications: Option<BTreeMap<String, NamedAuthentication>>,
    /// Catalogs of functions, by name.
    catalogs: Option<BTreeMap<String, Catalog>>,
    /// Errors that `raise` refers to, by name.
    errors: Option<BTreeMap<String, Error>>,
    /// Tasks that are done before and after others.
    extensions: Option<Vec<ExtensionItem>>,
    /// Tasks that `call` refers to, by name.
    functions: Option<BTreeMap<String, Task>>,
    /// Retry policies that `catch.retry` refers to, by name.
    retries: Option<BTreeMap<String, RetryPolicy>>,
    /// The names of the secrets that the workflow needs.
    secrets: Option<Vec<String>>,
    /// Timeouts that `timeout` refers to, by name.
    timeouts: Option<BTreeMap<String, Timeout>>,
}

/// A catalog of functions.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Catalog {
    /// The address that it begins at.
    endpoint: Endpoint,
}

/// One extension, under its name.
#[derive(JsonSchema)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
struct ExtensionItem(BTreeMap<String, Extension>);

/// Tasks that are done before and after others.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Extension {
    /// Which tasks are extended.
    extend: Extended,
    /// They are extended only where this is true.
    when: Option<Condition>,
    /// What is done before such a task.
    before: Option<TaskList>,
    /// What is done after such a task.
    after: Option<TaskList>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", inline)]
enum Extended {
    Call,
    /// Tasks that hold others: `do` and `fork`.
    Composite,
    Emit,
    For,
    Listen,
    Raise,
    Run,
    Set,
    Switch,
    Try,
    Wait,
    /// Every task.
    All,
}
