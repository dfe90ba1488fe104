//! What a host says about its runtime, with what it gets where it says nothing.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::limits::TaskLimits;

/// How a runtime is set up.
#[derive(Debug, Clone)]
pub struct RuntimeOptions {
    /// Tasks that run at a time at most. What comes on top waits.
    pub live_tasks_max: u32,
    /// Threads that run guests, and nothing else.
    pub guest_threads: usize,
    /// Threads that compile components, at a lower priority.
    pub compile_threads: usize,
    /// Components that are kept ready in memory. The one that was not used for longest goes first.
    pub components_max: usize,
    /// Where compiled components are kept between runs of the host; `None` compiles them anew each time.
    pub artifacts: Option<ArtifactOptions>,
    /// What one call may use up.
    pub limits: TaskLimits,
}

/// Where compiled components are kept, and how the host knows them again.
#[derive(Debug, Clone)]
pub struct ArtifactOptions {
    /// The folder that holds them. It is made if it does not exist.
    pub folder: PathBuf,
    /// The file with the key of their checksums. It lies outside of the folder, so that who can write there cannot sign; it is made, readable for
    /// its owner alone, if it does not exist.
    pub key_file: PathBuf,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            // Enough to keep every thread busy while others wait, and 1 TiB of address space.
            live_tasks_max: 256,
            guest_threads: threads,
            compile_threads: threads,
            // A ready component is one to ten megabytes of code; most hosts have a few dozen.
            components_max: 256,
            artifacts: None,
            limits: TaskLimits::default(),
        }
    }
}
