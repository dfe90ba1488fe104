//! `run`: other workflows, scripts, shell commands and containers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use super::data::Resource;
use super::task::Common;
use super::text::Duration;

/// Runs something else.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct RunTask {
    /// What is run.
    run: Run,
    #[schemars(flatten)]
    common: Common,
}

/// What is run.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Run {
    Workflow(RunWorkflow),
    Script(RunScript),
    Shell(RunShell),
    Container(RunContainer),
}

#[derive(JsonSchema)]
struct Options {
    /// False where the task does not wait for the end, and its output is its input.
    #[schemars(rename = "await", extend("default" = true))]
    awaited: Option<bool>,
    /// What of a process becomes the output.
    #[schemars(rename = "return", extend("default" = "stdout"))]
    result: Option<ProcessResult>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", inline)]
enum ProcessResult {
    /// What it wrote to standard output.
    Stdout,
    /// What it wrote to standard error.
    Stderr,
    /// Its exit code.
    Code,
    /// All three, in an object.
    All,
    /// Nothing.
    None,
}

/// Another workflow, or this one again.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct RunWorkflow {
    /// The workflow.
    workflow: Subflow,
    #[schemars(flatten)]
    options: Options,
}

/// A workflow by its name.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Subflow {
    /// Its namespace.
    namespace: String,
    /// Its name.
    name: String,
    /// Its version; `latest` is the newest.
    #[schemars(extend("default" = "latest"))]
    version: String,
    /// Its input, with expressions in it.
    input: Option<BTreeMap<String, Value>>,
}

/// A script.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct RunScript {
    /// The script.
    script: Script,
    #[schemars(flatten)]
    options: Options,
}

/// A script: written out under `code`, or fetched from a `source`.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Script {
    Inline(InlineScript),
    External(ExternalScript),
}

/// A script that is written out.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct InlineScript {
    #[schemars(flatten)]
    options: ScriptOptions,
    /// The script itself.
    code: String,
}

/// A script that lies elsewhere.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ExternalScript {
    #[schemars(flatten)]
    options: ScriptOptions,
    /// Where the script lies.
    source: Resource,
}

#[derive(JsonSchema)]
struct ScriptOptions {
    /// The language of the script.
    #[schemars(extend("examples" = ["js", "python"]))]
    language: String,
    /// What the script reads from standard input.
    stdin: Option<String>,
    /// The arguments of the script.
    arguments: Option<Vec<String>>,
    /// The environment variables of the script.
    environment: Option<BTreeMap<String, Value>>,
}

/// A command of the shell.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct RunShell {
    /// The command.
    shell: Shell,
    #[schemars(flatten)]
    options: Options,
}

/// A command of the shell.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Shell {
    /// The command itself.
    command: String,
    /// What it reads from standard input.
    stdin: Option<String>,
    /// Its arguments.
    arguments: Option<Vec<String>>,
    /// Its environment variables.
    environment: Option<BTreeMap<String, Value>>,
}

/// A container.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct RunContainer {
    /// The container.
    container: Container,
    #[schemars(flatten)]
    options: Options,
}

/// A container.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
struct Container {
    /// The image.
    image: String,
    /// The name of the container.
    name: Option<String>,
    /// The command that runs in it.
    command: Option<String>,
    /// Which ports of the host lead to which of the container.
    ports: Option<BTreeMap<String, Value>>,
    /// Which folders of the host are seen where in the container.
    volumes: Option<BTreeMap<String, Value>>,
    /// The environment variables of the command.
    environment: Option<BTreeMap<String, Value>>,
    /// What the command reads from standard input.
    stdin: Option<String>,
    /// The arguments of the command.
    arguments: Option<Vec<String>>,
    /// When the container is removed.
    lifetime: Option<Lifetime>,
    /// When the image is fetched.
    #[schemars(extend("default" = "ifNotPresent"))]
    pull_policy: Option<PullPolicy>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", inline)]
enum PullPolicy {
    /// Where it is not there yet.
    IfNotPresent,
    /// Each time.
    Always,
    /// Never: it must be there.
    Never,
}

/// When a container is removed.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Lifetime {
    Eventual(EventualLifetime),
    Fixed(FixedLifetime),
}

/// A container that is removed some time after its end.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct EventualLifetime {
    /// Some time after its end.
    #[schemars(extend("const" = "eventually"))]
    cleanup: String,
    /// How long after its end.
    after: Duration,
}

/// A container that is removed at its end, or never.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FixedLifetime {
    /// When it is removed.
    #[schemars(extend("default" = "never"))]
    cleanup: Cleanup,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", inline)]
enum Cleanup {
    /// At its end.
    Always,
    /// Never.
    Never,
}
