//! What the server knows of the connection that a request came over.

use std::net::SocketAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tokio_util::sync::CancellationToken;

/// Where a request came from. [`crate::serve`] puts it into each request; a request without it is taken to come from far away.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The other end.
    pub peer: SocketAddr,
    /// Our end.
    pub local: SocketAddr,
    /// Cancelled when the server stops: streams end then.
    pub closing: CancellationToken,
}

/// The token that is cancelled when the server stops; one that never is where no server is.
pub(crate) struct Closing(pub(crate) CancellationToken);

impl<S: Send + Sync> FromRequestParts<S> for Closing {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.extensions.get::<Connection>().map(|connection| connection.closing.clone()).unwrap_or_default()))
    }
}
