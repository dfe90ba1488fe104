//! The lifecycle events of an execution, as they happened and as they happen: `GET /v1/executions/{id}/events`.
//!
//! Only what is durable is shown, each event once and in order, and its id is a place to go on from. Between the events stands how far tasks
//! say they have come: live, without an id, and nobody tells it twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::Event;
use futures::future::BoxFuture;
use futures::{FutureExt as _, Stream, stream};
use sandmill_core::ids::TaskExecId;
use sandmill_engine::ports::{ExecutionKey, Progress};
use sandmill_engine::{Engine, EventId, EventReader, LifecycleEvent, ReadError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::cloud_events::{About, CloudEventView};
use super::executions;
use super::streams::{error_event, nothing_more, place};
use crate::auth::Caller;
use crate::code::Code;
use crate::connection::Closing;
use crate::error::{ApiError, ProblemView};
use crate::extract::{PathOf, QueryOf};
use crate::state::Shared;

/// What an event about progress is called.
const PROGRESS_EVENT: &str = "progress";

/// How often progress is told at most: people read no faster.
const PROGRESS_PAUSE: Duration = Duration::from_millis(100);

/// Where to begin.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// The id of the last event that was seen.
    after: Option<String>,
}

/// How far a task says it has come. Not an event of the journal: it has no id, and may be missed.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProgressView {
    /// The task execution.
    task: String,
    /// From 0 to 1; `null` where the task does not know.
    fraction: Option<f64>,
    /// For people.
    message: Option<String>,
}

impl ProgressView {
    pub(super) fn new(id: TaskExecId, progress: Progress) -> Self {
        Self { task: id.to_string(), fraction: progress.fraction, message: progress.message }
    }
}

/// Follow the lifecycle events of an execution.
///
/// Server-sent events: each has a CloudEvent as its `data` and a place to go on from as its `id`. Events named `progress` stand between them. The
/// stream ends when the execution has ended; whoever has seen everything gets 204.
#[utoipa::path(
    get, operation_id = "follow_events", path = "/v1/executions/{id}/events", tag = "executions",
    params(("id" = String, Path), EventQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was seen")),
    responses(
        (status = 200, description = "The events", body = CloudEventView, content_type = "text/event-stream"),
        (status = 204, description = "The execution has ended, and there is nothing after that event"),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn events(
    State(api): State<Shared>,
    caller: Caller,
    (PathOf(id), QueryOf(query)): (PathOf<String>, QueryOf<EventQuery>),
    Closing(closing): Closing,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let key = caller.execution(&id)?;
    let after = place(&headers, query.after).map(|id| event_id(&id)).transpose()?;
    let row = executions::row(&api.engine, &key)?;
    let opening = api.open_stream(closing)?;
    let mut reader = api.engine.events(&key, after);
    // One that has ended says at once whether there is more; one that has not need not be asked.
    let first = if row.status.is_ended() { Some(reader.next().await?) } else { None };
    if matches!(first, Some(None)) && after.is_some() {
        return Ok(nothing_more());
    }
    let follower = Follower::new(Arc::clone(&api.engine), About::new(key.clone(), &row), key, reader);
    Ok(api.stream(opening, follower.events(first.flatten())))
}

fn event_id(text: &str) -> Result<EventId, ApiError> {
    text.parse().map_err(|_| {
        let detail = format!("`{text}` is no event id: take the `id` of an event of this stream, such as 12-0.");
        ApiError::new(Code::InvalidEventId, detail)
    })
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        let detail = error.to_string();
        match error {
            ReadError::NotFound(_) => Self::new(Code::ExecutionNotFound, detail),
            ReadError::Diverged { .. } | ReadError::NoDefinition(_) => Self::new(Code::ExecutionHeld, detail),
            ReadError::Codec { source, .. } => Self::host(Code::StoreDamaged, format!("{detail}: {source}")),
            ReadError::Stopped => Self::new(Code::Draining, detail),
            ReadError::Store(error) => error.into(),
        }
    }
}

/// One client on its way through the events.
struct Follower {
    engine: Arc<Engine>,
    about: About,
    key: ExecutionKey,
    reader: EventReader,
    /// What was told of the progress of tasks, by their number.
    told: BTreeMap<u32, Progress>,
    /// What is still to be told of it.
    progress: Vec<ProgressView>,
    /// Ready when there may be more of it.
    news: BoxFuture<'static, ()>,
    is_over: bool,
}

/// What comes next.
enum Next {
    Event(Result<Option<LifecycleEvent>, ReadError>),
    Progress,
}

impl Follower {
    fn new(engine: Arc<Engine>, about: About, key: ExecutionKey, reader: EventReader) -> Self {
        let news = progress_news(&engine, &key);
        let (told, progress) = (BTreeMap::new(), Vec::new());
        Self { engine, about, key, reader, told, progress, news, is_over: false }
    }

    fn events(self, first: Option<LifecycleEvent>) -> impl Stream<Item = Event> + Send + 'static {
        let first = first.map(|event| self.event(&event));
        let rest = stream::unfold(self, async |mut follower| follower.next().await.map(|event| (event, follower)));
        futures::StreamExt::chain(stream::iter(first), rest)
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.is_over {
                return None;
            }
            if let Some(progress) = self.progress.pop() {
                return Some(Event::default().event(PROGRESS_EVENT).data(json(&progress)));
            }
            let next = tokio::select! {
                biased;
                event = self.reader.next() => Next::Event(event),
                () = &mut self.news => Next::Progress,
            };
            match next {
                Next::Event(Ok(Some(event))) => return Some(self.event(&event)),
                Next::Event(Ok(None) | Err(ReadError::Stopped)) => self.is_over = true,
                Next::Event(Err(error)) => {
                    self.is_over = true;
                    return Some(error_event(error.into()));
                }
                Next::Progress => self.look_at_progress(),
            }
        }
    }

    fn event(&self, event: &LifecycleEvent) -> Event {
        Event::default().id(event.id.to_string()).data(json(&self.about.cloud_event(event)))
    }

    /// Listens first and looks then, so that nothing is missed for good.
    fn look_at_progress(&mut self) {
        self.news = progress_news(&self.engine, &self.key);
        let now = self.engine.progress(&self.key);
        let is_new = |(number, progress): &(&u32, &Progress)| self.told.get(number) != Some(progress);
        let new = now.iter().filter(is_new).map(|(number, progress)| {
            let id = TaskExecId { workflow: self.key.id, number: *number };
            ProgressView::new(id, progress.clone())
        });
        self.progress = new.collect();
        self.told = now;
    }
}

/// Ready a moment after there were news, counted from this call on.
fn progress_news(engine: &Arc<Engine>, key: &ExecutionKey) -> BoxFuture<'static, ()> {
    let (engine, key) = (Arc::clone(engine), key.clone());
    let mut news = async move {
        engine.progress_changed(&key).await;
        tokio::time::sleep(PROGRESS_PAUSE).await;
    }
    .boxed();
    // It listens from the first time on that it is asked.
    match (&mut news).now_or_never() {
        Some(()) => futures::future::ready(()).boxed(),
        None => news,
    }
}

fn json(view: &impl Serialize) -> String {
    serde_json::to_string(view).expect("a view is made of text and numbers")
}
