//! How many tasks the interpreter completes in a second, in memory and on one core, beside the published Rust runtime for the same language.
//!
//! The other runtime is a program of its own (`beside/`), so that what it is built from stays out of this workspace. `cargo xtask bench`
//! builds it and says where it is.

use std::env;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use sandmill_core::definition::Definition;
use sandmill_core::ids::WorkflowExecId;
use sandmill_core::machine::{Action, Event, Lifecycle, Machine, SLICE_TRANSITIONS, Settings};
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;
use sandmill_speed::figures::{median, time_us};
use sandmill_speed::report::{Report, Target};

use crate::documents::{CONTROL, CONTROL_OUTPUT, ITERATIONS, compiled};

/// Rounds, in which ours and the other take turns.
const ROUNDS: usize = 11;

/// Executions of ours in a round.
const OURS: u32 = 40;

/// Executions of the other in a round, after one that warms it up.
const OTHERS: u32 = 5;

/// The program that runs the same document on `swf-runtime`.
const BESIDE: &str = "SANDMILL_BESIDE";

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let beside = env::var_os(BESIDE).with_context(|| {
        format!("{BESIDE} does not name the program of tests/speed/beside: use `cargo xtask bench interpreter`")
    })?;
    let definition = compiled(CONTROL)?;
    let (tasks, output) = complete(&definition);
    ensure!(output.as_deref() == Some(CONTROL_OUTPUT), "the document gave {output:?}");
    // `begin`, `each`, and in each iteration `choose` and one of the two others.
    ensure!(tasks == 2 + 2 * ITERATIONS, "{tasks} tasks were completed");
    let (mut ours, mut others, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let our_us = time_us(OURS, || {
            complete(&definition);
        });
        let other_us = other(&beside)?;
        ours.push(tasks as f64 / our_us * 1e6);
        others.push(tasks as f64 / other_us * 1e6);
        ratios.push(other_us / our_us);
    }
    report.row("tasks of one execution", tasks as f64, Target::Baseline);
    report.result("transitions_per_s", median(&ours), Target::AtLeast(300_000.0));
    report.result("swf_runtime_transitions_per_s", median(&others), Target::Baseline);
    report.result("interpreter_ratio", median(&ratios), Target::AtLeast(10.0));
    Ok(())
}

/// Runs one execution to its end, and gives the tasks that were completed and the output.
fn complete(definition: &Arc<Definition>) -> (u64, Option<String>) {
    let mut machine = Machine::new(WorkflowExecId::from_random(1), Arc::clone(definition));
    let settings = Box::new(Settings::default());
    machine.handle_event(Timestamp(0), Event::Started { input: Value::object::<&str>([]), settings, origin: None });
    let (mut tasks, mut output) = (0, None);
    loop {
        let has_more = machine.work(SLICE_TRANSITIONS);
        while let Some(action) = machine.poll_action() {
            match action {
                Action::Publish(Lifecycle::TaskCompleted(..)) => tasks += 1,
                Action::Complete { output: value } => output = Some(sorted(&value)),
                _ => {}
            }
        }
        if !has_more {
            return (tasks, output);
        }
    }
}

/// The JSON text of an object with its members by name: the other runtime keeps no order.
fn sorted(value: &Value) -> String {
    let mut members: Vec<(String, Value)> =
        value.entries().into_iter().flatten().map(|(name, member)| (name.into_owned(), member)).collect();
    members.sort_by(|left, right| left.0.cmp(&right.0));
    Value::object(members).to_string()
}

/// Microseconds of one execution on the other runtime, in a process of its own.
fn other(program: &std::ffi::OsStr) -> Result<f64> {
    let shown = program.to_string_lossy();
    let output = Command::new(program)
        .args([CONTROL, CONTROL_OUTPUT, &OTHERS.to_string()])
        .output()
        .with_context(|| format!("cannot start {shown}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{shown} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    printed.trim().parse().with_context(|| format!("{shown} printed `{}`", printed.trim()))
}
