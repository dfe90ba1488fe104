//! The directory of a store: whose it is, who has it open, and which format it has.
//!
//! | file | what it is |
//! |---|---|
//! | `lock` | locked by the process that has the store open |
//! | `format` | which format the store has; there from the moment the store is whole |
//! | `format.new` | the same while the store is being made: whatever lies beside it was never used, and is made anew |
//! | `database/` | fjall's own |

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::OpenError;

/// The format that this program writes, and the newest that it reads.
const FORMAT: u32 = 1;

/// What the format file says before the number.
const FORMAT_PREFIX: &str = "sandmill-store ";

const DATABASE: &str = "database";
const FORMAT_FILE: &str = "format";
const FORMAT_FILE_NEW: &str = "format.new";
const LOCK_FILE: &str = "lock";

/// The directory, held for this process until it is dropped.
pub(super) struct Folder {
    path: PathBuf,
    is_whole: bool,
    _lock: File,
}

impl Folder {
    /// Takes a directory that is a store, or makes one where there is nothing.
    pub(super) fn claim(path: &Path) -> Result<Self, OpenError> {
        make(path).map_err(|error| OpenError::from_io(path, error))?;
        check_ours(path)?;
        let lock = lock(path)?;
        let is_whole = read_format(path)?;
        let folder = Self { path: path.to_path_buf(), is_whole, _lock: lock };
        if !is_whole {
            folder.begin().map_err(|error| OpenError::from_io(path, error))?;
        }
        Ok(folder)
    }

    /// Where fjall keeps its files.
    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// The directory as it was named.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// True for a store that was made before.
    pub(super) const fn is_whole(&self) -> bool {
        self.is_whole
    }

    fn begin(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.database()) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::create(self.path.join(FORMAT_FILE_NEW))?;
        file.write_all(format!("{FORMAT_PREFIX}{FORMAT}\n").as_bytes())?;
        file.sync_all()?;
        sync(&self.path)
    }

    /// Declares that the store is whole.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if !self.is_whole {
            fs::rename(self.path.join(FORMAT_FILE_NEW), self.path.join(FORMAT_FILE))?;
            sync(&self.path)?;
            self.is_whole = true;
        }
        Ok(())
    }

    /// Bytes on the disk.
    pub(super) fn used_bytes(&self) -> io::Result<u64> {
        used_bytes(&self.path)
    }
}

/// Makes the directory for its owner alone: it holds what tenants gave us.
fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    path.canonicalize()?.parent().map_or(Ok(()), sync)
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn check_ours(path: &Path) -> Result<(), OpenError> {
    let mut is_empty = true;
    for entry in fs::read_dir(path).map_err(|error| OpenError::from_io(path, error))? {
        let name = entry.map_err(|error| OpenError::from_io(path, error))?.file_name();
        if name == FORMAT_FILE || name == FORMAT_FILE_NEW {
            return Ok(());
        }
        is_empty &= name == LOCK_FILE;
    }
    if is_empty { Ok(()) } else { Err(OpenError::NotOurs { path: path.to_path_buf() }) }
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK_FILE));
    let file = file.map_err(|error| OpenError::from_io(path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: path.to_path_buf() }),
        Err(TryLockError::Error(error)) => Err(OpenError::from_io(path, error)),
    }
}

/// True where there is a format file that this program knows, `false` where there is none.
fn read_format(path: &Path) -> Result<bool, OpenError> {
    let text = match fs::read(path.join(FORMAT_FILE)) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(OpenError::from_io(path, error)),
    };
    match text.strip_prefix(FORMAT_PREFIX).map(|number| number.trim_end().parse()) {
        Some(Ok(FORMAT)) => Ok(true),
        Some(Ok(found)) if found > FORMAT => {
            Err(OpenError::NewerFormat { path: path.to_path_buf(), found, known: FORMAT })
        }
        Some(_) => Err(OpenError::damaged(path, format!("its file `{FORMAT_FILE}` says {text:?}"))),
        None => Err(OpenError::NotOurs { path: path.to_path_buf() }),
    }
}

/// Counts what files take up, not how long they say they are: fjall makes its logs longer than they are filled.
fn used_bytes(path: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        // A compaction may remove a file while we look.
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes += used_bytes(&entry.path())?,
            Ok(metadata) => bytes += metadata.blocks() * 512,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}
