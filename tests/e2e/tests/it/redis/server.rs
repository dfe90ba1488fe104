//! A Redis that forgets, dies, stalls and is full in the middle of a run: everything completes all the same.

use sandmill_testkit::{AppendOnly, RedisSetup};

use super::{Cluster, QUICK, SHORT, moment, rounds, until};

/// Tasks of a run.
const ITEMS: usize = 300;

/// What happens to Redis, and how it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It forgets everything, and goes on.
    Flush,
    /// It dies, and has its log when it is back.
    Restart,
    /// It dies, and so does its disk.
    Wipe,
    /// It answers nobody for longer than anybody waits.
    Pause,
    /// It has no memory left.
    Full,
}

async fn happens(cluster: &mut Cluster, fault: Fault) {
    match fault {
        Fault::Flush => cluster.redis.flush_all(),
        Fault::Restart | Fault::Wipe => {
            cluster.redis.kill();
            cluster.is_ready(false).await;
            if fault == Fault::Wipe {
                cluster.redis.wipe();
            }
            cluster.redis.restart();
        }
        Fault::Pause => {
            cluster.redis.pause();
            cluster.is_ready(false).await;
            cluster.redis.resume();
        }
        Fault::Full => {
            let refuse = ["CONFIG", "SET", "maxmemory", "1"];
            assert_eq!(cluster.redis.cli(&refuse), "OK");
            cluster.is_ready(false).await;
            assert_eq!(cluster.redis.cli(&["CONFIG", "SET", "maxmemory", "0"]), "OK");
        }
    }
}

/// A run with one such fault in its middle has every result, each once, and the next run is as if nothing had been.
async fn check(append_only: AppendOnly, fault: Fault) {
    for round in 0..rounds() {
        let setup = RedisSetup { append_only, ..RedisSetup::default() };
        let mut cluster = Cluster::start(setup, &QUICK, 2).await;
        let id = cluster.run(ITEMS, SHORT).await;
        cluster.have_run(moment(round, ITEMS / 2)).await;
        happens(&mut cluster, fault).await;
        cluster.completes(&id, ITEMS).await;
        cluster.is_ready(true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_forgets_everything_is_told_again() {
    check(AppendOnly::Always, Fault::Flush).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_dies_and_keeps_its_log_goes_on() {
    check(AppendOnly::Always, Fault::Restart).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_syncs_once_a_second_is_as_good() {
    check(AppendOnly::EverySecond, Fault::Restart).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_comes_back_empty_is_told_again() {
    check(AppendOnly::Always, Fault::Wipe).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_answers_nobody_for_a_while_is_waited_for() {
    check(AppendOnly::Always, Fault::Pause).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_without_memory_is_waited_for() {
    check(AppendOnly::Always, Fault::Full).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_execution_stays_in_redis_once_it_has_ended() {
    let cluster = Cluster::quick().await;
    let id = cluster.run(50, SHORT).await;
    cluster.completes(&id, 50).await;
    until("everything goes", async || cluster.redis.cli(&["KEYS", &format!("*{id}*")]).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_its_redis_is_not_ready_and_says_why() {
    let mut cluster = Cluster::quick().await;
    cluster.is_ready(true).await;
    cluster.redis.kill();
    cluster.is_ready(false).await;
    // What is asked meanwhile is taken, and done later.
    let id = cluster.run(3, SHORT).await;
    cluster.redis.restart();
    cluster.is_ready(true).await;
    cluster.completes(&id, 3).await;
}
