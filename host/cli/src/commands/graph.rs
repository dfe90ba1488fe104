//! `sandmill workflow graph`: a document as a Mermaid flowchart.

use std::path::Path;
use std::process::ExitCode;

use sandmill_author::graph::graph;
use serde_json::json;

use crate::arguments::CatalogArguments;
use crate::documents;
use crate::failure::Failure;
use crate::output::Output;

/// Prints the diagram.
pub(crate) fn run(file: &Path, catalogs: &CatalogArguments, output: Output) -> Result<ExitCode, Failure> {
    let drawn = graph(&documents::definition(file, catalogs)?);
    output.value(&json!({ "file": file, "mermaid": drawn }), |_| drawn.trim_end().to_owned());
    Ok(ExitCode::SUCCESS)
}
