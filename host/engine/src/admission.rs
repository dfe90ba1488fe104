//! Admission: which starts are taken, and which are told to come back later.
//!
//! One of the four gates of a tenant. A start waits for one thing only, that it is durable; for everything else that is scarce (its place among
//! those that wait, memory, disk) it is refused at once, with how long to wait, for whoever asks knows best what to do meanwhile. A start that
//! was taken before, by its idempotency key, is answered even where nothing new is taken.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sandmill_core::definition::Definition;
use sandmill_core::ids::{TenantId, WorkflowExecId};
use sandmill_core::machine::{Event, Origin, Settings};
use sandmill_core::time::Millis;
use sandmill_core::value::Value;
use tokio::sync::oneshot;

use crate::engine::Engine;
use crate::execution::{Answer, Execution, Incoming};
use crate::metrics::EngineMeters;
use crate::ports::{ExecutionKey, ExecutionRow, Lineage, Status, StoreError};
use crate::shard::Mail;
use crate::shared::Shared;

/// After this a queue of starts has moved on.
const RETRY_WHEN_BUSY: Millis = Millis(1_000);

/// After this another engine may have taken over.
const RETRY_WHEN_DRAINING: Millis = Millis(5_000);

/// After this somebody may have made room on the disk.
const RETRY_WHEN_FULL: Millis = Millis(60_000);

/// A request to start an execution.
#[derive(Debug, Clone)]
pub struct Start {
    /// Whose it is.
    pub tenant: TenantId,
    /// What it runs on.
    pub definition: Arc<Definition>,
    /// Its raw input.
    pub input: Value,
    /// Starts once, however often it is asked for.
    pub idempotency_key: Option<String>,
    /// Where its id comes from, when there is no key.
    pub random: u128,
    /// Where it begins and what it takes over, if it does not begin afresh.
    pub origin: Option<Box<Origin>>,
}

/// Why an execution was not started.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StartError {
    /// The key was used with another input.
    #[error("the idempotency key was used with another input, for execution {0}: use another key")]
    KeyReused(WorkflowExecId),
    /// Too many starts wait, or too many executions are in memory.
    #[error("the engine has as much to do as it can take: try again later")]
    Busy,
    /// The task to start at is none of the document's list.
    #[error("the workflow has no task `{0}` in its own list to start at")]
    NoSuchTask(Arc<str>),
    /// The engine is about to stop.
    #[error("the engine is about to stop: try again later")]
    Draining,
    /// The store said no. Where it refused ([`StoreError::Refused`]), disk is scarce, and what runs goes on.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Start {
    /// The execution that it starts. With a key it is the same for every version of the workflow: whoever asks again for the newest one after another
    /// was deployed means what they asked for first.
    #[must_use]
    pub fn execution(&self) -> ExecutionKey {
        let name = &self.definition.name;
        let id = match &self.idempotency_key {
            Some(key) => {
                let workflow = format!("{}/{}", name.namespace, name.name);
                WorkflowExecId::from_idempotency_key(&self.tenant, &workflow, key)
            }
            None => WorkflowExecId::from_random(self.random),
        };
        ExecutionKey { tenant: self.tenant.clone(), id }
    }
}

impl StartError {
    /// How long to wait before the same start may be taken; `None` where waiting changes nothing.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Millis> {
        match self {
            Self::Busy => Some(RETRY_WHEN_BUSY),
            Self::Draining => Some(RETRY_WHEN_DRAINING),
            Self::Store(StoreError::Refused { .. }) => Some(RETRY_WHEN_FULL),
            Self::KeyReused(_) | Self::NoSuchTask(_) | Self::Store(_) => None,
        }
    }

    const fn reason(&self) -> &'static str {
        match self {
            Self::KeyReused(_) => "key-reused",
            Self::NoSuchTask(_) => "no-such-task",
            Self::Busy => "busy",
            Self::Draining => "draining",
            Self::Store(_) => "store",
        }
    }
}

impl Engine {
    /// Starts an execution, and returns its id once that is durable. With a key that was used before: the id from then.
    pub async fn start(&self, start: Start) -> Result<WorkflowExecId, StartError> {
        let tenant = start.tenant.clone();
        match self.admit(start).await {
            Ok((id, is_new)) => {
                if is_new {
                    EngineMeters::execution_started(&tenant);
                }
                Ok(id)
            }
            Err(error) => {
                EngineMeters::start_refused(error.reason());
                Err(error)
            }
        }
    }

    /// The id, and whether it was started by this.
    async fn admit(&self, start: Start) -> Result<(WorkflowExecId, bool), StartError> {
        let key = start.execution();
        let input = start.input.digest();
        let has_key = start.idempotency_key.is_some();
        if let Some(row) = self.row_of_key(&key, has_key)? {
            return if row.input == input { Ok((key.id, false)) } else { Err(StartError::KeyReused(key.id)) };
        }
        let start_at = start.origin.as_ref().and_then(|origin| origin.start_at.clone());
        if let Some(name) = start_at.filter(|name| start.definition.place_of(name).is_none()) {
            return Err(StartError::NoSuchTask(name));
        }
        if self.is_draining.load(Ordering::SeqCst) {
            return Err(StartError::Draining);
        }
        if self.shared.in_memory.load(Ordering::Relaxed) >= self.shared.options.executions_in_memory_max {
            return Err(StartError::Busy);
        }
        if self.shared.queue.depth() >= self.shared.options.queue_depth_max {
            return Err(StartError::Busy);
        }
        let _place = self.starts.try_acquire().map_err(|_| StartError::Busy)?;
        let (answer, durable) = oneshot::channel();
        let lineage = Lineage { rerun_of: start.origin.as_ref().and_then(|origin| origin.execution), parent: None };
        let begin = Begin { definition: start.definition, input: start.input, origin: start.origin, lineage };
        let execution = self.shared.new_execution(&key, begin, answer)?;
        self.send(&key, Mail::Start(Box::new(execution)));
        durable.await.map_err(|_| StartError::Draining)?.map_err(|refusal| StartError::Store(refusal.into()))?;
        // Another start with the same key may have come first.
        match self.row_of_key(&key, has_key)? {
            Some(row) if row.input != input => Err(StartError::KeyReused(key.id)),
            _ => Ok((key.id, true)),
        }
    }

    /// The row of an execution that a key may have started before; an id that was drawn is nobody else's.
    fn row_of_key(&self, key: &ExecutionKey, has_key: bool) -> Result<Option<ExecutionRow>, StoreError> {
        if has_key { self.row(key) } else { Ok(None) }
    }
}

/// What a new execution begins with.
pub(crate) struct Begin {
    pub(crate) definition: Arc<Definition>,
    pub(crate) input: Value,
    pub(crate) origin: Option<Box<Origin>>,
    pub(crate) lineage: Lineage,
}

impl Shared {
    /// An execution that is about to start, under the settings of this host and of its tenant.
    pub(crate) fn new_execution(
        &self,
        key: &ExecutionKey,
        begin: Begin,
        answer: Answer,
    ) -> Result<Execution, StoreError> {
        let Begin { definition, input, origin, lineage } = begin;
        let row = ExecutionRow {
            id: key.id,
            workflow: definition.name.to_string(),
            definition: definition.digest,
            status: Status::Pending,
            started_at: self.clock.now(),
            ended_at: None,
            expires_at: None,
            input: input.digest(),
            result: None,
            lineage,
        };
        let settings = Box::new(self.settings_of(key)?);
        let mut execution = Execution::new(key.clone(), row, &definition, &self.options);
        let event = Event::Started { input, settings, origin };
        execution.inbox.push_back(Incoming { event, answer: Some(answer) });
        Ok(execution)
    }

    /// What the platform says, and what the tenant says otherwise. What the document and its tasks say is compiled into the definition.
    fn settings_of(&self, key: &ExecutionKey) -> Result<Settings, StoreError> {
        let defaults = self.store.tenant(&key.tenant)?.map(|row| row.defaults).unwrap_or_default();
        let platform = self.options.settings.clone();
        Ok(Settings {
            seed: seed_of(key.id),
            attempts: defaults.retry.unwrap_or(platform.attempts),
            task_timeout: defaults.timeout.or(platform.task_timeout),
            ..platform
        })
    }
}

fn seed_of(id: WorkflowExecId) -> u64 {
    let bytes = id.to_bytes();
    u64::from_be_bytes(bytes[..8].try_into().expect("8 of 16 bytes"))
}
