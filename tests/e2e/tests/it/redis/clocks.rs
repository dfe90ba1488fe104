//! Clocks that are minutes off: of the engine, of its workers, or of Redis, whose time deadlines are told in.

use sandmill_testkit::{OtherClock, RedisSetup};
use serde_json::json;

use crate::kit::{self, sandmill};

use super::{Cluster, LONG, QUICK, SHORT, each_once, rounds, until};

const ITEMS: usize = 60;

/// How far a clock is off, in seconds.
const OFF: i64 = 300;

/// A task with a timeout that it keeps, and one with a timeout that ends it.
const TIMED: &str = "
document: { dsl: '1.0.3', namespace: redis, name: timed, version: '1.0.0' }
do:
  - quick:
      call: 'witness:0.1.0@default'
      with: { number: 1, loops: 3000000 }
      timeout: { after: { seconds: 60 } }
  - endless:
      try:
        - spin:
            call: 'witness:0.1.0@default'
            with: { number: 1, loops: 18000000000000000000 }
            timeout: { after: { seconds: 2 } }
      catch:
        errors: { with: { status: 408 } }
        do:
          - caught: { set: late }
";

/// An engine and workers whose clocks are so many seconds ahead of that of Redis.
async fn check(engine: i64, workers: i64) {
    for _ in 0..rounds() {
        let mut cluster = Cluster::prepare(RedisSetup::default(), &QUICK);
        cluster.clocks = (OtherClock::ahead(engine), OtherClock::ahead(workers));
        cluster.begin(2).await;
        cluster.server().deploy(TIMED).await;
        let id = cluster.run(4, LONG).await;
        until("its records are there", async || !cluster.keys("}:task:").is_empty()).await;
        cluster.keeps_configs();
        cluster.completes(&id, 4).await;
        let id = cluster.run(ITEMS, SHORT).await;
        cluster.completes(&id, ITEMS).await;
        let timed = cluster.server().run(&["trigger", "redis/timed", "--wait", "--json"]);
        assert_eq!(kit::json(&timed), json!("late"), "{timed:?}");
        each_once(&cluster.ran());
        for worker in &cluster.workers {
            assert_eq!(worker.metric("sandmill_queue_redeliveries_total").await, 0.0);
        }
    }
}

impl Cluster {
    /// Every record lives as long as it should by the clock of Redis: a day, and the hour after which it has expired in any case.
    fn keeps_configs(&self) {
        let left: Vec<i64> =
            self.keys("}:task:").iter().map(|key| self.redis.cli(&["TTL", key]).parse().unwrap()).collect();
        let lives = 25 * 60 * 60;
        assert!(!left.is_empty() && left.iter().all(|left| (lives - OFF / 2..=lives).contains(left)), "{left:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_minutes_ahead_and_workers_that_are_behind() {
    check(OFF, -OFF).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_minutes_behind_and_workers_that_are_ahead() {
    check(-OFF, OFF).await;
}

#[test]
fn the_doctor_tells_of_a_clock_that_is_off() {
    let cluster = Cluster::prepare(RedisSetup::default(), &QUICK);
    for (ahead, verdict) in [(0, "good"), (10, "fair"), (OFF, "bad"), (-OFF, "bad")] {
        let clock = OtherClock::ahead(ahead);
        let mut command = sandmill(&["doctor", "--json", "--redis", &cluster.url()]);
        clock.apply(command.current_dir(cluster.data.parent().unwrap()));
        let checks = kit::json(&command.output().unwrap());
        let check = checks.as_array().unwrap().iter().find(|check| check["check"] == "redis-clock").unwrap();
        assert_eq!(check["verdict"], verdict, "{check}");
    }
}
