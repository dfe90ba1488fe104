//! What a guest may ask its host for: one file for each capability, and the set of them.
//!
//! A capability has three steps. `link` gives its functions to the linker, once per host. `configure` fixes what a tenant's tasks may do with it,
//! once per tenant. `prepare` makes what belongs to one call. The whole set is [`Capabilities`] and [`Call`], one field each.

mod config;
mod context;
mod log;
mod memory;
mod path;
mod progress;
mod wasi;

use std::sync::Arc;

use sandmill_engine::ports::TaskObserver;
use wasmtime::component::Linker;

use crate::limits::{Limit, TaskLimits};
use crate::live::Live;
use crate::outcome::Stop;

/// What the tasks of a tenant may do.
pub(crate) struct Capabilities {
    pub(crate) limits: TaskLimits,
    config: config::Config,
    context: context::Context,
    log: log::Log,
    progress: progress::Progress,
}

/// What belongs to one call: the data of its store.
pub(crate) struct Call {
    pub(crate) capabilities: Arc<Capabilities>,
    pub(crate) live: Arc<Live>,
    pub(crate) memory: memory::Memory,
    host_calls: u64,
    wasi: wasi::Wasi,
}

/// Gives the functions of all capabilities to the linker, once per host.
pub(crate) fn link(linker: &mut Linker<Call>) -> wasmtime::Result<()> {
    config::link(linker)?;
    context::link(linker)?;
    log::link(linker)?;
    progress::link(linker)?;
    wasi::link(linker)
}

impl Capabilities {
    /// What the tasks of a tenant may do under these limits.
    pub(crate) fn configure(limits: TaskLimits, observer: &Arc<dyn TaskObserver>) -> Self {
        Self {
            limits,
            config: config::Config::default(),
            context: context::Context::default(),
            log: log::Log::configure(limits.log_bytes, observer),
            progress: progress::Progress::configure(observer),
        }
    }

    /// What one call needs.
    pub(crate) fn prepare(self: Arc<Self>, live: Arc<Live>) -> Call {
        Call {
            memory: memory::Memory::prepare(&self.limits),
            wasi: wasi::Wasi::default(),
            host_calls: 0,
            capabilities: self,
            live,
        }
    }
}

impl Call {
    /// Counts a call of an import, and ends the guest at the one that is too many.
    fn count(&mut self) -> wasmtime::Result<()> {
        self.host_calls += 1;
        self.check_host_calls().map_err(wasmtime::Error::new)
    }

    /// Counts a call where nothing can be refused: the next tick or the end of the call finds it.
    const fn note(&mut self) {
        self.host_calls += 1;
    }

    /// Whether there were too many calls of imports.
    pub(crate) fn check_host_calls(&self) -> Result<(), Stop> {
        let is_over = self.host_calls > self.capabilities.limits.host_calls;
        if is_over { Err(Stop::Limit(Limit::HostCalls)) } else { Ok(()) }
    }

    /// The guest has returned or broken off: what it left half written becomes whole.
    pub(crate) fn finish(&mut self) -> Result<(), Stop> {
        let written = self.wasi.finish();
        self.check_host_calls().and(written)
    }
}
