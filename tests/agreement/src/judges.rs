//! Who is asked: the specification's schema, the published one, and the compiler.
//!
//! JSON Schema leaves it to a program whether `format` is checked or only noted. Editors do both, so each schema is read both ways, and the
//! two must agree in each of them. The compiler is compared with the reading that checks, which is what the specification means.

use anyhow::{Result, anyhow};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use sandmill_core::definition::{Finding, Report, Verdict, validate};
use serde_json::Value;

/// Errors of one verdict that are shown.
const ERRORS_SHOWN: usize = 5;

/// A schema, read both ways.
pub(crate) struct Schema {
    checks_formats: Validator,
    notes_formats: Validator,
}

/// What a schema says, read both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) checks_formats: bool,
    pub(crate) notes_formats: bool,
}

/// All that are asked.
pub(crate) struct Judges {
    pub(crate) official: Schema,
    pub(crate) ours: Schema,
}

impl Judges {
    pub(crate) fn new(official: &Value) -> Result<Self> {
        Ok(Self { official: Schema::new(official)?, ours: Schema::new(&sandmill_author::schema::workflow_schema())? })
    }
}

impl Schema {
    fn new(schema: &Value) -> Result<Self> {
        let build = |checks: bool| {
            let options = jsonschema::options().should_validate_formats(checks).offline();
            options.build(schema).map_err(|error| anyhow!("this is no JSON Schema: {error}"))
        };
        Ok(Self { checks_formats: build(true)?, notes_formats: build(false)? })
    }

    pub(crate) fn accepts(&self, document: &Value) -> Accepted {
        Accepted {
            checks_formats: self.checks_formats.is_valid(document),
            notes_formats: self.notes_formats.is_valid(document),
        }
    }

    /// What the schema has against a document, at the innermost places.
    pub(crate) fn errors(&self, document: &Value) -> Vec<String> {
        let reading = if self.checks_formats.is_valid(document) { &self.notes_formats } else { &self.checks_formats };
        let mut errors: Vec<(usize, String)> = Vec::new();
        for error in reading.iter_errors(document) {
            innermost(&error, &mut errors);
        }
        errors.sort_by_key(|(depth, _)| std::cmp::Reverse(*depth));
        errors.dedup();
        errors.into_iter().take(ERRORS_SHOWN).map(|(_, error)| error).collect()
    }
}

/// Goes into the choices that an error tells of.
fn innermost(error: &ValidationError<'_>, errors: &mut Vec<(usize, String)>) {
    use ValidationErrorKind::{AnyOf, OneOfNotValid};
    let pointer = error.instance_path().as_str();
    let choices = match error.kind() {
        AnyOf { context } | OneOfNotValid { context } => context.as_slice(),
        _ => &[],
    };
    if choices.is_empty() {
        errors.push((pointer.matches('/').count(), format!("{pointer}: {}", error.masked())));
    }
    for inner in choices.iter().flatten() {
        innermost(inner, errors);
    }
}

/// What the compiler says of a document.
pub(crate) fn compiler(document: &Value) -> Report {
    validate(document.to_string().as_bytes())
}

/// Why the compiler calls a document invalid.
pub(crate) fn against(report: &Report) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(|finding| finding.verdict == Verdict::Invalid)
}

/// The same, for people.
pub(crate) fn findings(report: &Report) -> Vec<String> {
    let shown = |finding: &Finding| format!("{}: {} [{}]", finding.pointer, finding.message, finding.code);
    against(report).take(ERRORS_SHOWN).map(shown).collect()
}
