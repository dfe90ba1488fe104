//! Events in order, from any place on, and as they come.

use std::collections::VecDeque;
use std::sync::Arc;

use sandmill_core::machine::{Action, Lifecycle};
use sandmill_core::problem::{ErrorKind, Problem};

use crate::engine::{Engine, result_of};
use crate::history::replay::{Replay, Slice};
use crate::history::{EventId, LifecycleEvent, ReadError};
use crate::metrics::FollowerMeters;
use crate::notices::Subscription;
use crate::ports::{ExecutionKey, ExecutionRow, Status};
use crate::shared::Library;

impl Engine {
    /// The events of an execution after a given one, or all of them: those that there are, and then those that come.
    #[must_use]
    pub fn events(&self, key: &ExecutionKey, after: Option<EventId>) -> EventReader {
        let library = Arc::clone(&self.shared.library);
        EventReader {
            news: library.append_news.subscribe(key),
            library,
            key: key.clone(),
            replay: None,
            ready: VecDeque::new(),
            last: after,
            next: EventId { position: 0, index: 0 },
            is_following: false,
            is_over: false,
            meters: FollowerMeters::new(),
        }
    }
}

/// Reads the events of one execution.
pub struct EventReader {
    library: Arc<Library>,
    key: ExecutionKey,
    news: Subscription,
    replay: Option<Box<Replay>>,
    /// The events of the slice that was replayed last.
    ready: VecDeque<LifecycleEvent>,
    /// The last event that the reader has seen.
    last: Option<EventId>,
    /// The id of the next event.
    next: EventId,
    /// True once it has seen everything that there was.
    is_following: bool,
    is_over: bool,
    meters: FollowerMeters,
}

impl EventReader {
    /// The next event. Waits where there is none yet; `None` once the execution has ended and everything was read.
    ///
    /// Nothing is lost where the future is dropped before it is ready.
    pub async fn next(&mut self) -> Result<Option<LifecycleEvent>, ReadError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.last = Some(event.id);
                if self.is_following {
                    let lag = self.library.clock.now().since(event.at);
                    self.meters.lag.record(lag.0 as f64 / 1_000.0);
                }
                return Ok(Some(event));
            }
            if self.is_over {
                return Ok(None);
            }
            match self.opened()?.advance()? {
                Some(slice) => {
                    self.take(slice);
                    tokio::task::yield_now().await;
                }
                None => self.wait().await?,
            }
        }
    }

    fn opened(&mut self) -> Result<&mut Replay, ReadError> {
        let replay = match self.replay.take() {
            Some(replay) => replay,
            None => Box::new(Replay::begin(&self.library, &self.key)?.ok_or(ReadError::NotFound(self.key.id))?),
        };
        Ok(self.replay.insert(replay))
    }

    /// Makes events of what a slice publishes.
    fn take(&mut self, slice: Slice) {
        if slice.position != self.next.position {
            self.next = EventId { position: slice.position, index: 0 };
        }
        for action in slice.actions {
            if let Action::Publish(lifecycle) = action {
                self.put(LifecycleEvent { id: self.next, at: slice.at, lifecycle });
            }
        }
        self.is_over = self.replay.as_ref().is_some_and(|replay| replay.has_ended());
    }

    fn put(&mut self, event: LifecycleEvent) {
        self.next.index += 1;
        if self.last.is_none_or(|last| last < event.id) {
            self.ready.push_back(event);
        }
    }

    /// Everything that is durable was read: waits for more, unless there is no more to come.
    async fn wait(&mut self) -> Result<(), ReadError> {
        let Some(replay) = &mut self.replay else { return Ok(()) };
        if replay.row()?.is_none_or(|row| row.status.is_ended()) {
            // What came between the last look at the journal and the look at the row.
            match replay.advance()? {
                Some(slice) => self.take(slice),
                None => self.end_without_record()?,
            }
            return Ok(());
        }
        if self.library.is_closed() {
            return Err(ReadError::Stopped);
        }
        self.is_following = true;
        self.news.changed().await;
        Ok(())
    }

    /// The row says that the execution has ended and its journal does not: it was ended from outside, for it could not go on. The event that says so
    /// follows from the row.
    fn end_without_record(&mut self) -> Result<(), ReadError> {
        self.is_over = true;
        let Some(replay) = &self.replay else { return Ok(()) };
        let Some(row) = replay.row()? else { return Ok(()) };
        let lifecycle = match row.status {
            Status::Cancelled => Lifecycle::WorkflowCancelled,
            Status::Faulted => Lifecycle::WorkflowFaulted(Arc::new(self.problem(&row)?)),
            _ => return Ok(()),
        };
        self.next = EventId { position: replay.next_position(), index: 0 };
        self.put(LifecycleEvent { id: self.next, at: row.ended_at.unwrap_or(row.started_at), lifecycle });
        Ok(())
    }

    fn problem(&self, row: &ExecutionRow) -> Result<Problem, ReadError> {
        let error = result_of(&self.library.store, &self.key, row)?;
        let problem = error.as_ref().and_then(Problem::from_value);
        Ok(problem.unwrap_or_else(|| Problem::new(ErrorKind::Runtime, "the execution was ended from outside")))
    }
}
