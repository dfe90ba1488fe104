//! How an execution ended, and with what.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::{Code, Given, Row};
use crate::compare::{projected, property, same};
use crate::world::Ended;

pub(super) const STEPS: &[Row] = &[
    ("the workflow should complete", Code::Checks(|ended, _| completed(ended).map(drop))),
    ("the workflow should complete with output:", Code::Checks(completed_with)),
    ("the workflow should fault", Code::Checks(|ended, _| faulted(ended).map(drop))),
    ("the workflow should fault with error:", Code::Checks(faulted_with)),
    ("the workflow should be cancelled", Code::Checks(|ended, _| expect_status(ended, "cancelled"))),
    ("the workflow output should have properties {quotes}", Code::Checks(has_properties)),
    ("the workflow output should have a {quoted} property with value:", Code::Checks(has_property)),
    ("the workflow output should have a {quoted} property containing {count} items", Code::Checks(has_items)),
    ("the workflow output should not have a {quoted} property", Code::Checks(has_no_property)),
    ("the workflow error should have a {quoted} property with value:", Code::Checks(error_has_property)),
    ("the workflow error should have a {quoted} property that says {quoted}", Code::Checks(error_says)),
];

/// An execution that did not end as it should, with what it ended with instead.
pub(super) fn expect_status(ended: &Ended, expected: &str) -> Result<()> {
    let status = &ended.status;
    if status == expected {
        return Ok(());
    }
    match (&ended.output, &ended.error) {
        (Some(output), _) => bail!("the execution {status} and is not {expected}, with the output {output:#}"),
        (_, Some(error)) => bail!("the execution {status} and is not {expected}, with the error {error:#}"),
        _ => bail!("the execution is {status} and not {expected}"),
    }
}

pub(super) fn completed(ended: &Ended) -> Result<&Value> {
    expect_status(ended, "completed")?;
    ended.output.as_ref().context("the execution has no output")
}

pub(super) fn completed_with(ended: &Ended, given: &Given) -> Result<()> {
    same("the output", &given.value()?, completed(ended)?)
}

fn faulted(ended: &Ended) -> Result<&Value> {
    expect_status(ended, "faulted")?;
    ended.error.as_ref().context("the execution has no error")
}

pub(super) fn faulted_with(ended: &Ended, given: &Given) -> Result<()> {
    same_error(&given.value()?, faulted(ended)?)
}

/// Compares what is expected of an error. Its `detail` is for people, and may say anything.
pub(super) fn same_error(expected: &Value, got: &Value) -> Result<()> {
    let mut expected = expected.clone();
    if let Some(members) = expected.as_object_mut() {
        members.remove("detail");
    }
    same("the error", &expected, &projected(got, &expected)).with_context(|| format!("the whole error is {got}"))
}

fn has_properties(ended: &Ended, given: &Given) -> Result<()> {
    let output = completed(ended)?;
    let missing: Vec<&str> = given.list(0).filter(|path| property(output, path).is_none()).collect();
    ensure!(missing.is_empty(), "the output has no {missing:?}: {output:#}");
    Ok(())
}

fn has_property(ended: &Ended, given: &Given) -> Result<()> {
    let (output, path) = (completed(ended)?, given.word(0));
    let got = property(output, path).with_context(|| format!("the output has no `{path}`: {output:#}"))?;
    same(&format!("`{path}` of the output"), &given.value()?, got)
}

fn has_items(ended: &Ended, given: &Given) -> Result<()> {
    let (output, path) = (completed(ended)?, given.word(0));
    let items = property(output, path).and_then(Value::as_array);
    let items = items.with_context(|| format!("`{path}` of the output is no array: {output:#}"))?;
    ensure!(items.len() == given.count(1)?, "`{path}` of the output has {} items: {output:#}", items.len());
    Ok(())
}

fn has_no_property(ended: &Ended, given: &Given) -> Result<()> {
    let output = completed(ended)?;
    ensure!(property(output, given.word(0)).is_none(), "the output has a `{}`: {output:#}", given.word(0));
    Ok(())
}

fn error_has_property(ended: &Ended, given: &Given) -> Result<()> {
    let (error, path) = (faulted(ended)?, given.word(0));
    let got = property(error, path).with_context(|| format!("the error has no `{path}`: {error:#}"))?;
    same(&format!("`{path}` of the error"), &given.value()?, got)
}

fn error_says(ended: &Ended, given: &Given) -> Result<()> {
    let (error, path) = (faulted(ended)?, given.word(0));
    let text = property(error, path).and_then(Value::as_str).unwrap_or_default();
    ensure!(text.contains(given.word(1)), "`{path}` of the error does not say `{}`: {error:#}", given.word(1));
    Ok(())
}
