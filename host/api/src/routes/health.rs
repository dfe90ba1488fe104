//! How the host is: `/healthz`, `/readyz`, `/metrics`, and what the API is: `/v1/openapi.json`.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Operator;
use crate::code::Code;
use crate::connection::Closing;
use crate::error::{ApiError, ProblemView};
use crate::state::{Shared, blocking};

/// Prometheus' text format.
pub(crate) const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How the host is.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthView {
    /// `ok`.
    status: &'static str,
}

const OK: Json<HealthView> = Json(HealthView { status: "ok" });

/// Is the process up? Nothing else is looked at: a host that is not ready must not be killed for it.
#[utoipa::path(
    get, operation_id = "get_health", path = "/healthz", tag = "host", security(()),
    responses((status = 200, description = "It is", body = HealthView))
)]
pub(crate) async fn healthz() -> Json<HealthView> {
    OK
}

/// Can the host take work? The error says what is in the way.
#[utoipa::path(
    get, operation_id = "get_readiness", path = "/readyz", tag = "host", security(()),
    responses(
        (status = 200, description = "It can", body = HealthView),
        (status = 503, description = "It cannot", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn readyz(State(api): State<Shared>, Closing(closing): Closing) -> Result<Json<HealthView>, ApiError> {
    if closing.is_cancelled() {
        return Err(draining());
    }
    // A read that reaches the store: one that has failed says so.
    blocking(move || {
        let health = api.engine.health();
        if let Some(reason) = health.store_failure {
            return Err(ApiError::host(Code::StoreFailed, reason));
        }
        if let Some(reason) = health.queue_trouble {
            return Err(ApiError::new(Code::QueueUnavailable, reason));
        }
        if health.is_draining {
            return Err(draining());
        }
        Ok(api.store.tenants().map(drop)?)
    })
    .await?;
    Ok(OK)
}

fn draining() -> ApiError {
    ApiError::new(Code::Draining, "The host is about to stop: executions go on when it is back.")
}

/// All metrics of the process, in Prometheus' text format.
#[utoipa::path(
    get, operation_id = "get_metrics", path = "/metrics", tag = "host",
    responses(
        (status = 200, description = "The metrics", body = String, content_type = "text/plain"),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn metrics(State(api): State<Shared>, _: Operator) -> Response {
    ([(header::CONTENT_TYPE, METRICS_TYPE)], (api.metrics)()).into_response()
}

/// This description.
#[utoipa::path(
    get, operation_id = "get_description", path = "/v1/openapi.json", tag = "host", security(()),
    responses((status = 200, description = "An OpenAPI document", body = serde_json::Value))
)]
pub(crate) async fn openapi(State(api): State<Shared>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], api.description.clone()).into_response()
}
