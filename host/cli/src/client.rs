//! The way to a server: one function for each verb, and every answer of the server turned into a value or a failure.
//!
//! Knows the routes' form and the problem details of errors. What a resource looks like is the business of the command that shows it.

use std::time::Duration;

use bytes::Bytes;
use eventsource_stream::{Event, Eventsource as _};
use futures::{Stream, TryStreamExt as _};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::arguments::Global;
use crate::failure::{Failure, Outcome};

/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A server, and who asks it.
pub(crate) struct Client {
    http: reqwest::Client,
    server: String,
    api_key: Option<String>,
    tenant: Option<String>,
}

/// An answer with a body.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) fn new(global: &Global) -> Result<Self, Failure> {
        // An error means that one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|error| Failure::new(Outcome::Failed, format!("the HTTP client cannot be made: {error}")))?;
        let server = global.server.trim_end_matches('/').to_owned();
        Ok(Self { http, server, api_key: global.api_key.clone(), tenant: global.tenant.clone() })
    }

    /// The tenant that was named.
    pub(crate) fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The server's address.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// A request for a path such as `/v1/plugins`, with the key and the tenant.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.http.request(method, format!("{}{path}", self.server));
        if let Some(key) = &self.api_key {
            request = request.bearer_auth(key);
        }
        if let Some(tenant) = &self.tenant {
            request = request.header("sandmill-tenant", tenant);
        }
        request
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        Ok(self.send(self.request(Method::GET, path)).await?.body)
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<(), Failure> {
        self.send(self.request(Method::DELETE, path)).await.map(drop)
    }

    /// Sends a request and reads its answer as JSON; an error of the server is a failure that says what the server said.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let response = self.raw(request).await?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        let body = if bytes.is_empty() { Value::Null } else { self.parse(&bytes)? };
        Ok(Answer { status, body })
    }

    /// The bytes of an answer.
    pub(crate) async fn bytes(&self, path: &str) -> Result<Bytes, Failure> {
        let response = self.raw(self.request(Method::GET, path)).await?;
        response.bytes().await.map_err(|error| self.unreachable(&error))
    }

    /// Server-sent events, as they come.
    pub(crate) async fn events(
        &self,
        path: &str,
    ) -> Result<impl Stream<Item = Result<Event, Failure>> + use<'_>, Failure> {
        let request = self.request(Method::GET, path).header("accept", "text/event-stream");
        let events = self.raw(request).await?.bytes_stream().eventsource();
        let events = events.map_err(|error| self.broken(&error.to_string()));
        Ok(events.and_then(async |event| if event.event == "error" { Err(broken_off(&event.data)) } else { Ok(event) }))
    }

    async fn raw(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let bytes = response.bytes().await.unwrap_or_default();
        Err(refusal(status, &bytes))
    }

    fn parse(&self, bytes: &[u8]) -> Result<Value, Failure> {
        serde_json::from_slice(bytes).map_err(|error| self.broken(&error.to_string()))
    }

    fn broken(&self, reason: &str) -> Failure {
        let reason = format!("{} does not answer as a Sandmill server does: {reason}", self.server);
        Failure::new(Outcome::Unavailable, reason)
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let server = &self.server;
        let reason = format!(
            "{server} cannot be reached ({cause}): start a server with `sandmill up`, or name one with --server"
        );
        Failure::new(Outcome::Unavailable, reason)
    }
}

/// A stream that the server ended with an error.
fn broken_off(data: &str) -> Failure {
    let problem: Value = serde_json::from_str(data).unwrap_or_default();
    let status = problem.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    refusal(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), data.as_bytes())
}

/// What the server said no with, for people: its detail, the findings in a document, and where to read more.
fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    let outcome = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Outcome::NotAllowed,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Outcome::Unavailable,
        status if status.is_client_error() => Outcome::Refused,
        _ => Outcome::Failed,
    };
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| problem.get(name).and_then(Value::as_str);
    let mut reason =
        text("detail").or_else(|| text("title")).map_or_else(|| format!("the server answered {status}"), Into::into);
    for finding in problem.get("findings").and_then(Value::as_array).into_iter().flatten() {
        reason.push_str("\n  ");
        reason.push_str(&finding_line(finding));
    }
    if let Some(code) = text("code") {
        reason.push_str(&format!("\n(`sandmill explain {code}` says more)"));
    }
    Failure::new(outcome, reason)
}

/// One finding of a report in a line: where, what, and what to write instead.
fn finding_line(finding: &Value) -> String {
    let text = |name: &str| finding.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| finding.get(name).and_then(Value::as_u64).unwrap_or_default();
    let suggestion = match text("suggestion") {
        "" => String::new(),
        suggestion => format!(" ({suggestion})"),
    };
    format!("{}:{} {}: {}{suggestion}", number("line"), number("column"), text("pointer"), text("message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_the_server_said() {
        let body = br#"{ "detail": "the document was refused", "code": "document-rejected",
            "findings": [{ "line": 3, "column": 5, "pointer": "/do/0", "message": "no such task", "suggestion": "write `a`" }] }"#;
        let failure = refusal(StatusCode::UNPROCESSABLE_ENTITY, body);
        assert_eq!(
            failure.to_string(),
            "the document was refused\n  3:5 /do/0: no such task (write `a`)\n(`sandmill explain document-rejected` says more)"
        );
        assert_eq!(failure.outcome, Outcome::Refused);
    }

    #[test]
    fn an_answer_of_somebody_else_is_told_by_its_status() {
        let failure = refusal(StatusCode::BAD_GATEWAY, b"<html>");
        assert_eq!(
            (failure.to_string().as_str(), failure.outcome),
            ("the server answered 502 Bad Gateway", Outcome::Failed)
        );
        assert_eq!(refusal(StatusCode::UNAUTHORIZED, b"").outcome, Outcome::NotAllowed);
    }
}
