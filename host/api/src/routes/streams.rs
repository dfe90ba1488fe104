//! What all streams of server-sent events have in common: room, an end when the server stops, and a sign of life.

use std::convert::Infallible;

use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::{Stream, StreamExt as _};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::code::Code;
use crate::error::ApiError;
use crate::state::Api;

/// The last event that a client has seen, as browsers send it when they come back.
const LAST_EVENT_ID: &str = "last-event-id";

/// What an error in the middle of a stream is called.
const ERROR_EVENT: &str = "error";

/// A stream that may be opened: its share of the room, and what ends it.
pub(super) struct Opening {
    room: OwnedSemaphorePermit,
    closing: CancellationToken,
}

impl Api {
    /// Takes room for one more stream.
    pub(super) fn open_stream(&self, closing: CancellationToken) -> Result<Opening, ApiError> {
        let room = self.streams.clone().try_acquire_owned().map_err(|_| {
            let streams_max = self.options.streams_max;
            let detail =
                format!("{streams_max} streams are open, which is the limit: close one, or try again a little later.");
            ApiError::new(Code::TooManyStreams, detail)
        })?;
        Ok(Opening { room, closing })
    }

    /// The answer that is a stream: it ends with its events, or when the server stops.
    pub(super) fn stream<S>(&self, opening: Opening, events: S) -> Response
    where
        S: Stream<Item = Event> + Send + 'static,
    {
        let Opening { room, closing } = opening;
        let events = events.take_until(closing.cancelled_owned()).map(move |event| {
            // The room is given back when the stream is dropped.
            let _ = &room;
            Ok::<_, Infallible>(event)
        });
        Sse::new(events).keep_alive(KeepAlive::new().interval(self.options.keep_alive)).into_response()
    }
}

/// The answer to a client that has seen everything that there will ever be: browsers take it as a sign not to come back (HTML, section 9.2).
pub(super) fn nothing_more() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// Where a client wants to go on: what its browser says, or else its query.
pub(super) fn place(headers: &HeaderMap, after: Option<String>) -> Option<String> {
    let last = headers.get(LAST_EVENT_ID).map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    last.filter(|id| !id.is_empty()).or(after)
}

/// An error in the middle of a stream, after which it ends.
pub(super) fn error_event(error: ApiError) -> Event {
    Event::default().event(ERROR_EVENT).data(error.logged().to_json())
}
