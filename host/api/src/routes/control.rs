//! What can be asked of an execution in flight: `POST /v1/executions/{id}/cancel`, `suspend` and `resume`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use sandmill_engine::Control;

use super::executions::{self, ExecutionView};
use crate::auth::Caller;
use crate::error::{ApiError, ProblemView};
use crate::extract::PathOf;
use crate::state::Shared;

/// What a request came to: written down, and on its way.
type Accepted = (StatusCode, Json<ExecutionView>);

/// End an execution: its tasks are interrupted, their results ignored.
#[utoipa::path(
    post, operation_id = "cancel_execution", path = "/v1/executions/{id}/cancel", tag = "executions", params(("id" = String, Path)),
    responses(
        (status = 202, description = "It was told", body = ExecutionView),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn cancel(
    State(api): State<Shared>,
    caller: Caller,
    PathOf(id): PathOf<String>,
) -> Result<Accepted, ApiError> {
    tell(&api, &caller, &id, Control::Cancel).await
}

/// Hold an execution: tasks that run come to their end, and nothing more is dispatched.
#[utoipa::path(
    post, operation_id = "suspend_execution", path = "/v1/executions/{id}/suspend", tag = "executions", params(("id" = String, Path)),
    responses(
        (status = 202, description = "It was told", body = ExecutionView),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn suspend(
    State(api): State<Shared>,
    caller: Caller,
    PathOf(id): PathOf<String>,
) -> Result<Accepted, ApiError> {
    tell(&api, &caller, &id, Control::Suspend).await
}

/// Let an execution go on that was suspended.
#[utoipa::path(
    post, operation_id = "resume_execution", path = "/v1/executions/{id}/resume", tag = "executions", params(("id" = String, Path)),
    responses(
        (status = 202, description = "It was told", body = ExecutionView),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn resume(
    State(api): State<Shared>,
    caller: Caller,
    PathOf(id): PathOf<String>,
) -> Result<Accepted, ApiError> {
    tell(&api, &caller, &id, Control::Resume).await
}

async fn tell(api: &Shared, caller: &Caller, id: &str, control: Control) -> Result<Accepted, ApiError> {
    let key = caller.execution(id)?;
    api.engine.control(&key, control).await?;
    let row = executions::row(&api.engine, &key)?;
    Ok((StatusCode::ACCEPTED, Json(ExecutionView::short(row))))
}
