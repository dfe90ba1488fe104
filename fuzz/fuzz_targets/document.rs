//! Any bytes are a document that is compiled, or one that is refused with a reason and a place.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use sandmill_core::definition::{Definition, PinnedPlugin, PluginSource, compile, validate};
use sandmill_core::ids::Digest;
use sandmill_core::value::Value;

/// A catalog that has some of what is asked for.
struct Catalog;

impl PluginSource for Catalog {
    fn plugin(&self, name: &str, version: Option<&str>) -> Option<PinnedPlugin> {
        let version = Arc::from(version.unwrap_or("1.0.0"));
        (name.len() < 8).then(|| PinnedPlugin { name: name.into(), version, digest: Digest::of(name.as_bytes()) })
    }

    fn names(&self) -> Vec<String> {
        vec!["greet".into(), "report".into()]
    }
}

fuzz_target!(|bytes: &[u8]| {
    let report = validate(bytes);
    for finding in &report.findings {
        assert!(finding.line > 0 && finding.column > 0, "{finding:?}");
        assert!(finding.excerpt.caret <= finding.excerpt.text.chars().count(), "{finding:?}");
    }
    assert!(report.findings.is_empty() || !report.display(Some("file.yaml")).to_string().is_empty());
    match compile(bytes, &Catalog) {
        Ok(definition) => {
            assert!(report.is_deployable(), "{report}");
            check(&definition);
        }
        Err(refused) => assert!(!refused.is_deployable(), "{refused}"),
    }
});

/// Tasks are found by their pointers, and the document reads back from its JSON text.
fn check(definition: &Definition) {
    for (number, node) in definition.nodes.iter().enumerate() {
        let found = definition.find(node.pointer.as_str()).expect("a task stands at its pointer");
        assert_eq!(usize::try_from(found.0), Ok(number), "{}", node.pointer);
        assert_eq!(definition.document.pointer(node.pointer.as_str()).as_ref(), Some(&node.definition));
    }
    let text = definition.document.to_json();
    assert_eq!(Value::from_json(&text).ok().as_ref(), Some(&definition.document));
}
