//! A store that counts its syncs: each append is one, of however many batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use sandmill_core::ids::{Digest, TaskExecId, TenantId};
use sandmill_core::time::{Millis, Timestamp};
use sandmill_engine::ports::{
    Batch, Catalog, CatalogError, ConfigError, ConfigStore, DefinitionRow, Directory, ExecutionFilter, ExecutionKey,
    ExecutionRow, Executions, Journal, JournalEntry, KeyRow, LogLine, Logs, Page, PluginRow, SharedStore, Snapshot,
    StoreError, StoreHealth, TaskDefaults, TenantRow, Values,
};

/// What was appended so far.
#[derive(Default)]
pub(crate) struct Counts {
    /// Appends, each of which is one sync.
    pub(crate) appends: AtomicU64,
    /// Batches in them.
    pub(crate) batches: AtomicU64,
}

/// Hands everything on, and counts appends.
pub(crate) struct Counted {
    pub(crate) inner: SharedStore,
    pub(crate) counts: Arc<Counts>,
}

impl Journal for Counted {
    fn append(&self, batches: Vec<Batch>) -> Result<(), StoreError> {
        self.counts.appends.fetch_add(1, Ordering::Relaxed);
        self.counts.batches.fetch_add(batches.len() as u64, Ordering::Relaxed);
        self.inner.append(batches)
    }

    fn records(&self, key: &ExecutionKey, from: u64, entries_max: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.inner.records(key, from, entries_max)
    }

    fn snapshot(&self, key: &ExecutionKey) -> Result<Option<Snapshot>, StoreError> {
        self.inner.snapshot(key)
    }

    fn remove(&self, key: &ExecutionKey, rows_max: usize) -> Result<bool, StoreError> {
        self.inner.remove(key, rows_max)
    }

    fn health(&self) -> StoreHealth {
        Journal::health(&*self.inner)
    }
}

impl Executions for Counted {
    fn row(&self, key: &ExecutionKey) -> Result<Option<ExecutionRow>, StoreError> {
        self.inner.row(key)
    }

    fn list(
        &self,
        tenant: &TenantId,
        filter: &ExecutionFilter,
        after: Option<&str>,
        items_max: usize,
    ) -> Result<Page<ExecutionRow>, StoreError> {
        self.inner.list(tenant, filter, after, items_max)
    }

    fn active(&self, after: Option<&ExecutionKey>, items_max: usize) -> Result<Vec<ExecutionKey>, StoreError> {
        self.inner.active(after, items_max)
    }

    fn due(&self, until: Timestamp, items_max: usize) -> Result<Vec<(Timestamp, ExecutionKey)>, StoreError> {
        self.inner.due(until, items_max)
    }

    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.inner.next_due()
    }

    fn expired(&self, until: Timestamp, items_max: usize) -> Result<Vec<ExecutionKey>, StoreError> {
        self.inner.expired(until, items_max)
    }
}

impl Values for Counted {
    fn value(&self, key: &ExecutionKey, digest: Digest) -> Result<Option<Bytes>, StoreError> {
        self.inner.value(key, digest)
    }
}

#[async_trait]
impl ConfigStore for Counted {
    async fn save(&self, tenant: &TenantId, configs: &[(TaskExecId, Bytes)], ttl: Millis) -> Result<(), ConfigError> {
        self.inner.save(tenant, configs, ttl).await
    }

    async fn get(&self, tenant: &TenantId, id: TaskExecId) -> Result<Bytes, ConfigError> {
        self.inner.get(tenant, id).await
    }

    async fn extend(&self, tenant: &TenantId, id: TaskExecId, ttl: Millis) -> Result<(), ConfigError> {
        self.inner.extend(tenant, id, ttl).await
    }

    async fn reachable(&self) -> Result<(), ConfigError> {
        self.inner.reachable().await
    }

    async fn delete(&self, tenant: &TenantId, id: TaskExecId) -> Result<(), ConfigError> {
        self.inner.delete(tenant, id).await
    }
}

impl Catalog for Counted {
    fn put_plugin(&self, tenant: &TenantId, plugin: PluginRow, component: Bytes) -> Result<(), CatalogError> {
        self.inner.put_plugin(tenant, plugin, component)
    }

    fn plugins(&self, tenant: &TenantId, name: Option<&str>) -> Result<Vec<PluginRow>, StoreError> {
        self.inner.plugins(tenant, name)
    }

    fn component(&self, tenant: &TenantId, digest: Digest) -> Result<Option<Bytes>, StoreError> {
        self.inner.component(tenant, digest)
    }

    fn remove_plugin(&self, tenant: &TenantId, name: &str, version: &str) -> Result<bool, CatalogError> {
        self.inner.remove_plugin(tenant, name, version)
    }

    fn put_definition(
        &self,
        tenant: &TenantId,
        definition: DefinitionRow,
        document: Bytes,
    ) -> Result<(), CatalogError> {
        self.inner.put_definition(tenant, definition, document)
    }

    fn definitions(&self, tenant: &TenantId, name: Option<&str>) -> Result<Vec<DefinitionRow>, StoreError> {
        self.inner.definitions(tenant, name)
    }

    fn document(&self, tenant: &TenantId, digest: Digest) -> Result<Option<(DefinitionRow, Bytes)>, StoreError> {
        self.inner.document(tenant, digest)
    }

    fn remove_definition(&self, tenant: &TenantId, name: &str, version: &str) -> Result<bool, CatalogError> {
        self.inner.remove_definition(tenant, name, version)
    }
}

impl Directory for Counted {
    fn create_tenant(&self, tenant: TenantRow) -> Result<bool, StoreError> {
        self.inner.create_tenant(tenant)
    }

    fn tenant(&self, id: &TenantId) -> Result<Option<TenantRow>, StoreError> {
        self.inner.tenant(id)
    }

    fn set_defaults(&self, id: &TenantId, defaults: TaskDefaults) -> Result<bool, StoreError> {
        self.inner.set_defaults(id, defaults)
    }

    fn tenants(&self) -> Result<Vec<TenantRow>, StoreError> {
        self.inner.tenants()
    }

    fn put_key(&self, key: KeyRow) -> Result<(), StoreError> {
        self.inner.put_key(key)
    }

    fn keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        self.inner.keys()
    }

    fn key(&self, hash: Digest) -> Result<Option<KeyRow>, StoreError> {
        self.inner.key(hash)
    }

    fn remove_key(&self, id: &str) -> Result<bool, StoreError> {
        self.inner.remove_key(id)
    }
}

impl Logs for Counted {
    fn append_logs(&self, lines: Vec<(ExecutionKey, LogLine)>) -> Result<(), StoreError> {
        self.inner.append_logs(lines)
    }

    fn logs(&self, key: &ExecutionKey, after: Option<&str>, lines_max: usize) -> Result<Page<LogLine>, StoreError> {
        self.inner.logs(key, after, lines_max)
    }
}
