//! What an adapter is: ordered rows of bytes, read through a view and changed in one commit.
//!
//! [`RowStore`] keeps the promises of all ports over any such [`Rows`]; the port files beside this one are its `impl` blocks. Knows neither
//! keys nor what rows hold.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use sandmill_engine::ports::{ExecutionKey, StoreError, StoreHealth};

use crate::keys::Key;

/// Rows that are read and written alike lie together, for an adapter may tune each table for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Journals, values and configs: many small rows, written once, gone with their execution.
    Executions,
    /// What finds executions: small rows that change with a status.
    Index,
    /// Plugins, definitions, tenants and keys: few rows, some of them megabytes.
    Catalog,
}

/// All tables.
pub(crate) const TABLES: [Table; 3] = [Table::Executions, Table::Index, Table::Catalog];

/// What one commit changes: a value to put, or `None` to remove the row. The last change of a key is the one that counts.
#[derive(Debug, Default)]
pub struct Changes(BTreeMap<(Table, Key), Option<Bytes>>);

impl Changes {
    pub(crate) fn put(&mut self, table: Table, key: Key, value: impl Into<Bytes>) {
        self.0.insert((table, key), Some(value.into()));
    }

    pub(crate) fn remove(&mut self, table: Table, key: Key) {
        self.0.insert((table, key), None);
    }

    /// The row as it will be: from these changes, or else from what is stored.
    pub(crate) fn get(&self, view: &impl View, table: Table, key: Key) -> Result<Option<Bytes>, StoreError> {
        let place = (table, key);
        match self.0.get(&place) {
            Some(changed) => Ok(changed.clone()),
            None => view.get(table, &place.1),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Changes {
    type Item = ((Table, Key), Option<Bytes>);
    type IntoIter = std::collections::btree_map::IntoIter<(Table, Key), Option<Bytes>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// What to do with a row that is visited: its key and its value.
pub(crate) type Visitor<'v> = dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, StoreError> + 'v;

/// Rows as they are at one moment: changes that are committed later do not show.
pub trait View {
    /// One row.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// Shows the rows of a range in the order of their keys, until the visitor has seen enough.
    fn visit(&self, table: Table, range: Range<Key>, visitor: &mut Visitor<'_>) -> Result<(), StoreError>;
}

/// An adapter.
pub trait Rows: Send + Sync {
    /// How it shows its rows.
    type View<'a>: View
    where
        Self: 'a;

    /// The rows of this moment.
    fn view(&self) -> Self::View<'_>;

    /// Writes all changes, whole or not at all, and durably when it returns. Called by one thread at a time.
    fn commit(&self, changes: Changes) -> Result<(), StoreError>;

    /// Refuses where there is too little room to take on more work.
    fn check_room(&self) -> Result<(), StoreError>;

    /// How it is.
    fn health(&self) -> StoreHealth;
}

/// A store over rows: all ports, written once.
pub struct RowStore<R> {
    pub(crate) rows: R,
    /// Held from the first read that a write depends on until its commit.
    writing: Mutex<()>,
    /// How far the removal of an execution in slices has come.
    pub(crate) removing: Mutex<Option<(ExecutionKey, Key)>>,
    /// The sequence number of the last log line.
    pub(crate) last_log_sequence: Mutex<u64>,
}

impl<R: Rows> RowStore<R> {
    pub(crate) fn over(rows: R) -> Self {
        Self { rows, writing: Mutex::new(()), removing: Mutex::new(None), last_log_sequence: Mutex::new(0) }
    }

    /// Keeps other writers out.
    pub(crate) fn write(&self) -> MutexGuard<'_, ()> {
        self.writing.lock()
    }

    /// One stored row.
    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.rows.view().get(table, key)
    }
}

/// Collects what `read` makes of each row of a range, up to a number of items.
pub(crate) fn collect<T>(
    view: &impl View,
    (table, range): (Table, Range<Key>),
    items_max: usize,
    mut read: impl FnMut(&[u8], &[u8]) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut items = Vec::new();
    if items_max > 0 {
        view.visit(table, range, &mut |key, value| {
            items.push(read(key, value)?);
            Ok(until(items.len() >= items_max))
        })?;
    }
    Ok(items)
}

/// Goes on with a visit until there is enough.
pub(crate) const fn until(is_enough: bool) -> ControlFlow<()> {
    if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// A row that cannot be read: its key, as far as it is text, and what is wrong.
pub(crate) fn damaged(table: Table, key: &[u8], reason: impl ToString) -> StoreError {
    StoreError::Damaged { place: format!("{table:?}/{}", key.escape_ascii()), reason: reason.to_string() }
}
