//! What `sandmill doctor` says of the data directory: may files be made in it, is there room, and who has it open.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{Check, bad, good};
use crate::settings::Settings;

const WHAT: &str = "data-dir";

/// The file that the process that has a store open holds locked.
const LOCK_FILE: &str = "lock";

/// Checks the directory of the settings. That one is in use is well where the server that was asked is ready, and keeps another from starting.
pub(super) fn check(settings: &Settings, is_server_ready: bool) -> Check {
    if settings.text("store") == "memory" {
        return good(WHAT, "none: everything is kept in memory".into());
    }
    let path = Path::new(settings.text("data-dir"));
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
    match trouble(&absolute, settings.bytes("free-disk-reserve")) {
        Some(found) => bad(WHAT, found),
        None => match (holder(&absolute), is_server_ready) {
            (None, _) => good(WHAT, format!("{} can be written", absolute.display())),
            (Some(holder), true) => {
                good(WHAT, format!("{} can be written, and is in use by {holder}", absolute.display()))
            }
            (Some(holder), false) => bad(
                WHAT,
                format!(
                    "{} is held by {holder}: no other server can start on it; stop that one, name its address with \
                     --server, or name another directory with --set data-dir=FOLDER",
                    absolute.display()
                ),
            ),
        },
    }
}

/// Why the directory, or the first folder above it that exists, takes no files of ours.
fn trouble(path: &Path, reserve_bytes: u64) -> Option<String> {
    let existing = path.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    if !existing.is_dir() {
        return Some(format!("{} is a file: name a directory with --set data-dir=FOLDER", existing.display()));
    }
    if let Err(error) = tempfile::tempfile_in(existing) {
        let advice = match error.kind() {
            std::io::ErrorKind::StorageFull => "free some of its disk",
            _ => "give this user the right to, or name another directory with --set data-dir=FOLDER",
        };
        return Some(format!("{} cannot be written: {error}: {advice}", existing.display()));
    }
    let disk = rustix::fs::statvfs(existing).ok()?;
    let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
    (free_bytes < reserve_bytes).then(|| {
        let mib = |bytes: u64| bytes / 1_048_576;
        format!(
            "the disk of {} has {} MiB left, and under {} MiB (`free-disk-reserve`) no execution is started: free some of \
             it, or name a directory on another disk with --set data-dir=FOLDER",
            existing.display(),
            mib(free_bytes),
            mib(reserve_bytes)
        )
    })
}

/// Who has the store in a directory open, in words; `None` where nobody has.
fn holder(path: &Path) -> Option<String> {
    let file = File::open(path.join(LOCK_FILE)).ok()?;
    // Let go at once, with the file: a server that starts in this very moment would be told that there is another one.
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {}
        Ok(()) | Err(TryLockError::Error(_)) => return None,
    }
    let inode = file.metadata().ok()?.ino();
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let process = holders(&locks, inode).find(|process| has_open(*process, &file));
    Some(process.map_or_else(|| "another process".into(), describe))
}

/// The processes that hold a lock on a file with that inode, on whatever disk, by what the kernel lists.
fn holders(locks: &str, inode: u64) -> impl Iterator<Item = u32> {
    locks.lines().filter_map(move |line| {
        // One that only waits for the lock has an arrow before its kind.
        let mut words = line.split_whitespace().skip(1);
        let process = words.next().filter(|kind| *kind == "FLOCK").and_then(|_| words.nth(2))?.parse().ok()?;
        (words.next()?.rsplit(':').next()? == inode.to_string()).then_some(process)
    })
}

/// True where a process has that file open, or keeps to itself what it has open.
fn has_open(process: u32, file: &File) -> bool {
    let (Ok(open), Ok(file)) = (fs::read_dir(format!("/proc/{process}/fd")), file.metadata()) else { return true };
    open.filter_map(|entry| fs::metadata(entry.ok()?.path()).ok())
        .any(|found| (found.dev(), found.ino()) == (file.dev(), file.ino()))
}

fn describe(process: u32) -> String {
    let command = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let mut words = command.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    // Its arguments may hold secrets, so only the first two words are told: the program and its command.
    let program = words.next().map(|path| path.rsplit('/').next().unwrap_or_default().to_owned());
    match program.filter(|program| !program.is_empty()) {
        Some(program) => {
            format!("process {process} (`{}`)", format!("{program} {}", words.next().unwrap_or_default()).trim())
        }
        None => format!("process {process}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_a_lock_is_read_from_what_the_kernel_lists() {
        let locks = "1: FLOCK  ADVISORY  WRITE 23192 fe:00:9994343 0 EOF\n\
            2: POSIX  ADVISORY  WRITE 7 fe:00:9994310 0 EOF\n\
            2: FLOCK  ADVISORY  WRITE 9 fe:00:9994310 0 EOF\n\
            2: -> FLOCK  ADVISORY  WRITE 10 fe:00:9994310 0 EOF\n\
            3: FLOCK  ADVISORY  READ 11 fe:00:99943101 0 EOF\n";
        assert_eq!(holders(locks, 9_994_310).collect::<Vec<_>>(), [9]);
        assert_eq!(holders(locks, 9_994_343).collect::<Vec<_>>(), [23192]);
        assert_eq!(holders("garbage\n\n4: FLOCK", 1).count(), 0);
    }

    #[test]
    fn a_store_that_is_open_has_a_holder_and_one_that_is_not_has_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(holder(folder.path()), None);
        let lock = File::create(folder.path().join(LOCK_FILE)).unwrap();
        assert_eq!(holder(folder.path()), None, "nobody locked it");
        lock.lock().unwrap();
        let found = holder(folder.path()).unwrap();
        assert!(found.starts_with(&format!("process {} (`", std::process::id())), "{found}");
    }

    #[test]
    fn a_directory_that_takes_no_files_or_has_no_room_is_trouble() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(trouble(&folder.path().join("deep/inside"), 0), None);
        assert!(trouble(&file.join("below"), 0).unwrap().contains("is a file"));
        assert!(trouble(Path::new("/proc/nothing"), 0).unwrap().contains("cannot be written"));
        assert!(trouble(folder.path(), u64::MAX).unwrap().contains("free-disk-reserve"));
    }
}
