//! What handlers take from a request, with our errors where it is not there: path, query, body.
//!
//! Bodies are bytes, bounded in size, in time and over all requests together, and nothing in a request ever names a file of the host.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use sandmill_core::value::Value;
use serde::{Deserialize, Deserializer};
use tokio::sync::OwnedSemaphorePermit;

use crate::code::Code;
use crate::error::ApiError;
use crate::state::{Api, blocking};

/// From this many bytes on, JSON is read on a thread that may block: a megabyte takes some milliseconds.
const BLOCKING_JSON_BYTES: usize = 64 * 1024;

/// The parts of a path.
#[derive(FromRequestParts)]
#[from_request(via(Path), rejection(ApiError))]
pub(crate) struct PathOf<T>(pub(crate) T);

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::parameter(format!("the path cannot be read: {}", rejection.body_text()))
    }
}

/// The parameters behind the question mark. One that a route does not know is an error: a typing mistake must not look like success.
#[derive(FromRequestParts)]
#[from_request(via(Query), rejection(ApiError))]
pub(crate) struct QueryOf<T>(pub(crate) T);

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::parameter(rejection.body_text())
    }
}

/// A span of time in a query: `30s`, `500ms`, `2m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = text.strip_suffix(unit).and_then(|digits| digits.parse::<u64>().ok());
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            _ => 0,
        };
        let span = number.filter(|_| millis > 0).and_then(|number| number.checked_mul(millis));
        span.map(|millis| Self(Duration::from_millis(millis))).ok_or_else(|| {
            format!("`{text}` is no span of time: write a whole number and `ms`, `s` or `m`, such as 30s")
        })
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

fn from_text<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// The whole of a body, and its share of the room for bodies until it is dropped.
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl Api {
    /// How many items a page gets, where a request asks for so many.
    pub(crate) fn page_items(&self, asked: Option<usize>) -> Result<usize, ApiError> {
        let items_max = self.options.page_items_max;
        match asked {
            None => Ok(self.options.page_items),
            Some(items) if (1..=items_max).contains(&items) => Ok(items),
            Some(items) => Err(ApiError::parameter(format!("limit is {items}: ask for 1 to {items_max} items"))),
        }
    }

    /// Reads a body of at most so many bytes.
    pub(crate) async fn receive(&self, body: Body, bytes_max: usize) -> Result<Received, ApiError> {
        let announced = body.size_hint().lower();
        if announced > bytes_max as u64 {
            return Err(too_large(bytes_max));
        }
        let time = self.options.request_time;
        match tokio::time::timeout(time, self.collect(body, bytes_max)).await {
            Ok(received) => received,
            Err(_) => Err(timed_out(time)),
        }
    }

    async fn collect(&self, body: Body, bytes_max: usize) -> Result<Received, ApiError> {
        let mut chunks = body.into_data_stream();
        let mut bytes = BytesMut::new();
        let mut room: Option<OwnedSemaphorePermit> = None;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| unreadable(&error))?;
            if bytes.len() + chunk.len() > bytes_max {
                return Err(too_large(bytes_max));
            }
            let more = self.room_for(chunk.len())?;
            match &mut room {
                Some(room) => room.merge(more),
                None => room = Some(more),
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Received { bytes: bytes.freeze(), _room: room })
    }

    fn room_for(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let permits = u32::try_from(bytes).ok();
        permits.and_then(|permits| self.bodies.clone().try_acquire_many_owned(permits).ok()).ok_or_else(|| {
            let detail = "There is no room for another body of this size at the moment: try again a little later.";
            ApiError::new(Code::TooManyRequests, detail)
        })
    }
}

pub(crate) fn timed_out(time: Duration) -> ApiError {
    let seconds = time.as_secs_f32();
    ApiError::new(Code::RequestTimeout, format!("The request was not done within {seconds} s."))
}

fn too_large(bytes_max: usize) -> ApiError {
    ApiError::new(Code::BodyTooLarge, format!("The body has more than {bytes_max} bytes, which is the limit."))
}

fn unreadable(error: &axum::Error) -> ApiError {
    ApiError::new(Code::BodyUnreadable, format!("The body ended before it was whole: {error}"))
}

/// The JSON value that a body holds, with every digit of its numbers.
pub(crate) async fn json_value(body: Bytes) -> Result<Value, ApiError> {
    let read = |body: &[u8]| {
        Value::from_json(body)
            .map_err(|error| ApiError::new(Code::InvalidJson, format!("The body is no JSON: {error}.")))
    };
    if body.len() < BLOCKING_JSON_BYTES {
        return read(&body);
    }
    blocking(move || read(&body)).await
}

/// The members that a small JSON body must have.
pub(crate) fn json_members<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
        let (line, column) = (error.line(), error.column());
        ApiError::new(Code::InvalidJson, format!("line {line}, column {column}: {reason}."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, millis: Option<u64>) {
        assert_eq!(text.parse::<Span>().ok(), millis.map(|millis| Span(Duration::from_millis(millis))), "{text}");
    }

    #[test]
    fn spans_are_a_number_and_a_unit() {
        check("30s", Some(30_000));
        check("500ms", Some(500));
        check("2m", Some(120_000));
        check("0s", Some(0));
        for text in ["", "30", "s", "-1s", "1.5s", "1h", "1 s", "99999999999999999999s", "18446744073709551615m"] {
            check(text, None);
        }
    }
}
