//! How far a task has come, and whether anybody still waits for it.

use std::sync::Arc;

use sandmill_abi::v0_1::sandmill::task::progress as contract;
use sandmill_engine::ports::{self, TaskObserver};
use wasmtime::component::{HasSelf, Linker};

use super::{Call, log};

/// What is kept of a message, from the contract.
const MESSAGE_BYTES_MAX: usize = 1 << 10;

/// What a tenant's tasks may report.
pub(super) struct Progress {
    observer: Arc<dyn TaskObserver>,
}

impl Progress {
    pub(super) fn configure(observer: &Arc<dyn TaskObserver>) -> Self {
        Self { observer: Arc::clone(observer) }
    }
}

pub(super) fn link(linker: &mut Linker<Call>) -> wasmtime::Result<()> {
    contract::add_to_linker::<Call, HasSelf<Call>>(linker, |call| call)
}

impl contract::Host for Call {
    fn report(&mut self, fraction: f64, message: Option<String>) -> wasmtime::Result<()> {
        self.count()?;
        if let Some(task) = self.live.task() {
            let message = message.map(|message| log::cut(message, MESSAGE_BYTES_MAX));
            let progress = ports::Progress { fraction: known(fraction), message };
            self.capabilities.progress.observer.progress(&task.message, progress);
        }
        Ok(())
    }

    fn is_cancelled(&mut self) -> wasmtime::Result<bool> {
        self.count()?;
        Ok(self.live.is_cancelled())
    }
}

/// The nearest number from 0 to 1; what is no number is unknown.
fn known(fraction: f64) -> Option<f64> {
    if fraction.is_nan() { None } else { Some(fraction.clamp(0.0, 1.0)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_is_brought_into_its_range() {
        let cases =
            [(0.0, Some(0.0)), (0.5, Some(0.5)), (1.5, Some(1.0)), (-1.0, Some(0.0)), (f64::INFINITY, Some(1.0))];
        for (given, expected) in cases {
            assert_eq!(known(given), expected, "{given}");
        }
        assert_eq!(known(f64::NAN), None);
    }
}
