//! `sandmill up`: a server, from its settings to its last recorded step.

use std::process::ExitCode;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::arguments::{StoreKind, Up};
use crate::commands::config;
use crate::failure::{Failure, Outcome};
use crate::settings::Settings;
use crate::telemetry;
use crate::wire::{self, Host, TestHooks};

/// Runs until it is told to stop.
pub(crate) fn run(up: &Up) -> Result<ExitCode, Failure> {
    let settings = config::load(&up.settings, flags(up))?;
    telemetry::log_to_stderr(settings.text("log.level"), settings.text("log.format"))?;
    wire::server_runtime()?.block_on(serve(&settings, &hooks(up)))?;
    Ok(ExitCode::SUCCESS)
}

fn flags(up: &Up) -> Vec<(String, String)> {
    let data_dir = up.data_dir.as_ref().map(|path| path.display().to_string());
    let store = up.store.map(|store| match store {
        StoreKind::Embedded => "embedded".to_owned(),
        StoreKind::Memory => "memory".to_owned(),
    });
    let local = up.no_local_worker.then(|| "no".to_owned());
    let given = [("listen", up.listen.clone()), ("data-dir", data_dir), ("store", store), ("worker.local", local)];
    let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    up.redis.flags().into_iter().chain(given).collect()
}

fn hooks(up: &Up) -> TestHooks {
    TestHooks { ledger: up.test_ledger.clone(), sync_report: up.test_sync_report.clone(), no_fsync: up.test_no_fsync }
}

async fn serve(settings: &Settings, hooks: &TestHooks) -> Result<(), Failure> {
    // The address first: a port that is taken is told before a store is opened.
    let listener = listen(settings.text("listen")).await?;
    let address = listener.local_addr().map_err(|error| failed(format!("the address is not known: {error}")))?;
    let metrics = telemetry::collect_metrics()?;
    let host = Host::open(settings, hooks).await?;
    host.make_default_tenant()?;
    if !address.ip().is_loopback() && host.store.keys().map_err(|error| failed(error.to_string()))?.is_empty() {
        let reason = format!(
            "{address} can be reached from other machines, and no API key exists: start the server on loopback once, and make \
             one with `sandmill key create admin --operator`"
        );
        return Err(Failure::new(Outcome::Refused, reason));
    }
    let server = host.serve(listener, settings, move || metrics.render())?;
    say_ready(address);
    stop_signal().await?;
    tracing::info!("no new work is taken; running tasks have {} to end", settings.text("drain"));
    server.stop().await
}

/// The one line on standard output: whoever started the process reads the address from it.
fn say_ready(address: std::net::SocketAddr) {
    println!("sandmill {} is ready on http://{address}", env!("CARGO_PKG_VERSION"));
}

pub(super) async fn listen(address: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "the port is in use: stop what listens there, or name another with --listen".into()
            }
            _ => error.to_string(),
        };
        failed(format!("{address} cannot be listened on: {hint}"))
    })
}

/// Returns at the first SIGTERM or Ctrl-C. A second one ends the process at once, which is no worse than a crash.
pub(super) async fn stop_signal() -> Result<(), Failure> {
    let stop = CancellationToken::new();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signals = signal(kind).map_err(|error| failed(format!("signals cannot be received: {error}")))?;
        let stop = stop.clone();
        tokio::spawn(async move {
            signals.recv().await;
            stop.cancel();
            signals.recv().await;
            std::process::exit(Outcome::Failed as i32);
        });
    }
    stop.cancelled().await;
    Ok(())
}

fn failed(reason: String) -> Failure {
    Failure::new(Outcome::Failed, reason)
}
