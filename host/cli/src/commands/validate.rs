//! `sandmill workflow validate`: what is said about documents, without a server.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sandmill_core::definition::{Finding, Report, Rigour, validate_against};
use serde_json::{Value, json};

use crate::arguments::Validate;
use crate::catalogs::Catalogs;
use crate::documents;
use crate::failure::{Failure, Outcome};
use crate::output::Output;

/// Prints all findings of all documents; the exit code is that of the verdict that was asked for. A file that cannot be read does not keep the
/// others from being checked.
pub(crate) fn run(arguments: &Validate, output: Output) -> Result<ExitCode, Failure> {
    let rigour = if arguments.strict { Rigour::Strict } else { Rigour::Usual };
    let catalogs = Catalogs::of(&arguments.catalogs)?;
    let mut results = Vec::new();
    let mut all_good = true;
    for (file, document) in documents(&arguments.files) {
        let name = documents::name(&file);
        match document {
            Ok(document) => {
                let report = validate_against(&document, &catalogs, rigour);
                all_good &= is_good(arguments, &report);
                if !output.json {
                    print(&name, arguments, &report, output);
                }
                results.push(described(&file, arguments, &report));
            }
            Err(failure) => {
                all_good = false;
                output.note(&format!("error: {failure}"));
                results.push(json!({ "file": file, "error": failure.to_string() }));
            }
        }
    }
    if output.json {
        output.value(&Value::Array(results), |_| String::new());
    }
    Ok(if all_good { ExitCode::SUCCESS } else { Outcome::Refused.into() })
}

/// Every document that was named, with its bytes or why there are none.
fn documents(named: &[PathBuf]) -> Vec<(PathBuf, Result<Vec<u8>, Failure>)> {
    let mut documents = Vec::new();
    for path in named {
        if !path.is_dir() {
            documents.push((path.clone(), documents::read(path)));
            continue;
        }
        let refuse = |reason: String| Failure::new(Outcome::Refused, format!("{}: {reason}", path.display()));
        match documents::in_folder(path) {
            Ok(files) if files.is_empty() => {
                documents.push((path.clone(), Err(refuse("the folder holds no document".into()))));
            }
            Ok(files) => documents.extend(files.into_iter().map(|file| {
                let document = documents::read(&file);
                (file, document)
            })),
            Err(error) => documents.push((path.clone(), Err(refuse(error.to_string())))),
        }
    }
    documents
}

fn is_good(arguments: &Validate, report: &Report) -> bool {
    report.is_valid()
        && (!arguments.deployable || report.is_deployable())
        && (!arguments.strict || report.is_portable())
}

fn print(name: &str, arguments: &Validate, report: &Report, output: Output) {
    if !report.findings.is_empty() {
        output.line(&format!("{}\n", report.display(Some(name))));
    }
    let verdict = match (report.is_valid(), report.is_deployable()) {
        (true, true) => "valid, deployable",
        (true, false) => "valid, not deployable on this host",
        (false, _) => "invalid",
    };
    let has_options = arguments.strict && !report.is_portable();
    output.line(&format!("{name}: {verdict}{}", if has_options { ", with options of this host" } else { "" }));
}

fn described(file: &Path, arguments: &Validate, report: &Report) -> Value {
    let findings: Vec<Value> = report.findings.iter().map(finding).collect();
    let mut described = json!({ "file": file, "valid": report.is_valid(), "deployable": report.is_deployable() });
    if arguments.strict {
        described["portable"] = report.is_portable().into();
    }
    described["findings"] = findings.into();
    described
}

fn finding(finding: &Finding) -> Value {
    let mut described = serde_json::to_value(finding).expect("a finding can be written");
    described["excerpt"] = json!({ "text": finding.excerpt.text, "caret": finding.excerpt.caret });
    described
}
