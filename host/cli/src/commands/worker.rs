//! `sandmill worker`: runs the tasks of an engine elsewhere, and shares nothing with it but a Redis.

use std::process::ExitCode;
use std::sync::Arc;

use sandmill_api::ConnectionOptions;
use sandmill_store::redis::cmd;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::arguments::Worker as Arguments;
use crate::commands::{config, up};
use crate::failure::{Failure, Outcome};
use crate::settings::Settings;
use crate::telemetry;
use crate::wire::{self, TestHooks, Worker};

/// Runs until it is told to stop.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let settings = config::load(&arguments.settings, flags(arguments))?;
    telemetry::log_to_stderr(settings.text("log.level"), settings.text("log.format"))?;
    let hooks = TestHooks { ledger: arguments.test_ledger.clone(), ..TestHooks::default() };
    wire::server_runtime()?.block_on(serve(&settings, &hooks))?;
    Ok(ExitCode::SUCCESS)
}

fn flags(arguments: &Arguments) -> Vec<(String, String)> {
    let mut flags = arguments.redis.flags();
    let given = [
        ("worker.queues", (!arguments.queue.is_empty()).then(|| arguments.queue.join(","))),
        ("engine.slots", arguments.slots.map(|slots| slots.to_string())),
        ("worker.listen", arguments.listen.clone()),
        ("data-dir", arguments.data_dir.as_ref().map(|path| path.display().to_string())),
    ];
    flags.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    flags
}

/// The one line on standard output.
fn say_ready(settings: &Settings, slots: usize, listener: Option<&TcpListener>) {
    let address = listener.and_then(|listener| listener.local_addr().ok());
    let answers = address.map_or_else(String::new, |address| format!(", and answers on http://{address}"));
    println!(
        "sandmill {} works on {} with {slots} slots{answers}",
        env!("CARGO_PKG_VERSION"),
        settings.text("worker.queues")
    );
}

async fn serve(settings: &Settings, hooks: &TestHooks) -> Result<(), Failure> {
    let metrics = telemetry::collect_metrics()?;
    let worker = Worker::open(settings, hooks).await?;
    let stopping = CancellationToken::new();
    let listener = match settings.text("worker.listen") {
        "none" => None,
        address => Some(up::listen(address).await?),
    };
    say_ready(settings, worker.slots(), listener.as_ref());
    let probe = match listener {
        None => None,
        Some(listener) => {
            let redis = worker.redis();
            let ready = move || {
                let redis = redis.clone();
                Box::pin(
                    async move { redis.run::<String>(cmd("PING")).await.map(drop).map_err(|error| error.to_string()) },
                ) as sandmill_api::Readiness
            };
            let router = sandmill_api::probe(Arc::new(move || metrics.render()), Arc::new(ready));
            let stop = stopping.clone().cancelled_owned();
            Some(tokio::spawn(sandmill_api::serve(listener, router, ConnectionOptions::default(), stop)))
        }
    };
    let stop = up::stop_signal();
    let drain = settings.time("drain");
    let told = async {
        if let Err(failure) = stop.await {
            tracing::error!(%failure, "signals cannot be received");
            std::future::pending::<()>().await;
        }
        tracing::info!("no more tasks are taken; running ones have {drain:?} to end");
    };
    worker.work(told, drain).await;
    stopping.cancel();
    match probe {
        Some(probe) => {
            let served = probe.await.map_err(|error| Failure::new(Outcome::Failed, error.to_string()))?;
            served.map_err(|error| Failure::new(Outcome::Failed, error.to_string()))
        }
        None => Ok(()),
    }
}
