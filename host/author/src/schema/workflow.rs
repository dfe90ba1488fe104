//! The document itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use super::control::Timeout;
use super::data::{Input, Output};
use super::metadata::DocumentMetadata;
use super::reuse::Use;
use super::schedule::Schedule;
use super::task::TaskList;
use super::text::{Label, OrName, Version};

/// A workflow of the Open Workflow Specification, DSL 1.0.3, with the options of Sandmill.
#[derive(JsonSchema)]
#[schemars(title = "Workflow")]
pub(super) struct Workflow {
    /// What the workflow is called, and the version of the language that it is written in.
    document: Document,
    /// The input of an execution: its schema, and what is done to it before the first task.
    input: Option<Input>,
    /// What is defined once and referred to by name.
    #[schemars(rename = "use")]
    reuse: Option<Use>,
    /// The tasks, one after the other.
    #[schemars(rename = "do")]
    tasks: TaskList,
    /// How long an execution may take: inline, or the name of a timeout in `use.timeouts`.
    timeout: Option<OrName<Timeout>>,
    /// The output of an execution: what is made of the last task's output, and its schema.
    output: Option<Output>,
    /// When the workflow starts by itself.
    schedule: Option<Schedule>,
    /// How expressions are evaluated.
    evaluate: Option<Evaluate>,
}

/// What a document says of itself.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Document {
    /// The version of the language, `1.0.0` to `1.0.3`.
    #[schemars(extend("examples" = ["1.0.3"]))]
    dsl: Version,
    /// The namespace of the workflow.
    namespace: Label,
    /// The name of the workflow.
    name: Label,
    /// The version of the workflow. A version that was deployed never changes.
    version: Version,
    /// The title of the workflow.
    title: Option<String>,
    /// What the workflow does, in Markdown.
    summary: Option<String>,
    /// Whatever the workflow is to be found by.
    tags: Option<BTreeMap<String, Value>>,
    /// Options of a runtime, and whatever else is to be noted.
    metadata: Option<DocumentMetadata>,
}

/// How expressions are evaluated.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Evaluate {
    /// The language of expressions.
    #[schemars(extend("default" = "jq"))]
    language: Option<String>,
    /// Which texts are expressions.
    #[schemars(extend("default" = "strict"))]
    mode: Option<Mode>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", inline)]
enum Mode {
    /// A text is an expression where `${ }` stands around it.
    Strict,
    /// Every text is evaluated, and is itself where that fails.
    Loose,
}
