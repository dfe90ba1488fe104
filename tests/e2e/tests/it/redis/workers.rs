//! Workers that are killed, told to stop, and idle; tasks that are cancelled, and heard, from afar.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use sandmill_testkit::RedisSetup;

use super::{Cluster, LONG, QUICK, SHORT, each_once, moment, rounds, until};

/// What is promised of a cancellation, and how often one is tried: on a busy machine, one of them may take longer for other reasons.
const CANCEL_LIMIT: Duration = Duration::from_secs(1);
const CANCELLATIONS: usize = 3;

/// What a guest that computes for ever may use up.
const ENDLESS: [&str; 2] = ["task.cpu-time=5m", "task.wall-time=5m"];

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_costs_nothing_but_the_tasks_that_it_had() {
    for round in 0..rounds() {
        let mut cluster = Cluster::quick().await;
        let id = cluster.run(30, LONG).await;
        let moment = moment(round, 5);
        until("the first worker runs tasks", async || cluster.workers[0].ledger().len() >= moment).await;
        cluster.workers.remove(0).process.kill();
        cluster.completes(&id, 30).await;
        // Only what the killed one had may run again, and that once.
        each_once(&cluster.workers[0].ledger());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_stop_ends_what_it_runs_and_leaves_the_rest() {
    for round in 0..rounds() {
        let mut cluster = Cluster::quick().await;
        let id = cluster.run(30, LONG).await;
        let moment = moment(round, 5);
        until("the first worker runs tasks", async || cluster.workers[0].ledger().len() >= moment).await;
        let mut leaving = cluster.workers.remove(0);
        leaving.process.terminate();
        assert_eq!(leaving.process.ended(), Some(0));
        cluster.completes(&id, 30).await;
        each_once(&cluster.ran());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_spins_elsewhere_is_stopped_when_it_is_cancelled() {
    let mut cluster = Cluster::start(RedisSetup::default(), &ENDLESS, 0).await;
    cluster.start_worker(1);
    let mut took = Vec::new();
    for _ in 0..CANCELLATIONS {
        // What it has to compile is compiled then, and the one slot is free.
        let id = cluster.run(1, SHORT).await;
        cluster.completes(&id, 1).await;
        let id = cluster.run(1, u64::MAX).await;
        cluster.workers[0].computes().await;
        let began = Instant::now();
        let cancel = cluster.server().request(Method::POST, &format!("/v1/executions/{id}/cancel"));
        assert_eq!(cluster.server().answer(cancel).await.0, StatusCode::ACCEPTED);
        assert_eq!(cluster.server().ended_execution(&id).await["status"], "cancelled");
        // The guest is gone, and not only its execution.
        let id = cluster.run(1, SHORT).await;
        cluster.completes(&id, 1).await;
        took.push(began.elapsed());
    }
    eprintln!("from the wish to cancel to the end of another task in the same slot: {took:?}");
    assert!(took.iter().any(|took| *took < CANCEL_LIMIT), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_task_logs_elsewhere_is_seen_in_its_log() {
    let cluster = Cluster::quick().await;
    let id = cluster.run(3, SHORT).await;
    cluster.completes(&id, 3).await;
    // Lines are written to the log by a thread of their own, which may be a moment behind.
    until("three lines are in the log", async || {
        let output = cluster.server().run(&["logs", &id]);
        String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.contains("ran")).count() == 3
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_worker_costs_nothing() {
    let cluster = Cluster::start(RedisSetup::default(), &[], 2).await;
    let id = cluster.run(5, SHORT).await;
    cluster.completes(&id, 5).await;
    // What a task leaves to do is done within one of these.
    for _ in 0..3 {
        let before: Vec<u64> = cluster.workers.iter().map(super::Worker::cpu_ticks).collect();
        tokio::time::sleep(Duration::from_secs(5)).await;
        let used = cluster.workers.iter().zip(&before).map(|(worker, before)| worker.cpu_ticks() - before);
        let used: Vec<u64> = used.collect();
        eprintln!("hundredths of a second that idle workers used in 5 s: {used:?}");
        // One hundredth of a core.
        if used.iter().all(|ticks| *ticks <= 5) {
            return;
        }
    }
    panic!("idle workers use more than a hundredth of a core");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_comes_later_takes_its_share() {
    let mut cluster = Cluster::start(RedisSetup::default(), &QUICK, 1).await;
    let id = cluster.run(40, LONG).await;
    cluster.have_run(1).await;
    cluster.start_worker(2);
    cluster.completes(&id, 40).await;
    assert!(!cluster.workers[1].ledger().is_empty(), "the second worker ran nothing");
    each_once(&cluster.ran());
}
