//! Engines that are killed while their tasks run elsewhere, and a second one where one is enough.

use crate::kit::{Server, data};

use sandmill_testkit::RedisSetup;

use super::{Cluster, LONG, QUICK, SHORT, STEADY, each_once, moment, rounds, until};

#[tokio::test(flavor = "multi_thread")]
async fn no_task_runs_again_because_the_engine_was_killed() {
    for round in 0..rounds() {
        let mut cluster = Cluster::quick().await;
        let id = cluster.run(30, LONG).await;
        let moment = moment(round, 10);
        cluster.have_run(moment).await;
        cluster.server.take().unwrap().kill();
        // The workers go on meanwhile.
        cluster.have_run(moment + 4).await;
        cluster.start_server();
        cluster.completes(&id, 30).await;
        each_once(&cluster.ran());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_killed_while_redis_is_away_loses_nothing() {
    for round in 0..rounds() {
        let mut cluster = Cluster::quick().await;
        let id = cluster.run(60, SHORT * 10).await;
        cluster.have_run(moment(round, 20)).await;
        cluster.redis.kill();
        cluster.is_ready(false).await;
        cluster.server.take().unwrap().kill();
        cluster.start_server();
        cluster.is_ready(false).await;
        cluster.redis.restart();
        cluster.completes(&id, 60).await;
        cluster.is_ready(true).await;
    }
}

/// Tasks that are in Redis and with workers when the engine dies, of more than there are.
const OUTSTANDING: usize = 500;
const MANY: usize = 600;

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_tasks_outlive_their_engine() {
    for _ in 0..rounds() {
        let settings = [QUICK.as_slice(), &["queue.waiting-per-slot=200"]].concat();
        let mut cluster = Cluster::start(RedisSetup::default(), &settings, 2).await;
        // While these run, the engine learns how many tasks the workers take.
        let first = cluster.run(8, STEADY).await;
        let many = cluster.run(MANY, SHORT).await;
        until("the tasks are in Redis", async || cluster.in_stream() >= OUTSTANDING).await;
        cluster.server.take().unwrap().kill();
        assert!(cluster.in_stream() >= OUTSTANDING, "they were there when it died");
        cluster.have_run(100).await;
        cluster.start_server();
        cluster.completes(&many, MANY).await;
        cluster.completes(&first, 8).await;
        each_once(&cluster.ran());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_engine_on_a_prefix_is_told_who_has_it() {
    let cluster = Cluster::quick().await;
    let (_folder, other) = data();
    let url = cluster.redis.url();
    let failure = Server::try_start(&other, &cluster.server_arguments(&url)).err().unwrap();
    assert_eq!(failure.code, Some(1), "{failure:?}");
    let holder = format!("process {}", cluster.server().process.id());
    assert!(failure.stderr.contains("another engine has the prefix `sandmill`"), "{failure:?}");
    assert!(failure.stderr.contains(&holder), "{failure:?}");
    // The one that was there first goes on.
    let id = cluster.run(3, SHORT).await;
    cluster.completes(&id, 3).await;
}
