//! What `sandmill doctor --workflow` says of a definition of the server: is it there, and is there what it is pinned to and what it runs?

use sandmill_core::definition::compile;
use serde_json::Value;

use super::calls::{self, Everything};
use super::{Check, bad, good};
use crate::arguments::Definition;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::cell;

const WHAT: &str = "workflow";

/// What the server has.
struct Catalog {
    workflows: Vec<Value>,
    plugins: Vec<Value>,
}

pub(super) async fn check(client: &Client, workflow: &Definition) -> Vec<Check> {
    let checks = async {
        let catalog = Catalog { workflows: list(client, "workflows").await?, plugins: list(client, "plugins").await? };
        look(client, workflow, &catalog).await
    };
    checks.await.unwrap_or_else(|failure: Failure| vec![bad(WHAT, failure.to_string())])
}

async fn list(client: &Client, what: &str) -> Result<Vec<Value>, Failure> {
    match client.get(&format!("/v1/{what}")).await?.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => Ok(items),
        _ => Ok(Vec::new()),
    }
}

/// Each version that is meant, with its plugins and the workflows that it runs.
async fn look(client: &Client, workflow: &Definition, catalog: &Catalog) -> Result<Vec<Check>, Failure> {
    let name = format!("{}/{}", workflow.namespace, workflow.name);
    let version = workflow.version.as_deref();
    if let Some(reason) = calls::not_deployed(&name, version, &catalog.workflows) {
        return Ok(vec![bad(WHAT, reason)]);
    }
    let mut checks = Vec::new();
    let is_meant = |row: &&Value| row["name"] == name && version.is_none_or(|version| row["version"] == version);
    for row in catalog.workflows.iter().filter(is_meant) {
        let version = cell(row, "version");
        checks.push(good(WHAT, format!("{name}:{version} is deployed since {}", cell(row, "created_at"))));
        checks.extend(plugins(row, &catalog.plugins));
        let document = client.bytes(&format!("/v1/workflows/{name}/{version}/document")).await?;
        match compile(&document, &Everything) {
            Ok(definition) => checks.extend(calls::workflows("workflow-workflows", &definition, &catalog.workflows)),
            Err(report) => {
                let advice = "use the version of the program that deployed it, or deploy it under a new version";
                checks.push(bad(
                    WHAT,
                    format!("{name}:{version} does not convert with this program: {report}: {advice}"),
                ));
            }
        }
    }
    Ok(checks)
}

/// The plugins that a definition is pinned to and that are not there any more, or are others.
fn plugins(row: &Value, registered: &[Value]) -> Vec<Check> {
    let what = "workflow-plugins";
    let pins: Vec<&Value> = row["plugins"].as_array().into_iter().flatten().collect();
    let missing = pins.iter().filter_map(|pin| {
        let (name, version, digest) = (cell(pin, "name"), cell(pin, "version"), cell(pin, "digest"));
        let is_it = |there: &&Value| there["name"] == *name && there["version"] == *version;
        let workflow = format!("{}:{}", cell(row, "name"), cell(row, "version"));
        let add = format!("`sandmill plugin add {name}:{version} FILE`");
        match registered.iter().find(is_it) {
            Some(there) if there["digest"] == *digest => None,
            Some(there) => Some(format!(
                "{workflow} is pinned to the bytes {digest} of {name}:{version}, and registered are {}: deploy it under a new \
                 version, to pin it to these",
                cell(there, "digest")
            )),
            None => Some(format!(
                "plugin not registered: {workflow} is pinned to {name}:{version} ({digest}): register it again with {add}"
            )),
        }
    });
    let missing: Vec<Check> = missing.map(|reason| bad(what, reason)).collect();
    if missing.is_empty() && !pins.is_empty() {
        let names: Vec<String> =
            pins.iter().map(|pin| format!("{}:{}", cell(pin, "name"), cell(pin, "version"))).collect();
        return vec![good(what, format!("registered: {}", names.join(", ")))];
    }
    missing
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Verdict;
    use super::*;

    #[test]
    fn each_pin_is_looked_for_with_its_bytes() {
        let row = json!({ "name": "demo/report", "version": "1.0.0", "plugins": [
            { "name": "greet", "version": "0.1.0", "digest": "sha256:a" }, { "name": "mail", "version": "2.0.0", "digest": "sha256:b" }] });
        let plugin =
            |name: &str, version: &str, digest: &str| json!({ "name": name, "version": version, "digest": digest });
        let greet = plugin("greet", "0.1.0", "sha256:a");
        let well = plugins(&row, &[greet.clone(), plugin("mail", "2.0.0", "sha256:b")]);
        assert!(well.len() == 1 && well[0].verdict == Verdict::Good, "{}", well[0].found);
        let other = plugins(&row, &[greet.clone(), plugin("mail", "2.0.0", "sha256:c")]);
        assert!(other[0].found.contains("registered are sha256:c"), "{}", other[0].found);
        let gone = plugins(&row, &[greet, plugin("mail", "2.0.1", "sha256:b")]);
        assert_eq!(gone.len(), 1);
        assert!(
            gone[0].found.contains("plugin not registered")
                && gone[0].found.contains("`sandmill plugin add mail:2.0.0 FILE`")
        );
    }
}
