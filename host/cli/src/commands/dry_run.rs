//! `sandmill workflow dry-run`: a document, run on virtual time with mocked calls.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use sandmill_author::dry_run::{End, Options, dry_run};
use sandmill_author::mocks::Mocks;
use sandmill_core::time::Millis;
use sandmill_core::value::Value;

use crate::arguments::DryRun;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::{documents, input};

/// Prints what happened, and exits by the outcome.
pub(crate) fn run(arguments: &DryRun, output: Output) -> Result<ExitCode, Failure> {
    let definition = Arc::new(documents::definition(&arguments.file, &arguments.catalogs)?);
    let mocks = arguments.mock.as_deref().map_or_else(|| Ok(Mocks::default()), mocks)?;
    let input = input::read(arguments.input.as_deref())?;
    let input = Value::from_json(input.as_bytes())
        .map_err(|error| Failure::new(Outcome::Refused, format!("the input cannot be taken: {error}")))?;
    let time_max = Millis(u64::try_from(arguments.time_limit.as_millis()).unwrap_or(u64::MAX));
    let options = Options { now: arguments.now, transitions_max: arguments.transition_limit, time_max };
    let run = dry_run(&definition, input, &mocks, options);
    output.value(&run.to_json(), |_| run.to_string());
    match &run.end {
        End::Completed(_) => Ok(ExitCode::SUCCESS),
        End::Faulted(_) => Ok(Outcome::Faulted.into()),
        End::Stopped(stop) => Err(Failure::new(Outcome::Refused, stop.told())),
    }
}

fn mocks(file: &Path) -> Result<Mocks, Failure> {
    Mocks::read(&documents::read(file)?).map_err(|report| {
        let name = documents::name(file);
        Failure::new(Outcome::Refused, format!("{name} holds no mocks:\n{}", report.display(Some(&name))))
    })
}
