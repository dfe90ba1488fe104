//! `sandmill workflow validate`: what is said about documents, without a server.

use std::path::Path;
use std::process::ExitCode;

use sandmill_core::definition::{Report, Verdict, validate};
use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};
use crate::output::Output;

/// Prints all findings of all documents; the exit code is that of the verdict that was asked for.
pub(crate) fn run(files: &[std::path::PathBuf], deployable: bool, output: Output) -> Result<ExitCode, Failure> {
    let mut results = Vec::new();
    let mut all_good = true;
    for file in files {
        let document = read(file)?;
        let report = validate(&document);
        all_good &= if deployable { report.is_deployable() } else { report.is_valid() };
        if !output.json {
            print(file, &report, output);
        }
        results.push(json!({ "file": file, "valid": report.is_valid(), "deployable": report.is_deployable(), "findings": findings(&report) }));
    }
    if output.json {
        output.value(&Value::Array(results), |_| String::new());
    }
    Ok(if all_good { ExitCode::SUCCESS } else { Outcome::Refused.into() })
}

/// The bytes of a document.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file)
        .map_err(|error| Failure::new(Outcome::Refused, format!("{} cannot be read: {error}", file.display())))
}

fn print(file: &Path, report: &Report, output: Output) {
    let name = file.display().to_string();
    if !report.findings.is_empty() {
        output.line(&report.display(Some(&name)).to_string());
    }
    let verdict = match (report.is_valid(), report.is_deployable()) {
        (true, true) => "valid, deployable",
        (true, false) => "valid, not deployable on this host",
        (false, _) => "invalid",
    };
    output.line(&format!("{name}: {verdict}"));
}

fn findings(report: &Report) -> Vec<Value> {
    let all = report.findings.iter();
    let shown = all.map(|finding| {
        let verdict = match finding.verdict {
            Verdict::Invalid => "invalid",
            Verdict::NotDeployable => "not-deployable",
            Verdict::Lint => "lint",
        };
        json!({ "code": finding.code, "verdict": verdict, "pointer": finding.pointer.as_str(), "line": finding.line,
            "column": finding.column, "message": finding.message, "suggestion": finding.suggestion })
    });
    shown.collect()
}
