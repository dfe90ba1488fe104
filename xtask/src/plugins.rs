//! Builds the first-party plugins as Wasm components.

use std::path::PathBuf;

use anyhow::Result;

use crate::setup;
use crate::shell::{cargo, target};

/// Every plugin under `plugins/`.
pub(crate) const PLUGINS: [&str; 4] = ["echo", "greet", "report", "source-stats"];

/// What tests run as guests.
const GUESTS: [&str; 2] = ["guests", "witness"];

/// Builds all of them.
pub(crate) fn build() -> Result<()> {
    build_components(&PLUGINS)
}

/// Builds what tests run as guests.
pub(crate) fn build_guests() -> Result<()> {
    build_components(&GUESTS)
}

fn build_components(packages: &[&str]) -> Result<()> {
    setup::wasm_target()?;
    let packages = packages.iter().flat_map(|package| ["--package", package]);
    let build = ["build", "--locked", "--profile", "plugin", "--target", setup::WASM_TARGET];
    cargo(build.into_iter().chain(packages))
}

/// Lints everything that becomes a component, as it is built.
pub(crate) fn lint() -> Result<()> {
    let packages = PLUGINS.iter().chain(&GUESTS).flat_map(|plugin| ["--package", plugin]);
    let lint = ["clippy", "--locked", "--target", setup::WASM_TARGET];
    cargo(lint.into_iter().chain(packages).chain(["--", "--deny", "warnings"]))
}

/// Where components lie once they are built.
pub(crate) fn folder() -> PathBuf {
    target().join(setup::WASM_TARGET).join("plugin")
}

/// Where a plugin lies once it is built.
pub(crate) fn component(plugin: &str) -> PathBuf {
    folder().join(plugin.replace('-', "_")).with_extension("wasm")
}

/// Builds all of them and says where they lie.
pub(crate) fn build_and_list() -> Result<()> {
    build()?;
    for plugin in PLUGINS {
        println!("{}", component(plugin).display());
    }
    Ok(())
}
