//! What workers in other processes are given by id and by digest: configs, values of a context, the bytes of components.

use async_trait::async_trait;
use bytes::Bytes;
use sandmill_core::ids::{Digest, TaskExecId, TenantId};
use sandmill_core::time::Millis;

use super::ExecutionKey;

/// Why there is no config.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Nothing was ever stored under the id, or it is long gone.
    #[error("no config is stored for this task execution")]
    NotFound,
    /// Its time ran out.
    #[error("the config of this task execution has expired")]
    Expired,
    /// The store cannot be reached.
    #[error("the config store cannot be reached: {reason}")]
    Unavailable {
        /// What is in the way.
        reason: String,
    },
    /// Another text stands under the id already.
    #[error("another config is stored for this task execution")]
    Conflict,
    /// What is stored is not what was written.
    #[error("the stored config of this task execution is damaged: {reason}")]
    Damaged {
        /// What is wrong with it.
        reason: String,
    },
}

/// The configs of task executions. The embedded store keeps them in the batch of the event that dispatches; another one gets its copy when
/// the dispatch is performed.
#[async_trait]
pub trait ConfigStore: Send + Sync {
    /// Stores configs, many at once. A second time under the same id it must be the same text: then nothing changes but that it lives as long as asked
    /// for, where that is longer.
    async fn save(&self, tenant: &TenantId, configs: &[(TaskExecId, Bytes)], ttl: Millis) -> Result<(), ConfigError>;

    /// The config of a task execution. Reading it makes it live on for as long as it was stored for, but for a 64th of that at most: a store need not
    /// write each time.
    async fn get(&self, tenant: &TenantId, id: TaskExecId) -> Result<Bytes, ConfigError>;

    /// Sees to it that a config lives at least so long from this moment. Never shortens its time.
    async fn extend(&self, tenant: &TenantId, id: TaskExecId, ttl: Millis) -> Result<(), ConfigError>;

    /// Forgets it.
    async fn delete(&self, tenant: &TenantId, id: TaskExecId) -> Result<(), ConfigError>;

    /// Whether the store can be reached.
    async fn reachable(&self) -> Result<(), ConfigError>;
}

/// Values that are shared within an execution, under their digests.
#[async_trait]
pub trait SharedValues: Send + Sync {
    /// Stores JSON texts under their digests, for at least so long.
    async fn put(&self, execution: &ExecutionKey, values: &[(Digest, Bytes)], ttl: Millis) -> Result<(), ConfigError>;

    /// The JSON text under a digest. Only what was stored for that execution is found.
    async fn get(&self, execution: &ExecutionKey, digest: Digest) -> Result<Option<Bytes>, ConfigError>;
}

/// The bytes of components, for workers that have no catalog. A tenant gets only what was put there for it.
#[async_trait]
pub trait ComponentBytes: Send + Sync {
    /// Stores a component for a tenant.
    async fn put(&self, tenant: &TenantId, digest: Digest, component: Bytes) -> Result<(), ConfigError>;

    /// The component of that digest.
    async fn get(&self, tenant: &TenantId, digest: Digest) -> Result<Option<Bytes>, ConfigError>;
}
