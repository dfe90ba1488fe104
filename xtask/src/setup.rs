//! Installs what a command needs and the machine lacks, and says so.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shell::{root, run};

/// Plugins are built for this target.
pub(crate) const WASM_TARGET: &str = "wasm32-wasip2";

/// Makes sure that cargo can build plugins.
pub(crate) fn wasm_target() -> Result<()> {
    let installed = Command::new("rustup")
        .args(["target", "list", "--installed"])
        .current_dir(root())
        .output()
        .context("cannot start `rustup`, which installs the Wasm target: see https://rustup.rs")?;
    if String::from_utf8_lossy(&installed.stdout).lines().any(|target| target == WASM_TARGET) {
        return Ok(());
    }
    println!("installing the target {WASM_TARGET}, which plugins are built for");
    run(Command::new("rustup").args(["target", "add", WASM_TARGET]))
        .with_context(|| format!("type `rustup target add {WASM_TARGET}` and try again"))
}
