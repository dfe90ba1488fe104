//! Starting in the middle: `POST /v1/executions/{id}/rerun` and `POST /v1/workflows/{namespace}/{name}/tasks/{task}/executions`.
//!
//! Either makes a new execution. What a rerun takes over from the first one is not done again.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use sandmill_core::machine::Origin;
use sandmill_core::value::Value;
use sandmill_engine::{Again, Start};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::executions::ExecutionView;
use super::start::{begin, definition, idempotency_key, random, within_limit};
use crate::auth::Caller;
use crate::code::Code;
use crate::error::{ApiError, ProblemView};
use crate::extract::{PathOf, QueryOf, Span, json_members};
use crate::state::{Shared, blocking};

/// How to run again.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RerunQuery {
    /// The name or the JSON Pointer of a task: it and what follows are done again, also what had succeeded.
    from: Option<String>,
    /// How long to wait for the end, such as `30s`.
    #[param(value_type = Option<String>, example = "30s")]
    wait: Option<Span>,
}

/// Run an execution again.
///
/// A new execution of the same definition with the same input, linked to the first one. Calls and waits that were done before the failed step are taken
/// over with their outputs, and so are the items of a parallel map that succeeded: only what failed or was not reached is done. With `from` everything
/// from that task on is done again.
#[utoipa::path(
    post, operation_id = "rerun_execution", path = "/v1/executions/{id}/rerun", tag = "executions",
    params(
        ("id" = String, Path), RerunQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters")
    ),
    responses(
        (status = 202, description = "It was started", body = ExecutionView,
            headers(("location" = String, description = "Where to look at it"))),
        (status = 200, description = "It has ended within the wait, with its output or its error", body = ExecutionView),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn rerun(
    State(api): State<Shared>,
    caller: Caller,
    PathOf(id): PathOf<String>,
    QueryOf(query): QueryOf<RerunQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let wait = query.wait.map(|wait| within_limit(wait, api.options.wait_max)).transpose()?;
    let idempotency_key = idempotency_key(request.headers())?;
    let key = caller.execution(&id)?;
    let reading = Arc::clone(&api);
    let again = blocking(move || {
        let missing = || ApiError::new(Code::ExecutionNotFound, format!("There is no execution {}.", key.id));
        reading.engine.again(&key, query.from.as_deref())?.ok_or_else(missing)
    })
    .await?;
    let Again { definition, input, origin } = again;
    let origin = Some(Box::new(origin));
    let start = Start { tenant: caller.tenant, definition, input, idempotency_key, random: random()?, origin };
    begin(&api, start, wait).await
}

/// How to start at a task.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StartAtQuery {
    /// The version of the definition; the newest where none is named.
    version: Option<String>,
    /// How long to wait for the end, such as `30s`.
    #[param(value_type = Option<String>, example = "30s")]
    wait: Option<Span>,
}

/// What an execution begins with that begins at a task.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartAtBody {
    /// The input of the workflow, which becomes the task's raw input; `{}` where it is left out.
    #[schema(value_type = Option<serde_json::Value>)]
    input: Option<Value>,
    /// The context; the input where it is left out.
    #[schema(value_type = Option<serde_json::Value>)]
    context: Option<Value>,
}

/// Start an execution at a task of the workflow's own list, with a given context. What comes before that task is not done.
#[utoipa::path(
    post, operation_id = "start_execution_at", path = "/v1/workflows/{namespace}/{name}/tasks/{task}/executions", tag = "executions",
    params(
        ("namespace" = String, Path), ("name" = String, Path), ("task" = String, Path), StartAtQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters")
    ),
    request_body(content = StartAtBody, content_type = "application/json"),
    responses(
        (status = 202, description = "It was started", body = ExecutionView,
            headers(("location" = String, description = "Where to look at it"))),
        (status = 200, description = "It has ended within the wait, with its output or its error", body = ExecutionView),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn start_at(
    State(api): State<Shared>,
    caller: Caller,
    PathOf((namespace, name, task)): PathOf<(String, String, String)>,
    QueryOf(query): QueryOf<StartAtQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let wait = query.wait.map(|wait| within_limit(wait, api.options.wait_max)).transpose()?;
    let idempotency_key = idempotency_key(request.headers())?;
    let body = api.receive(request.into_body(), api.options.body_bytes_max).await?;
    let body = if body.bytes.is_empty() { Bytes::from_static(b"{}") } else { body.bytes.clone() };
    let StartAtBody { input, context } = json_members(&body)?;
    let definition = definition(&api, &caller, format!("{namespace}/{name}"), query.version).await?;
    let input = input.unwrap_or_else(|| Value::object::<&str>([]));
    let origin = Some(Box::new(Origin { start_at: Some(task.into()), context, ..Origin::default() }));
    let start = Start { tenant: caller.tenant, definition, input, idempotency_key, random: random()?, origin };
    begin(&api, start, wait).await
}
