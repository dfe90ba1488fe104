//! Executions of a tenant, and how they ended: `/v1/executions`.

use axum::Json;
use axum::extract::State;
use sandmill_core::value::Value;
use sandmill_engine::Engine;
use sandmill_engine::ports::{ExecutionFilter, ExecutionKey, ExecutionRow, Status};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::PageView;
use crate::auth::Caller;
use crate::code::Code;
use crate::error::{ApiError, ProblemView};
use crate::extract::{PathOf, QueryOf};
use crate::state::{Shared, blocking};

/// An execution.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExecutionView {
    /// Its id, 32 hexadecimal digits.
    id: String,
    /// `namespace/name:version` of its definition.
    workflow: String,
    /// The digest of its definition.
    definition: String,
    /// Where it stands.
    status: StatusView,
    /// When it was accepted.
    started_at: String,
    /// When it ended.
    ended_at: Option<String>,
    /// The SHA-256 of its input, as JSON text without blanks.
    input_digest: String,
    /// The execution that it runs again.
    #[serde(skip_serializing_if = "Option::is_none")]
    rerun_of: Option<String>,
    /// The task execution that started it, with `run.workflow`: its execution is what stands before the last hyphen.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    /// What it came to, once it completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    output: Option<Value>,
    /// The problem that it ended with, once it faulted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    error: Option<Value>,
}

/// Where an execution or a task stands. `cancelled`, `faulted` and `completed` are the ends.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StatusView {
    /// Accepted and not begun.
    Pending,
    /// Under way.
    Running,
    /// A timer or an event will wake it.
    Waiting,
    /// Held until somebody resumes it.
    Suspended,
    /// Ended by a request.
    Cancelled,
    /// Ended by an error.
    Faulted,
    /// Ended with an output.
    Completed,
}

impl From<Status> for StatusView {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Running => Self::Running,
            Status::Waiting => Self::Waiting,
            Status::Suspended => Self::Suspended,
            Status::Cancelled => Self::Cancelled,
            Status::Faulted => Self::Faulted,
            Status::Completed => Self::Completed,
        }
    }
}

impl From<StatusView> for Status {
    fn from(status: StatusView) -> Self {
        match status {
            StatusView::Pending => Self::Pending,
            StatusView::Running => Self::Running,
            StatusView::Waiting => Self::Waiting,
            StatusView::Suspended => Self::Suspended,
            StatusView::Cancelled => Self::Cancelled,
            StatusView::Faulted => Self::Faulted,
            StatusView::Completed => Self::Completed,
        }
    }
}

/// Which executions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExecutionQuery {
    /// Only those that stand there.
    #[param(inline)]
    status: Option<StatusView>,
    /// Only those of that workflow: `namespace/name`, or with `:version`.
    workflow: Option<String>,
    /// Items on the page, 50 where none is named.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

impl ExecutionView {
    /// Without its output or error, as lists show it.
    pub(super) fn short(row: ExecutionRow) -> Self {
        Self {
            id: row.id.to_string(),
            workflow: row.workflow,
            definition: row.definition.to_string(),
            status: row.status.into(),
            started_at: row.started_at.to_string(),
            ended_at: row.ended_at.map(|at| at.to_string()),
            input_digest: row.input.to_string(),
            rerun_of: row.lineage.rerun_of.map(|id| id.to_string()),
            parent: row.lineage.parent.map(|parent| parent.task.to_string()),
            output: None,
            error: None,
        }
    }

    /// With its output or error.
    pub(super) fn of(engine: &Engine, key: &ExecutionKey, row: ExecutionRow) -> Result<Self, ApiError> {
        let result = engine.result(key, &row)?;
        let (output, error) = match row.status {
            Status::Completed => (result, None),
            Status::Faulted => (None, result),
            _ => (None, None),
        };
        Ok(Self { output, error, ..Self::short(row) })
    }
}

/// The executions of a tenant, newest first, without their outputs.
#[utoipa::path(
    get, operation_id = "list_executions", path = "/v1/executions", tag = "executions", params(ExecutionQuery),
    responses(
        (status = 200, description = "A page", body = PageView<ExecutionView>),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn list(
    State(api): State<Shared>,
    caller: Caller,
    QueryOf(query): QueryOf<ExecutionQuery>,
) -> Result<Json<PageView<ExecutionView>>, ApiError> {
    let items_max = api.page_items(query.limit)?;
    let filter = ExecutionFilter { status: query.status.map(Into::into), workflow: query.workflow };
    let after = query.after;
    let page = blocking(move || Ok(api.store.list(&caller.tenant, &filter, after.as_deref(), items_max)?)).await?;
    Ok(Json(PageView { items: page.items.into_iter().map(ExecutionView::short).collect(), next: page.next }))
}

/// One execution, with its output or error once it has ended.
#[utoipa::path(
    get, operation_id = "get_execution", path = "/v1/executions/{id}", tag = "executions",
    params(("id" = String, Path)),
    responses(
        (status = 200, description = "The execution", body = ExecutionView),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn get(
    State(api): State<Shared>,
    caller: Caller,
    PathOf(id): PathOf<String>,
) -> Result<Json<ExecutionView>, ApiError> {
    let key = caller.execution(&id)?;
    let view = blocking(move || {
        let row = row(&api.engine, &key)?;
        ExecutionView::of(&api.engine, &key, row)
    });
    Ok(Json(view.await?))
}

/// The row of an execution, or an error that there is none.
pub(super) fn row(engine: &Engine, key: &ExecutionKey) -> Result<ExecutionRow, ApiError> {
    let missing = || ApiError::new(Code::ExecutionNotFound, format!("There is no execution {}.", key.id));
    engine.row(key)?.ok_or_else(missing)
}
