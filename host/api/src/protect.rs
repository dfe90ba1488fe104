//! What holds for every request whatever it asks for: bounded headers, bounded time, and a panic that ends nothing but itself.

use std::panic::AssertUnwindSafe;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;

use crate::code::Code;
use crate::error::ApiError;
use crate::extract::timed_out;
use crate::options::ApiOptions;
use crate::state::Shared;

/// Runs the rest of the request within the limits.
pub(crate) async fn protect(State(api): State<Shared>, request: Request, next: Next) -> Response {
    if let Err(error) = check_head(&request, &api.options) {
        return error.into_response();
    }
    let time = api.options.request_time + api.options.wait_max;
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(time, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => ApiError::host(Code::Internal, reason_of(&*panic)).into_response(),
        Err(_) => timed_out(time).into_response(),
    }
}

fn check_head(request: &Request, options: &ApiOptions) -> Result<(), ApiError> {
    let headers = request.headers();
    // Four bytes of each line are its colon, its blank and its end.
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let ApiOptions { headers_max, header_bytes_max, .. } = options;
    if headers.len() > *headers_max {
        return Err(head_too_large(format!(
            "The request has {} headers, and {headers_max} are allowed.",
            headers.len()
        )));
    }
    match bytes + target {
        bytes if bytes > *header_bytes_max => Err(head_too_large(format!(
            "The request's target and headers have {bytes} bytes, and {header_bytes_max} are allowed."
        ))),
        _ => Ok(()),
    }
}

fn head_too_large(detail: String) -> ApiError {
    ApiError::new(Code::HeadersTooLarge, detail)
}

fn reason_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a handler panicked: {}", text.unwrap_or_default())
}
