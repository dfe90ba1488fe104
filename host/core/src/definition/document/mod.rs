//! From a document to a definition, or to a report of what is wrong with it.
//!
//! Text becomes a tree with places (`source`, `yaml`, `json`, `scalar`, `tree`), and the tree is compiled by hand, which is the validation:
//! one walk checks what the specification says (DSL 1.0.3, with `catch.then`, `for.in` as an array and `schedule.read`) and makes the nodes.
//! It goes on after a mistake wherever that makes sense, so that an author sees all of them at once. A schema could not say what to write
//! instead, nor what is valid and yet not supported by this host: those are two verdicts.
//!
//! Knows no catalog but the one that is handed in, and reads nothing from outside: no schema and no function of another place.

mod data;
mod findings;
mod json;
mod nearest;
mod report;
mod scalar;
mod source;
mod tree;
mod yaml;

mod compiler;
mod properties;

mod expressions;
mod extensions;
mod flow;
mod formats;
mod functions;
mod metadata;
mod reuse;
mod schema;
mod task;
mod time;
mod workflow;

mod arguments;
mod call;
mod choose;
mod events;
mod fork;
mod processes;
mod repeat;
mod retry;
mod security;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use compiler::TASKS_NESTED_MAX;
pub use data::Data;
pub use findings::Rigour;
pub use nearest::nearest;
pub use report::{CODES, Code, Excerpt, Finding, Report, Verdict};
pub use tree::DOCUMENT_VALUES_MAX;

use crate::definition::{Definition, PinnedFunction, PinnedPlugin};
use crate::ids::{Digest, JsonPointer};
use crate::value::Value;
use findings::Findings;
use source::Source;
use tree::{Builder, Tree};

/// The largest document that is read, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 10 * 1024 * 1024;

/// The plugins and the functions of catalogs that a document may call.
pub trait PluginSource {
    /// The plugin of that name and version; the newest one where no version is asked for.
    fn plugin(&self, name: &str, version: Option<&str>) -> Option<PinnedPlugin>;

    /// The names that there are, to guess what a misspelt one meant.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    /// The function of that name and version in the catalog at an endpoint; an error says why there is none.
    fn function(&self, catalog: &str, _name: &str, _version: &str) -> Result<PinnedFunction, String> {
        Err(format!("this host knows no catalog `{catalog}`: its operator names the folder of each with `--catalog`"))
    }
}

/// Compiles a document, YAML or JSON. The digest of the definition is that of these bytes.
///
/// The report of a refused document has all its findings, those of no consequence included.
pub fn compile(document: &[u8], plugins: &dyn PluginSource) -> Result<Definition, Report> {
    match examine(document, plugins, Rigour::Usual) {
        (Some(definition), report) if report.is_deployable() => Ok(definition),
        (_, report) => Err(report),
    }
}

/// Everything that there is to say about a document, whatever the catalog holds: every plugin counts as being there.
#[must_use]
pub fn validate(document: &[u8]) -> Report {
    validate_with(document, Rigour::Usual)
}

/// The same, with as much looked for as is asked.
#[must_use]
pub fn validate_with(document: &[u8], rigour: Rigour) -> Report {
    validate_against(document, &EveryPlugin, rigour)
}

/// The same, for a host that has these plugins and functions.
#[must_use]
pub fn validate_against(document: &[u8], plugins: &dyn PluginSource, rigour: Rigour) -> Report {
    examine(document, plugins, rigour).1
}

/// The value that a document writes, whatever it means; or what is wrong with its text.
pub fn read_document(document: &[u8]) -> Result<Value, Report> {
    let hint = Some("begin it with `document:`");
    match with_tree(document, (Rigour::Usual, hint), |tree, _| Some(tree.root().value().clone())) {
        (Some(value), report) if report.is_valid() => Ok(value),
        (_, report) => Err(report),
    }
}

/// A catalog that has whatever is asked for: for tools that look at documents without a host. What is not pinned gets the version 0.0.0.
#[derive(Debug, Clone, Copy)]
pub struct EveryPlugin;

impl PluginSource for EveryPlugin {
    fn plugin(&self, name: &str, version: Option<&str>) -> Option<PinnedPlugin> {
        let version = Arc::from(version.unwrap_or("0.0.0"));
        Some(PinnedPlugin { name: name.into(), version, digest: Digest::from_bytes([0; 32]) })
    }
}

fn examine(document: &[u8], plugins: &dyn PluginSource, rigour: Rigour) -> (Option<Definition>, Report) {
    let digest = Digest::of(document);
    let hint = Some("begin it with `document:`");
    with_tree(document, (rigour, hint), |tree, findings| workflow::compile(tree, findings, plugins, digest))
}

/// Reads a text and does something with its tree. `hint` says what to write where the text is empty.
fn with_tree<T>(
    document: &[u8],
    (rigour, hint): (Rigour, Option<&str>),
    use_tree: impl for<'t> FnOnce(&'t Tree<'t>, &mut Findings<'t>) -> Option<T>,
) -> (Option<T>, Report) {
    let (text, broken_at) = match std::str::from_utf8(document) {
        Ok(text) => (text, None),
        Err(error) => {
            let whole = document.get(..error.valid_up_to()).unwrap_or_default();
            (std::str::from_utf8(whole).unwrap_or_default(), Some(error.valid_up_to()))
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source::new(if document.len() > DOCUMENT_BYTES_MAX { "" } else { text });
    let mut findings = Findings::new(&source, rigour);
    let mut refuse = |byte: usize, code: Code, message: &str| {
        findings.add_at(byte, JsonPointer::root(), (code, message.into()), None);
    };
    if document.len() > DOCUMENT_BYTES_MAX {
        let message = format!("the document has {} bytes, and {DOCUMENT_BYTES_MAX} are allowed", document.len());
        refuse(0, report::TOO_LARGE, &message);
    } else if let Some(byte) = broken_at {
        refuse(byte, report::SYNTAX, "the document is no UTF-8 text from here on");
    } else if let Some(tree) = read(&source, &mut findings, hint) {
        let made = use_tree(&tree, &mut findings);
        return (made, findings.into_report());
    }
    (None, findings.into_report())
}

/// The tree of a text; `None` where there is none to speak of, which was reported.
fn read<'t>(source: &'t Source<'t>, findings: &mut Findings<'t>, hint: Option<&str>) -> Option<Tree<'t>> {
    let mut builder = Builder::new(source, findings);
    let read = if json::is_json(source.text) { json::read } else { yaml::read };
    read(source, &mut builder).ok()?;
    if !builder.is_complete() {
        builder.refuse(0, "the document is empty", hint);
        return None;
    }
    builder.finish()
}
