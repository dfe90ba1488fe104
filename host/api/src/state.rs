//! What every handler can reach: the engine, the registry, the store, and the room that is left.

use std::sync::Arc;

use bytes::Bytes;
use sandmill_engine::ports::{Clock, SharedStore};
use sandmill_engine::{Engine, Registry};
use tokio::sync::Semaphore;

use crate::error::ApiError;
use crate::options::ApiOptions;

/// What the API needs from outside, named by the one place that puts the program together.
#[derive(Clone)]
pub struct Parts {
    /// Runs executions.
    pub engine: Arc<Engine>,
    /// Takes plugins and workflow definitions.
    pub registry: Arc<Registry>,
    /// Holds tenants, keys, catalogs and the index of executions.
    pub store: SharedStore,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Writes all metrics of the process in Prometheus' text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// The limits.
    pub options: ApiOptions,
}

/// The parts, and what is counted over all requests.
pub(crate) struct Api {
    pub(crate) engine: Arc<Engine>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) store: SharedStore,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<dyn Fn() -> String + Send + Sync>,
    pub(crate) options: ApiOptions,
    /// Requests that may still begin.
    pub(crate) requests: Arc<Semaphore>,
    /// Streams that may still be opened.
    pub(crate) streams: Arc<Semaphore>,
    /// Bytes of bodies that may still be held.
    pub(crate) bodies: Arc<Semaphore>,
    /// The OpenAPI document, made once.
    pub(crate) description: Bytes,
}

/// The state of the router.
pub(crate) type Shared = Arc<Api>;

impl Api {
    pub(crate) fn new(parts: Parts, description: Bytes) -> Self {
        let Parts { engine, registry, store, clock, metrics, options } = parts;
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Self {
            requests: semaphore(options.requests_max),
            streams: semaphore(options.streams_max),
            bodies: semaphore(options.bodies_bytes_max),
            engine,
            registry,
            store,
            clock,
            metrics,
            options,
            description,
        }
    }
}

/// Does what reads much, writes or computes on a thread that may block.
pub(crate) async fn blocking<T, F>(work: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, ApiError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // It is aborted only when the runtime shuts down, and then nobody waits for it; the panic boundary answers the rest.
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}
