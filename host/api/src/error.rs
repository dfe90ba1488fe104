//! One error for all handlers, and how it looks on the wire: a problem document (RFC 9457) with a stable code.
//!
//! Owns the way from every error of the engine, the registry and the store to a code. What went wrong inside of the host is logged and not
//! told: whoever asked gets the request id to name it by.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use sandmill_core::definition::{Finding, Report, Verdict};
use sandmill_engine::ports::{CatalogError, InspectError, StoreError};
use sandmill_engine::{AgainError, ControlError, DeployError, RegisterError, StartError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::code::{Code, Fault};

/// Where the pages about errors stand; a code comes behind it.
const TYPE_PREFIX: &str = "https://sandmill.dev/errors/";

/// What is said to whoever asked when the host failed.
const HOST_FAILED: &str =
    "The host failed, and its log says why under this request's id, which the header `x-request-id` holds.";

/// Why a request was not done.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    code: Code,
    detail: String,
    findings: Option<Vec<FindingView>>,
    /// What is logged and not told.
    reason: Option<String>,
}

impl ApiError {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), findings: None, reason: None }
    }

    /// A failure of the host: its reason is for the log.
    pub(crate) fn host(code: Code, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::new(code, HOST_FAILED) }
    }

    pub(crate) fn parameter(detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidParameter, detail)
    }
}

/// The body of an error: problem details with a stable code.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemView {
    /// The page about this kind of error.
    #[serde(rename = "type")]
    kind: String,
    /// What kind of error it is.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened this time, and what to do about it.
    detail: String,
    /// Names the kind of error for programs. Stays the same over versions.
    code: &'static str,
    /// What is wrong with the document that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<Vec<FindingView>>,
}

/// One thing that is to be said about a document.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FindingView {
    /// What kind of finding it is.
    code: &'static str,
    /// `invalid`: no host runs the document. `notDeployable`: this one does not. `lint`: worth a second look.
    #[schema(value_type = String)]
    verdict: Verdict,
    /// The value that it is about, as a JSON Pointer into the document.
    pointer: String,
    /// The line of that value, from 1.
    line: u32,
    /// The column of that value, from 1.
    column: u32,
    /// What is wrong.
    message: String,
    /// What to write instead.
    suggestion: Option<String>,
}

/// What the layers around a handler read from its answer: the code, and what is only logged.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) reason: Option<String>,
}

impl ApiError {
    /// The same error, after what is only for the log was logged. Answers are logged by the layers around their handler, under the id of
    /// their request; what happens in the middle of a stream has neither.
    pub(crate) fn logged(self) -> Self {
        Failure { code: self.code, reason: self.reason.clone() }.log("-");
        self
    }

    /// The problem document as text.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(&self.clone().problem()).expect("a problem is made of text and numbers")
    }

    fn problem(self) -> ProblemView {
        let Self { code, detail, findings, .. } = self;
        let row = code.row();
        let kind = format!("{TYPE_PREFIX}{}", row.code);
        ProblemView { kind, title: row.title, status: row.status, detail, code: row.code, findings }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (code, reason) = (self.code, self.reason.clone());
        let problem = self.problem();
        let mut response = (code.status(), Json(problem)).into_response();
        let mut set = |name: HeaderName, value: HeaderValue| response.headers_mut().insert(name, value);
        set(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = code.retry_after_seconds() {
            set(header::RETRY_AFTER, seconds.into());
        }
        if matches!(code, Code::KeyRequired | Code::KeyUnknown) {
            set(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"sandmill\""));
        }
        if matches!(code, Code::RequestTimeout | Code::BodyTooLarge | Code::HeadersTooLarge) {
            // What is left of the request is not worth reading.
            set(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.extensions_mut().insert(Failure { code, reason });
        response
    }
}

impl Failure {
    /// Writes down what failed inside of the host, once, with everything that is known.
    pub(crate) fn log(&self, request_id: &str) {
        let (code, reason) = (self.code.row().code, self.reason.as_deref().unwrap_or_default());
        match self.code.row().fault {
            Fault::Host => tracing::error!(request_id, code, reason, "the host failed"),
            Fault::Busy => tracing::warn!(request_id, code, reason, "a request was turned away"),
            Fault::User | Fault::Guest => tracing::debug!(request_id, code, "a request was wrong"),
        }
    }
}

pub(crate) fn findings_of(report: &Report) -> Vec<FindingView> {
    report.findings.iter().map(finding_view).collect()
}

fn finding_view(finding: &Finding) -> FindingView {
    FindingView {
        code: finding.code,
        verdict: finding.verdict,
        pointer: finding.pointer.to_string(),
        line: finding.line,
        column: finding.column,
        message: finding.message.clone(),
        suggestion: finding.suggestion.clone(),
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let reason = error.to_string();
        match error {
            StoreError::Invalid { reason } => Self::parameter(reason),
            StoreError::Refused { .. } => Self::new(Code::StoreRefused, reason),
            StoreError::Failed { .. } => Self::host(Code::StoreFailed, reason),
            StoreError::Damaged { .. } => Self::host(Code::StoreDamaged, reason),
        }
    }
}

impl From<CatalogError> for ApiError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Conflict { .. } => Self::new(Code::VersionTaken, error.to_string()),
            CatalogError::Pinned { .. } => Self::new(Code::InUse, error.to_string()),
            CatalogError::Store(error) => error.into(),
        }
    }
}

impl From<RegisterError> for ApiError {
    fn from(error: RegisterError) -> Self {
        let detail = error.to_string();
        match error {
            RegisterError::InvalidName { .. } | RegisterError::InvalidVersion { .. } => Self::parameter(detail),
            RegisterError::TooLarge { .. } => Self::new(Code::BodyTooLarge, detail),
            RegisterError::Inspect(InspectError::Refused { reason }) => Self::new(Code::ComponentRejected, reason),
            RegisterError::Inspect(InspectError::Unavailable { .. }) => Self::new(Code::RuntimeBusy, detail),
            RegisterError::Catalog(error) => error.into(),
        }
    }
}

impl From<DeployError> for ApiError {
    fn from(error: DeployError) -> Self {
        match error {
            DeployError::Rejected(report) => {
                let detail = format!("The document has {}.", counted(report.findings.len()));
                Self { findings: Some(findings_of(&report)), ..Self::new(Code::DocumentRejected, detail) }
            }
            DeployError::Catalog(error) => error.into(),
        }
    }
}

fn counted(findings: usize) -> String {
    match findings {
        1 => "one finding: see `findings`".into(),
        many => format!("{many} findings: see `findings`"),
    }
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> Self {
        let detail = error.to_string();
        match error {
            StartError::KeyReused(_) => Self::new(Code::IdempotencyKeyReused, detail),
            StartError::NoSuchTask(_) => Self::new(Code::TaskNotFound, detail),
            StartError::Busy => Self::new(Code::EngineBusy, detail),
            StartError::Draining => Self::new(Code::Draining, detail),
            StartError::Store(error) => error.into(),
        }
    }
}

impl From<AgainError> for ApiError {
    fn from(error: AgainError) -> Self {
        let detail = error.to_string();
        match error {
            AgainError::NotEnded(_) => Self::new(Code::ExecutionNotEnded, detail),
            AgainError::NeverReached { .. } => Self::new(Code::TaskNotFound, detail),
            AgainError::Read(error) => error.into(),
        }
    }
}

impl From<ControlError> for ApiError {
    fn from(error: ControlError) -> Self {
        let detail = error.to_string();
        match error {
            ControlError::NotFound(_) => Self::new(Code::ExecutionNotFound, detail),
            ControlError::Ended { .. } => Self::new(Code::ExecutionEnded, detail),
            ControlError::Held { .. } => Self::new(Code::ExecutionHeld, detail),
            ControlError::Store(error) => error.into(),
        }
    }
}
