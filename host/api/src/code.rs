//! The one table of errors: every code that the API answers with, its status, whose fault it is, and whether to ask again.
//!
//! Codes never change their meaning; each has a page `docs/errors/<code>.md`, and a test holds the two together.

use axum::http::StatusCode;

/// Whose fault an error is. Decides how loudly the host logs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Who asked made a mistake: nothing is wrong with the host.
    User,
    /// What somebody gave us to run does not keep the contract.
    Guest,
    /// The host has no room, or is about to stop: the same request may succeed later.
    Busy,
    /// The host failed.
    Host,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeRow {
    /// The code, in small letters with hyphens.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// Whose fault it is.
    pub fault: Fault,
    /// What it means, in a few words that are the same every time.
    pub title: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal $status:literal $fault:ident $title:literal;)+) => {
        /// An error that the API answers with.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)+
        }

        /// Every error that the API answers with.
        pub const CODES: &[Code] = &[$(Code::$name,)+];

        impl Code {
            /// Its row of the table.
            #[must_use]
            pub const fn row(self) -> CodeRow {
                match self {
                    $(Self::$name => CodeRow { code: $code, status: $status, fault: Fault::$fault, title: $title },)+
                }
            }
        }
    };
}

codes! {
    InvalidJson = "invalid-json" 400 User "The body is not the JSON that it should be";
    InvalidParameter = "invalid-parameter" 400 User "A parameter, a name or a header of the request is wrong";
    InvalidIdempotencyKey = "invalid-idempotency-key" 400 User "The idempotency key cannot be one";
    InvalidEventId = "invalid-event-id" 400 User "The event id is none";
    BodyUnreadable = "body-unreadable" 400 User "The body did not arrive";
    KeyRequired = "key-required" 401 User "An API key is needed";
    KeyUnknown = "key-unknown" 401 User "The API key is not known";
    ForeignPage = "foreign-page" 403 User "A web page from elsewhere may not ask";
    OperatorOnly = "operator-only" 403 User "Only operators may do this";
    RouteNotFound = "route-not-found" 404 User "There is no such route";
    TenantNotFound = "tenant-not-found" 404 User "There is no such tenant";
    PluginNotFound = "plugin-not-found" 404 User "There is no such plugin";
    WorkflowNotFound = "workflow-not-found" 404 User "There is no such workflow definition";
    ExecutionNotFound = "execution-not-found" 404 User "There is no such workflow execution";
    TaskNotFound = "task-not-found" 404 User "There is no such task";
    KeyNotFound = "key-not-found" 404 User "There is no such API key";
    MethodNotAllowed = "method-not-allowed" 405 User "The route does not take this method";
    RequestTimeout = "request-timeout" 408 User "The request took too long";
    VersionTaken = "version-taken" 409 User "The version has other bytes";
    InUse = "in-use" 409 User "It is in use";
    ExecutionEnded = "execution-ended" 409 User "The workflow execution has ended";
    ExecutionNotEnded = "execution-not-ended" 409 User "The workflow execution has not ended";
    ExecutionHeld = "execution-held" 409 User "The workflow execution is held";
    BodyTooLarge = "body-too-large" 413 User "The body is too large";
    ComponentRejected = "component-rejected" 422 Guest "The component is no plugin";
    DocumentRejected = "document-rejected" 422 User "The document cannot be deployed";
    IdempotencyKeyReused = "idempotency-key-reused" 422 User "The idempotency key was used with another input";
    TooManyRequests = "too-many-requests" 429 Busy "Too many requests are being answered";
    TooManyStreams = "too-many-streams" 429 Busy "Too many streams are open";
    HeadersTooLarge = "headers-too-large" 431 User "The headers are too large";
    Internal = "internal" 500 Host "The host failed";
    StoreDamaged = "store-damaged" 500 Host "The store is damaged";
    EngineBusy = "engine-busy" 503 Busy "The engine cannot take more executions";
    RuntimeBusy = "runtime-busy" 503 Busy "The runtime has no room to look at the component";
    StoreRefused = "store-refused" 503 Busy "The store does not take more";
    Draining = "draining" 503 Busy "The host is about to stop";
    QueueUnavailable = "queue-unavailable" 503 Busy "The task queue cannot be reached";
    StoreFailed = "store-failed" 503 Host "The store has failed";
}

impl Code {
    /// Its HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().status).expect("the table holds statuses")
    }

    /// After how many seconds the same request is worth another try, where it is worth one: those that the engine names for starts.
    #[must_use]
    pub const fn retry_after_seconds(self) -> Option<u32> {
        match self {
            Self::TooManyRequests | Self::TooManyStreams | Self::EngineBusy | Self::RuntimeBusy => Some(1),
            Self::Draining | Self::QueueUnavailable | Self::StoreFailed => Some(5),
            Self::StoreRefused => Some(60),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_unique_and_its_status_is_an_error() {
        let mut codes: Vec<_> = CODES.iter().map(|code| code.row().code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), CODES.len());
        for code in CODES {
            let status = code.status();
            let by_host = matches!(code.row().fault, Fault::Host) && status.is_server_error();
            let by_others = status.is_client_error() || matches!(code.row().fault, Fault::Busy);
            assert!(by_host || by_others, "{code:?}");
        }
    }
}
