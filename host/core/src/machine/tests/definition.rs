//! Definitions for stories, compiled from documents: only the list of tasks is what a story writes.

use std::sync::Arc;

use crate::definition::{Definition, PinnedPlugin, PluginSource, compile};
use crate::ids::Digest;

/// A catalog that has every plugin that a story names.
struct EveryPlugin;

impl PluginSource for EveryPlugin {
    fn plugin(&self, name: &str, version: Option<&str>) -> Option<PinnedPlugin> {
        let version = version.unwrap_or("1.0.0").into();
        Some(PinnedPlugin { name: name.into(), version, digest: Digest::of(name.as_bytes()) })
    }
}

/// A definition with this list of tasks.
pub(super) fn define(tasks: &str) -> Arc<Definition> {
    let head = r#"{"dsl":"1.0.3","namespace":"test","name":"test","version":"1.0.0"}"#;
    define_document(&format!(r#"{{"document":{head},"do":{tasks}}}"#))
}

/// The definition of a whole document.
pub(super) fn define_document(document: &str) -> Arc<Definition> {
    Arc::new(compile(document.as_bytes(), &EveryPlugin).unwrap_or_else(|report| panic!("{report}")))
}
