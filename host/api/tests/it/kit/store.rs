//! A store that answers with an error when it is told to.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use sandmill_core::ids::{Digest, TaskExecId, TenantId};
use sandmill_core::time::{Millis, Timestamp};
use sandmill_engine::ports::*;
use sandmill_store::MemoryStore;

/// The memory store, whose catalog and directory fail while there is a fault.
#[derive(Default)]
pub(crate) struct FaultyStore {
    inner: MemoryStore,
    fault: Mutex<Option<StoreError>>,
}

impl FaultyStore {
    pub(crate) fn fail(&self, fault: StoreError) {
        *self.fault.lock().unwrap() = Some(fault);
    }

    fn check(&self) -> Result<(), StoreError> {
        self.fault.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

/// Hands everything on, after a look at the fault.
macro_rules! hand_on {
    ($($port:ident { $(fn $name:ident(&self $(, $argument:ident: $kind:ty)*) -> $result:ty;)* })*) => {$(
        impl $port for FaultyStore {
            $(fn $name(&self $(, $argument: $kind)*) -> $result {
                self.check()?;
                self.inner.$name($($argument),*)
            })*
        }
    )*};
}

hand_on! {
    Logs {
        fn append_logs(&self, lines: Vec<(ExecutionKey, LogLine)>) -> Result<(), StoreError>;
        fn logs(&self, execution: &ExecutionKey, after: Option<&str>, lines_max: usize) -> Result<Page<LogLine>, StoreError>;
    }
    Executions {
        fn row(&self, execution: &ExecutionKey) -> Result<Option<ExecutionRow>, StoreError>;
        fn list(&self, tenant: &TenantId, filter: &ExecutionFilter, after: Option<&str>, items_max: usize) -> Result<Page<ExecutionRow>, StoreError>;
        fn active(&self, after: Option<&ExecutionKey>, items_max: usize) -> Result<Vec<ExecutionKey>, StoreError>;
        fn due(&self, until: Timestamp, items_max: usize) -> Result<Vec<(Timestamp, ExecutionKey)>, StoreError>;
        fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;
        fn expired(&self, until: Timestamp, items_max: usize) -> Result<Vec<ExecutionKey>, StoreError>;
    }
    Values {
        fn value(&self, execution: &ExecutionKey, digest: Digest) -> Result<Option<Bytes>, StoreError>;
    }
    Catalog {
        fn put_plugin(&self, tenant: &TenantId, plugin: PluginRow, component: Bytes) -> Result<(), CatalogError>;
        fn plugins(&self, tenant: &TenantId, name: Option<&str>) -> Result<Vec<PluginRow>, StoreError>;
        fn component(&self, tenant: &TenantId, digest: Digest) -> Result<Option<Bytes>, StoreError>;
        fn remove_plugin(&self, tenant: &TenantId, name: &str, version: &str) -> Result<bool, CatalogError>;
        fn put_definition(&self, tenant: &TenantId, definition: DefinitionRow, document: Bytes) -> Result<(), CatalogError>;
        fn definitions(&self, tenant: &TenantId, name: Option<&str>) -> Result<Vec<DefinitionRow>, StoreError>;
        fn document(&self, tenant: &TenantId, digest: Digest) -> Result<Option<(DefinitionRow, Bytes)>, StoreError>;
        fn remove_definition(&self, tenant: &TenantId, name: &str, version: &str) -> Result<bool, CatalogError>;
    }
    Directory {
        fn create_tenant(&self, tenant: TenantRow) -> Result<bool, StoreError>;
        fn tenant(&self, id: &TenantId) -> Result<Option<TenantRow>, StoreError>;
        fn set_defaults(&self, id: &TenantId, defaults: TaskDefaults) -> Result<bool, StoreError>;
        fn tenants(&self) -> Result<Vec<TenantRow>, StoreError>;
        fn put_key(&self, key: KeyRow) -> Result<(), StoreError>;
        fn keys(&self) -> Result<Vec<KeyRow>, StoreError>;
        fn key(&self, hash: Digest) -> Result<Option<KeyRow>, StoreError>;
        fn remove_key(&self, id: &str) -> Result<bool, StoreError>;
    }
}

impl Journal for FaultyStore {
    fn append(&self, batches: Vec<Batch>) -> Result<(), StoreError> {
        self.inner.append(batches)
    }

    fn records(&self, key: &ExecutionKey, from: u64, entries_max: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.inner.records(key, from, entries_max)
    }

    fn snapshot(&self, execution: &ExecutionKey) -> Result<Option<Snapshot>, StoreError> {
        self.inner.snapshot(execution)
    }

    fn remove(&self, execution: &ExecutionKey, rows_max: usize) -> Result<bool, StoreError> {
        self.inner.remove(execution, rows_max)
    }

    fn health(&self) -> StoreHealth {
        self.inner.health()
    }
}

#[async_trait]
impl ConfigStore for FaultyStore {
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

pub(crate) type SharedFaultyStore = Arc<FaultyStore>;
