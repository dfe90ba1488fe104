//! The machine that a bench runs on, and what this process has used of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::time::{ClockId, clock_gettime};

/// What is needed to compare figures.
pub struct Machine {
    /// The model of the processor.
    pub cpu: String,
    /// How many threads run at the same time.
    pub cores: usize,
    /// The release of Linux.
    pub kernel: String,
    /// The kind of the file system that lies there.
    pub file_system: String,
    /// Where benches write.
    pub folder: PathBuf,
}

impl Machine {
    /// This one. Refuses to write to memory: a sync that costs nothing measures nothing.
    pub fn look() -> Result<Self> {
        let folder = folder()?;
        let file_system = file_system(&folder)?;
        if matches!(file_system.as_str(), "tmpfs" | "ramfs") {
            bail!(
                "{} lies on {file_system}, where a sync costs nothing: set CARGO_TARGET_DIR to a disk",
                folder.display()
            );
        }
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Ok(Self {
            cpu: model.map_or_else(|| "unknown".into(), |(_, name)| name.trim().to_owned()),
            cores: std::thread::available_parallelism()?.get(),
            kernel: kernel.trim().to_owned(),
            file_system,
            folder,
        })
    }
}

/// Where benches write: beside this program, in the target folder.
pub fn folder() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).context("this program lies in no target folder")?;
    let folder = target.join("tmp");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// A folder for one run of a bench, which goes with it.
pub fn temporary_folder() -> Result<tempfile::TempDir> {
    Ok(tempfile::Builder::new().prefix("bench-").tempdir_in(folder()?)?)
}

/// The kind of the file system of the longest mount point that the path lies under.
fn file_system(path: &Path) -> Result<String> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        Some((words.next()?, words.next()?))
    });
    let found = mounts.filter(|(place, _)| path.starts_with(place)).max_by_key(|(place, _)| place.len());
    Ok(found.context("no mount point holds the target folder")?.1.to_owned())
}

/// What this process has used so far.
#[derive(Clone, Copy)]
pub struct Usage {
    /// Computing, of all threads.
    pub cpu: Duration,
    /// Pages that were first touched.
    pub minor_faults: u64,
}

impl Usage {
    /// Up to now.
    pub fn now() -> Result<Self> {
        let status = fs::read_to_string("/proc/self/stat")?;
        // The name of the program, in parentheses, may hold spaces; after it, the eighth word counts the minor faults.
        let after_name = status.rsplit_once(')').context("/proc/self/stat has no name")?.1;
        let faults = after_name.split_whitespace().nth(7).context("/proc/self/stat has no faults")?;
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let seconds = u64::try_from(cpu.tv_sec).unwrap_or(0);
        let nanoseconds = u32::try_from(cpu.tv_nsec).unwrap_or(0);
        Ok(Self { cpu: Duration::new(seconds, nanoseconds), minor_faults: faults.parse()? })
    }

    /// Since then.
    pub fn since(self, earlier: Self) -> Self {
        Self { cpu: self.cpu - earlier.cpu, minor_faults: self.minor_faults - earlier.minor_faults }
    }
}
