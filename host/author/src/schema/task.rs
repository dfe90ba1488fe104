//! A task: what all of them have, and what one can do.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::call;
use super::control::{DoTask, ForTask, ForkTask, RaiseTask, SetTask, SwitchTask, Then, Timeout, WaitTask};
use super::data::{Export, Input, Output};
use super::event::{EmitTask, ListenTask};
use super::metadata::TaskMetadata;
use super::run::RunTask;
use super::text::{Condition, OrName};
use super::trying::TryTask;

/// Tasks, one after the other.
#[derive(JsonSchema)]
pub(super) struct TaskList(Vec<TaskItem>);

/// One task, under its name.
#[derive(JsonSchema)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
struct TaskItem(BTreeMap<String, Task>);

/// A task does one thing.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Task {
    CallHttp(call::CallHttp),
    CallOpenApi(call::CallOpenApi),
    CallGrpc(call::CallGrpc),
    CallAsyncApi(call::CallAsyncApi),
    CallMcp(call::CallMcp),
    CallA2a(call::CallA2a),
    CallWasm(call::CallWasm),
    CallFunction(call::CallFunction),
    Do(DoTask),
    For(ForTask),
    Fork(ForkTask),
    Set(SetTask),
    Switch(SwitchTask),
    Try(TryTask),
    Raise(RaiseTask),
    Wait(WaitTask),
    Emit(EmitTask),
    Listen(ListenTask),
    Run(RunTask),
}

#[derive(JsonSchema)]
pub(super) struct Common {
    /// The task is skipped where this is false; its input passes through.
    #[schemars(rename = "if")]
    condition: Option<Condition>,
    /// The input of the task: its schema, and what is done to it before the task sees it.
    input: Option<Input>,
    /// The output of the task: what is made of it, and its schema.
    output: Option<Output>,
    /// What of the task is kept in `$context`.
    export: Option<Export>,
    /// How long the task may take: inline, or the name of a timeout in `use.timeouts`.
    timeout: Option<OrName<Timeout>>,
    /// What comes next; without it, the next task of the list.
    then: Option<Then>,
    /// Options of a runtime, and whatever else is to be noted.
    metadata: Option<TaskMetadata>,
}
