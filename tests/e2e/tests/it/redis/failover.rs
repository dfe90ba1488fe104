//! A replica that takes over without the last writes: counters, epochs and the tasks themselves go back, and everything completes.

use sandmill_testkit::{Proxy, RedisServer, RedisSetup};

use super::{Cluster, SHORT, moment, rounds, until};

const ITEMS: usize = 120;

/// How many tasks run that the replica never hears of.
const UNHEARD: usize = 20;

fn is_in_sync(replica: &RedisServer) -> bool {
    replica.cli(&["INFO", "replication"]).contains("master_link_status:up")
}

/// The primary dies in the middle of a run, and a replica takes over that heard nothing for a while.
async fn check(clock_ahead: i64) {
    for round in 0..rounds() {
        let mut cluster = Cluster::behind_a_proxy().await;
        let between = Proxy::start(cluster.redis.port());
        let setup = RedisSetup { replica_of: Some(between.port()), clock_ahead, ..RedisSetup::default() };
        let replica = RedisServer::start(setup);
        until("the replica has everything", async || is_in_sync(&replica)).await;
        let id = cluster.run(ITEMS, SHORT * 5).await;
        let moment = moment(round, ITEMS / 3);
        cluster.have_run(moment).await;
        between.refuse(true);
        between.cut();
        cluster.have_run(moment + UNHEARD).await;
        cluster.redis.kill();
        // For a while the address leads to one that takes no writes.
        cluster.proxy().lead_to(replica.port());
        cluster.is_ready(false).await;
        assert_eq!(replica.cli(&["REPLICAOF", "NO", "ONE"]), "OK");
        cluster.completes(&id, ITEMS).await;
        cluster.is_ready(true).await;
        assert_eq!(cluster.recorded(&id), ITEMS);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_without_the_last_writes_takes_over() {
    check(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_whose_clock_is_minutes_behind_takes_over() {
    check(-300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_whose_clock_is_minutes_ahead_takes_over() {
    check(300).await;
}
