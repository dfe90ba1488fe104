//! Why a call waits for a worker: how its queue is, as Redis tells where the settings name one, and else as the server's metrics do.

use std::collections::BTreeSet;

use sandmill_store::redis::queue::QueueStats;

use super::{Check, bad, fair, good};
use crate::client::Client;
use crate::commands::queue;
use crate::settings::Settings;
use crate::wire;

const WHAT: &str = "execution-queue";

/// Checks the queues in which calls of an execution wait or waited.
pub(super) async fn check(client: &Client, redis: Option<&Settings>, queues: &BTreeSet<String>) -> Vec<Check> {
    // What is in the way of the whole queue, such as a Redis that is away, explains every task that waits.
    if let Err(failure) = client.get("/readyz").await {
        return vec![bad(WHAT, format!("tasks wait until the server is ready: {failure}"))];
    }
    let Some(settings) = redis else {
        return vec![match client.bytes("/metrics").await {
            Ok(metrics) => of_metrics(&String::from_utf8_lossy(&metrics)),
            Err(failure) => fair(WHAT, format!("cannot be looked at: {failure}")),
        }];
    };
    let stats = match wire::desk(settings) {
        Ok(desk) => desk.stats().await.map_err(|failure| queue::failure(&failure)),
        Err(failure) => Err(failure),
    };
    match stats {
        Ok(stats) => queues.iter().map(|queue| of_stats(queue, &stats)).collect(),
        Err(failure) => vec![bad(WHAT, failure.to_string())],
    }
}

/// One queue in Redis.
fn of_stats(name: &str, stats: &QueueStats) -> Check {
    let takes = || stats.workers.iter().filter(|worker| worker.queues.iter().any(|queue| queue == name));
    let streams = || stats.streams.iter().filter(|stream| stream.queue == name);
    let waiting: u64 = streams().map(|stream| stream.waiting).sum();
    let leased: u64 = streams().map(|stream| stream.leased).sum();
    if takes().next().is_none() {
        let start = format!("start one with `sandmill worker --redis URL --queue {name}`");
        // Of a queue that no worker ever took, nothing is known but that.
        let waiting = if streams().next().is_some() { format!(" ({waiting} waiting)") } else { String::new() };
        return bad(WHAT, format!("no worker takes the queue `{name}`{waiting}: {start}"));
    }
    let slots: usize = takes().map(|worker| worker.slots).sum();
    let found = format!("queue `{name}`: {waiting} waiting, {leased} with workers of {slots} slots");
    if waiting == 0 { good(WHAT, found) } else { fair(WHAT, format!("{found}: {MORE}, or start more of them")) }
}

/// What helps where there are more tasks than slots.
const MORE: &str = "wait for your turn, give the workers more `engine.slots`";

/// The queue of a server, as its metrics tell: of one with Redis they say how many workers there are, too.
fn of_metrics(metrics: &str) -> Check {
    let metric = |name: &str| {
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.trim().parse::<f64>().ok())
    };
    let depth = metric("sandmill_queue_depth").unwrap_or(0.0);
    match metric("sandmill_queue_workers") {
        Some(0.0) => {
            let start = "start one with `sandmill worker --redis URL`";
            bad(WHAT, format!("the server has no worker ({depth} waiting): {start}"))
        }
        // A queue that no worker ever took is not counted.
        Some(workers) => {
            let advice = "name its Redis with --redis URL to see whether one of them takes this queue";
            fair(WHAT, format!("{depth} waiting, and workers: {workers}: {advice}"))
        }
        None if depth > 0.0 => fair(WHAT, format!("{depth} waiting for a worker of the server: {MORE}")),
        _ => good(WHAT, "no task waits for a worker".into()),
    }
}

#[cfg(test)]
mod tests {
    use sandmill_store::redis::queue::{StreamStats, WorkerStats};

    use super::super::Verdict;
    use super::*;

    fn stats(waiting: u64, queues: &[&str]) -> QueueStats {
        let stream = StreamStats {
            queue: "gpu".into(),
            priority: "normal".into(),
            waiting,
            leased: 2,
            oldest_ms: None,
            oldest_waiting_ms: None,
        };
        let worker = WorkerStats {
            worker: "w".into(),
            host: "h".into(),
            pid: 1,
            version: "0.1.0".into(),
            queues: queues.iter().map(ToString::to_string).collect(),
            slots: 2,
            in_hand: 2,
            heard_ms_ago: 1,
        };
        QueueStats { streams: vec![stream], workers: vec![worker], dead: 0, owner: None }
    }

    #[test]
    fn a_queue_that_nobody_takes_is_bad_and_one_that_is_deep_is_fair() {
        let nobody = of_stats("gpu", &stats(3, &["default"]));
        assert!(nobody.verdict == Verdict::Bad && nobody.found.contains("--queue gpu"), "{}", nobody.found);
        let deep = of_stats("gpu", &stats(3, &["default", "gpu"]));
        assert!(deep.verdict == Verdict::Fair && deep.found.contains("3 waiting"), "{}", deep.found);
        assert!(of_stats("gpu", &stats(0, &["gpu"])).verdict == Verdict::Good);
    }

    #[test]
    fn metrics_of_a_server_tell_how_its_queue_is() {
        assert!(of_metrics("sandmill_queue_depth 0\n").verdict == Verdict::Good);
        assert!(of_metrics("sandmill_queue_depth 7\n").verdict == Verdict::Fair);
        assert!(of_metrics("sandmill_queue_depth 0\nsandmill_queue_workers 2\n").found.contains("--redis URL"));
        assert!(of_metrics("sandmill_queue_depth 7\nsandmill_queue_workers 0\n").verdict == Verdict::Bad);
    }
}
