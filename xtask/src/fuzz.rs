//! Runs the fuzz targets of `fuzz/`, which is laid out as `cargo fuzz` wants it.
//!
//! They are built with the toolchain of the repository and nothing that has to be installed: coverage is all that they need of the compiler,
//! for the core has no unsafe code that a sanitizer could look at. Whoever has `cargo fuzz` and a nightly toolchain can use those as well.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::shell::{capture, cargo_command, root, run, target};

/// What makes libFuzzer see where an input leads, and every check of a debug build.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Cdebug-assertions -Coverflow-checks";

/// An input on which a target takes longer is a finding.
const INPUT_SECONDS_MAX: u32 = 10;

/// The longest input: real documents are shorter, and longer ones find nothing that these do not.
const INPUT_BYTES_MAX: u32 = 8_192;

/// Runs one target, or all of them, for so many seconds each, from the corpus and from what earlier runs on this machine found.
pub(crate) fn fuzz(name: Option<&str>, seconds: u32) -> Result<()> {
    let targets = targets()?;
    let chosen: Vec<&String> = targets.iter().filter(|target| name.is_none_or(|name| name == *target)).collect();
    ensure!(!chosen.is_empty(), "there is no such fuzz target: choose one of {}", targets.join(", "));
    let host = capture(Command::new("rustc").args(["--print", "host-tuple"]).current_dir(root()))?;
    let built = build(host.trim())?;
    for target in chosen {
        run_target(&built.join(target), target, seconds)?;
    }
    Ok(())
}

/// The names of the targets, from their sources: those that have a corpus.
fn targets() -> Result<Vec<String>> {
    let entries = fs::read_dir(root().join("fuzz/corpus")).context("fuzz/corpus cannot be read")?;
    let mut names: Vec<String> =
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<Result<_>>()?;
    names.sort();
    Ok(names)
}

/// Builds all targets, and gives the folder that they lie in. A target is named, so that build scripts are not instrumented.
fn build(host: &str) -> Result<PathBuf> {
    let folder = target().join("fuzz");
    let arguments = ["build", "--release", "--locked", "--manifest-path", "fuzz/Cargo.toml", "--target", host];
    run(cargo_command(arguments).env("RUSTFLAGS", FLAGS).env("CARGO_TARGET_DIR", &folder))?;
    Ok(folder.join(host).join("release"))
}

fn run_target(program: &Path, name: &str, seconds: u32) -> Result<()> {
    let folder = target().join("fuzz");
    let (found, artifacts, log) =
        (folder.join("corpus").join(name), folder.join("artifacts").join(name), folder.join(format!("{name}.log")));
    fs::create_dir_all(&found)?;
    fs::create_dir_all(&artifacts)?;
    println!("fuzzing `{name}` for {seconds} s");
    let mut command = Command::new(program);
    command.args([format!("-max_total_time={seconds}"), format!("-timeout={INPUT_SECONDS_MAX}")]);
    command.args([format!("-max_len={INPUT_BYTES_MAX}"), format!("-artifact_prefix={}/", artifacts.display())]);
    let dictionary = root().join("fuzz").join(format!("{name}.dict"));
    if dictionary.is_file() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    // The first folder takes what is found; the other one is only read.
    command.arg(&found).arg(root().join("fuzz/corpus").join(name));
    let ended = run(command.stderr(fs::File::create(&log)?));
    let printed = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    if ended.is_err() {
        eprintln!("{printed}");
    }
    ended.with_context(|| {
        format!("a finding: the input lies in {}; give it to {}", artifacts.display(), program.display())
    })?;
    println!("{}", summary(name, &printed)?);
    Ok(())
}

/// How many inputs were tried, and how many edges of the code they reach.
fn summary(name: &str, printed: &str) -> Result<String> {
    let last = printed.lines().rev().find(|line| line.starts_with('#') && line.contains(" cov: "));
    let words: Vec<&str> = last.context("the target printed no coverage")?.split_whitespace().collect();
    let edges = words.iter().skip_while(|word| **word != "cov:").nth(1).context("the target printed no coverage")?;
    Ok(format!("RESULT fuzz_{name}_inputs={}\nRESULT fuzz_{name}_edges={edges}", words[0].trim_start_matches('#')))
}
