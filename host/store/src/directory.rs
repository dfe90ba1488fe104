//! Tenants and API keys.

use sandmill_core::ids::{Digest, TenantId};
use sandmill_engine::ports::{Directory, KeyRow, StoreError, TaskDefaults, TenantRow};

use crate::encoding::{decode_key, decode_tenant, encode_key, encode_tenant};
use crate::keys::directory;
use crate::rows::{Changes, RowStore, Rows, Table, View, collect, damaged};

const TABLE: Table = Table::Catalog;

impl<R: Rows> Directory for RowStore<R> {
    fn create_tenant(&self, tenant: TenantRow) -> Result<bool, StoreError> {
        let _writing = self.write();
        let key = directory::tenant(&tenant.id);
        if self.get(TABLE, &key)?.is_some() {
            return Ok(false);
        }
        let mut changes = Changes::default();
        changes.put(TABLE, key, encode_tenant(&tenant));
        self.rows.commit(changes)?;
        Ok(true)
    }

    fn tenant(&self, id: &TenantId) -> Result<Option<TenantRow>, StoreError> {
        let key = directory::tenant(id);
        let row = self.get(TABLE, &key)?;
        row.map(|row| decode_tenant(&row).map_err(|error| damaged(TABLE, &key, error))).transpose()
    }

    fn set_defaults(&self, id: &TenantId, defaults: TaskDefaults) -> Result<bool, StoreError> {
        let _writing = self.write();
        let Some(row) = self.tenant(id)? else { return Ok(false) };
        let mut changes = Changes::default();
        changes.put(TABLE, directory::tenant(id), encode_tenant(&TenantRow { defaults, ..row }));
        self.rows.commit(changes)?;
        Ok(true)
    }

    fn tenants(&self) -> Result<Vec<TenantRow>, StoreError> {
        collect(&self.rows.view(), (TABLE, directory::tenants()), usize::MAX, |key, row| {
            decode_tenant(row).map_err(|error| damaged(TABLE, key, error))
        })
    }

    fn put_key(&self, key: KeyRow) -> Result<(), StoreError> {
        let _writing = self.write();
        let id_key = directory::key(&key.id);
        let hash_key = directory::hash(key.hash);
        if let Some(stored) = key_row(&self.rows.view(), &id_key)? {
            return if stored == key { Ok(()) } else { Err(taken(&key.id)) };
        }
        if self.get(TABLE, &hash_key)?.is_some() {
            return Err(taken(&key.id));
        }
        let mut changes = Changes::default();
        changes.put(TABLE, id_key.clone(), encode_key(&key));
        changes.put(TABLE, hash_key, id_key);
        self.rows.commit(changes)
    }

    fn keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        let mut keys = collect(&self.rows.view(), (TABLE, directory::keys()), usize::MAX, |key, row| {
            decode_key(row).map_err(|error| damaged(TABLE, key, error))
        })?;
        keys.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(keys)
    }

    fn key(&self, hash: Digest) -> Result<Option<KeyRow>, StoreError> {
        let view = self.rows.view();
        match view.get(TABLE, &directory::hash(hash))? {
            Some(id_key) => key_row(&view, &id_key),
            None => Ok(None),
        }
    }

    fn remove_key(&self, id: &str) -> Result<bool, StoreError> {
        let _writing = self.write();
        let id_key = directory::key(id);
        let Some(row) = key_row(&self.rows.view(), &id_key)? else { return Ok(false) };
        let mut changes = Changes::default();
        changes.remove(TABLE, directory::hash(row.hash));
        changes.remove(TABLE, id_key);
        self.rows.commit(changes)?;
        Ok(true)
    }
}

fn taken(id: &str) -> StoreError {
    StoreError::Invalid { reason: format!("there is another API key `{id}` already: revoke it, or choose another id") }
}

fn key_row(view: &impl View, id_key: &[u8]) -> Result<Option<KeyRow>, StoreError> {
    let Some(row) = view.get(TABLE, id_key)? else { return Ok(None) };
    decode_key(&row).map(Some).map_err(|error| damaged(TABLE, id_key, error))
}
