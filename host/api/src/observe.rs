//! What the host remembers of each request: a line in its log, and counts under labels of which there are few.
//!
//! A label is never text that somebody sent: methods are the known ones, routes are templates, and tenants are those that operators made.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, gauge, histogram};
use sandmill_core::ids::TenantId;

use crate::error::Failure;

/// Names a request in our log and in that of whoever asked.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Characters of a request id that is taken over: more than any usual form has.
const REQUEST_ID_LENGTH_MAX: usize = 128;

/// Requests that were answered, by method, route, status and tenant.
const REQUESTS: &str = "sandmill_http_requests_total";

/// Seconds from the head of a request to the head of its answer, by method and route.
const SECONDS: &str = "sandmill_http_request_duration_seconds";

/// Requests that are being answered.
const IN_FLIGHT: &str = "sandmill_http_requests_in_flight";

/// What is known of a request before it is answered.
struct Observed {
    started: Instant,
    request_id: String,
    method: &'static str,
    route: String,
}

/// Counts a request as in flight until it is dropped, also when whoever asked went away.
struct InFlight;

impl InFlight {
    fn new() -> Self {
        gauge!(IN_FLIGHT).increment(1);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!(IN_FLIGHT).decrement(1);
    }
}

/// Gives the request an id, lets it be answered, and writes down how that went.
pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let observed = Observed {
        started: Instant::now(),
        request_id: request_id_of(&request),
        method: method_of(request.method()),
        route: request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned(),
    };
    let in_flight = InFlight::new();
    let mut response = next.run(request).await;
    drop(in_flight);
    observed.record(&response);
    let headers = response.headers_mut();
    if let Ok(request_id) = HeaderValue::from_str(&observed.request_id) {
        headers.insert(REQUEST_ID, request_id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

impl Observed {
    fn record(&self, response: &Response) {
        let Self { request_id, method, route, .. } = self;
        let tenant = response.extensions().get::<TenantId>().map_or("-", TenantId::as_str);
        let status = response.status().as_u16();
        let elapsed = self.started.elapsed();
        if let Some(failure) = response.extensions().get::<Failure>() {
            failure.log(request_id);
        }
        let elapsed_ms = elapsed.as_secs_f64() * 1_000.0;
        tracing::info!(method, route, status, elapsed_ms, tenant, request_id, "request");
        let labels = [
            ("method", (*method).to_owned()),
            ("route", route.clone()),
            ("status", status.to_string()),
            ("tenant", tenant.to_owned()),
        ];
        counter!(REQUESTS, &labels).increment(1);
        histogram!(SECONDS, &labels[..2]).record(elapsed);
    }
}

/// The id that came with the request where it can stand in a log as it is, or a new one.
fn request_id_of(request: &Request) -> String {
    let given = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok());
    let is_plain = |id: &&str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        (1..=REQUEST_ID_LENGTH_MAX).contains(&id.len()) && id.bytes().all(is_plain)
    };
    given.filter(is_plain).map_or_else(new_request_id, ToOwned::to_owned)
}

fn new_request_id() -> String {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => hex::encode(bytes),
        // A request is answered all the same where the system has no random bytes.
        Err(_) => "unknown".into(),
    }
}

fn method_of(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "PUT" => "PUT",
        "POST" => "POST",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        _ => "other",
    }
}
