//! `sandmill workflow test`: runs files of cases, and tells which do not pass.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sandmill_author::cases::{CaseResult, FileResult, Suite, SuiteError, junit};
use serde_json::{Value, json};

use crate::arguments::Test;
use crate::catalogs::Catalogs;
use crate::documents;
use crate::failure::{Failure, Outcome};
use crate::output::Output;

/// What the names of files of cases end with, before what says that they are YAML or JSON.
const SUFFIX: &str = ".test";

/// Runs all cases, and exits with zero where all pass.
pub(crate) fn run(arguments: &Test, output: Output) -> Result<ExitCode, Failure> {
    let catalogs = Catalogs::of(&arguments.catalogs)?;
    let mut results = Vec::new();
    for file in files(&arguments.paths)? {
        let cases = cases(&file, &arguments.filter, &catalogs);
        let is_chosen = arguments.filter.is_empty() || cases.as_ref().map_or(true, |cases| !cases.is_empty());
        if is_chosen {
            results.push(FileResult { file: file.display().to_string(), cases });
        }
    }
    if results.is_empty() {
        let reason = format!("no case has a name with `{}` in it", arguments.filter);
        return Err(Failure::new(Outcome::Refused, reason));
    }
    if let Some(file) = &arguments.junit {
        write_junit(file, &results)?;
    }
    let all = results.iter().flat_map(|result| result.cases.iter().flatten());
    let (passed, failed): (Vec<_>, Vec<_>) = all.partition(|case| case.failures.is_empty());
    let broken = results.iter().filter(|result| result.cases.is_err()).count();
    let summary = summary(passed.len(), failed.len(), broken);
    let files: Vec<Value> = results.iter().map(described).collect();
    let json = json!({ "passed": passed.len(), "failed": failed.len(), "broken": broken, "files": files });
    output.value(&json, |_| results.iter().map(shown).collect::<String>() + &summary);
    let all_good = failed.is_empty() && broken == 0;
    Ok(if all_good { ExitCode::SUCCESS } else { Outcome::Refused.into() })
}

fn summary(passed: usize, failed: usize, broken: usize) -> String {
    let files = if broken == 1 { "file" } else { "files" };
    let broken = if broken == 0 { String::new() } else { format!(", {broken} {files} that cannot be used") };
    format!("{passed} passed, {failed} failed{broken}")
}

/// The files of cases that are meant, in order. A folder without any is a mistake: nothing would be tested, and nobody would know.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        collect(path, &mut files)
            .map_err(|error| Failure::new(Outcome::Refused, format!("{} cannot be read: {error}", path.display())))?;
        files[before..].sort();
        if files.len() == before {
            let reason = format!("{} holds no test cases: name their files `NAME.test.yaml`", path.display());
            return Err(Failure::new(Outcome::Refused, reason));
        }
    }
    Ok(files)
}

/// Every file of cases in a folder and below it. Folders that are links, or hidden, are left out.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        if entry.file_type()?.is_dir() {
            if !is_hidden {
                collect(&path, files)?;
            }
        } else if documents::is_data(&path) && stem.ends_with(SUFFIX) {
            files.push(path);
        }
    }
    Ok(())
}

fn cases(file: &Path, filter: &str, catalogs: &Catalogs) -> Result<Vec<CaseResult>, SuiteError> {
    let text = fs::read(file).map_err(|error| SuiteError::Unreadable(format!("the file cannot be read: {error}")))?;
    let load = |name: &str| {
        let path = file.with_file_name(name);
        fs::read(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
    };
    Ok(Suite::read(&text, &load, catalogs)?.run(filter))
}

fn write_junit(file: &Path, results: &[FileResult]) -> Result<(), Failure> {
    let xml = junit(results).map_err(|error| Failure::new(Outcome::Failed, error.to_string()))?;
    fs::write(file, xml)
        .map_err(|error| Failure::new(Outcome::Failed, format!("{} cannot be written: {error}", file.display())))
}

fn described(result: &FileResult) -> Value {
    match &result.cases {
        Ok(cases) => {
            let cases = cases.iter().map(|case| {
                json!({ "name": case.name, "line": case.line, "passed": case.failures.is_empty(),
                    "tookMs": case.took.0, "failures": case.failures })
            });
            json!({ "file": result.file, "cases": cases.collect::<Vec<_>>() })
        }
        Err(error) => json!({ "file": result.file, "error": told(&result.file, error) }),
    }
}

/// The cases of a file, each with what is wrong with it.
fn shown(result: &FileResult) -> String {
    let mut text = format!("{}\n", result.file);
    match &result.cases {
        Ok(cases) => {
            for case in cases {
                let is_good = case.failures.is_empty();
                let place = if is_good { String::new() } else { format!("  ({}:{})", result.file, case.line) };
                text += &format!("  {}  {}{place}\n", if is_good { "ok  " } else { "FAIL" }, case.name);
                text.extend(case.failures.iter().map(|failure| indented(failure)));
            }
        }
        Err(error) => text += &indented(&told(&result.file, error)),
    }
    text + "\n"
}

/// What is wrong with a file, with its name before each place in it.
fn told(file: &str, error: &SuiteError) -> String {
    match error {
        SuiteError::Cases(report) => report.display(Some(file)).to_string(),
        SuiteError::Named { .. } | SuiteError::Unreadable(_) => error.to_string(),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("        {line}\n")).collect()
}
