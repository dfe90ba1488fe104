//! The task executions of an execution: `GET /v1/executions/{id}/tasks`.

use axum::Json;
use axum::extract::State;
use sandmill_core::problem::Problem;
use sandmill_core::value::Value;
use sandmill_engine::TaskStatus;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::PageView;
use super::events::ProgressView;
use crate::auth::Caller;
use crate::code::Code;
use crate::error::{ApiError, ProblemView};
use crate::extract::{PathOf, QueryOf};
use crate::state::{Shared, blocking};

/// One visit of one task.
#[derive(Serialize, ToSchema)]
pub(crate) struct TaskView {
    /// Its task execution ID.
    id: String,
    /// The task's name.
    name: String,
    /// The task, as a JSON Pointer into the document.
    pointer: String,
    /// `pending`, `running`, `waiting`, `cancelled`, `faulted`, `completed` or `skipped`.
    #[schema(value_type = String)]
    status: TaskStatus,
    /// The attempt that runs or ran last, from 1; 0 for a task that no worker runs, or not yet.
    attempt: u32,
    /// The round of the innermost `try`, from 1, for a task that a worker runs.
    round: Option<u32>,
    /// When it began.
    started_at: String,
    /// When it ended.
    ended_at: Option<String>,
    /// Its resolved arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    config: Option<Value>,
    /// Its output, once it has completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    output: Option<Value>,
    /// Its problem, once it has faulted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    error: Option<Problem>,
    /// How far it has come, while it runs and where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<ProgressView>,
    /// The execution that it started, of a task that runs another workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    execution: Option<String>,
}

impl From<sandmill_engine::TaskView> for TaskView {
    fn from(task: sandmill_engine::TaskView) -> Self {
        Self {
            progress: task.progress.map(|progress| ProgressView::new(task.id, progress)),
            id: task.id.to_string(),
            name: task.name,
            pointer: task.pointer.to_string(),
            status: task.status,
            attempt: task.attempt,
            round: task.round,
            started_at: task.started_at.to_string(),
            ended_at: task.ended_at.map(|at| at.to_string()),
            config: task.config,
            output: task.output,
            error: task.error,
            execution: task.child.map(|id| id.to_string()),
        }
    }
}

/// Which tasks.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TaskQuery {
    /// Items on the page, 50 where none is named.
    limit: Option<usize>,
    /// The `next` of the page before, or the number at the end of the last id that was seen.
    after: Option<u32>,
}

/// The tasks of an execution, in the order in which they began, with their resolved configs and outputs.
#[utoipa::path(
    get, operation_id = "list_tasks", path = "/v1/executions/{id}/tasks", tag = "executions", params(("id" = String, Path), TaskQuery),
    responses(
        (status = 200, description = "A page", body = PageView<TaskView>),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn tasks(
    State(api): State<Shared>,
    caller: Caller,
    PathOf(id): PathOf<String>,
    QueryOf(query): QueryOf<TaskQuery>,
) -> Result<Json<PageView<TaskView>>, ApiError> {
    let key = caller.execution(&id)?;
    let items_max = api.page_items(query.limit)?;
    let missing = ApiError::new(Code::ExecutionNotFound, format!("There is no execution {id}."));
    let page = blocking(move || api.engine.tasks(&key, query.after, items_max)?.ok_or(missing)).await?;
    let items = page.items.into_iter().map(Into::into).collect();
    Ok(Json(PageView { items, next: page.next.map(|next| next.to_string()) }))
}
