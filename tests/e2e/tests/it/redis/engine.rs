//! Engines that are killed while their tasks run elsewhere, and a second one where one is enough.

use crate::kit::{Server, data};

use super::{Cluster, LONG, SHORT, each_once, moment, rounds};

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
        let url = cluster.redis.url();
        let failure = Server::try_start(&cluster.data, &cluster.server_arguments(&url)).err().unwrap();
        assert!(failure.code != Some(0) && failure.stderr.contains("Redis"), "{failure:?}");
        cluster.redis.restart();
        cluster.start_server();
        cluster.completes(&id, 60).await;
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
