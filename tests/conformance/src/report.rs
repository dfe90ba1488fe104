//! What a run came to: for people, and as JSON.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};

use crate::runner::{Finished, Outcome};

/// Tells of a scenario as soon as it has ended.
pub(crate) fn progress(finished: &Finished, verbose: bool) {
    if verbose {
        let word = word(&finished.outcome);
        println!(
            "{word:>14}  {} {} ({} ms)",
            finished.scenario.place(),
            finished.scenario.name,
            finished.took.as_millis()
        );
    }
}

const fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed { .. } => "failed",
        Outcome::NotDeployable { .. } => "not deployable",
    }
}

/// Prints what did not pass, then each feature, then the figure. Fails where a scenario did for another reason than the host's own refusal.
pub(crate) fn print(results: &[Finished]) -> ExitCode {
    results.iter().for_each(print_reason);
    println!();
    for feature in results.chunk_by(|one, other| one.scenario.file == other.scenario.file) {
        let passed = passed(feature);
        let note = if passed == feature.len() { "" } else { "  <-" };
        println!("{passed:>4} of {:>3}  {}{note}", feature.len(), feature[0].scenario.file.display());
    }
    let not_deployable = count(results, |outcome| matches!(outcome, Outcome::NotDeployable { .. }));
    let failed = count(results, |outcome| matches!(outcome, Outcome::Failed { .. }));
    println!("\n{} passed, {failed} failed, {not_deployable} not deployable yet", passed(results));
    println!("RESULT conformance={}/{}", passed(results), results.len());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the scenarios whose verdict depends on where tasks run, and both figures. Fails where there is such a scenario, or one that failed.
pub(crate) fn print_comparison(one_process: &[Finished], with_workers: &[Finished]) -> ExitCode {
    let is_different = |(one, other): &(&Finished, &Finished)| word(&one.outcome) != word(&other.outcome);
    let different: Vec<_> = one_process.iter().zip(with_workers).filter(is_different).collect();
    println!();
    for (one, other) in &different {
        let Finished { scenario, outcome, .. } = one;
        let (place, here, elsewhere) = (scenario.place(), word(outcome), word(&other.outcome));
        println!("DIFFERS {place} {}: {here} in one process, {elsewhere} with workers", scenario.name);
    }
    let figure = |results: &[Finished]| format!("{}/{}", passed(results), results.len());
    println!("{} scenarios differ", different.len());
    println!("RESULT conformance={} conformance-redis={}", figure(one_process), figure(with_workers));
    let failed = count(with_workers, |outcome| matches!(outcome, Outcome::Failed { .. }));
    if different.is_empty() && failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print_reason(finished: &Finished) {
    let scenario = &finished.scenario;
    match &finished.outcome {
        Outcome::Passed => {}
        Outcome::NotDeployable { reason } => {
            println!("NOT DEPLOYABLE YET {} {}\n    {reason}", scenario.place(), scenario.name);
        }
        Outcome::Failed { step, reason } => {
            let place = format!("{}:{}", scenario.file.display(), step.line);
            println!("FAILED {} {}\n  {place} {}", scenario.place(), scenario.name, step.shown);
            reason.lines().for_each(|line| println!("    {line}"));
        }
    }
}

fn count(results: &[Finished], is_counted: impl Fn(&Outcome) -> bool) -> usize {
    results.iter().filter(|finished| is_counted(&finished.outcome)).count()
}

fn passed(results: &[Finished]) -> usize {
    count(results, |outcome| matches!(outcome, Outcome::Passed))
}

/// What became of every scenario.
pub(crate) fn json(results: &[Finished]) -> Result<String> {
    let shown = |finished: &Finished| -> Value {
        let (step, reason) = match &finished.outcome {
            Outcome::Passed => (None, None),
            Outcome::Failed { step, reason } => (Some((&step.shown, step.line)), Some(reason)),
            Outcome::NotDeployable { reason } => (None, Some(reason)),
        };
        json!({
            "feature": finished.scenario.feature,
            "file": finished.scenario.file,
            "line": finished.scenario.line,
            "scenario": finished.scenario.name,
            "tags": finished.scenario.tags,
            "outcome": word(&finished.outcome),
            "step": step.map(|(shown, line)| json!({ "text": shown, "line": line })),
            "reason": reason,
            "seconds": finished.took.as_secs_f64(),
        })
    };
    Ok(serde_json::to_string_pretty(&results.iter().map(shown).collect::<Vec<_>>())?)
}
