//! What is said about a document: findings, each with the place it is about, and the two verdicts that follow from them.
//!
//! Owns how findings look in text. Knows no rule: who reads a document decides what is wrong with it.

use std::fmt;

use crate::definition::PinnedPlugin;
use crate::ids::JsonPointer;

/// What plugins there are, for a document that names them.
pub trait PluginSource {
    /// The plugin of that name in that version; without a version the newest there is.
    fn plugin(&self, name: &str, version: Option<&str>) -> Option<PinnedPlugin>;
}

/// What a finding means for its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The specification refuses the document.
    Invalid,
    /// The document is valid, and this host cannot run it.
    NotDeployable,
    /// The document can run, and something about it deserves a second look.
    Lint,
}

/// One thing that is to be said about a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of finding it is: stays the same over versions.
    pub code: &'static str,
    /// What it means for the document.
    pub verdict: Verdict,
    /// The value that it is about.
    pub pointer: JsonPointer,
    /// The line of that value, from 1.
    pub line: u32,
    /// The column of that value, from 1.
    pub column: u32,
    /// What is wrong, in whole sentences.
    pub message: String,
    /// What to write instead.
    pub suggestion: Option<String>,
}

/// Everything that is to be said about a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order of the document.
    pub findings: Vec<Finding>,
}

impl Report {
    /// True where the specification accepts the document.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        !self.has(Verdict::Invalid)
    }

    /// True where this host can run the document.
    #[must_use]
    pub fn is_deployable(&self) -> bool {
        self.is_valid() && !self.has(Verdict::NotDeployable)
    }

    fn has(&self, verdict: Verdict) -> bool {
        self.findings.iter().any(|finding| finding.verdict == verdict)
    }
}

/// One block for each finding: `line:column pointer: message`, and what to write instead below it.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, finding) in self.findings.iter().enumerate() {
            if position > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{finding}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, pointer, message, .. } = self;
        write!(formatter, "{line}:{column} {pointer}: {message}")?;
        match &self.suggestion {
            Some(suggestion) => write!(formatter, "\n  {suggestion}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Report {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_prints_all_of_its_findings_and_knows_what_follows_from_them() {
        let finding = |verdict, message: &str, suggestion: Option<&str>| Finding {
            code: "test",
            verdict,
            pointer: JsonPointer::root().child("do").index(0),
            line: 3,
            column: 5,
            message: message.into(),
            suggestion: suggestion.map(Into::into),
        };
        let mut report = Report { findings: vec![finding(Verdict::Lint, "odd", None)] };
        assert!(report.is_valid() && report.is_deployable());
        report.findings.push(finding(Verdict::NotDeployable, "not here", Some("do without")));
        assert!(report.is_valid() && !report.is_deployable());
        assert_eq!(report.to_string(), "3:5 /do/0: odd\n3:5 /do/0: not here\n  do without");
        report.findings.push(finding(Verdict::Invalid, "never", None));
        assert!(!report.is_valid() && !report.is_deployable());
    }
}
