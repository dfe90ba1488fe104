//! The journal: one commit for everything that waits, and the index rows that follow from it.
//!
//! An index row is replaced, never found again: the row before says which index keys it had, so those that the new row does not have go in the
//! same commit.

use bytes::Bytes;
use sandmill_core::ids::TenantId;
use sandmill_engine::ports::{
    Batch, ExecutionKey, ExecutionRow, Journal, JournalEntry, Residence, Snapshot, StoreError, StoreHealth,
};

use crate::encoding::{decode_execution, decode_snapshot, encode_execution, encode_snapshot};
use crate::keys::{Key, Position, after, execution, index};
use crate::rows::{Changes, RowStore, Rows, Table, View, collect, damaged};

impl<R: Rows> Journal for RowStore<R> {
    fn append(&self, batches: Vec<Batch>) -> Result<(), StoreError> {
        if batches.iter().any(is_start) {
            self.rows.check_room()?;
        }
        let _writing = self.write();
        let mut changes = Changes::default();
        {
            let view = self.rows.view();
            for batch in batches {
                plan(&view, &mut changes, batch)?;
            }
        }
        self.rows.commit(changes)
    }

    fn records(&self, key: &ExecutionKey, from: u64, entries_max: usize) -> Result<Vec<JournalEntry>, StoreError> {
        let range = (Table::Executions, execution::records_from(key, from));
        collect(&self.rows.view(), range, entries_max, |key, record| {
            let position = execution::record_position(key)
                .ok_or_else(|| damaged(Table::Executions, key, "the key of a record has no position"))?;
            Ok(JournalEntry { position, record: Bytes::copy_from_slice(record) })
        })
    }

    fn snapshot(&self, key: &ExecutionKey) -> Result<Option<Snapshot>, StoreError> {
        let key = execution::snapshot(key);
        let Some(bytes) = self.get(Table::Executions, &key)? else { return Ok(None) };
        decode_snapshot(&bytes).map(Some).map_err(|error| damaged(Table::Executions, &key, error))
    }

    fn remove(&self, key: &ExecutionKey, rows_max: usize) -> Result<bool, StoreError> {
        let _writing = self.write();
        let mut changes = Changes::default();
        let is_left = self.plan_removal(&mut changes, key, rows_max)?;
        if !changes.is_empty() {
            self.rows.commit(changes)?;
        }
        Ok(is_left)
    }

    fn health(&self) -> StoreHealth {
        self.rows.health()
    }
}

/// True for the batch that accepts an execution: the one thing that is refused where room runs out, for what runs must be able to end.
fn is_start(batch: &Batch) -> bool {
    batch.entry.as_ref().is_some_and(|entry| entry.position == 0)
}

fn plan(view: &impl View, changes: &mut Changes, batch: Batch) -> Result<(), StoreError> {
    let key = &batch.execution;
    if let Some(entry) = batch.entry {
        changes.put(Table::Executions, execution::record(key, entry.position), entry.record);
    }
    for (digest, value) in batch.values {
        changes.put(Table::Executions, execution::value(key, digest), value);
    }
    for (number, config) in batch.configs {
        changes.put(Table::Executions, execution::config(key, number), config);
    }
    for number in batch.configs_removed {
        changes.remove(Table::Executions, execution::config(key, number));
    }
    if let Some(snapshot) = batch.snapshot {
        changes.put(Table::Executions, execution::snapshot(key), encode_snapshot(&snapshot));
    }
    if let Some(row) = batch.row {
        plan_row(view, changes, key, &row)?;
    }
    if let Some((before, after)) = batch.residence {
        plan_residence(changes, key, before, after);
    }
    Ok(())
}

fn plan_row(view: &impl View, changes: &mut Changes, key: &ExecutionKey, row: &ExecutionRow) -> Result<(), StoreError> {
    if row.id != key.id {
        return Err(StoreError::Invalid { reason: format!("the batch of {} has the index row of {}", key.id, row.id) });
    }
    let row_key = index::row(key);
    let before = match changes.get(view, Table::Index, row_key.clone())? {
        Some(bytes) => {
            decode_execution(key.id, &bytes).map_err(|error| damaged(Table::Index, &row_key, error)).map(Some)?
        }
        None => None,
    };
    let stale = before.map_or_else(Vec::new, |before| index_entries(&key.tenant, &before));
    let entries = index_entries(&key.tenant, row);
    for (entry, _) in stale.iter().filter(|entry| !entries.contains(entry)) {
        changes.remove(Table::Index, entry.clone());
    }
    for (entry, value) in entries.into_iter().filter(|entry| !stale.contains(entry)) {
        changes.put(Table::Index, entry, value);
    }
    changes.put(Table::Index, row_key, encode_execution(row));
    Ok(())
}

/// What a row is found by. Under its status stands its definition, so that what pins a definition is seen without reading rows.
fn index_entries(tenant: &TenantId, row: &ExecutionRow) -> Vec<(Key, Bytes)> {
    let position = Position { started_at: row.started_at, id: row.id };
    let definition = Bytes::copy_from_slice(row.definition.as_bytes());
    let mut entries = vec![
        (index::status(tenant, row.status, position), definition),
        (index::workflow(tenant, workflow_name(&row.workflow), position), Bytes::new()),
    ];
    if let Some(at) = row.expires_at {
        let key = ExecutionKey { tenant: tenant.clone(), id: row.id };
        entries.push((index::expiry(at, &key), Bytes::new()));
    }
    entries
}

/// `namespace/name` of `namespace/name:version`.
pub(crate) fn workflow_name(workflow: &str) -> &str {
    workflow.split_once(':').map_or(workflow, |(name, _)| name)
}

fn plan_residence(changes: &mut Changes, key: &ExecutionKey, before: Option<Residence>, after: Option<Residence>) {
    if let Some(stale) = residence_key(key, before) {
        changes.remove(Table::Index, stale);
    }
    if let Some(entry) = residence_key(key, after) {
        changes.put(Table::Index, entry, Bytes::new());
    }
}

/// An execution that is parked without a time has no row: what wakes it names it.
fn residence_key(key: &ExecutionKey, residence: Option<Residence>) -> Option<Key> {
    match residence? {
        Residence::Active => Some(index::active(key)),
        Residence::Parked { due } => Some(index::due(due?, key)),
    }
}

impl<R: Rows> RowStore<R> {
    /// Takes up to `rows_max` rows, and the index rows once nothing else is left. Tells whether anything is.
    fn plan_removal(&self, changes: &mut Changes, key: &ExecutionKey, rows_max: usize) -> Result<bool, StoreError> {
        let view = self.rows.view();
        let row = self.ended_row(&view, key)?;
        let mut keys = self.keys_to_remove(&view, key, rows_max.saturating_add(1))?;
        let is_left = keys.len() > rows_max || (row.is_some() && keys.len() == rows_max);
        keys.truncate(rows_max);
        if let Some(last) = keys.last() {
            *self.removing.lock() = is_left.then(|| (key.clone(), last.clone()));
        }
        for row_key in keys {
            changes.remove(Table::Executions, row_key);
        }
        if !is_left {
            for (entry, _) in row.iter().flat_map(|row| index_entries(&key.tenant, row)) {
                changes.remove(Table::Index, entry);
            }
            if row.is_some() {
                changes.remove(Table::Index, index::row(key));
            }
        }
        Ok(is_left)
    }

    fn ended_row(&self, view: &impl View, key: &ExecutionKey) -> Result<Option<ExecutionRow>, StoreError> {
        let row_key = index::row(key);
        let Some(bytes) = view.get(Table::Index, &row_key)? else { return Ok(None) };
        let row = decode_execution(key.id, &bytes).map_err(|error| damaged(Table::Index, &row_key, error))?;
        if row.status.is_ended() {
            return Ok(Some(row));
        }
        let reason = format!("{} has not ended: only an ended execution is removed", key.id);
        Err(StoreError::Invalid { reason })
    }

    /// The next keys of an execution. Begins behind those that the slice before took: a store that only marks rows as removed would otherwise
    /// walk over all those marks again with each slice.
    fn keys_to_remove(&self, view: &impl View, key: &ExecutionKey, keys_max: usize) -> Result<Vec<Key>, StoreError> {
        let mut range = execution::all(key);
        if let Some((removing, last)) = &*self.removing.lock()
            && removing == key
        {
            range = after(range, last);
        }
        collect(view, (Table::Executions, range), keys_max, |key, _| Ok(key.to_vec()))
    }
}
