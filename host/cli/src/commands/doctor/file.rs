//! What `sandmill doctor --file` says of a document: does it convert, and does the server have what it calls?

use std::path::Path;

use reqwest::Method;
use sandmill_core::definition::{Definition, Report, Verdict, compile};
use serde_json::Value;

use super::calls::{self, Everything};
use super::{Check, bad, good};
use crate::client::Client;
use crate::documents;
use crate::failure::Failure;
use crate::output::cell;

const WHAT: &str = "file";
const PLUGINS: &str = "file-plugins";

/// Problems of a document that are told here: `sandmill workflow validate` tells all of them.
const PROBLEMS_MAX: usize = 3;

pub(super) async fn check(client: &Client, file: &Path) -> Vec<Check> {
    let document = match documents::read(file) {
        Ok(document) => document,
        Err(failure) => return vec![bad(WHAT, failure.to_string())],
    };
    let definition = match compile(&document, &Everything) {
        Ok(definition) => definition,
        Err(report) => return vec![bad(WHAT, refused(file, &report))],
    };
    let mut checks = vec![good(WHAT, format!("{} converts: it is {}", documents::name(file), definition.name))];
    match ask(client, document).await {
        Ok((findings, deployed)) => {
            checks.extend(found(&definition, &findings));
            checks.extend(calls::workflows("file-workflows", &definition, &deployed));
        }
        Err(failure) => checks.push(bad(PLUGINS, format!("the server does not say whether it has them: {failure}"))),
    }
    checks
}

/// What the server finds in a document, and the workflows that it has.
async fn ask(client: &Client, document: Vec<u8>) -> Result<(Vec<Value>, Vec<Value>), Failure> {
    let items = |answer: &mut Value, name: &str| match answer.get_mut(name).map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    let request = client.request(Method::POST, "/v1/workflows/validate");
    let request = request.header("content-type", "application/yaml").body(document);
    let mut report = client.send(request).await?.body;
    let mut workflows = client.get("/v1/workflows").await?;
    Ok((items(&mut report, "findings"), items(&mut workflows, "items")))
}

/// What is wrong with the document itself.
fn refused(file: &Path, report: &Report) -> String {
    let problems: Vec<_> = report.findings.iter().filter(|finding| finding.verdict != Verdict::Lint).collect();
    let lines = problems.iter().take(PROBLEMS_MAX).map(|finding| {
        let suggestion = finding.suggestion.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
        format!("line {}, `{}`: {}{suggestion}", finding.line, finding.pointer, finding.message)
    });
    let told: Vec<String> = lines.collect();
    let more = match problems.len().saturating_sub(PROBLEMS_MAX) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let name = documents::name(file);
    format!(
        "{name} does not convert: {}{more}: `sandmill workflow validate {}` shows them",
        told.join("; "),
        file.display()
    )
}

/// What the server lacks, each once, and else a good word for what it has.
fn found(definition: &Definition, findings: &[Value]) -> Vec<Check> {
    let document = definition.document.to_serde();
    let mut told: Vec<String> = Vec::new();
    let mut checks = Vec::new();
    for finding in findings.iter().filter(|finding| finding["verdict"] != "lint") {
        let message = cell(finding, "message");
        if told.contains(&message) {
            continue;
        }
        checks.push(lack(&document, finding));
        told.push(message);
    }
    if !definition.plugins.is_empty() && !checks.iter().any(|check| check.what == PLUGINS) {
        let names: Vec<&str> = definition.plugins.iter().map(|plugin| &*plugin.name).collect();
        checks.push(good(PLUGINS, format!("registered: {}", names.join(", "))));
    }
    checks
}

fn lack(document: &Value, finding: &Value) -> Check {
    let pointer = cell(finding, "pointer");
    let suggestion = match cell(finding, "suggestion") {
        text if text.is_empty() => text,
        text => format!(" ({text})"),
    };
    let place = format!("line {}, `{pointer}`: {}{suggestion}", cell(finding, "line"), cell(finding, "message"));
    match finding["code"].as_str() {
        Some("unknown-plugin") => {
            let plugin = plugin(document.pointer(&pointer).and_then(Value::as_str).unwrap_or_default());
            bad(
                PLUGINS,
                format!("plugin not registered: {place}: register it with `sandmill plugin add {plugin} FILE`"),
            )
        }
        Some("unknown-function") => {
            let advice = "`sandmill up --catalog ENDPOINT=FOLDER` names the folder that has it";
            bad("file-functions", format!("unknown function: {place}: {advice}"))
        }
        _ => bad(WHAT, format!("the server does not take it: {place}")),
    }
}

/// The plugin that a call names, as it is registered.
fn plugin(call: &str) -> String {
    let name = call.split_once('@').map_or(call, |(name, _)| name);
    match name.split_once(':') {
        Some(_) => name.into(),
        None if name.is_empty() => "NAME:VERSION".into(),
        None => format!("{name}:VERSION"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Verdict as Told;
    use super::*;

    const DOCUMENT: &str = "
document: { dsl: '1.0.3', namespace: demo, name: all, version: '1.0.0' }
do:
  - hello: { call: 'greet:0.1.0@default' }
  - bye: { call: part }
";

    fn finding(code: &str, verdict: &str, pointer: &str) -> Value {
        json!({ "code": code, "verdict": verdict, "pointer": pointer, "line": 4, "column": 9, "message": format!("no {pointer}") })
    }

    #[test]
    fn what_the_server_lacks_is_told_once_with_the_command_for_it() {
        let definition = compile(DOCUMENT.as_bytes(), &Everything).unwrap();
        let findings = [
            finding("unknown-plugin", "notDeployable", "/do/0/hello/call"),
            finding("unknown-plugin", "notDeployable", "/do/0/hello/call"),
            finding("unknown-plugin", "notDeployable", "/do/1/bye/call"),
            finding("no-effect", "lint", "/do"),
        ];
        let checks = found(&definition, &findings);
        let texts: Vec<&str> = checks.iter().map(|check| &*check.found).collect();
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(
            texts[0].contains("line 4") && texts[0].ends_with("`sandmill plugin add greet:0.1.0 FILE`"),
            "{texts:?}"
        );
        assert!(texts[1].ends_with("`sandmill plugin add part:VERSION FILE`"), "{texts:?}");
    }

    #[test]
    fn what_the_server_has_is_good() {
        let definition = compile(DOCUMENT.as_bytes(), &Everything).unwrap();
        let checks = found(&definition, &[]);
        assert!(checks.len() == 1 && checks[0].verdict == Told::Good, "{}", checks[0].found);
        assert_eq!(checks[0].found, "registered: greet, part");
    }

    #[test]
    fn the_first_problems_of_a_document_are_told() {
        let text = DOCUMENT.replace("call:", "cal:") + "  - c: { x: 1 }\n  - d: { x: 1 }\n";
        let report = compile(text.as_bytes(), &Everything).unwrap_err();
        let told = refused(Path::new("all.yaml"), &report);
        assert!(told.starts_with("all.yaml does not convert: line 4, `/do/0/hello"), "{told}");
        assert!(told.contains("more: `sandmill workflow validate all.yaml` shows them"), "{told}");
    }
}
