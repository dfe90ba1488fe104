//! Many tasks at a time.

use sandmill_runtime::RuntimeOptions;

use crate::kit::{Bench, completed, component, json, message, options, stopped};
use crate::text::Parts;

#[tokio::test]
async fn the_pool_never_overflows() {
    let bench = Bench::new(&RuntimeOptions { live_tasks_max: 4, ..options() });
    let guests = bench.add(&component("guests"));
    let tasks: Vec<_> =
        (0..16).map(|number| bench.start(message(guests, number, r#"{"do":"sleep","count":3}"#))).collect();
    for task in tasks {
        assert!(completed(task.await.unwrap()).is_null());
    }
}

#[tokio::test]
async fn components_of_many_memories_and_tables_fit_by_taking_more_room() {
    let bench = Bench::new(&RuntimeOptions { live_tasks_max: 4, ..options() });
    let many = |item: &str, count| Parts { core: item.repeat(count), ..Parts::default() }.build();
    let memories = bench.add(&many("(memory 1)", 3));
    let tables = bench.add(&many("(table 1 funcref)", 16));
    let tasks: Vec<_> = (0..16)
        .map(|number| bench.start(message(if number % 2 == 0 { memories } else { tables }, number, "{}")))
        .collect();
    for task in tasks {
        assert!(completed(task.await.unwrap()).is_null());
    }
    let reason = bench.inspect(many("(memory 1)", 4)).await.unwrap_err().to_string();
    assert!(reason.contains("needs the room of 5 tasks, and this host has room for 4"), "{reason}");
}

#[tokio::test]
async fn a_spinning_guest_does_not_hold_up_others() {
    let bench = Bench::new(&options());
    let guests = bench.add(&component("guests"));
    let spin = r#"{"do":"spin","announce":true}"#;
    let spinners = [0, 1].map(|number| bench.start(message(guests, number, spin)));
    bench.seen.reports(2).await;
    for number in 100..200 {
        assert_eq!(completed(bench.run(message(guests, number, r#"{"do":"counter"}"#)).await), json("1"));
    }
    for (number, spinner) in (0..).zip(spinners) {
        assert!(!spinner.is_finished());
        bench.cancel(number);
        stopped(spinner.await.unwrap());
    }
}

#[tokio::test]
async fn who_stops_waiting_for_a_task_ends_it() {
    let bench = Bench::new(&options());
    let guests = bench.add(&component("guests"));
    let running = bench.start(message(guests, 0, r#"{"do":"spin","announce":true}"#));
    bench.seen.reports(1).await;
    running.abort();
    while bench.runtime.live_tasks() > 0 {
        tokio::task::yield_now().await;
    }
}
