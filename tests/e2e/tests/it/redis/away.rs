//! Servers and workers that are started while Redis is away, or is not the one that they may use.

use sandmill_testkit::{RedisServer, RedisSetup};
use serde_json::json;

use crate::kit::{DidNotStart, Process, Server, data, sandmill};

use super::{CROWD, Cluster, QUICK, SHORT, each_once, until};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_started_before_its_redis_waits_for_it() {
    let mut cluster = Cluster::prepare(RedisSetup::default(), &QUICK);
    cluster.redis.kill();
    cluster.begin(2).await;
    cluster.is_ready(false).await;
    let (_, problem) = cluster.server().get("/readyz").await;
    assert!(problem["detail"].as_str().unwrap().starts_with("Redis cannot be reached"), "{problem}");
    // What is asked meanwhile is taken, and done later.
    let id = cluster.run(20, SHORT).await;
    let mut leaving = cluster.workers.remove(0);
    until("it says what it waits for", async || leaving.process.said().contains("Redis is away")).await;
    leaving.process.terminate();
    assert_eq!(leaving.process.ended(), Some(0));
    assert_eq!(leaving.process.said().matches("Redis is away").count(), 1, "{}", leaving.process.said());
    cluster.redis.restart();
    cluster.is_ready(true).await;
    cluster.completes(&id, 20).await;
    each_once(&cluster.ran());
    let said = cluster.server().process.said();
    assert!(!said.contains("has lost what it held"), "a Redis that was never seen has lost nothing: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_worker_of_its_own_waits_and_stops_as_well() {
    let mut cluster = Cluster::prepare(RedisSetup::default(), &QUICK);
    cluster.redis.kill();
    let url = cluster.url();
    let arguments: Vec<_> =
        cluster.server_arguments(&url).into_iter().filter(|argument| *argument != "--no-local-worker").collect();
    let mut server = Server::start(&cluster.data, &arguments);
    server.register("witness").await;
    server.deploy(CROWD).await;
    cluster.server = Some(server);
    let id = cluster.run(3, SHORT).await;
    server = cluster.server.take().unwrap();
    server.terminate();
    assert_eq!(server.ended(), Some(0));
    cluster.server = Some(Server::start(&cluster.data, &arguments));
    cluster.is_ready(false).await;
    cluster.redis.restart();
    assert_eq!(cluster.server().ended_execution(&id).await["output"], json!([1, 2, 3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_learns_who_has_its_prefix_when_redis_is_back() {
    let settings =
        QUICK.map(|setting| if setting.starts_with("queue.owner-lease") { "queue.owner-lease=40s" } else { setting });
    let mut cluster = Cluster::start(RedisSetup::default(), &settings, 1).await;
    cluster.redis.kill();
    let (_folder, other) = data();
    let url = cluster.url();
    let mut second = Server::start(&other, &cluster.server_arguments(&url));
    cluster.redis.restart();
    assert_eq!(second.ended(), Some(1));
    let holder = format!("process {}", cluster.server().process.id());
    until("it says who", async || second.process.said().contains(&holder)).await;
    assert!(second.process.said().contains("another engine has the prefix `sandmill`"), "{}", second.process.said());
    // The one that was there first goes on.
    let id = cluster.run(3, SHORT).await;
    cluster.completes(&id, 3).await;
}

/// Neither a server nor a worker starts with that, and each says why.
#[track_caller]
fn refused(arguments: &[&str], code: i32, reason: &str) {
    let (folder, data) = data();
    let server = Server::try_start(&data, arguments).err();
    let mut worker = sandmill(&["worker"]);
    worker.args(arguments).current_dir(folder.path());
    for failure in [server, Process::try_start(worker).err()] {
        let failure = failure.expect("it does not start");
        let DidNotStart { code: Some(ended), stderr } = &failure else { panic!("{failure:?}") };
        assert!(*ended == code && stderr.contains(reason), "{failure:?}");
    }
}

#[test]
fn a_mistake_that_no_waiting_mends_is_told_at_once() {
    let setup = RedisSetup { password: Some("secret".into()), ..RedisSetup::default() };
    let redis = RedisServer::start(setup);
    let address = format!("127.0.0.1:{}", redis.port());
    refused(&["--redis", &format!("redis://{address}")], 1, "Redis refused: NOAUTH");
    refused(&["--redis", &format!("redis://:wrong@{address}")], 1, "Redis refused: WRONGPASS");
    refused(&["--redis", "http://127.0.0.1"], 3, "the settings of Redis are wrong");
}

#[test]
fn a_certificate_that_is_not_trusted_is_told_at_once() {
    let with_tls = RedisServer::start(RedisSetup { tls: true, ..RedisSetup::default() });
    refused(&["--redis", &with_tls.url()], 1, "invalid peer certificate");
}
