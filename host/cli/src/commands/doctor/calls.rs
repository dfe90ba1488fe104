//! What a definition calls, and whether a server has it: what the checks of documents and of deployed workflows share.

use sandmill_core::definition::{Definition, EveryPlugin, Kind, PinnedFunction, PinnedPlugin, PluginSource, nearest};
use serde_json::Value;

use super::{Check, bad, good};
use crate::output::cell;

/// What stands for a function that is only known where the server is.
const FUNCTION: &[u8] = b"set: { there: true }";

/// Has whatever is asked for: a document is compiled against it to learn what is wrong with the document alone.
pub(super) struct Everything;

impl PluginSource for Everything {
    fn plugin(&self, name: &str, version: Option<&str>) -> Option<PinnedPlugin> {
        EveryPlugin.plugin(name, version)
    }

    fn function(&self, catalog: &str, name: &str, version: &str) -> Result<PinnedFunction, String> {
        let document = FUNCTION.into();
        Ok(PinnedFunction { catalog: catalog.into(), name: name.into(), version: version.into(), document })
    }
}

/// Which of the workflows that a definition runs are not deployed, each once; a good word where it runs some and all are.
pub(super) fn workflows(what: &'static str, definition: &Definition, deployed: &[Value]) -> Vec<Check> {
    let mut wanted: Vec<(String, Option<&str>, &str)> = Vec::new();
    for node in &definition.nodes {
        let Kind::Subflow(subflow) = &node.kind else { continue };
        let name = format!("{}/{}", subflow.namespace, subflow.name);
        let version = subflow.version.as_deref();
        if !wanted.iter().any(|other| other.0 == name && other.1 == version) {
            wanted.push((name, version, node.pointer.as_str()));
        }
    }
    let missing = wanted.iter().filter_map(|(name, version, pointer)| {
        let reason = not_deployed(name, *version, deployed)?;
        Some(bad(what, format!("{pointer}: {reason}")))
    });
    let missing: Vec<Check> = missing.collect();
    if missing.is_empty() && !wanted.is_empty() {
        let names: Vec<&str> = wanted.iter().map(|(name, _, _)| name.as_str()).collect();
        return vec![good(what, format!("deployed: {}", names.join(", ")))];
    }
    missing
}

/// Why a workflow cannot be run, what there is instead, and what to do; `None` where it is deployed.
pub(super) fn not_deployed(name: &str, version: Option<&str>, deployed: &[Value]) -> Option<String> {
    let versions = versions(name, deployed);
    let deploy = "deploy it with `sandmill workflow apply FILE`";
    if versions.is_empty() {
        let names: Vec<String> = deployed.iter().map(|row| cell(row, "name")).collect();
        let meant = match (nearest(name, names.iter().map(String::as_str)), names.is_empty()) {
            (Some(meant), _) => {
                format!(" (did you mean `{meant}`, in {}?)", self::versions(meant, deployed).join(", "))
            }
            (None, true) => " (none is deployed)".into(),
            (None, false) => " (`sandmill workflow list` shows what there is)".into(),
        };
        return Some(format!("unknown workflow: there is no `{name}`{meant}: {deploy}"));
    }
    let version = version.filter(|version| !versions.iter().any(|there| there == version))?;
    let there = versions.join(", ");
    Some(format!("unknown workflow: there is no version {version} of `{name}`, only {there}: {deploy}"))
}

/// The versions in which a workflow is deployed.
fn versions(name: &str, deployed: &[Value]) -> Vec<String> {
    deployed.iter().filter(|row| row["name"] == name).map(|row| cell(row, "version")).collect()
}

#[cfg(test)]
mod tests {
    use sandmill_core::definition::compile;
    use serde_json::json;

    use super::super::Verdict;
    use super::*;

    fn deployed() -> Vec<Value> {
        vec![json!({ "name": "demo/report", "version": "1.0.0" }), json!({ "name": "demo/report", "version": "1.1.0" })]
    }

    #[test]
    fn a_workflow_that_is_not_there_is_named_with_what_there_is() {
        let reason = |name, version| not_deployed(name, version, &deployed());
        assert_eq!(reason("demo/report", None), None);
        assert_eq!(reason("demo/report", Some("1.1.0")), None);
        let other = reason("demo/report", Some("2.0.0")).unwrap();
        assert!(other.contains("no version 2.0.0") && other.contains("only 1.0.0, 1.1.0"), "{other}");
        let misspelt = reason("demo/repotr", None).unwrap();
        assert!(misspelt.contains("did you mean `demo/report`, in 1.0.0, 1.1.0?"), "{misspelt}");
        assert!(reason("other/thing", None).unwrap().contains("sandmill workflow list"));
        assert!(not_deployed("demo/report", None, &[]).unwrap().contains("none is deployed"));
    }

    #[test]
    fn each_workflow_that_is_run_is_looked_for_once() {
        let document = "
document: { dsl: '1.0.3', namespace: demo, name: all, version: '1.0.0' }
use: { catalogs: { shared: { endpoint: 'https://example.com' } } }
do:
  - one: { run: { workflow: { namespace: demo, name: report, version: '1.0.0' } } }
  - two: { run: { workflow: { namespace: demo, name: mail, version: '1.0.0' } } }
  - again: { run: { workflow: { namespace: demo, name: mail, version: '1.0.0' } } }
  - log: { call: 'log:1.0.0@shared' }
";
        let definition = compile(document.as_bytes(), &Everything).unwrap();
        let checks = workflows("file-workflows", &definition, &deployed());
        assert_eq!(checks.len(), 1);
        assert!(
            checks[0].found.starts_with("/do/1/two: unknown workflow: there is no `demo/mail`"),
            "{}",
            checks[0].found
        );
        let mail = json!({ "name": "demo/mail", "version": "1.0.0" });
        let checks = workflows("file-workflows", &definition, &[deployed(), vec![mail]].concat());
        assert!(checks.len() == 1 && checks[0].verdict == Verdict::Good, "{}", checks[0].found);
    }
}
