//! What the tasks of an execution wrote: `GET /v1/executions/{id}/logs`, a page at a time or as they write it.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::Event;
use axum::response::{IntoResponse as _, Response};
use futures::{Stream, stream};
use sandmill_engine::Engine;
use sandmill_engine::ports::{ExecutionKey, LogLevel, LogLine};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::streams::{error_event, nothing_more, place};
use super::{PageView, executions};
use crate::auth::Caller;
use crate::connection::Closing;
use crate::error::{ApiError, ProblemView};
use crate::extract::{PathOf, QueryOf};
use crate::state::{Shared, blocking};

/// A line that a task wrote.
#[derive(Serialize, ToSchema)]
pub(crate) struct LogView {
    /// When it was written.
    at: String,
    /// The task execution that wrote it.
    task: String,
    /// The attempt that wrote it.
    attempt: u32,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    #[schema(value_type = String)]
    level: LogLevel,
    /// What it says.
    message: String,
    /// Named values beside it.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    fields: serde_json::Map<String, serde_json::Value>,
}

impl From<LogLine> for LogView {
    fn from(line: LogLine) -> Self {
        Self {
            at: line.at.to_string(),
            task: line.task.to_string(),
            attempt: line.attempt,
            level: line.level,
            message: line.message,
            fields: line.fields.into_iter().map(|(name, value)| (name, value.into())).collect(),
        }
    }
}

/// Which lines.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogQuery {
    /// Lines on the page, 50 where none is named.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
    /// `true` for a stream of lines as they are written, instead of a page.
    #[serde(default)]
    follow: bool,
}

/// The log of an execution, oldest line first.
///
/// The `next` of a page with lines is never `null`: ask with it again for what was written since. With `follow=true` the answer is a stream of
/// server-sent events, one a line, which ends when the execution has ended.
#[utoipa::path(
    get, operation_id = "read_log", path = "/v1/executions/{id}/logs", tag = "executions",
    params(("id" = String, Path), LogQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "Where to go on with a stream")),
    responses(
        (status = 200, description = "A page, or a stream", content(
            (PageView<LogView> = "application/json"), (LogView = "text/event-stream"))),
        (status = 204, description = "The execution has ended, and a stream would have nothing after that line"),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn logs(
    State(api): State<Shared>,
    caller: Caller,
    (PathOf(id), QueryOf(query)): (PathOf<String>, QueryOf<LogQuery>),
    Closing(closing): Closing,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let key = caller.execution(&id)?;
    let row = executions::row(&api.engine, &key)?;
    let lines_max = api.page_items(query.limit)?;
    if !query.follow {
        let page = blocking(move || Ok(api.engine.logs(&key, query.after.as_deref(), lines_max)?)).await?;
        let items = page.items.into_iter().map(LogView::from).collect();
        return Ok(Json(PageView { items, next: page.next }).into_response());
    }
    let after = place(&headers, query.after);
    let opening = api.open_stream(closing)?;
    // A place that no page gave is told now, and not in the middle of a stream.
    let has_more = !api.engine.logs(&key, after.as_deref(), 1)?.items.is_empty();
    if row.status.is_ended() && after.is_some() && !has_more {
        return Ok(nothing_more());
    }
    let follower =
        Follower { engine: Arc::clone(&api.engine), key, after, lines_max, ready: VecDeque::new(), is_over: false };
    Ok(api.stream(opening, follower.events()))
}

/// One client on its way through the log.
struct Follower {
    engine: Arc<Engine>,
    key: ExecutionKey,
    after: Option<String>,
    lines_max: usize,
    ready: VecDeque<LogLine>,
    is_over: bool,
}

impl Follower {
    fn events(self) -> impl Stream<Item = Event> + Send + 'static {
        stream::unfold(self, async |mut follower| follower.next().await.map(|event| (event, follower)))
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some(self.event(line));
            }
            if self.is_over {
                return None;
            }
            match self.read_on().await {
                Ok(is_over) => self.is_over = is_over,
                Err(error) => {
                    self.is_over = true;
                    return Some(error_event(error));
                }
            }
        }
    }

    /// Waits for lines and reads a page of them; true where no more will come.
    async fn read_on(&mut self) -> Result<bool, ApiError> {
        if !self.engine.log_changed(&self.key, self.after.as_deref()).await? {
            return Ok(true);
        }
        let page = self.engine.logs(&self.key, self.after.as_deref(), self.lines_max)?;
        self.ready = page.items.into();
        self.after = page.next.or(self.after.take());
        Ok(false)
    }

    /// The last line of a page is a place to go on from.
    fn event(&self, line: LogLine) -> Event {
        let line = serde_json::to_string(&LogView::from(line)).expect("a line is made of text and numbers");
        let event = Event::default().data(line);
        match &self.after {
            Some(after) if self.ready.is_empty() => event.id(after),
            _ => event,
        }
    }
}
