//! Small documents, and what is found in them.

use std::sync::Arc;

use crate::definition::document::{Finding, PluginSource, Report, Verdict, compile, validate};
use crate::definition::{Definition, PinnedPlugin};
use crate::ids::Digest;

/// What stands before the part that a test is about. It has five lines.
pub(super) const HEAD: &str = "document:\n  dsl: '1.0.3'\n  namespace: test\n  name: test\n  version: '1.0.0'\n";

/// A catalog with two versions of `greet`, and one of `report`.
pub(super) struct Catalog;

impl PluginSource for Catalog {
    fn plugin(&self, name: &str, version: Option<&str>) -> Option<PinnedPlugin> {
        let versions: &[&str] = match name {
            "greet" => &["1.1.0", "1.0.0"],
            "report" => &["0.2.0"],
            _ => return None,
        };
        let version = versions.iter().find(|known| version.is_none_or(|wanted| wanted == **known))?;
        let digest = Digest::of(format!("{name}:{version}").as_bytes());
        Some(PinnedPlugin { name: name.into(), version: Arc::from(*version), digest })
    }

    fn names(&self) -> Vec<String> {
        vec!["greet".into(), "report".into()]
    }
}

/// A whole document from a part of one.
pub(super) fn whole(part: &str) -> String {
    format!("{HEAD}{part}")
}

/// Compiles a part of a document.
#[track_caller]
pub(super) fn compiled(part: &str) -> Definition {
    compile(whole(part).as_bytes(), &Catalog).unwrap_or_else(|report| panic!("{part}\n{report}"))
}

/// What is found in a part of a document, by a host with the catalog.
pub(super) fn found(part: &str) -> Report {
    let document = whole(part);
    match compile(document.as_bytes(), &Catalog) {
        Ok(_) => validate(document.as_bytes()),
        Err(report) => report,
    }
}

/// One finding in a line: where in the text (counted from the end of the head), where in the tree, and what.
pub(super) fn line(finding: &Finding, lines_before: u32) -> String {
    let verdict = match finding.verdict {
        Verdict::Invalid => "invalid",
        Verdict::NotDeployable => "not deployable",
        Verdict::Lint => "lint",
    };
    let line = i64::from(finding.line) - i64::from(lines_before);
    format!("{line}:{} {} {verdict}: {}", finding.column, finding.pointer, finding.message)
}

/// Checks what is found in a part of a document; the suggestions are checked by those tests that are about them.
#[track_caller]
pub(super) fn check(part: &str, findings: &[&str]) {
    let report = found(part);
    let lines: Vec<String> = report.findings.iter().map(|finding| line(finding, 5)).collect();
    assert_eq!(lines, findings, "{part}\n{report}");
}

/// Checks one finding with what it suggests.
#[track_caller]
pub(super) fn check_suggestion(part: &str, finding: &str, suggestion: &str) {
    let report = found(part);
    let first = report.findings.first().unwrap_or_else(|| panic!("nothing was found in {part}"));
    assert_eq!((line(first, 5).as_str(), first.suggestion.as_deref()), (finding, Some(suggestion)), "{report}");
}

/// A task of the name `a`, on the second line.
pub(super) fn task(task: &str) -> String {
    format!("do:\n  - a: {task}\n")
}

/// Checks a task that is accepted, and one that is refused.
#[track_caller]
pub(super) fn rule(good: &str, bad: &str, finding: &str) {
    check(&task(good), &[]);
    check(&task(bad), &[finding]);
}
