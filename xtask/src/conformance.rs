//! What the project says of the specification's own documents, and what its host does with the specification's scenarios and our own.
//!
//! Every example is valid, every invalid document is refused, and every feature runs against the real host. The specification is no part of this
//! repository: it is read from `OWS_DIR`, or from `../shared/ows` where it lies there.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::shell::{self, cargo, root, target};
use crate::{plugins, setup};

/// Checks all of them. The arguments are for the program that runs the features, whose figure is the last line.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let specification = specification()?;
    cargo(["build", "--locked", "--package", "sandmill-cli", "--package", "sandmill-conformance"])?;
    documents(&specification)?;
    // The runner's own tests, and every scenario through every crash.
    cargo(["test", "--locked", "--package", "sandmill-conformance"])?;
    features(&specification, arguments)
}

/// Runs the features in one process, then with workers behind a Redis: the figures of both are the last line.
pub(crate) fn run_with_redis(arguments: &[String]) -> Result<()> {
    let specification = specification()?;
    setup::redis()?;
    cargo(["build", "--locked", "--package", "sandmill-cli", "--package", "sandmill-conformance"])?;
    let redis = ["--redis".to_owned()];
    features(&specification, &[&redis, arguments].concat())
}

/// Runs the features of the specification and our own, or those that the arguments name.
fn features(specification: &Path, arguments: &[String]) -> Result<()> {
    plugins::build()?;
    plugins::build_guests()?;
    let mut command = Command::new(target().join("debug/conformance"));
    command.env("OWS_DIR", specification).arg("--sandmill").arg(target().join("debug/sandmill"));
    command.arg("--components").arg(plugins::folder()).args(arguments);
    shell::run(&mut command)
}

fn documents(specification: &Path) -> Result<()> {
    let examples = verdicts(&specification.join("examples"))?;
    let invalid = verdicts(&specification.join("invalid"))?;
    let wrong: Vec<&String> = examples
        .iter()
        .filter(|(_, is_valid)| !is_valid)
        .chain(invalid.iter().filter(|(_, is_valid)| *is_valid))
        .map(|(file, _)| file)
        .collect();
    let count =
        |verdicts: &[(String, bool)], wanted: bool| verdicts.iter().filter(|(_, is_valid)| *is_valid == wanted).count();
    println!("{} of {} examples are valid", count(&examples, true), examples.len());
    println!("{} of {} invalid documents are refused", count(&invalid, false), invalid.len());
    ensure!(wrong.is_empty(), "the verdict is wrong for {wrong:?}");
    crate::agreement::run()
}

fn specification() -> Result<PathBuf> {
    let named = env::var_os("OWS_DIR").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| root().join("../shared/ows"));
    ensure!(
        folder.join("examples").is_dir(),
        "{} does not hold the specification: clone https://github.com/open-workflow-specification/specification, and set OWS_DIR to it",
        folder.display()
    );
    Ok(folder)
}

/// Each document of a folder, and whether we call it valid.
fn verdicts(folder: &Path) -> Result<Vec<(String, bool)>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "json"));
    files.sort();
    let output =
        Command::new(target().join("debug/sandmill")).args(["workflow", "validate", "--json"]).args(&files).output()?;
    let reports: Value = serde_json::from_slice(&output.stdout).context("the verdicts are no JSON")?;
    let verdict = |report: &Value| Some((report["file"].as_str()?.to_owned(), report["valid"].as_bool()?));
    reports.as_array().into_iter().flatten().map(|report| verdict(report).context("a verdict is missing")).collect()
}
