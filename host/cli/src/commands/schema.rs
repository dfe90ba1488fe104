//! `sandmill workflow schema`: the JSON Schema of the workflow language, for editors.

use std::process::ExitCode;

use sandmill_author::schema::workflow_schema_text;

use crate::failure::Failure;
use crate::output::Output;

/// Prints the schema, which is JSON whoever reads it.
pub(crate) fn run(output: Output) -> Result<ExitCode, Failure> {
    output.line(workflow_schema_text().trim_end());
    Ok(ExitCode::SUCCESS)
}
