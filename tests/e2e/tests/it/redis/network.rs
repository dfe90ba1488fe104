//! A network between engine, workers and Redis that is slow, or breaks in the middle of whatever is said.

use std::time::Duration;

use sandmill_testkit::{Direction, Random};

use super::{Cluster, SHORT, STEADY, each_once, rounds, until};

const ITEMS: usize = 100;

/// How often the network breaks, and after how many bytes at most.
const CUTS: u64 = 40;
const BYTES_MAX: u64 = 6_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_network_costs_time_and_no_lease() {
    for _ in 0..rounds() {
        let cluster = Cluster::behind_a_proxy().await;
        cluster.proxy().delay(Duration::from_millis(50));
        // These take longer than a lease, and the others take their turns beside them.
        let long = cluster.run(2, STEADY * 2).await;
        let short = cluster.run(ITEMS, SHORT).await;
        cluster.completes(&short, ITEMS).await;
        cluster.completes(&long, 2).await;
        each_once(&cluster.ran());
        for worker in &cluster.workers {
            assert_eq!(worker.metric("sandmill_queue_redeliveries_total").await, 0.0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_breaks_anywhere_loses_nothing() {
    for round in 0..rounds() {
        let seed = u64::from(std::process::id()) << 8 | round;
        eprintln!("seed {seed}");
        let random = Random::new(seed);
        let cluster = Cluster::behind_a_proxy().await;
        let id = cluster.run(ITEMS, SHORT).await;
        for cut in 0..CUTS {
            let direction = if cut % 2 == 0 { Direction::Up } else { Direction::Down };
            cluster.proxy().cut_at_byte(direction, 1 + random.below(BYTES_MAX));
            until("the network breaks", async || !cluster.proxy().is_to_cut()).await;
        }
        cluster.completes(&id, ITEMS).await;
        assert_eq!(cluster.recorded(&id), ITEMS);
    }
}
