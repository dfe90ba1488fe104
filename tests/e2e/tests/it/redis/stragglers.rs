//! Workers that are too late: their tasks were given to others meanwhile, and what they bring is refused.

use sandmill_testkit::{Direction, Proxy, RedisSetup};

use super::{COMPLETED, Cluster, QUICK, SHORT, STEADY, lines, rounds, until};

/// One worker of one slot, which has compiled what it runs.
async fn with_one_worker(proxy: Option<&Proxy>) -> Cluster {
    let mut cluster = Cluster::start(RedisSetup::default(), &QUICK, 0).await;
    let url = proxy.map_or_else(|| cluster.redis.url(), Proxy::url);
    cluster.start_worker_behind(&url, 1);
    cluster
}

/// Returns once the one task of an execution was handed out so often.
async fn is_handed_out(cluster: &Cluster, times: usize) {
    let times = times.to_string();
    until("the task is handed out", async || {
        let states = cluster.keys(":state:");
        states.len() == 1 && cluster.redis.cli(&["HGET", &states[0], "epoch"]) == times
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stands_still_for_longer_than_its_lease_is_refused_and_goes_on() {
    for _ in 0..rounds() {
        let mut cluster = with_one_worker(None).await;
        let id = cluster.run(1, SHORT).await;
        cluster.completes(&id, 1).await;
        let id = cluster.run(1, STEADY * 3).await;
        cluster.workers[0].computes().await;
        cluster.workers[0].process.pause();
        cluster.start_worker(1);
        is_handed_out(&cluster, 2).await;
        // The other one computes as long as this one had to.
        cluster.workers[0].process.resume();
        cluster.workers[0].is_refused(1.0).await;
        is_handed_out(&cluster, 2).await;
        cluster.completes(&id, 1).await;
        assert_eq!(cluster.recorded(&id), 1);
        assert_eq!(cluster.workers[1].ledger().len(), 1, "the result is that of the other one");
        // Nobody else is there any more, so what comes is its own to do.
        cluster.workers.remove(1).process.kill();
        let id = cluster.run(3, SHORT).await;
        cluster.completes(&id, 3).await;
        assert_eq!(cluster.workers[0].ledger().keys().filter(|task| task.starts_with(&id)).count(), 3);
    }
}

/// A worker runs a task to its end and cannot say so, while another one runs it, too. Gives the cluster, and the way of the first one.
async fn two_that_run(loops: u64) -> (Cluster, Proxy, String) {
    let mut cluster = Cluster::start(RedisSetup::default(), &QUICK, 0).await;
    let proxy = Proxy::start(cluster.redis.port());
    cluster.start_worker_behind(&proxy.url(), 1);
    proxy.stall_at(Direction::Up, COMPLETED);
    let id = cluster.run(1, loops).await;
    until("the first one has ended it", async || proxy.is_stalled()).await;
    cluster.start_worker(1);
    (cluster, proxy, id)
}

/// Both ran the same attempt with the same key, and one result stands in the journal.
async fn is_one(cluster: &Cluster, id: &str) {
    cluster.completes(id, 1).await;
    assert_eq!(cluster.recorded(id), 1);
    let lines = lines(&cluster.ledgers);
    assert_eq!(lines.values().copied().collect::<Vec<_>>(), [2], "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_that_run_one_task_have_one_key_and_one_result() {
    for _ in 0..rounds() {
        let (cluster, proxy, id) = two_that_run(STEADY * 3).await;
        is_handed_out(&cluster, 2).await;
        proxy.stall(false);
        cluster.workers[0].is_refused(1.0).await;
        is_one(&cluster, &id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_comes_after_that_of_another_worker_changes_nothing() {
    for _ in 0..rounds() {
        let (cluster, proxy, id) = two_that_run(SHORT).await;
        is_one(&cluster, &id).await;
        proxy.stall(false);
        // It may be a result of which nothing is known any more: the engine throws it away.
        until("the first one is free again", async || cluster.workers[0].metric("sandmill_queue_leases").await == 0.0)
            .await;
        until("nothing is left of it", async || {
            cluster.keys(":completions").iter().all(|key| cluster.redis.cli(&["XLEN", key]) == "0")
        })
        .await;
        is_one(&cluster, &id).await;
    }
}
