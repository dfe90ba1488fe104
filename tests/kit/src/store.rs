//! A store in memory whose journal fails as it is told.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sandmill_core::ids::{Digest, TaskExecId, TenantId};
use sandmill_core::time::{Millis, Timestamp};
use sandmill_engine::ports::*;
use sandmill_store::MemoryStore;

/// What becomes of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is written.
    Write,
    /// Nothing is written, and it says so.
    Refuse,
    /// Nothing is written, and nobody knows.
    Fail,
    /// It is written, and nobody knows: the acknowledgement is lost.
    LoseAcknowledgement,
}

/// How a journal misbehaves. After a failure, every append fails: the process is as good as gone.
pub trait Faults: Send + Sync {
    /// What becomes of the next append.
    fn verdict(&self, batches: &[Batch]) -> Verdict;

    /// These batches were written.
    fn written(&self, _batches: &[Batch]) {}

    /// Lines are about to be added to a log.
    fn before_logs(&self) {}

    /// True where nothing can be read just then.
    fn refuses_read(&self) -> bool {
        false
    }
}

/// A journal that does as it should.
pub struct NoFaults;

impl Faults for NoFaults {
    fn verdict(&self, _: &[Batch]) -> Verdict {
        Verdict::Write
    }
}

/// A store whose journal fails as it is told.
pub struct FaultyStore {
    inner: Arc<MemoryStore>,
    faults: Arc<dyn Faults>,
    has_failed: std::sync::atomic::AtomicBool,
}

impl FaultyStore {
    /// A store over another one, which outlives it.
    #[must_use]
    pub fn new(inner: Arc<MemoryStore>, faults: Arc<dyn Faults>) -> Self {
        Self { inner, faults, has_failed: false.into() }
    }

    fn write(&self, batches: Vec<Batch>) -> Result<(), StoreError> {
        self.inner.append(batches.clone())?;
        self.faults.written(&batches);
        Ok(())
    }

    fn readable(&self) -> Result<(), StoreError> {
        if self.faults.refuses_read() { Err(StoreError::Refused { reason: REASON.into() }) } else { Ok(()) }
    }
}

const REASON: &str = "the test wants it so";

impl Journal for FaultyStore {
    fn append(&self, batches: Vec<Batch>) -> Result<(), StoreError> {
        use std::sync::atomic::Ordering::SeqCst;
        let verdict = if self.has_failed.load(SeqCst) { Verdict::Fail } else { self.faults.verdict(&batches) };
        if matches!(verdict, Verdict::Write | Verdict::LoseAcknowledgement) {
            self.write(batches)?;
        }
        match verdict {
            Verdict::Write => Ok(()),
            Verdict::Refuse => Err(StoreError::Refused { reason: REASON.into() }),
            Verdict::Fail | Verdict::LoseAcknowledgement => {
                self.has_failed.store(true, SeqCst);
                Err(StoreError::Failed { reason: REASON.into() })
            }
        }
    }

    fn records(
        &self,
        execution: &ExecutionKey,
        from: u64,
        entries_max: usize,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        self.readable()?;
        self.inner.records(execution, from, entries_max)
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

impl Logs for FaultyStore {
    fn append_logs(&self, lines: Vec<(ExecutionKey, LogLine)>) -> Result<(), StoreError> {
        self.faults.before_logs();
        self.inner.append_logs(lines)
    }

    fn logs(
        &self,
        execution: &ExecutionKey,
        after: Option<&str>,
        lines_max: usize,
    ) -> Result<Page<LogLine>, StoreError> {
        self.inner.logs(execution, after, lines_max)
    }
}

/// Hands everything else on.
macro_rules! hand_on {
    ($($port:ident { $(fn $name:ident(&self $(, $argument:ident: $kind:ty)*) -> $result:ty;)* })*) => {$(
        impl $port for FaultyStore {
            $(fn $name(&self $(, $argument: $kind)*) -> $result {
                self.inner.$name($($argument),*)
            })*
        }
    )*};
}

hand_on! {
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
