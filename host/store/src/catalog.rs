//! Plugins and definitions: versions that never change, and what pins what.
//!
//! A version that was removed leaves its row behind as a tombstone, so that other bytes never take its place. A document stays with its tombstone,
//! for executions in flight may run on it; a component goes with the last plugin that has it, for nothing that could still run needs it then.

use bytes::Bytes;
use sandmill_core::ids::{Digest, TenantId};
use sandmill_engine::ports::{Catalog, CatalogError, DefinitionRow, PluginRow, StoreError};
use semver::Version;

use crate::encoding::{
    EncodingError, StoredDocument, Versioned, decode_definition, decode_document, decode_plugin, encode_definition,
    encode_document, encode_plugin,
};
use crate::keys::{Key, catalog};
use crate::rows::{Changes, RowStore, Rows, Table, collect, damaged};

const TABLE: Table = Table::Catalog;

/// How many pins an error names. A definition may be pinned by a million executions, and a few tell its user what to look for.
pub const PINS_NAMED_MAX: usize = 8;

impl<R: Rows> Catalog for RowStore<R> {
    fn put_plugin(&self, tenant: &TenantId, plugin: PluginRow, component: Bytes) -> Result<(), CatalogError> {
        let _writing = self.write();
        let key = catalog::plugin(tenant, &plugin.name, &plugin.version);
        if let Some(stored) = self.decoded(&key, decode_plugin)? {
            same_bytes(&stored.row.name, &stored.row.version, (stored.row.digest, plugin.digest))?;
            if !stored.is_removed {
                return Ok(());
            }
        }
        let mut changes = Changes::default();
        changes.put(TABLE, catalog::component(tenant, plugin.digest), component);
        changes.put(TABLE, key, encode_plugin(&Versioned { row: plugin, is_removed: false }));
        Ok(self.rows.commit(changes)?)
    }

    fn plugins(&self, tenant: &TenantId, name: Option<&str>) -> Result<Vec<PluginRow>, StoreError> {
        let mut rows = self.live_plugins(tenant, name)?;
        rows.sort_by_cached_key(|row| order(&row.name, &row.version));
        Ok(rows)
    }

    fn component(&self, tenant: &TenantId, digest: Digest) -> Result<Option<Bytes>, StoreError> {
        self.get(TABLE, &catalog::component(tenant, digest))
    }

    fn remove_plugin(&self, tenant: &TenantId, name: &str, version: &str) -> Result<bool, CatalogError> {
        not_pinned(name, version, self.removed_pins_of_plugin(tenant, name, version)?)?;
        let _writing = self.write();
        not_pinned(name, version, self.live_pins_of_plugin(tenant, name, version)?)?;
        let key = catalog::plugin(tenant, name, version);
        let Some(stored) = self.decoded(&key, decode_plugin)?.filter(|plugin| !plugin.is_removed) else {
            return Ok(false);
        };
        let digest = stored.row.digest;
        let mut changes = Changes::default();
        changes.put(TABLE, key, encode_plugin(&Versioned { is_removed: true, ..stored }));
        if self.live_plugins(tenant, None)?.iter().filter(|row| row.digest == digest).count() == 1 {
            changes.remove(TABLE, catalog::component(tenant, digest));
        }
        self.rows.commit(changes)?;
        Ok(true)
    }

    fn put_definition(&self, tenant: &TenantId, row: DefinitionRow, document: Bytes) -> Result<(), CatalogError> {
        let _writing = self.write();
        let key = catalog::definition(tenant, &row.name, &row.version);
        if let Some(stored) = self.decoded(&key, decode_definition)? {
            same_bytes(&stored.row.name, &stored.row.version, (stored.row.digest, row.digest))?;
            if !stored.is_removed {
                return Ok(());
            }
        }
        self.check_pins(tenant, &row)?;
        let document = StoredDocument { name: &row.name, version: &row.version, document: &document };
        let mut changes = Changes::default();
        changes.put(TABLE, catalog::document(tenant, row.digest), encode_document(&document));
        changes.put(TABLE, key, encode_definition(&Versioned { row, is_removed: false }));
        Ok(self.rows.commit(changes)?)
    }

    fn definitions(&self, tenant: &TenantId, name: Option<&str>) -> Result<Vec<DefinitionRow>, StoreError> {
        let stored = self.stored_definitions(tenant, name)?;
        let live = stored.into_iter().filter(|definition| !definition.is_removed);
        let mut rows: Vec<_> = live.map(|definition| definition.row).collect();
        rows.sort_by_cached_key(|row| order(&row.name, &row.version));
        Ok(rows)
    }

    fn document(&self, tenant: &TenantId, digest: Digest) -> Result<Option<(DefinitionRow, Bytes)>, StoreError> {
        let key = catalog::document(tenant, digest);
        let Some(bytes) = self.get(TABLE, &key)? else { return Ok(None) };
        let stored = decode_document(&bytes).map_err(|error| damaged(TABLE, &key, error))?;
        let row_key = catalog::definition(tenant, stored.name, stored.version);
        let definition = self.decoded(&row_key, decode_definition)?;
        let definition =
            definition.ok_or_else(|| damaged(TABLE, &row_key, "a document names it, and it is missing"))?;
        Ok(Some((definition.row, bytes.slice_ref(stored.document))))
    }

    fn remove_definition(&self, tenant: &TenantId, name: &str, version: &str) -> Result<bool, CatalogError> {
        let key = catalog::definition(tenant, name, version);
        let Some(stored) = self.decoded(&key, decode_definition)?.filter(|stored| !stored.is_removed) else {
            return Ok(false);
        };
        // Not under the write lock: a walk over a million executions would hold up every append. An execution that starts meanwhile finds the
        // document all the same, and keeps the plugins of the removed definition from being removed.
        not_pinned(name, version, self.executions_on(tenant, &[stored.row.digest])?)?;
        let _writing = self.write();
        let Some(stored) = self.decoded(&key, decode_definition)?.filter(|stored| !stored.is_removed) else {
            return Ok(false);
        };
        let mut changes = Changes::default();
        changes.put(TABLE, key, encode_definition(&Versioned { is_removed: true, ..stored }));
        self.rows.commit(changes)?;
        Ok(true)
    }
}

/// The order of versions within a name is that of semantic versions; text that is none comes first.
fn order(name: &str, version: &str) -> (String, Option<Version>, String) {
    (name.into(), Version::parse(version).ok(), version.into())
}

fn same_bytes(name: &str, version: &str, (stored, new): (Digest, Digest)) -> Result<(), CatalogError> {
    if stored == new {
        return Ok(());
    }
    Err(CatalogError::Conflict { name: format!("{name}:{version}"), digest: stored })
}

fn not_pinned(name: &str, version: &str, pins: Vec<String>) -> Result<(), CatalogError> {
    if pins.is_empty() {
        return Ok(());
    }
    Err(CatalogError::Pinned { name: format!("{name}:{version}"), pins })
}

fn label(definition: &DefinitionRow) -> String {
    format!("{}:{}", definition.name, definition.version)
}

impl<R: Rows> RowStore<R> {
    fn decoded<T>(&self, key: &Key, decode: fn(&[u8]) -> Result<T, EncodingError>) -> Result<Option<T>, StoreError> {
        let Some(bytes) = self.get(TABLE, key)? else { return Ok(None) };
        decode(&bytes).map(Some).map_err(|error| damaged(TABLE, key, error))
    }

    fn live_plugins(&self, tenant: &TenantId, name: Option<&str>) -> Result<Vec<PluginRow>, StoreError> {
        let range = (TABLE, catalog::plugins(tenant, name));
        let stored = collect(&self.rows.view(), range, usize::MAX, |key, row| {
            decode_plugin(row).map_err(|error| damaged(TABLE, key, error))
        })?;
        Ok(stored.into_iter().filter(|plugin| !plugin.is_removed).map(|plugin| plugin.row).collect())
    }

    fn stored_definitions(
        &self,
        tenant: &TenantId,
        name: Option<&str>,
    ) -> Result<Vec<Versioned<DefinitionRow>>, StoreError> {
        collect(&self.rows.view(), (TABLE, catalog::definitions(tenant, name)), usize::MAX, |key, row| {
            decode_definition(row).map_err(|error| damaged(TABLE, key, error))
        })
    }

    /// A definition must not be deployed on a plugin that was removed since its versions were resolved.
    fn check_pins(&self, tenant: &TenantId, definition: &DefinitionRow) -> Result<(), StoreError> {
        for (name, version, digest) in &definition.plugins {
            let stored = self.decoded(&catalog::plugin(tenant, name, version), decode_plugin)?;
            if !stored.is_some_and(|plugin| !plugin.is_removed && plugin.row.digest == *digest) {
                let reason = format!("the plugin {name}:{version} ({digest}) is not in the catalog: add it first");
                return Err(StoreError::Invalid { reason });
            }
        }
        Ok(())
    }

    /// Definitions that were deployed on a plugin and stand, by name.
    fn live_pins_of_plugin(&self, tenant: &TenantId, name: &str, version: &str) -> Result<Vec<String>, StoreError> {
        let deployed = self.deployed_on(tenant, name, version)?;
        let live = deployed.iter().filter(|definition| !definition.is_removed);
        let mut pins: Vec<_> = live.map(|definition| label(&definition.row)).collect();
        pins.sort_unstable();
        pins.truncate(PINS_NAMED_MAX);
        Ok(pins)
    }

    /// Executions in flight on definitions that were deployed on a plugin and removed since.
    fn removed_pins_of_plugin(&self, tenant: &TenantId, name: &str, version: &str) -> Result<Vec<String>, StoreError> {
        let deployed = self.deployed_on(tenant, name, version)?;
        let removed = deployed.iter().filter(|definition| definition.is_removed);
        let digests: Vec<_> = removed.map(|definition| definition.row.digest).collect();
        self.executions_on(tenant, &digests)
    }

    fn deployed_on(
        &self,
        tenant: &TenantId,
        name: &str,
        version: &str,
    ) -> Result<Vec<Versioned<DefinitionRow>>, StoreError> {
        let mut definitions = self.stored_definitions(tenant, None)?;
        definitions.retain(|definition| definition.row.plugins.iter().any(|pin| pin.0 == name && pin.1 == version));
        Ok(definitions)
    }

    /// Some of the executions in flight on these definitions.
    fn executions_on(&self, tenant: &TenantId, definitions: &[Digest]) -> Result<Vec<String>, StoreError> {
        if definitions.is_empty() {
            return Ok(Vec::new());
        }
        let executions = self.in_flight(tenant, definitions, PINS_NAMED_MAX)?;
        Ok(executions.iter().map(ToString::to_string).collect())
    }
}
