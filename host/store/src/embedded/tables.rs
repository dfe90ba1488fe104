//! Rows in fjall: one keyspace for each table, and one synced batch for each commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::OnceLock;
use std::{io, ops::Range};

use bytes::Bytes;
use fjall::{
    Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, OwnedWriteBatch, PersistMode, Readable as _,
    Snapshot,
};
use sandmill_engine::ports::{StoreError, StoreHealth};

use super::folder::Folder;
use super::sync_report::SyncReport;
use super::{EmbeddedOptions, OpenError};
use crate::keys::Key;
use crate::rows::{Changes, Rows, TABLES, Table, View, Visitor, damaged};

/// Bytes of a table in memory before they go to a file. Each table has up to five of these.
const MEMTABLE_BYTES_MAX: u64 = 8 << 20;

/// Bytes of log before old rows are moved to files, the least that fjall takes. Bounds the time to open.
const LOG_BYTES_MAX: u64 = 64 << 20;

/// Bytes of blocks that are kept in memory for reading.
const CACHE_BYTES: u64 = 16 << 20;

/// The file by which fjall knows a database. Where it is missing, fjall would make a new one in place of what was there.
const MARKER: &str = "version";

/// Rows in a directory.
pub struct FjallRows {
    // In this order they are dropped: the directory is given back when the database has let go of it.
    tables: [Keyspace; TABLES.len()],
    database: Database,
    folder: Folder,
    free_bytes_reserve: u64,
    durability: PersistMode,
    sync_report: Option<SyncReport>,
    /// Why a write failed, once one has: from then on, nothing is read or written.
    failure: OnceLock<String>,
}

impl FjallRows {
    pub(super) fn open(mut folder: Folder, options: EmbeddedOptions) -> Result<Self, OpenError> {
        let path = &options.path;
        let io_error = |error| OpenError::from_io(path, error);
        let database = open_database(&folder)?;
        let tables = open_tables(&database, &folder)?;
        folder.finish().map_err(io_error)?;
        let report = options.sync_report.as_deref().map(|file| SyncReport::open(file, &folder.database()));
        let rows = Self {
            tables,
            database,
            folder,
            free_bytes_reserve: options.free_bytes_reserve,
            durability: if options.fsync { PersistMode::SyncData } else { PersistMode::Buffer },
            sync_report: report.transpose().map_err(io_error)?,
            failure: OnceLock::new(),
        };
        rows.report().map_err(io_error)?;
        Ok(rows)
    }

    fn table(&self, table: Table) -> &Keyspace {
        &self.tables[table as usize]
    }

    fn report(&self) -> io::Result<()> {
        self.sync_report.as_ref().map_or(Ok(()), SyncReport::write)
    }

    fn check_sound(&self) -> Result<(), StoreError> {
        match self.failure.get() {
            Some(reason) => Err(StoreError::Failed { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    fn fail(&self, error: impl ToString) -> StoreError {
        let reason = self.failure.get_or_init(|| format!("{}: {}", self.folder.path().display(), error.to_string()));
        tracing::error!(%reason, "the store failed");
        StoreError::Failed { reason: reason.clone() }
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(self.folder.path())?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

fn open_database(folder: &Folder) -> Result<Database, OpenError> {
    if folder.is_whole() && !folder.database().join(MARKER).exists() {
        return Err(OpenError::damaged(folder.path(), format!("its file `{MARKER}` of the database is missing")));
    }
    let builder = Database::builder(folder.database()).cache_size(CACHE_BYTES).max_journaling_size(LOG_BYTES_MAX);
    // fjall asserts some of what it reads, and a file that does not hold it is damage of ours to report.
    match catch_unwind(AssertUnwindSafe(|| builder.open())) {
        Ok(opened) => opened.map_err(|error| open_error(folder.path(), error)),
        Err(_) => Err(OpenError::damaged(folder.path(), "the database gave up while it read its files")),
    }
}

fn open_tables(database: &Database, folder: &Folder) -> Result<[Keyspace; TABLES.len()], OpenError> {
    let missing = TABLES.iter().find(|table| folder.is_whole() && !database.keyspace_exists(name(**table)));
    if let Some(table) = missing {
        return Err(OpenError::damaged(folder.path(), format!("the table {table:?} is missing")));
    }
    let open = |table: Table| database.keyspace(name(table), || settings(table));
    let [executions, index, catalog] = TABLES;
    let opened = (|| Ok([open(executions)?, open(index)?, open(catalog)?]))();
    opened.map_err(|error| open_error(folder.path(), error))
}

const fn name(table: Table) -> &'static str {
    match table {
        Table::Executions => "executions",
        Table::Index => "index",
        Table::Catalog => "catalog",
    }
}

fn settings(table: Table) -> KeyspaceCreateOptions {
    let settings = KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES_MAX);
    match table {
        Table::Executions | Table::Index => settings,
        // Components are megabytes, and would be written again with each compaction of their small neighbours.
        Table::Catalog => settings.with_kv_separation(Some(KvSeparationOptions::default())),
    }
}

fn open_error(path: &Path, error: fjall::Error) -> OpenError {
    match error {
        fjall::Error::Locked => OpenError::Locked { path: path.to_path_buf() },
        fjall::Error::Io(source) | fjall::Error::Storage(fjall::LsmError::Io(source)) => match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                OpenError::damaged(path, source)
            }
            _ => OpenError::from_io(path, source),
        },
        other => OpenError::damaged(path, other),
    }
}

impl Rows for FjallRows {
    type View<'a> = FjallView<'a>;

    fn view(&self) -> Self::View<'_> {
        FjallView { rows: self, snapshot: self.database.snapshot() }
    }

    fn commit(&self, changes: Changes) -> Result<(), StoreError> {
        self.check_sound()?;
        let mut batch =
            OwnedWriteBatch::with_capacity(self.database.clone(), changes.len()).durability(Some(self.durability));
        for ((table, key), value) in changes {
            match value {
                Some(value) => batch.insert(self.table(table), key, &*value),
                None => batch.remove(self.table(table), key),
            }
        }
        batch.commit().map_err(|error| self.fail(reason_of(&error)))?;
        if self.durability == PersistMode::SyncData { self.report().map_err(|error| self.fail(error)) } else { Ok(()) }
    }

    fn check_room(&self) -> Result<(), StoreError> {
        let refused = |reason| StoreError::Refused { reason };
        let path = self.folder.path().display();
        let free =
            self.free_bytes().map_err(|error| refused(format!("the free disk of {path} is unknown: {error}")))?;
        if free >= self.free_bytes_reserve {
            return Ok(());
        }
        let reserve = self.free_bytes_reserve;
        Err(refused(format!(
            "{free} bytes are free on the disk of {path}, and {reserve} are kept for what runs: free some disk"
        )))
    }

    fn health(&self) -> StoreHealth {
        StoreHealth {
            kind: "embedded",
            free_bytes: self.free_bytes().ok(),
            used_bytes: self.folder.used_bytes().unwrap_or_default(),
        }
    }
}

/// The rows of one moment.
pub struct FjallView<'a> {
    rows: &'a FjallRows,
    snapshot: Snapshot,
}

impl View for FjallView<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.rows.check_sound()?;
        let value = self.snapshot.get(self.rows.table(table), key).map_err(|error| read_error(table, key, &error))?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn visit(&self, table: Table, range: Range<Key>, visitor: &mut Visitor<'_>) -> Result<(), StoreError> {
        self.rows.check_sound()?;
        let start = range.start.clone();
        for row in self.snapshot.range(self.rows.table(table), range) {
            let (key, value) = row.into_inner().map_err(|error| read_error(table, &start, &error))?;
            if visitor(&key, &value)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn reason_of(error: &fjall::Error) -> String {
    match error {
        fjall::Error::Io(source) | fjall::Error::Storage(fjall::LsmError::Io(source)) => source.to_string(),
        // fjall says why to `log` alone.
        fjall::Error::Poisoned => "a write in the background failed, as when the disk is full".into(),
        other => other.to_string(),
    }
}

fn read_error(table: Table, key: &[u8], error: &fjall::Error) -> StoreError {
    match error {
        // What the system refuses now, such as one more open file, it may grant later.
        fjall::Error::Io(source) | fjall::Error::Storage(fjall::LsmError::Io(source)) => {
            StoreError::Refused { reason: format!("a row cannot be read: {source}") }
        }
        other => damaged(table, key, other),
    }
}
