//! Logging and metrics of the process: set up once, by the commands that run an engine.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::failure::{Failure, Outcome};

/// Log lines go to standard error: what a command prints is on standard output.
pub(crate) fn log_to_stderr(level: &str, format: &str) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(level)
        .map_err(|error| Failure::new(Outcome::Refused, format!("`log.level` is `{level}`: {error}")))?;
    let is_watched = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(is_watched);
    // An error means that somebody set one up before, whose lines are then written.
    let _ = match format {
        "json" => lines.json().flatten_event(true).try_init(),
        _ => lines.with_target(false).try_init(),
    };
    Ok(())
}

/// Counts and times of this process, as Prometheus reads them.
pub(crate) fn collect_metrics() -> Result<PrometheusHandle, Failure> {
    PrometheusBuilder::new()
        .install_recorder()
        .map_err(|error| Failure::new(Outcome::Failed, format!("metrics cannot be collected: {error}")))
}
