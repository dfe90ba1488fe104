//! Values above the inline threshold, and the configs of task executions: rows of one execution, gone with it.
//!
//! The journal writes both in its batches; what is saved here on its own lands in the same rows.

use async_trait::async_trait;
use bytes::Bytes;
use sandmill_core::ids::{Digest, TaskExecId, TenantId};
use sandmill_core::time::Millis;
use sandmill_engine::ports::{ConfigError, ConfigStore, ExecutionKey, StoreError, Values};

use crate::keys::{Key, execution};
use crate::rows::{Changes, RowStore, Rows, Table};

impl<R: Rows> Values for RowStore<R> {
    fn value(&self, key: &ExecutionKey, digest: Digest) -> Result<Option<Bytes>, StoreError> {
        self.get(Table::Executions, &execution::value(key, digest))
    }
}

#[async_trait]
impl<R: Rows> ConfigStore for RowStore<R> {
    async fn save(&self, tenant: &TenantId, configs: &[(TaskExecId, Bytes)], _: Millis) -> Result<(), ConfigError> {
        let _writing = self.write();
        let mut changes = Changes::default();
        for (id, config) in configs {
            let key = config_key(tenant, *id);
            match self.get(Table::Executions, &key).map_err(unavailable)? {
                Some(stored) if stored == *config => {}
                Some(_) => return Err(ConfigError::Conflict),
                None => changes.put(Table::Executions, key, config.clone()),
            }
        }
        self.rows.commit(changes).map_err(unavailable)
    }

    async fn get(&self, tenant: &TenantId, id: TaskExecId) -> Result<Bytes, ConfigError> {
        let config = RowStore::get(self, Table::Executions, &config_key(tenant, id)).map_err(unavailable)?;
        config.ok_or(ConfigError::NotFound)
    }

    /// A row lives as long as its execution.
    async fn extend(&self, tenant: &TenantId, id: TaskExecId, _: Millis) -> Result<(), ConfigError> {
        ConfigStore::get(self, tenant, id).await.map(drop)
    }

    async fn delete(&self, tenant: &TenantId, id: TaskExecId) -> Result<(), ConfigError> {
        let _writing = self.write();
        let mut changes = Changes::default();
        changes.remove(Table::Executions, config_key(tenant, id));
        self.rows.commit(changes).map_err(unavailable)
    }
    /// In this process there is nothing between.
    async fn reachable(&self) -> Result<(), ConfigError> {
        Ok(())
    }
}

fn config_key(tenant: &TenantId, id: TaskExecId) -> Key {
    execution::config(&ExecutionKey { tenant: tenant.clone(), id: id.workflow }, id.number)
}

fn unavailable(error: StoreError) -> ConfigError {
    ConfigError::Unavailable { reason: error.to_string() }
}
