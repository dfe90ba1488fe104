//! The store that forgets: complete, for tests and for `--store memory`.
//!
//! Rows lie in one ordered map. Nothing is limited but by memory, and nothing survives the process.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use parking_lot::{RwLock, RwLockReadGuard};
use sandmill_engine::ports::{StoreError, StoreHealth};

use crate::keys::Key;
use crate::rows::{Changes, RowStore, Rows, Table, View, Visitor};

/// A store in memory.
pub type MemoryStore = RowStore<MemoryRows>;

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::over(MemoryRows::default())
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

/// Rows in memory.
#[derive(Default)]
pub struct MemoryRows(RwLock<Kept>);

/// What is kept, and how much it is.
#[derive(Default)]
pub struct Kept {
    rows: BTreeMap<(Table, Key), Bytes>,
    bytes: u64,
}

impl Kept {
    fn put(&mut self, place: (Table, Key), value: Bytes) {
        self.bytes += row_bytes(&place, &value);
        let key_bytes = place.1.len() as u64;
        if let Some(replaced) = self.rows.insert(place, value) {
            self.bytes -= key_bytes + replaced.len() as u64;
        }
    }

    fn remove(&mut self, place: &(Table, Key)) {
        if let Some(removed) = self.rows.remove(place) {
            self.bytes -= row_bytes(place, &removed);
        }
    }
}

fn row_bytes(place: &(Table, Key), value: &Bytes) -> u64 {
    (place.1.len() + value.len()) as u64
}

impl Rows for MemoryRows {
    type View<'a> = RwLockReadGuard<'a, Kept>;

    fn view(&self) -> Self::View<'_> {
        self.0.read()
    }

    fn commit(&self, changes: Changes) -> Result<(), StoreError> {
        let mut kept = self.0.write();
        for (place, value) in changes {
            match value {
                Some(value) => kept.put(place, value),
                None => kept.remove(&place),
            }
        }
        Ok(())
    }

    fn check_room(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn health(&self) -> StoreHealth {
        StoreHealth { kind: "memory", free_bytes: None, used_bytes: self.0.read().bytes }
    }
}

impl View for RwLockReadGuard<'_, Kept> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.rows.get(&(table, key.to_vec())).cloned())
    }

    fn visit(&self, table: Table, range: Range<Key>, visitor: &mut Visitor<'_>) -> Result<(), StoreError> {
        for ((_, key), value) in self.rows.range((table, range.start)..(table, range.end)) {
            if visitor(key, value)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}
