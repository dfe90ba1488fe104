//! How long the program takes from its start to being ready: with nothing in its store, and with 100,000 parked executions of which one is due.

use anyhow::Result;
use sandmill_speed::figures::{median, millis};
use sandmill_speed::machine::temporary_folder;
use sandmill_speed::report::{Report, Target};

use crate::host::Host;
use crate::parked::park;

/// Starts of which the median counts.
const STARTS: usize = 11;

const PARKED: u32 = 100_000;

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let folder = temporary_folder()?;
    let data = folder.path().join("empty");
    let mut new = 0.0;
    let mut times = Vec::new();
    for start in 0..=STARTS {
        let (host, took) = Host::start(&data, &[])?;
        // The first one makes the directory.
        if start == 0 {
            new = millis(took)
        } else {
            times.push(millis(took))
        }
        host.stop()?;
    }
    let data = folder.path().join("parked");
    let parked = park(&data, PARKED, 1)?;
    parked.wait_until_due();
    let begin = std::time::Instant::now();
    let (host, ready) = Host::start(&data, &[])?;
    let mut connection = host.connect()?;
    parked.due.iter().try_for_each(|id| connection.wait_for(id))?;
    let fired = millis(begin.elapsed());
    host.stop()?;
    let mut again = Vec::new();
    for _ in 0..5 {
        let (host, took) = Host::start(&data, &[])?;
        again.push(millis(took));
        host.stop()?;
    }
    report.row("a new directory, ms", new, Target::Baseline);
    report.row("100,000 parked, ready, ms", millis(ready), Target::Baseline);
    report.row("100,000 parked and none due, ready again, ms", median(&again), Target::Baseline);
    report.result("start_ms", median(&times), Target::AtMost(100.0));
    report.result("start_100k_parked_ms", fired, Target::AtMost(500.0));
    Ok(())
}
