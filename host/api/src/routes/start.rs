//! Starting an execution: `POST /v1/workflows/{namespace}/{name}/executions`.
//!
//! The answer to a start says that the execution is durable, and with `wait` how it ended. An execution that ended in an error was started
//! all the same: that is a 200 with its `error`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use sandmill_core::definition::Definition;
use sandmill_core::value::Value;
use sandmill_engine::Start;
use sandmill_engine::ports::{Definitions as _, ExecutionKey, ExecutionRow};
use serde::Deserialize;
use utoipa::IntoParams;

use super::executions::ExecutionView;
use super::workflows;
use crate::auth::Caller;
use crate::code::Code;
use crate::error::{ApiError, ProblemView};
use crate::extract::{PathOf, QueryOf, Span, json_value};
use crate::state::{Api, Shared, blocking};

/// Makes a start that is sent again the same start.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Says that the execution was started before, with the same key.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Characters of an idempotency key: a few ids in a row fit.
const IDEMPOTENCY_KEY_LENGTH_MAX: usize = 255;

/// The input of a start without a body.
const NO_INPUT: &[u8] = b"{}";

/// How to start.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StartQuery {
    /// The version of the definition; the newest where none is named.
    version: Option<String>,
    /// How long to wait for the end, such as `30s`.
    #[param(value_type = Option<String>, example = "30s")]
    wait: Option<Span>,
}

/// Start an execution.
///
/// The body is its input, any JSON value; without a body it is `{}`. With `wait` the answer comes when the execution has ended, or when the wait is
/// over. The same `Idempotency-Key` with the same input starts it once, however often it is sent.
#[utoipa::path(
    post, operation_id = "start_execution", path = "/v1/workflows/{namespace}/{name}/executions", tag = "executions",
    params(
        ("namespace" = String, Path), ("name" = String, Path), StartQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters")
    ),
    request_body(content = serde_json::Value, content_type = "application/json", description = "The input"),
    responses(
        (status = 202, description = "It was started", body = ExecutionView,
            headers(("location" = String, description = "Where to look at it"),
                ("idempotency-replayed" = Option<String>, description = "`true` where an earlier request started it"))),
        (status = 200, description = "It has ended within the wait, with its output or its error", body = ExecutionView),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn start(
    State(api): State<Shared>,
    caller: Caller,
    PathOf((namespace, name)): PathOf<(String, String)>,
    QueryOf(query): QueryOf<StartQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let wait = query.wait.map(|wait| within_limit(wait, api.options.wait_max)).transpose()?;
    let idempotency_key = idempotency_key(request.headers())?;
    let body = api.receive(request.into_body(), api.options.body_bytes_max).await?;
    let input = input_of(body.bytes.clone()).await?;
    let definition = definition(&api, &caller, format!("{namespace}/{name}"), query.version.clone()).await?;
    let start = Start { tenant: caller.tenant, definition, input, idempotency_key, random: random()?, origin: None };
    if let (Some(row), Some(version)) = (started_before(&api, &start)?, &query.version) {
        check_version(&row, version)?;
    }
    begin(&api, start, wait).await
}

/// Starts it, and answers.
pub(super) async fn begin(api: &Api, start: Start, wait: Option<Duration>) -> Result<Response, ApiError> {
    let (key, before) = (start.execution(), started_before(api, &start)?);
    api.engine.start(start).await?;
    let mut response = answer(api, &key, wait).await?;
    if before.is_some() {
        response.headers_mut().insert(REPLAYED, axum::http::HeaderValue::from_static("true"));
    }
    Ok(response)
}

pub(super) fn within_limit(wait: Span, wait_max: Duration) -> Result<Duration, ApiError> {
    if wait.0 <= wait_max {
        return Ok(wait.0);
    }
    let detail = format!(
        "wait is longer than {} s, which is the limit: start without it and follow the events.",
        wait_max.as_secs()
    );
    Err(ApiError::parameter(detail))
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let (first, second) = (given.next(), given.next());
    let Some(first) = first else { return Ok(None) };
    let is_key = |text: &&str| {
        (1..=IDEMPOTENCY_KEY_LENGTH_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    match first.to_str().ok().filter(is_key) {
        Some(key) if second.is_none() => Ok(Some(key.to_owned())),
        _ => Err(ApiError::new(
            Code::InvalidIdempotencyKey,
            format!(
                "An idempotency key is one header with 1 to {IDEMPOTENCY_KEY_LENGTH_MAX} visible ASCII characters."
            ),
        )),
    }
}

async fn input_of(body: Bytes) -> Result<Value, ApiError> {
    json_value(if body.is_empty() { Bytes::from_static(NO_INPUT) } else { body }).await
}

pub(super) async fn definition(
    api: &Shared,
    caller: &Caller,
    name: String,
    version: Option<String>,
) -> Result<Arc<Definition>, ApiError> {
    let (api, tenant) = (Arc::clone(api), caller.tenant.clone());
    blocking(move || {
        let row = workflows::find(&api, &tenant, &name, version.as_deref())?;
        let missing =
            || ApiError::host(Code::StoreDamaged, format!("the document of {name}:{} is missing", row.version));
        api.registry.definition(&tenant, row.digest)?.ok_or_else(missing)
    })
    .await
}

pub(super) fn random() -> Result<u128, ApiError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| ApiError::host(Code::Internal, format!("the system has no random bytes: {error}")))?;
    Ok(u128::from_be_bytes(bytes))
}

/// The execution that a start with the same key began before this request. Of two that race, neither may find one.
fn started_before(api: &Api, start: &Start) -> Result<Option<ExecutionRow>, ApiError> {
    match start.idempotency_key {
        Some(_) => Ok(api.engine.row(&start.execution())?),
        None => Ok(None),
    }
}

/// A key that began another version than the one that is named was used for something else.
fn check_version(row: &ExecutionRow, version: &str) -> Result<(), ApiError> {
    if row.workflow.rsplit_once(':').is_some_and(|(_, began)| began == version) {
        return Ok(());
    }
    let (id, workflow) = (row.id, &row.workflow);
    let detail = format!("The idempotency key was used for execution {id} of {workflow}: use another key.");
    Err(ApiError::new(Code::IdempotencyKeyReused, detail))
}

async fn answer(api: &Api, key: &ExecutionKey, wait: Option<Duration>) -> Result<Response, ApiError> {
    let ended = match wait {
        // The engine is asked first, so that an execution which has ended is shown also by a wait of no time.
        Some(wait) => tokio::time::timeout(wait, api.engine.ended(key)).await.ok().transpose()?.flatten(),
        None => None,
    };
    let is_ended = ended.is_some();
    let row = match ended {
        Some(row) => row,
        None => existing_row(api, key)?,
    };
    let status = if is_ended { StatusCode::OK } else { StatusCode::ACCEPTED };
    let location = [(header::LOCATION, format!("/v1/executions/{}", key.id))];
    Ok((status, location, Json(ExecutionView::of(&api.engine, key, row)?)).into_response())
}

fn existing_row(api: &Api, key: &ExecutionKey) -> Result<ExecutionRow, ApiError> {
    let missing = || ApiError::host(Code::Internal, format!("execution {} was started and has no row", key.id));
    api.engine.row(key)?.ok_or_else(missing)
}
