//! Everything that the engine needs from outside, as traits that it owns.
//!
//! Owns the shapes that cross the border to a store, a queue, a clock and a runner. Knows no key, no file and no Wasm: how an adapter keeps
//! its promises is its own business, and what it promises stands here and in the conformance suite of `sandmill-store`.
//!
//! The store's ports are synchronous, for an embedded store never waits on a network: they are called from threads that may block.
//! What may live elsewhere (configs, the queue, the runner) is asynchronous.

mod configs;
mod rows;
mod tasks;

use std::sync::Arc;

pub use configs::{ComponentBytes, ConfigError, ConfigStore, SharedValues};
pub use rows::{
    Batch, DefinitionRow, ExecutionFilter, ExecutionKey, ExecutionRow, FunctionRow, JournalEntry, KeyRow, KeyScope,
    Lineage, LogLevel, LogLine, Page, Parent, PluginDescription, PluginRow, Progress, Residence, Snapshot, Status,
    StoreHealth, StoredValue, TaskDefaults, TenantRow,
};
pub use tasks::{
    Completion, Deliveries, Remote, RemoteContext, Runner, TaskMessage, TaskObserver, TaskQueue, TaskResult,
};

use async_trait::async_trait;
use bytes::Bytes;
use sandmill_core::definition::Definition;
use sandmill_core::ids::{Digest, TenantId};
use sandmill_core::time::Timestamp;

/// Why a store did not do what it was asked to.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written and nothing is lost: the same call may succeed later, as when free disk is back.
    #[error("the store refused: {reason}")]
    Refused {
        /// What is in the way.
        reason: String,
    },
    /// The caller asked for what cannot be, such as a page token that no page gave: the same call fails again.
    #[error("{reason}")]
    Invalid {
        /// What is wrong with the question.
        reason: String,
    },
    /// A write or a sync failed, so nobody knows what is durable. The process must end and recover from what is on disk.
    #[error("the store failed: {reason}")]
    Failed {
        /// What the system said.
        reason: String,
    },
    /// Stored bytes are not what was written.
    #[error("the store is damaged at {place}: {reason}")]
    Damaged {
        /// Which row.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The durable record of executions.
pub trait Journal: Send + Sync {
    /// Writes all batches, then syncs once. When it returns, all of them are durable; on [`StoreError::Refused`] none was written.
    ///
    /// Where room runs out, a call is refused if one of its batches starts an execution (its entry has position 0): the others may be tried again
    /// without those. After [`StoreError::Failed`] every call fails.
    ///
    /// Called from one thread at a time.
    fn append(&self, batches: Vec<Batch>) -> Result<(), StoreError>;

    /// Up to `entries_max` records of an execution, from a position on, in order.
    fn records(&self, execution: &ExecutionKey, from: u64, entries_max: usize)
    -> Result<Vec<JournalEntry>, StoreError>;

    /// The newest snapshot of an execution.
    fn snapshot(&self, execution: &ExecutionKey) -> Result<Option<Snapshot>, StoreError>;

    /// Removes up to `rows_max` rows of an ended execution, its index row last, and tells whether anything is left. One that has not ended is
    /// [`StoreError::Invalid`].
    fn remove(&self, execution: &ExecutionKey, rows_max: usize) -> Result<bool, StoreError>;

    /// How the store is.
    fn health(&self) -> StoreHealth;
}

/// The index of executions.
pub trait Executions: Send + Sync {
    /// One row.
    fn row(&self, execution: &ExecutionKey) -> Result<Option<ExecutionRow>, StoreError>;

    /// A page of a tenant's executions, newest first. `after` is what the page before gave; one that no page gave is [`StoreError::Invalid`].
    ///
    /// Where a filter lets few through, a page may hold fewer than `items_max` items, or none, and still have a `next`.
    fn list(
        &self,
        tenant: &TenantId,
        filter: &ExecutionFilter,
        after: Option<&str>,
        items_max: usize,
    ) -> Result<Page<ExecutionRow>, StoreError>;

    /// Executions whose residence is [`Residence::Active`], of all tenants, those after a given one in the order of keys.
    fn active(&self, after: Option<&ExecutionKey>, items_max: usize) -> Result<Vec<ExecutionKey>, StoreError>;

    /// Parked executions whose time has come by `until`, the earliest first.
    fn due(&self, until: Timestamp, items_max: usize) -> Result<Vec<(Timestamp, ExecutionKey)>, StoreError>;

    /// When the first parked execution is due.
    fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Ended executions whose `expires_at` has come by `until`, the earliest first.
    fn expired(&self, until: Timestamp, items_max: usize) -> Result<Vec<ExecutionKey>, StoreError>;
}

/// Values above the inline threshold.
pub trait Values: Send + Sync {
    /// The JSON text under a digest, of one execution. Only what was written for that execution is found.
    fn value(&self, execution: &ExecutionKey, digest: Digest) -> Result<Option<Bytes>, StoreError>;
}

/// What a catalog says no to.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CatalogError {
    /// Other bytes stand, or stood, under that version: versions never change.
    #[error("{name} has other bytes already ({digest}); versions never change: choose another version")]
    Conflict {
        /// `name:version`.
        name: String,
        /// The digest that stands there.
        digest: Digest,
    },
    /// It is in use.
    #[error("{name} is pinned by {}; remove that first", pins.join(", "))]
    Pinned {
        /// `name:version`.
        name: String,
        /// What pins it.
        pins: Vec<String>,
    },
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A tenant's plugins and definitions.
pub trait Catalog: Send + Sync {
    /// Adds a plugin with its component. The same bytes under the same version again change nothing.
    fn put_plugin(&self, tenant: &TenantId, plugin: PluginRow, component: Bytes) -> Result<(), CatalogError>;

    /// The plugins of a tenant, by name, then by version, of one name or of all.
    fn plugins(&self, tenant: &TenantId, name: Option<&str>) -> Result<Vec<PluginRow>, StoreError>;

    /// The bytes of a component that this tenant has in its catalog.
    fn component(&self, tenant: &TenantId, digest: Digest) -> Result<Option<Bytes>, StoreError>;

    /// Removes a plugin that no definition pins; `false` when there is none. Its version stays taken.
    fn remove_plugin(&self, tenant: &TenantId, name: &str, version: &str) -> Result<bool, CatalogError>;

    /// Adds a definition with its document. The same bytes under the same version again change nothing. A plugin that it is pinned to must be in
    /// the catalog, or else it is [`StoreError::Invalid`].
    fn put_definition(&self, tenant: &TenantId, definition: DefinitionRow, document: Bytes)
    -> Result<(), CatalogError>;

    /// The definitions of a tenant, by name, then by version, of one name or of all.
    fn definitions(&self, tenant: &TenantId, name: Option<&str>) -> Result<Vec<DefinitionRow>, StoreError>;

    /// The document with that digest, also of a definition that was removed, for executions in flight run on it.
    fn document(&self, tenant: &TenantId, digest: Digest) -> Result<Option<(DefinitionRow, Bytes)>, StoreError>;

    /// Removes a definition that no execution in flight pins; `false` when there is none. Its version stays taken.
    fn remove_definition(&self, tenant: &TenantId, name: &str, version: &str) -> Result<bool, CatalogError>;
}

/// Tenants and keys.
pub trait Directory: Send + Sync {
    /// Makes a tenant; `false` when there is one of that name.
    fn create_tenant(&self, tenant: TenantRow) -> Result<bool, StoreError>;

    /// The tenant of that name.
    fn tenant(&self, id: &TenantId) -> Result<Option<TenantRow>, StoreError>;

    /// Sets what holds for a tenant's tasks; `false` when there is none of that name.
    fn set_defaults(&self, id: &TenantId, defaults: TaskDefaults) -> Result<bool, StoreError>;

    /// All tenants, by name.
    fn tenants(&self) -> Result<Vec<TenantRow>, StoreError>;

    /// Adds a key. Another one of that id or hash is [`StoreError::Invalid`].
    fn put_key(&self, key: KeyRow) -> Result<(), StoreError>;

    /// All keys, by id.
    fn keys(&self) -> Result<Vec<KeyRow>, StoreError>;

    /// The key with that hash.
    fn key(&self, hash: Digest) -> Result<Option<KeyRow>, StoreError>;

    /// Revokes a key; `false` when there is none of that id.
    fn remove_key(&self, id: &str) -> Result<bool, StoreError>;
}

/// What tasks wrote while they ran. Not part of the durable record: what was not appended yet is lost with a crash.
pub trait Logs: Send + Sync {
    /// Adds lines to the logs of executions, in order, all of them in one write.
    fn append_logs(&self, lines: Vec<(ExecutionKey, LogLine)>) -> Result<(), StoreError>;

    /// A page of an execution's lines, oldest first. `after` is what the page before gave; the `next` of a page that holds lines is never `None`, so
    /// that whoever follows the log can ask again for what comes after it.
    fn logs(
        &self,
        execution: &ExecutionKey,
        after: Option<&str>,
        lines_max: usize,
    ) -> Result<Page<LogLine>, StoreError>;
}

/// Why a component cannot be a plugin.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InspectError {
    /// It is not what the contract asks for: the reason says what is missing or wrong, and what to do.
    #[error("{reason}")]
    Refused {
        /// What is wrong with it.
        reason: String,
    },
    /// The host has no room to look at it right now.
    #[error("the component cannot be looked at right now: {reason}")]
    Unavailable {
        /// What is in the way.
        reason: String,
    },
}

/// What knows components: in this process the Wasm runtime.
#[async_trait]
pub trait Components: Send + Sync {
    /// Checks that a component keeps the contract, and reads what it says of itself. This runs the component's code, under the limits of a task, so
    /// it is done once, when it is registered. Afterwards the component is compiled and ready to run.
    async fn inspect(&self, component: Bytes) -> Result<PluginDescription, InspectError>;
}

/// The time outside.
#[async_trait]
pub trait Clock: Send + Sync {
    /// This moment. May jump; the engine sees to it that time within an execution never goes back.
    fn now(&self) -> Timestamp;

    /// Returns at that moment, or soon after.
    async fn sleep_until(&self, at: Timestamp);
}

/// Where compiled definitions come from.
pub trait Definitions: Send + Sync {
    /// The definition of a tenant with that digest, compiled, with its plugins as they were pinned; `None` where there is none.
    fn definition(&self, tenant: &TenantId, digest: Digest) -> Result<Option<Arc<Definition>>, StoreError>;

    /// The definition of that `namespace/name`: of that version, or else the newest; `None` where there is none.
    fn named(
        &self,
        tenant: &TenantId,
        name: &str,
        version: Option<&str>,
    ) -> Result<Option<Arc<Definition>>, StoreError>;
}

/// Where the functions of catalogs come from.
pub trait Functions: Send + Sync {
    /// The document of a function in the catalog at an endpoint; an error says why there is none.
    fn function(&self, catalog: &str, name: &str, version: &str) -> Result<Bytes, String>;
}

/// The store, as one thing that keeps all of these promises.
pub trait Store: Journal + Executions + Values + ConfigStore + Catalog + Directory + Logs {}

impl<T: Journal + Executions + Values + ConfigStore + Catalog + Directory + Logs> Store for T {}

/// A shared store.
pub type SharedStore = Arc<dyn Store>;
