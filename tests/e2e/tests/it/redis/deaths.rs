//! A worker that is killed at each step of the life of a task: another one does what is left to do, and no more.
//!
//! A proxy holds back the very request that comes next, or its answer, and then the process is killed.

use std::collections::BTreeMap;

use sandmill_testkit::{Direction, Proxy, RedisSetup};

use super::{COMPLETED, Cluster, QUICK, SHORT, STEADY, lines, rounds, until};

/// What is held back when the worker is killed.
struct Step {
    direction: Direction,
    request: &'static [u8],
}

/// How often a task of which a worker died has run in the end.
async fn check(step: Option<Step>, runs: usize) {
    for _ in 0..rounds() {
        let mut cluster = Cluster::start(RedisSetup::default(), &QUICK, 0).await;
        let proxy = Proxy::start(cluster.redis.port());
        cluster.start_worker_behind(&proxy.url(), 1);
        let loops = if step.is_some() { SHORT } else { STEADY };
        if let Some(Step { direction, request }) = &step {
            if *direction == Direction::Down {
                // A script that Redis does not know yet is sent twice, and only then carried out.
                let id = cluster.run(1, SHORT).await;
                cluster.completes(&id, 1).await;
            }
            proxy.stall_at(*direction, request);
        }
        let id = cluster.run(1, loops).await;
        match &step {
            Some(_) => until("the worker comes to that", async || proxy.is_stalled()).await,
            None => cluster.workers[0].computes().await,
        }
        cluster.workers.remove(0).process.kill();
        cluster.start_worker(1);
        cluster.completes(&id, 1).await;
        let lines: BTreeMap<_, _> =
            lines(&cluster.ledgers).into_iter().filter(|(line, _)| line.starts_with(&id)).collect();
        assert_eq!(lines.values().copied().collect::<Vec<_>>(), [runs], "{lines:?}");
        assert_eq!(cluster.recorded(&id), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn before_it_has_read_the_config() {
    check(Some(Step { direction: Direction::Up, request: b":task:" }), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_it_has_the_component() {
    check(Some(Step { direction: Direction::Up, request: b":component:" }), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_guest_runs() {
    check(None, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_its_result_is_in_redis() {
    check(Some(Step { direction: Direction::Up, request: COMPLETED }), 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_it_learns_that_its_result_is_in_redis() {
    check(Some(Step { direction: Direction::Down, request: COMPLETED }), 1).await;
}
