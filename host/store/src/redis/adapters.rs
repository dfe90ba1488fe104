//! The ports for what workers are given, over a Redis server.

use async_trait::async_trait;
use bytes::Bytes;
use sandmill_core::ids::{Digest, TaskExecId, TenantId};
use sandmill_core::time::Millis;
use sandmill_engine::ports::{ComponentBytes, ConfigError, ConfigStore, ExecutionKey, SharedValues};

use super::record::TaskRecord;
use super::records::{Records, TaskToSave, execution_of, read_body, save_body, unavailable};
use super::{Redis, RedisFailure, cmd};

/// How long a component lives without being read: workers start more often than that, and the registry has it after.
const COMPONENT_TTL: Millis = Millis(30 * 24 * 3_600_000);

/// Configs of tasks.
#[derive(Clone)]
pub struct RedisConfigs {
    records: Records,
}

impl RedisConfigs {
    /// The configs among records.
    #[must_use]
    pub const fn new(records: Records) -> Self {
        Self { records }
    }
}

#[async_trait]
impl ConfigStore for RedisConfigs {
    async fn save(&self, tenant: &TenantId, configs: &[(TaskExecId, Bytes)], ttl: Millis) -> Result<(), ConfigError> {
        let task = |(id, config): &(TaskExecId, Bytes)| {
            let digest = Digest::of(config);
            TaskToSave {
                execution: execution_of(tenant, *id),
                record: TaskRecord::new(tenant.clone(), *id, digest, ttl),
                bodies: vec![(digest, config.clone())],
            }
        };
        self.records.save(&configs.iter().map(task).collect::<Vec<_>>()).await
    }

    async fn get(&self, tenant: &TenantId, id: TaskExecId) -> Result<Bytes, ConfigError> {
        let mut found = self.records.read(&[(execution_of(tenant, id), id.number)]).await;
        found.pop().unwrap_or(Err(ConfigError::NotFound)).map(|(_, config)| config)
    }

    async fn extend(&self, tenant: &TenantId, id: TaskExecId, ttl: Millis) -> Result<(), ConfigError> {
        self.records.extend(&execution_of(tenant, id), id.number, ttl).await
    }

    async fn delete(&self, tenant: &TenantId, id: TaskExecId) -> Result<(), ConfigError> {
        self.records.delete(&execution_of(tenant, id), id.number).await
    }

    async fn reachable(&self) -> Result<(), ConfigError> {
        self.records.redis().run::<()>(cmd("PING")).await.map_err(unavailable)
    }
}

/// Values that are shared within an execution.
#[derive(Clone)]
pub struct RedisValues {
    records: Records,
    ttl: Millis,
}

impl RedisValues {
    /// The values beside records. A value that is read lives at least so long from then.
    #[must_use]
    pub const fn new(records: Records, ttl: Millis) -> Self {
        Self { records, ttl }
    }
}

#[async_trait]
impl SharedValues for RedisValues {
    async fn put(&self, execution: &ExecutionKey, values: &[(Digest, Bytes)], ttl: Millis) -> Result<(), ConfigError> {
        if values.is_empty() {
            return Ok(());
        }
        self.records.save_bodies(execution, values, ttl).await
    }

    async fn get(&self, execution: &ExecutionKey, digest: Digest) -> Result<Option<Bytes>, ConfigError> {
        self.records.body(execution, digest, self.ttl).await
    }
}

/// Components. One that nobody puts or reads for 30 days is gone.
#[derive(Clone)]
pub struct RedisComponents {
    redis: Redis,
}

impl RedisComponents {
    /// The components behind a connection.
    #[must_use]
    pub const fn new(redis: Redis) -> Self {
        Self { redis }
    }
}

#[async_trait]
impl ComponentBytes for RedisComponents {
    async fn put(&self, tenant: &TenantId, digest: Digest, component: Bytes) -> Result<(), ConfigError> {
        save_component(&self.redis, tenant, digest, &component).await.map_err(unavailable)
    }

    async fn get(&self, tenant: &TenantId, digest: Digest) -> Result<Option<Bytes>, ConfigError> {
        read_body(&self.redis, self.redis.keys().component(tenant, digest), digest, COMPONENT_TTL).await
    }
}

/// Stores a component for a tenant.
pub(crate) async fn save_component(
    redis: &Redis,
    tenant: &TenantId,
    digest: Digest,
    component: &[u8],
) -> Result<(), RedisFailure> {
    save_body(redis, redis.keys().component(tenant, digest), component, COMPONENT_TTL).await
}
