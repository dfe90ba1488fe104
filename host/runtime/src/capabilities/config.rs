//! The config of the running task, and of no other.

use sandmill_abi::v0_1::sandmill::task::config::{self as contract, ConfigError};
use wasmtime::component::{HasSelf, Linker};

use super::Call;
use crate::outcome::Stop;

/// What a tenant's tasks may fetch.
pub(super) struct Config {
    bytes_max: usize,
}

impl Default for Config {
    /// The contract names 10 MiB, and the machine makes no larger config.
    fn default() -> Self {
        Self { bytes_max: 10 << 20 }
    }
}

pub(super) fn link(linker: &mut Linker<Call>) -> wasmtime::Result<()> {
    contract::add_to_linker::<Call, HasSelf<Call>>(linker, |call| call)
}

impl contract::Host for Call {
    fn fetch(&mut self, task_exec_id: String) -> wasmtime::Result<Result<String, ConfigError>> {
        self.count()?;
        let Some(task) = self.live.task_of(&task_exec_id) else { return Ok(Err(ConfigError::Denied)) };
        let config = &task.message.config;
        if config.len() > self.capabilities.config.bytes_max {
            return Ok(Err(ConfigError::TooLarge));
        }
        match str::from_utf8(config) {
            Ok(text) => Ok(Ok(text.to_owned())),
            Err(_) => Err(wasmtime::Error::new(Stop::Host("the stored config is no text".into()))),
        }
    }
}
