//! What a guest may grow: memories and tables, each counted over all that its component has.

use wasmtime::ResourceLimiter;

use crate::limits::{Limit, TaskLimits};
use crate::outcome::Stop;

/// What one call has and may have.
pub(crate) struct Memory {
    bytes: Share,
    elements: Share,
    instances: usize,
}

struct Share {
    limit: Limit,
    used: u64,
    allowed: u64,
}

impl Memory {
    pub(super) fn prepare(limits: &TaskLimits) -> Self {
        let share = |limit| Share { limit, used: 0, allowed: limits.of(limit) };
        Self {
            bytes: share(Limit::Memory),
            elements: share(Limit::TableElements),
            instances: usize::try_from(limits.instances).unwrap_or(usize::MAX),
        }
    }
}

impl Share {
    /// Ends the guest instead of answering that there is no more: it would only trap on that, and nobody would know why.
    fn grow(&mut self, current: usize, desired: usize) -> wasmtime::Result<bool> {
        self.used = self.used.saturating_add(desired.saturating_sub(current) as u64);
        if self.used > self.allowed { Err(wasmtime::Error::new(Stop::Limit(self.limit))) } else { Ok(true) }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.bytes.grow(current, desired)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.elements.grow(current, desired)
    }

    fn instances(&self) -> usize {
        self.instances
    }
}
