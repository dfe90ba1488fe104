//! What the program takes: memory when idle, after load and for each parked execution; bytes on disk for each step; the size of the program.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use sandmill_speed::figures::median;
use sandmill_speed::machine::temporary_folder;
use sandmill_speed::report::{Report, Target};

use crate::host::{Host, program};
use crate::parked::park;
use crate::stage;
use crate::workflow::{steps, value_of_200_bytes};

const MEGABYTE: f64 = 1e6;

/// Steps of a workflow of the load, and how many workflows run at once for how long.
const STEPS: u32 = 10;
const AT_ONCE: usize = 50;
const SPAN: Duration = Duration::from_secs(10);

/// Parked executions, with one in a hundred of them due.
const PARKED: [u32; 2] = [100_000, 300_000];

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let folder = temporary_folder()?;
    let component = stage::echo()?;
    let (host, _) = Host::start(&folder.path().join("load"), &[])?;
    deploy(&host, &component)?;
    let idle = settled(&host)?;
    let before = host.written_bytes()?;
    let executions = load(&host)?;
    let steps = executions * f64::from(STEPS);
    let after = settled(&host)?;
    let written = host.written_bytes()? - before;
    host.stop()?;
    let log = log_bytes_per_step(folder.path(), &component)?;
    let mut resident = Vec::new();
    for count in PARKED {
        let bytes = parked_bytes(folder.path(), count)?;
        report.row(&format!("resident with {count} parked, MB"), bytes / MEGABYTE, Target::Baseline);
        resident.push(bytes);
    }
    report.row("10-step workflows of the load, over HTTP, a second", executions / SPAN.as_secs_f64(), Target::Baseline);
    report.result("idle_rss_mb", idle / MEGABYTE, Target::AtMost(50.0));
    report.result("after_load_rss_mb", after / MEGABYTE, Target::AtMost(120.0));
    report.result("binary_mb", std::fs::metadata(program()?)?.len() as f64 / MEGABYTE, Target::AtMost(60.0));
    report.result("log_bytes_per_step", log, Target::AtMost(600.0));
    report.result("disk_bytes_per_step", written / steps, Target::AtMost(1_500.0));
    let more = f64::from(PARKED[1] - PARKED[0]);
    report.result("parked_rss_bytes", (resident[1] - resident[0]) / more, Target::AtMost(100.0));
    Ok(())
}

/// Registers the plugin and the workflow of the load.
fn deploy(host: &Host, component: &[u8]) -> Result<()> {
    let mut connection = host.connect()?;
    connection.ask("PUT", "/v1/plugins/echo/0.1.0", "application/wasm", component)?;
    connection.ask("PUT", "/v1/workflows", "application/yaml", steps(STEPS).as_bytes())?;
    Ok(())
}

/// Resident bytes once they are the same for a while: the median of looks over two seconds, after one of rest.
fn settled(host: &Host) -> Result<f64> {
    thread::sleep(Duration::from_secs(1));
    let mut looks = Vec::new();
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(100));
        looks.push(host.resident_bytes()?);
    }
    Ok(median(&looks))
}

/// Keeps workflows going, each over a connection that waits for its end, and gives how many ended.
fn load(host: &Host) -> Result<f64> {
    let body = value_of_200_bytes().to_json();
    let begin = Instant::now();
    let lane = || -> Result<u32> {
        let mut connection = host.connect()?;
        let mut ended = 0;
        while begin.elapsed() < SPAN {
            let path = "/v1/workflows/bench/steps/executions?wait=30s";
            let execution = connection.ask("POST", path, "application/json", &body)?;
            anyhow::ensure!(execution["status"] == "completed", "an execution did not complete: {execution}");
            ended += 1;
        }
        Ok(ended)
    };
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(lane)).collect();
        let ended = lanes.into_iter().map(|lane| lane.join().map_err(|_| anyhow::anyhow!("a lane panicked"))?);
        Ok(f64::from(ended.sum::<Result<u32>>()?))
    })
}

/// Bytes that the log grows by with each step: the store tells after each sync how far its log is filled.
fn log_bytes_per_step(folder: &Path, component: &[u8]) -> Result<f64> {
    let report = folder.join("syncs");
    let hook = report.to_str().context("the folder's name is no text")?;
    let (host, _) = Host::start(&folder.join("log"), &["--test-sync-report", hook])?;
    deploy(&host, component)?;
    let before = log_bytes(&report)?;
    let executions = load(&host)?;
    let after = log_bytes(&report)?;
    host.stop()?;
    Ok((after - before) / (executions * f64::from(STEPS)))
}

/// Bytes of all logs together, as far as they were filled.
fn log_bytes(report: &Path) -> Result<f64> {
    let lines = std::fs::read_to_string(report)?;
    let ends = lines.lines().filter_map(|line| line.rsplit_once(' '));
    let mut by_log: BTreeMap<&str, u64> = BTreeMap::new();
    for (log, end) in ends {
        by_log.insert(log, end.parse()?);
    }
    Ok(by_log.values().sum::<u64>() as f64)
}

/// Resident bytes with that many parked executions, after a restart and once those that were due have ended.
fn parked_bytes(folder: &Path, count: u32) -> Result<f64> {
    let data = folder.join(format!("parked-{count}"));
    let parked = park(&data, count, count / 100)?;
    parked.wait_until_due();
    let (host, _) = Host::start(&data, &[])?;
    let mut connection = host.connect()?;
    parked.due.iter().try_for_each(|id| connection.wait_for(id))?;
    let bytes = settled(&host)?;
    host.stop()?;
    std::fs::remove_dir_all(&data)?;
    Ok(bytes)
}
