//! How long documents take from their text to a definition: all examples of the specification, and one of a thousand tasks.

use std::hint::black_box;

use anyhow::{Result, ensure};
use sandmill_core::definition::{EveryPlugin, compile, validate};
use sandmill_speed::figures::{median, millis, thread_cpu, time_us};
use sandmill_speed::report::{Report, Target};

use crate::documents::{TASKS, compiled, examples, generated};

/// Runs of which the median counts.
const RUNS: usize = 41;

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let examples = examples()?;
    let document = generated();
    let compile_all = || {
        for (_, text) in &examples {
            drop(black_box(compile(black_box(text), &EveryPlugin)));
        }
    };
    // The first run reads the library of the expressions, once for the process.
    let begin = thread_cpu();
    compile_all();
    let first_ms = millis(thread_cpu().saturating_sub(begin));
    check(&examples, &document)?;
    let (mut all, mut large) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        all.push(time_us(1, compile_all) / 1e3);
        large.push(time_us(1, || drop(black_box(compile(black_box(document.as_bytes()), &EveryPlugin)))) / 1e3);
    }
    report.row("examples", examples.len() as f64, Target::Baseline);
    report.row("bytes of the generated document", document.len() as f64, Target::Baseline);
    report.result("compile_first_ms", first_ms, Target::Baseline);
    report.result("compile_all_ms", median(&all), Target::AtMost(5.0));
    report.result("compile_1000_tasks_ms", median(&large), Target::AtMost(50.0));
    Ok(())
}

/// Every example is valid, and the generated document has the tasks that it should have.
fn check(examples: &[(std::path::PathBuf, Vec<u8>)], document: &str) -> Result<()> {
    for (file, text) in examples {
        let report = validate(text);
        ensure!(report.is_valid(), "{} is not valid:\n{report}", file.display());
    }
    let tasks = compiled(document)?.nodes.len();
    ensure!(tasks == TASKS, "the generated document has {tasks} tasks, and not {TASKS}");
    Ok(())
}
