//! Test cases of a workflow: an input, mocks, and the output or the error that is expected of a dry run.
//!
//! A file of cases names its workflow and the cases; see `docs/guide/authoring.md`. Whoever calls this reads the files.

mod check;
mod diff;
mod expect;
mod junit;
mod read;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use sandmill_core::definition::{Definition, PluginSource, Report};
use sandmill_core::time::Millis;
use sandmill_core::value::Value;

pub use junit::junit;

use crate::dry_run::{self, Options};
use crate::mocks::Mocks;
use expect::Expected;

/// The code of findings in a file of cases.
pub const REJECTED: &str = "cases-rejected";

/// Reads a file that a file of cases names, by the name that stands there.
pub type Load<'l> = &'l dyn Fn(&str) -> Result<Vec<u8>, String>;

/// The cases of one file.
#[derive(Debug)]
pub struct Suite {
    definition: Arc<Definition>,
    mocks: Mocks,
    cases: Vec<Case>,
}

/// One case.
#[derive(Debug)]
struct Case {
    name: String,
    line: u32,
    input: Value,
    mocks: Mocks,
    options: Options,
    expected: Expected,
}

/// Why there are no cases to run.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// The file of cases is wrong.
    #[error("{0}")]
    Cases(Report),
    /// A file that it names is wrong.
    #[error("{}", .report.display(Some(.file)))]
    Named {
        /// The name of the file.
        file: String,
        /// What is wrong with it.
        report: Report,
    },
    /// A file that it names cannot be read.
    #[error("{0}")]
    Unreadable(String),
}

/// How one case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseResult {
    /// The case.
    pub name: String,
    /// Where it stands in its file, from 1.
    pub line: u32,
    /// How much virtual time it took.
    pub took: Millis,
    /// What is not as expected, each in some lines; none where it passed.
    pub failures: Vec<String>,
}

/// What became of one file of cases.
#[derive(Debug)]
pub struct FileResult {
    /// The file.
    pub file: String,
    /// Its cases, or why there are none.
    pub cases: Result<Vec<CaseResult>, SuiteError>,
}

impl Suite {
    /// Reads a file of cases, and what it names.
    pub fn read(text: &[u8], load: Load<'_>, plugins: &dyn PluginSource) -> Result<Self, SuiteError> {
        read::read(text, load, plugins)
    }

    /// Runs the cases whose name holds a text, all of them for an empty one, in the order of the file.
    #[must_use]
    pub fn run(&self, filter: &str) -> Vec<CaseResult> {
        self.cases.iter().filter(|case| case.name.contains(filter)).map(|case| self.run_case(case)).collect()
    }

    fn run_case(&self, case: &Case) -> CaseResult {
        let mocks = case.mocks.or(&self.mocks);
        let run = dry_run::run(&self.definition, case.input.clone(), mocks, case.options);
        let took = run.ended_at.since(run.started_at);
        CaseResult { name: case.name.clone(), line: case.line, took, failures: check::failures(&case.expected, &run) }
    }
}
