//! Lifecycle events as CloudEvents 1.0, with the types and data that the Open Workflow Specification gives them (DSL reference, "Lifecycle
//! Events").
//!
//! Outputs are not in the events: as the specification says, an address stands for them, so that an event stays small. What the
//! specification has no event for has a type of ours: a task that was skipped.

use sandmill_core::ids::TaskExecId;
use sandmill_core::machine::{Lifecycle, TaskPlace};
use sandmill_core::problem::Problem;
use sandmill_engine::LifecycleEvent;
use sandmill_engine::ports::{ExecutionKey, ExecutionRow};
use serde::Serialize;
use utoipa::ToSchema;

/// What the types of the specification start with.
const TYPE_PREFIX: &str = "io.serverlessworkflow";

/// What our own types start with.
const OWN_TYPE_PREFIX: &str = "dev.sandmill";

/// A lifecycle event, as a CloudEvent in its JSON form.
#[derive(Serialize, ToSchema)]
pub(crate) struct CloudEventView {
    /// The version of CloudEvents.
    specversion: &'static str,
    /// Its id among the events of its source. The same whenever it is read.
    id: String,
    /// The execution that it is about.
    source: String,
    /// What happened, such as `io.serverlessworkflow.task.completed.v1`.
    #[serde(rename = "type")]
    kind: String,
    /// The task execution that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// When it happened.
    time: String,
    /// The form of `data`.
    datacontenttype: &'static str,
    /// What the specification says of it.
    data: DataView,
}

/// The data of a lifecycle event: the members of its type.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataView {
    /// The qualified name of the execution, in events about executions: name, id and namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The qualified name of the execution, in events about tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<String>,
    /// The task, as a JSON Pointer into the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<String>,
    /// The definition that the execution runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<DefinitionView>,
    #[serde(flatten)]
    at: AtView,
    /// Why it faulted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    error: Option<Problem>,
    /// Where its output is.
    #[serde(skip_serializing_if = "Option::is_none")]
    output_uri: Option<String>,
}

/// The name of a definition.
#[derive(Serialize, ToSchema)]
pub(crate) struct DefinitionView {
    /// Its name.
    name: String,
    /// Its namespace.
    namespace: String,
    /// Its version.
    version: String,
}

/// When it happened: one member, named by what happened.
#[derive(Serialize, ToSchema)]
pub(crate) enum AtView {
    /// It started.
    #[serde(rename = "startedAt")]
    Started(String),
    /// It was reached.
    #[serde(rename = "createdAt")]
    Created(String),
    /// It was suspended.
    #[serde(rename = "suspendedAt")]
    Suspended(String),
    /// It was resumed.
    #[serde(rename = "resumedAt")]
    Resumed(String),
    /// It was tried again.
    #[serde(rename = "retriedAt")]
    Retried(String),
    /// It was cancelled.
    #[serde(rename = "cancelledAt")]
    Cancelled(String),
    /// It faulted.
    #[serde(rename = "faultedAt")]
    Faulted(String),
    /// It completed.
    #[serde(rename = "completedAt")]
    Completed(String),
    /// It was skipped.
    #[serde(rename = "skippedAt")]
    Skipped(String),
}

/// The execution that events are about.
pub(super) struct About {
    key: ExecutionKey,
    namespace: String,
    name: String,
    version: String,
}

impl About {
    pub(super) fn new(key: ExecutionKey, row: &ExecutionRow) -> Self {
        let (workflow, version) = row.workflow.rsplit_once(':').unwrap_or((&row.workflow, ""));
        let (namespace, name) = workflow.split_once('/').unwrap_or(("", workflow));
        Self { key, namespace: namespace.into(), name: name.into(), version: version.into() }
    }

    /// The event on the wire.
    pub(super) fn cloud_event(&self, event: &LifecycleEvent) -> CloudEventView {
        let at = event.at.to_string();
        let (kind, subject, data) = match &event.lifecycle {
            Lifecycle::WorkflowStarted => self
                .of_workflow("started", DataView { definition: Some(self.definition()), ..when(AtView::Started(at)) }),
            Lifecycle::WorkflowSuspended => self.of_workflow("suspended", when(AtView::Suspended(at))),
            Lifecycle::WorkflowResumed => self.of_workflow("resumed", when(AtView::Resumed(at))),
            Lifecycle::WorkflowCancelled => self.of_workflow("cancelled", when(AtView::Cancelled(at))),
            Lifecycle::WorkflowFaulted(problem) => self.of_workflow("faulted", faulted(at, problem)),
            Lifecycle::WorkflowCompleted(_) => {
                self.of_workflow("completed", completed(at, format!("/v1/executions/{}", self.key.id)))
            }
            Lifecycle::TaskCreated(place) => self.of_task("created", place, when(AtView::Created(at))),
            Lifecycle::TaskSuspended(place) => self.of_task("suspended", place, when(AtView::Suspended(at))),
            Lifecycle::TaskResumed(place) => self.of_task("resumed", place, when(AtView::Resumed(at))),
            Lifecycle::TaskStarted(place) => self.of_task("started", place, when(AtView::Started(at))),
            Lifecycle::TaskRetried(place) => self.of_task("retried", place, when(AtView::Retried(at))),
            Lifecycle::TaskCancelled(place) => self.of_task("cancelled", place, when(AtView::Cancelled(at))),
            Lifecycle::TaskFaulted(place, problem) => self.of_task("faulted", place, faulted(at, problem)),
            Lifecycle::TaskCompleted(place, _) => self.of_task("completed", place, completed(at, output_uri(place.id))),
            Lifecycle::TaskSkipped(place) => self.of_task("skipped", place, when(AtView::Skipped(at))),
        };
        CloudEventView {
            specversion: "1.0",
            id: event.id.to_string(),
            source: format!("/v1/executions/{}", self.key.id),
            kind,
            subject,
            time: event.at.to_string(),
            datacontenttype: "application/json",
            data,
        }
    }

    fn of_workflow(&self, verb: &str, data: DataView) -> (String, Option<String>, DataView) {
        let data = DataView { name: Some(self.qualified_name()), ..data };
        (format!("{TYPE_PREFIX}.workflow.{verb}.v1"), None, data)
    }

    fn of_task(&self, verb: &str, place: &TaskPlace, data: DataView) -> (String, Option<String>, DataView) {
        let prefix = if verb == "skipped" { OWN_TYPE_PREFIX } else { TYPE_PREFIX };
        let task = Some(place.pointer.to_string());
        let data = DataView { workflow: Some(self.qualified_name()), task, ..data };
        (format!("{prefix}.task.{verb}.v1"), Some(place.id.to_string()), data)
    }

    /// As the specification's examples have it: `name-id.namespace`.
    fn qualified_name(&self) -> String {
        format!("{}-{}.{}", self.name, self.key.id, self.namespace)
    }

    fn definition(&self) -> DefinitionView {
        DefinitionView { name: self.name.clone(), namespace: self.namespace.clone(), version: self.version.clone() }
    }
}

fn when(at: AtView) -> DataView {
    DataView { name: None, workflow: None, task: None, definition: None, at, error: None, output_uri: None }
}

fn faulted(at: String, problem: &Problem) -> DataView {
    DataView { error: Some(problem.clone()), ..when(AtView::Faulted(at)) }
}

fn completed(at: String, output_uri: String) -> DataView {
    DataView { output_uri: Some(output_uri), ..when(AtView::Completed(at)) }
}

/// The page of tasks that holds this one alone.
fn output_uri(id: TaskExecId) -> String {
    let after = id.number.checked_sub(1).map(|before| format!("after={before}&")).unwrap_or_default();
    format!("/v1/executions/{}/tasks?{after}limit=1", id.workflow)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sandmill_core::ids::{Digest, JsonPointer, TenantId, WorkflowExecId};
    use sandmill_core::problem::ErrorKind;
    use sandmill_core::time::Timestamp;
    use sandmill_core::value::Value;
    use sandmill_engine::EventId;
    use sandmill_engine::ports::Status;

    use super::*;

    fn about() -> About {
        let id = WorkflowExecId::from_random(0xabc);
        let row = ExecutionRow {
            id,
            workflow: "samples/order-pet:1.2.0".into(),
            definition: Digest::of(b"document"),
            status: Status::Running,
            started_at: Timestamp(0),
            ended_at: None,
            expires_at: None,
            input: Digest::of(b"{}"),
            result: None,
            lineage: sandmill_engine::ports::Lineage::default(),
        };
        About::new(ExecutionKey { tenant: TenantId::new("t").unwrap(), id }, &row)
    }

    #[track_caller]
    fn check(lifecycle: Lifecycle, kind: &str, subject: Option<u32>, data: &str) {
        let event = LifecycleEvent { id: EventId { position: 7, index: 1 }, at: Timestamp(0), lifecycle };
        let shown = serde_json::to_value(about().cloud_event(&event)).unwrap();
        let execution = "00000000000000000000000000000abc";
        let data = data.replace("NAME", &format!("order-pet-{execution}.samples")).replace("ID", execution);
        let mut expected = serde_json::json!({
            "specversion": "1.0",
            "id": "7-1",
            "source": format!("/v1/executions/{execution}"),
            "type": kind,
            "time": "1970-01-01T00:00:00.000Z",
            "datacontenttype": "application/json",
            "data": serde_json::from_str::<serde_json::Value>(&data).unwrap(),
        });
        if let Some(number) = subject {
            expected["subject"] = format!("{execution}-{number}").into();
        }
        assert_eq!(shown, expected);
    }

    /// The data of an event: who, and one member more, which holds when.
    fn data(who: &str, at: &str, more: &str) -> String {
        format!(r#"{{{who},"{at}":"1970-01-01T00:00:00.000Z"{more}}}"#)
    }

    #[test]
    fn events_about_executions_have_the_specifications_types_and_members() {
        let check = |lifecycle, verb: &str, at, more: &str| {
            let kind = format!("io.serverlessworkflow.workflow.{verb}.v1");
            check(lifecycle, &kind, None, &data(r#""name":"NAME""#, at, more));
        };
        let definition = r#","definition":{"name":"order-pet","namespace":"samples","version":"1.2.0"}"#;
        check(Lifecycle::WorkflowStarted, "started", "startedAt", definition);
        check(Lifecycle::WorkflowSuspended, "suspended", "suspendedAt", "");
        check(Lifecycle::WorkflowResumed, "resumed", "resumedAt", "");
        check(Lifecycle::WorkflowCancelled, "cancelled", "cancelledAt", "");
        let output_uri = r#","outputUri":"/v1/executions/ID""#;
        check(Lifecycle::WorkflowCompleted(Value::null()), "completed", "completedAt", output_uri);
        let problem = Arc::new(Problem::new(ErrorKind::Timeout, "late"));
        let error = format!(r#","error":{}"#, problem.to_value());
        check(Lifecycle::WorkflowFaulted(problem), "faulted", "faultedAt", &error);
    }

    #[test]
    fn events_about_tasks_name_the_task_and_where_its_output_is() {
        let pointer = JsonPointer::root().child("do").index(1).child("initialize");
        let place = |number| TaskPlace {
            id: TaskExecId { workflow: WorkflowExecId::from_random(0xabc), number },
            pointer: pointer.clone(),
        };
        let check = |lifecycle, kind: &str, subject, at, more: &str| {
            check(lifecycle, kind, Some(subject), &data(r#""workflow":"NAME","task":"/do/1/initialize""#, at, more));
        };
        let kind = |verb: &str| format!("io.serverlessworkflow.task.{verb}.v1");
        check(Lifecycle::TaskCreated(place(2)), &kind("created"), 2, "createdAt", "");
        check(Lifecycle::TaskStarted(place(2)), &kind("started"), 2, "startedAt", "");
        check(Lifecycle::TaskSuspended(place(2)), &kind("suspended"), 2, "suspendedAt", "");
        check(Lifecycle::TaskResumed(place(2)), &kind("resumed"), 2, "resumedAt", "");
        check(Lifecycle::TaskRetried(place(2)), &kind("retried"), 2, "retriedAt", "");
        check(Lifecycle::TaskCancelled(place(2)), &kind("cancelled"), 2, "cancelledAt", "");
        check(Lifecycle::TaskSkipped(place(2)), "dev.sandmill.task.skipped.v1", 2, "skippedAt", "");
        let output = Value::null();
        let uri = r#","outputUri":"/v1/executions/ID/tasks?after=1&limit=1""#;
        check(Lifecycle::TaskCompleted(place(2), output.clone()), &kind("completed"), 2, "completedAt", uri);
        let uri = r#","outputUri":"/v1/executions/ID/tasks?limit=1""#;
        check(Lifecycle::TaskCompleted(place(0), output), &kind("completed"), 0, "completedAt", uri);
        let problem = Arc::new(Problem::new(ErrorKind::Timeout, "late"));
        let error = format!(r#","error":{}"#, problem.to_value());
        check(Lifecycle::TaskFaulted(place(2), problem), &kind("faulted"), 2, "faultedAt", &error);
    }
}
