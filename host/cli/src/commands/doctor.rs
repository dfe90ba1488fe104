//! `sandmill doctor`: looks at the machine, the settings and the server, and says what to do about what it does not like.
//!
//! What is named on its command line, a document, a workflow or an execution, is looked at too: each in a module, which knows what of the server it
//! has to ask for that. It only ever looks: nothing is changed by a check.

mod data_dir;
mod redis;

mod calls;
mod file;
mod workflow;

mod execution;
mod fault;
mod queue;

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::arguments::{Doctor, Global};
use crate::client::Client;
use crate::commands::config;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, table};
use crate::wire;

/// One thing that was looked at.
struct Check {
    what: &'static str,
    verdict: Verdict,
    found: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    /// It works, and could be better.
    Fair,
    Bad,
}

/// Checks everything; the exit code is 1 where something is bad.
pub(crate) fn run(global: &Global, arguments: &Doctor, output: Output) -> Result<ExitCode, Failure> {
    let client = Client::new(global)?;
    let checks = wire::client_runtime()?.block_on(examine(&client, arguments));
    print(&checks, output);
    let is_well = checks.iter().all(|check| check.verdict != Verdict::Bad);
    Ok(if is_well { ExitCode::SUCCESS } else { Outcome::Failed.into() })
}

async fn examine(client: &Client, arguments: &Doctor) -> Vec<Check> {
    let server = server(client).await;
    let is_ready = server.verdict == Verdict::Good;
    let (settings, mut checks) = match config::load(&arguments.settings, arguments.redis.flags()) {
        Ok(settings) => {
            let checks = vec![good("settings", "can be read".into()), data_dir::check(&settings, is_ready)];
            (Some(settings), checks)
        }
        Err(failure) => (None, vec![bad("settings", failure.to_string())]),
    };
    checks.extend([kernel(), swap(), mappings(), server]);
    let with_redis = settings.as_ref().filter(|settings| wire::is_redis_wanted(settings));
    if let Some(settings) = with_redis {
        checks.extend(redis::check(settings).await);
    }
    if let Some(file) = &arguments.file {
        checks.extend(file::check(client, file).await);
    }
    if let Some(workflow) = &arguments.workflow {
        checks.extend(workflow::check(client, workflow).await);
    }
    if let Some(id) = &arguments.execution {
        checks.extend(execution::check(client, with_redis, id).await);
    }
    checks
}

fn good(what: &'static str, found: String) -> Check {
    Check { what, verdict: Verdict::Good, found }
}

fn fair(what: &'static str, found: String) -> Check {
    Check { what, verdict: Verdict::Fair, found }
}

fn bad(what: &'static str, found: String) -> Check {
    Check { what, verdict: Verdict::Bad, found }
}

/// Resetting a guest's memory by asking the kernel for its dirty pages needs Linux 6.7.
fn kernel() -> Check {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.trim().parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let found = format!("Linux {}", release.trim());
    if version >= (6, 7) {
        good("kernel", found)
    } else {
        fair("kernel", format!("{found}: 6.7 or newer starts tasks faster"))
    }
}

/// With swap, the fast way to reset a guest's memory is not safe, and is not used.
fn swap() -> Check {
    let swaps = std::fs::read_to_string("/proc/swaps").unwrap_or_default();
    match swaps.lines().count() {
        0 | 1 => good("swap", "off".into()),
        _ => fair("swap", "on: tasks start faster without it".into()),
    }
}

/// Each running task takes some mappings of the process.
fn mappings() -> Check {
    let text = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    let count: u64 = text.trim().parse().unwrap_or(0);
    let found = format!("vm.max_map_count is {count}");
    if count >= 65_530 { good("mappings", found) } else { fair("mappings", format!("{found}: 65,530 is usual")) }
}

async fn server(client: &Client) -> Check {
    match client.get("/readyz").await {
        Ok(_) => good("server", format!("{} is ready", client.server())),
        Err(failure) if failure.outcome == Outcome::Unavailable => fair("server", failure.to_string()),
        Err(failure) => bad("server", failure.to_string()),
    }
}

fn print(checks: &[Check], output: Output) {
    let rows = checks.iter().map(|check| {
        let verdict = match check.verdict {
            Verdict::Good => "good",
            Verdict::Fair => "fair",
            Verdict::Bad => "bad",
        };
        json!({ "check": check.what, "verdict": verdict, "found": check.found })
    });
    let columns = [("CHECK", "check"), ("VERDICT", "verdict"), ("FOUND", "found")];
    output.value(&Value::Array(rows.collect()), |rows| table(&columns, rows));
}
