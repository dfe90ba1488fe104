//! The test hook that tells how far the log is durable.
//!
//! `kill -9` proves nothing about durability, for the page cache survives it. A test that cuts the log back to what was reported here does.
//! fjall makes its logs longer than they are filled, so the end of the file says nothing: the offset is that of the descriptor it is written
//! through, which the kernel shows in `/proc`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The flag of `open(2)` for a file that is only appended to. Such a log is exactly as long as it is filled.
const O_APPEND: u32 = 0o2000;

/// Where the reports go, and whose log they tell of.
pub(super) struct SyncReport {
    file: File,
    database: PathBuf,
}

impl SyncReport {
    /// Reports to the end of a file.
    pub(super) fn open(file: &Path, database: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(file)?;
        Ok(Self { file, database: database.canonicalize()? })
    }

    /// Writes one line `PATH OFFSET`, in one write. Nothing may be written to the log between the sync and this.
    pub(super) fn write(&self) -> io::Result<()> {
        let (path, offset) = self.log_end()?;
        (&self.file).write_all(format!("{} {offset}\n", path.display()).as_bytes())
    }

    /// The newest log that this process has open, and how far it is filled. Older logs were synced before the newest was made.
    fn log_end(&self) -> io::Result<(PathBuf, u64)> {
        let mut newest = None;
        for entry in fs::read_dir("/proc/self/fd")? {
            let descriptor = entry?.file_name();
            let Ok(path) = fs::read_link(Path::new("/proc/self/fd").join(&descriptor)) else { continue };
            let number = log_number(&path).filter(|_| path.parent() == Some(&self.database));
            newest = newest.max(number.map(|number| (number, path, descriptor)));
        }
        let (_, path, descriptor) = newest.ok_or_else(|| io::Error::other("the store has no log open"))?;
        let info = fs::read_to_string(Path::new("/proc/self/fdinfo").join(descriptor))?;
        let is_appended = field(&info, "flags:", 8)? & u64::from(O_APPEND) != 0;
        let offset = if is_appended { fs::metadata(&path)?.len() } else { field(&info, "pos:", 10)? };
        Ok((path, offset))
    }
}

/// The number of a log of fjall's, which counts up.
pub(super) fn log_number(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_suffix(".jnl")?.parse().ok()
}

fn field(info: &str, name: &str, radix: u32) -> io::Result<u64> {
    let value = info.lines().find_map(|line| line.strip_prefix(name));
    value
        .and_then(|value| u64::from_str_radix(value.trim(), radix).ok())
        .ok_or_else(|| io::Error::other(format!("/proc/self/fdinfo has no `{name}`")))
}
