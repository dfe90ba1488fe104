//! The store that survives: one directory, written through to the disk before anything is acknowledged.
//!
//! Over fjall, a log-structured merge tree in this process. Each commit is one batch in its log and one `fdatasync`, so at any moment at most one
//! batch is not durable; `log_check` rests on that. Owns the directory (`folder`) and the settings of the tree. The directory belongs to one
//! process at a time, and to the store alone.
//!
//! Settings are measured, on two cores: with memtables of 8 MiB instead of 64, logs of 64 MiB instead of 512 and a cache of 16 MiB, throughput
//! is that of the defaults, with 66 MB resident instead of 280 and 16 ms to open again instead of 2 s.

mod folder;
mod log_check;
mod sync_report;
mod tables;

use std::io;
use std::path::{Path, PathBuf};

use crate::rows::RowStore;
use folder::Folder;
pub use tables::{FjallRows, FjallView};

/// Free disk under which no execution is started any more, so that those that run can end: 1 GiB.
pub const FREE_BYTES_RESERVE: u64 = 1 << 30;

/// A store in a directory.
pub type EmbeddedStore = RowStore<FjallRows>;

/// How to open a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedOptions {
    /// The directory, which belongs to the store alone. Made where it does not exist.
    pub path: PathBuf,
    /// Free disk under which no execution is started.
    pub free_bytes_reserve: u64,
    /// Test hook: `false` leaves out the sync, to prove that a test of durability notices.
    pub fsync: bool,
    /// Test hook: a file that gets a line `PATH OFFSET` when the store has opened and after each sync, before it is acknowledged: the log up to
    /// there is durable.
    pub sync_report: Option<PathBuf>,
}

impl EmbeddedOptions {
    /// The defaults, in a directory.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), free_bytes_reserve: FREE_BYTES_RESERVE, fsync: true, sync_report: None }
    }
}

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file stands where the directory should be, or on the way to it.
    #[error("{} is not a directory: name one that the store may have for itself", path.display())]
    NotADirectory {
        /// What was named.
        path: PathBuf,
    },
    /// The directory cannot be made or written to.
    #[error("{} cannot be written to: give this user the right to, or name another directory", path.display())]
    Unwritable {
        /// What was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no room.
    #[error("the disk of {} is full: free some of it, or name a directory on another disk", path.display())]
    Full {
        /// What was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("{} is in use by another process: stop that one, or name another directory", path.display())]
    Locked {
        /// What was named.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error("{} has format {found}, and this program knows up to {known}: use the newer program that wrote it", path.display())]
    NewerFormat {
        /// What was named.
        path: PathBuf,
        /// The format it has.
        found: u32,
        /// The newest format that this program reads.
        known: u32,
    },
    /// It holds other files.
    #[error("{} holds files and is no store: name an empty directory, or one that does not exist", path.display())]
    NotOurs {
        /// What was named.
        path: PathBuf,
    },
    /// What is stored is not what was written.
    #[error("the store in {} is damaged: {reason}; restore it from a copy", path.display())]
    Damaged {
        /// What was named.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Something else went wrong.
    #[error("{} cannot be opened", path.display())]
    Io {
        /// What was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl OpenError {
    /// The error that a system's error means for a directory.
    fn from_io(path: &Path, source: io::Error) -> Self {
        use io::ErrorKind as Kind;
        let path = path.to_path_buf();
        match source.kind() {
            Kind::NotADirectory | Kind::AlreadyExists => Self::NotADirectory { path },
            // The kernel's own file systems answer with "not found" when somebody makes a directory there.
            Kind::PermissionDenied | Kind::ReadOnlyFilesystem | Kind::NotFound => Self::Unwritable { path, source },
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => Self::Full { path, source },
            _ => Self::Io { path, source },
        }
    }

    fn damaged(path: &Path, reason: impl ToString) -> Self {
        Self::Damaged { path: path.to_path_buf(), reason: reason.to_string() }
    }
}

impl EmbeddedStore {
    /// Opens the store in a directory, or makes one there.
    ///
    /// Cuts a commit off the end of the log that was never finished, and so never acknowledged. Refuses a log that is broken before its end.
    pub fn open(options: EmbeddedOptions) -> Result<Self, OpenError> {
        let folder = Folder::claim(&options.path)?;
        log_check::cut_torn_tail(&options.path, &folder.database())?;
        Ok(Self::over(FjallRows::open(folder, options)?))
    }
}
