//! What is wrong with a document: findings with their places, and how they are shown to people.
//!
//! Every finding has a code, and every code one verdict: the table [`CODES`] is all of them. Knows nothing of how findings are made.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::ids::JsonPointer;

/// What a finding means for the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// The specification refuses the document.
    Invalid,
    /// The document is valid, and this host cannot run it as it is meant.
    NotDeployable,
    /// The document runs; its author may want to know this.
    Lint,
}

/// A kind of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// What stays the same in every release.
    pub name: &'static str,
    /// What a finding of this kind means for the document.
    pub verdict: Verdict,
    /// The kind in one sentence.
    pub meaning: &'static str,
}

/// Declares the codes as constants, and the table of all of them.
macro_rules! codes {
    ($($constant:ident = $name:literal, $verdict:ident, $meaning:literal;)+) => {
        $(pub(super) const $constant: Code = Code { name: $name, verdict: Verdict::$verdict, meaning: $meaning };)+

        /// Every kind of finding.
        pub const CODES: &[Code] = &[$($constant),+];
    };
}

codes! {
    SYNTAX = "document-syntax", Invalid, "The text is no YAML 1.2 and no JSON, or uses a part of YAML that JSON has nothing for.";
    DUPLICATE = "document-duplicate", Invalid, "A member stands twice in the same object.";
    TOO_LARGE = "document-too-large", Invalid, "The document has more bytes, values or levels of nesting than are read.";
    UNKNOWN_PROPERTY = "unknown-property", Invalid, "The specification has no such property there.";
    MISSING_PROPERTY = "missing-property", Invalid, "A property that the specification requires is not there.";
    WRONG_TYPE = "wrong-type", Invalid, "A value is of another type than the specification says.";
    WRONG_VALUE = "wrong-value", Invalid, "A value has the right type and is not one of those that the specification allows.";
    UNKNOWN_TASK = "unknown-task", Invalid, "A `then` names a task that is not in its list.";
    UNKNOWN_REFERENCE = "unknown-reference", Invalid, "A name refers to something that `use` does not define.";
    WRONG_EXPRESSION = "wrong-expression", Invalid, "An expression does not compile, or uses a variable that is not there.";
    WRONG_SCHEMA = "wrong-schema", Invalid, "A schema is no JSON Schema.";
    NOT_SUPPORTED = "not-supported", NotDeployable, "The specification has it, and this host does not run it yet.";
    UNKNOWN_PLUGIN = "unknown-plugin", NotDeployable, "The catalog has no plugin of that name and version.";
    UNKNOWN_FUNCTION = "unknown-function", NotDeployable, "No catalog that this host knows has a function of that name and version, or it is no task.";
    UNKNOWN_OPTION = "unknown-option", NotDeployable, "An option that this host does not know stands where it looks for options.";
    WRONG_OPTION = "wrong-option", NotDeployable, "An option of this host has a value that it cannot have.";
    TOO_DEEP = "tasks-too-deep", NotDeployable, "Tasks are nested deeper than this host allows.";
    AMBIGUOUS_NAME = "ambiguous-name", NotDeployable, "A name means two things at the same place.";
    HOST_OPTION = "host-option", Lint, "An option of this host stands in `metadata`, where other runtimes ignore it: found with `--strict`.";
    SEQUENTIAL_ELSEWHERE = "sequential-elsewhere", Lint, "Another runtime runs this parallel map as a sequential loop.";
    OTHERWISE_ELSEWHERE = "otherwise-elsewhere", Lint, "Another runtime does not know the policy of this fork, and runs it otherwise.";
    NO_EFFECT = "no-effect", Lint, "An option stands where it has no effect.";
    TEXT_NOT_EVALUATED = "text-not-evaluated", Lint, "A `${` stands inside of a text, where it is not evaluated.";
}

/// The part of a line around a finding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Excerpt {
    /// The line, or the part of a long one around the place.
    pub text: String,
    /// How many characters of the text stand before the place.
    pub caret: usize,
}

/// One thing that is wrong, or worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of finding it is: one of [`CODES`].
    pub code: &'static str,
    /// What it means for the document.
    pub verdict: Verdict,
    /// Where it is, in the tree.
    #[serde(serialize_with = "as_text")]
    pub pointer: JsonPointer,
    /// Where it is, in the text: the line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// The line itself.
    #[serde(skip)]
    pub excerpt: Excerpt,
}

fn as_text<S: Serializer>(pointer: &JsonPointer, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(pointer)
}

/// Everything that was found in a document, in the order of its text.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
pub struct Report {
    /// The findings.
    pub findings: Vec<Finding>,
}

impl Report {
    /// True where the specification accepts the document.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        !self.findings.iter().any(|finding| finding.verdict == Verdict::Invalid)
    }

    /// True where this host can run the document as it is meant.
    #[must_use]
    pub fn is_deployable(&self) -> bool {
        self.findings.iter().all(|finding| finding.verdict == Verdict::Lint)
    }

    /// True where no option of this host was found. Only a strict look finds them: see [`Rigour`](super::Rigour).
    #[must_use]
    pub fn is_portable(&self) -> bool {
        !self.findings.iter().any(|finding| finding.code == HOST_OPTION.name)
    }

    /// The findings for people, each with the name of the file before its place.
    pub fn display<'a>(&'a self, file_name: Option<&'a str>) -> impl fmt::Display + 'a {
        Named { report: self, file_name }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.display(None).fmt(formatter)
    }
}

struct Named<'a> {
    report: &'a Report,
    file_name: Option<&'a str>,
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.report.findings.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n\n")?;
            }
            if let Some(file_name) = self.file_name {
                write!(formatter, "{file_name}:")?;
            }
            write!(formatter, "{finding}")?;
        }
        Ok(())
    }
}

/// `line:column pointer: message`, the line with a caret under the place, and what to write instead.
impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.line, self.column)?;
        if !self.pointer.as_str().is_empty() {
            write!(formatter, " {}", self.pointer)?;
        }
        write!(formatter, ": {} [{}]", self.message, self.code)?;
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let (text, before) = (&self.excerpt.text, " ".repeat(self.excerpt.caret));
        if !text.is_empty() {
            write!(formatter, "\n{margin} |\n{number} | {text}\n{margin} | {before}^")?;
        }
        if let Some(suggestion) = &self.suggestion {
            write!(formatter, "\n{margin} = {suggestion}")?;
        }
        Ok(())
    }
}
