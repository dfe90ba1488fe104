//! Definitions for stories: only the list of tasks is what a story writes.

use std::sync::Arc;

use sandmill_core::definition::{Definition, PinnedPlugin, PluginSource, compile};
use sandmill_core::ids::Digest;

/// A catalog that has every plugin that a story names.
struct EveryPlugin;

impl PluginSource for EveryPlugin {
    fn plugin(&self, name: &str, version: Option<&str>) -> Option<PinnedPlugin> {
        let version = version.unwrap_or("1.0.0").into();
        Some(PinnedPlugin { name: name.into(), version, digest: Digest::of(name.as_bytes()) })
    }
}

/// A definition with this list of tasks. Its name says which, so that two definitions of one test are two workflows.
#[must_use]
pub fn define(tasks: &str) -> Arc<Definition> {
    let digest = Digest::of(tasks.as_bytes()).to_string();
    define_named(&format!("w{}", &digest["sha256:".len()..][..16]), tasks)
}

/// A definition of that name with this list of tasks.
#[must_use]
pub fn define_named(name: &str, tasks: &str) -> Arc<Definition> {
    let head = format!(r#"{{"dsl":"1.0.3","namespace":"test","name":"{name}","version":"1.0.0"}}"#);
    let document = format!(r#"{{"document":{head},"do":{tasks}}}"#);
    Arc::new(compile(document.as_bytes(), &EveryPlugin).unwrap_or_else(|report| panic!("{report}")))
}
