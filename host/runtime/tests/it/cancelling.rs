//! Cancelled guests stop, whatever they do.

use sandmill_engine::ports::Runner as _;

use crate::kit::{Bench, completed, component, json, message, options, stopped, task_id, tenant};
use crate::text::Parts;

/// Guests that never end by themselves, or not soon.
const ENDLESS: [&str; 3] = [
    r#"{"do":"spin","announce":true}"#,
    r#"{"do":"sleep","count":60000,"announce":true}"#,
    r#"{"do":"wait-for-cancel","announce":true}"#,
];

#[tokio::test]
async fn every_kind_of_guest_stops() {
    let bench = Bench::new(&options());
    let guests = bench.add(&component("guests"));
    for (number, config) in (0..).zip(ENDLESS) {
        let running = bench.start(message(guests, number, config));
        bench.seen.reports(number as usize + 1).await;
        bench.cancel(number);
        stopped(running.await.unwrap());
    }
    assert_eq!(bench.runtime.live_tasks(), 0);
}

#[tokio::test]
async fn a_guest_that_never_gets_past_its_start_stops() {
    let bench = Bench::new(&options());
    let parts = Parts { core: "(func $start (loop (br 0))) (start $start)".into(), ..Parts::default() };
    let stuck = bench.add(&parts.build());
    let running = bench.start(message(stuck, 0, "{}"));
    while bench.runtime.live_tasks() == 0 {
        tokio::task::yield_now().await;
    }
    bench.cancel(0);
    stopped(running.await.unwrap());
}

#[tokio::test]
async fn a_guest_that_floods_or_calls_without_end_stops() {
    let bench = Bench::new(&crate::kit::limited(sandmill_runtime::TaskLimits {
        host_calls: u64::MAX,
        log_bytes: u64::MAX,
        ..Default::default()
    }));
    let guests = bench.add(&component("guests"));
    for (number, behaviour) in (0..).zip(["call-forever", "log-forever"]) {
        let running = bench.start(message(guests, number, &format!(r#"{{"do":"{behaviour}","announce":true}}"#)));
        bench.seen.reports(number as usize + 1).await;
        bench.cancel(number);
        stopped(running.await.unwrap());
    }
}

#[tokio::test]
async fn a_cancelled_guest_has_a_grace_to_leave_in_order() {
    let bench = Bench::new(&options());
    let guests = bench.add(&component("guests"));
    let running = bench.start(message(guests, 0, r#"{"do":"wait-for-cancel","announce":true}"#));
    bench.seen.reports(1).await;
    bench.cancel(0);
    stopped(running.await.unwrap());
    assert_eq!(bench.seen.messages(), ["left in order"]);
}

#[tokio::test]
async fn a_task_that_waits_for_room_is_cancelled_at_once() {
    let bench = Bench::new(&sandmill_runtime::RuntimeOptions { live_tasks_max: 1, ..options() });
    let guests = bench.add(&component("guests"));
    let holder = bench.start(message(guests, 0, ENDLESS[0]));
    bench.seen.reports(1).await;
    let waiting = bench.start(message(guests, 1, ENDLESS[0]));
    while bench.runtime.live_tasks() < 2 {
        tokio::task::yield_now().await;
    }
    bench.cancel(1);
    stopped(waiting.await.unwrap());
    assert!(!holder.is_finished());
    bench.cancel(0);
    stopped(holder.await.unwrap());
}

#[tokio::test]
async fn a_cancellation_that_comes_before_its_task_is_kept() {
    let bench = Bench::new(&options());
    bench.cancel(0);
    stopped(bench.behave(ENDLESS[0]).await);
    assert_eq!(completed(bench.behave(r#"{"do":"counter"}"#).await), json("1"), "it counts once");
}

#[tokio::test]
async fn another_tenant_cannot_cancel() {
    let bench = Bench::new(&options());
    let guests = bench.add(&component("guests"));
    let running = bench.start(message(guests, 0, r#"{"do":"wait-for-cancel","announce":true}"#));
    bench.seen.reports(1).await;
    bench.runtime.cancel(&tenant("other"), task_id(0));
    assert_eq!(bench.runtime.live_tasks(), 1);
    assert!(bench.seen.messages().is_empty());
    bench.cancel(0);
    stopped(running.await.unwrap());
}

#[tokio::test]
async fn a_later_attempt_ends_the_one_before() {
    let bench = Bench::new(&options());
    let guests = bench.add(&component("guests"));
    let before = bench.start(message(guests, 0, ENDLESS[0]));
    bench.seen.reports(1).await;
    assert_eq!(completed(bench.run(message(guests, 0, r#"{"do":"counter"}"#)).await), json("1"));
    stopped(before.await.unwrap());
}
