//! What workers are given by digest, in memory: for an engine whose workers are in its own process, and for tests.
//!
//! Nothing expires: what a task may refer to has to be there for as long as it runs, and a process has an end.

use std::collections::HashMap;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::RwLock;
use sandmill_core::ids::{Digest, TenantId};
use sandmill_core::time::Millis;
use sandmill_engine::ports::{ComponentBytes, ConfigError, ExecutionKey, SharedValues};

/// Values and components in memory.
#[derive(Default)]
pub struct MemoryShared {
    values: RwLock<HashMap<(ExecutionKey, Digest), Bytes>>,
    components: RwLock<HashMap<(TenantId, Digest), Bytes>>,
}

impl MemoryShared {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl SharedValues for MemoryShared {
    async fn put(&self, execution: &ExecutionKey, values: &[(Digest, Bytes)], _: Millis) -> Result<(), ConfigError> {
        let mut stored = self.values.write();
        for (digest, value) in values {
            stored.entry((execution.clone(), *digest)).or_insert_with(|| value.clone());
        }
        Ok(())
    }

    async fn get(&self, execution: &ExecutionKey, digest: Digest) -> Result<Option<Bytes>, ConfigError> {
        Ok(self.values.read().get(&(execution.clone(), digest)).cloned())
    }
}

#[async_trait]
impl ComponentBytes for MemoryShared {
    async fn put(&self, tenant: &TenantId, digest: Digest, component: Bytes) -> Result<(), ConfigError> {
        self.components.write().insert((tenant.clone(), digest), component);
        Ok(())
    }

    async fn get(&self, tenant: &TenantId, digest: Digest) -> Result<Option<Bytes>, ConfigError> {
        Ok(self.components.read().get(&(tenant.clone(), digest)).cloned())
    }
}
