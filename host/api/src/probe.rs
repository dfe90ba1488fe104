//! What a process without an API tells about itself: `/healthz`, `/readyz` and `/metrics`, for orchestrators and for Prometheus.

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use axum::routing::get;

use crate::routes::METRICS_TYPE;

/// Whether a process can work at this moment, or what is in the way.
pub type Readiness = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// The routes of a process without an API.
pub fn probe(
    metrics: Arc<dyn Fn() -> String + Send + Sync>,
    ready: Arc<dyn Fn() -> Readiness + Send + Sync>,
) -> Router {
    let metrics = move || async move { ([(header::CONTENT_TYPE, METRICS_TYPE)], metrics()) };
    let readiness = move || async move {
        match ready().await {
            Ok(()) => (StatusCode::OK, "ok\n".to_owned()).into_response(),
            Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
        }
    };
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readiness))
        .route("/metrics", get(metrics))
}
