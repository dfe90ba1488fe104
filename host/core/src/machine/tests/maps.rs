//! Parallel maps: windows, order, and what a failed item does to the others.

use super::kit::{World, check, value};
use crate::machine::{Event, Settings};

fn map(options: &str, with: &str) -> String {
    format!(
        r#"[{{"m":{{"for":{{"in":"${{ .items }}"}},"metadata":{{"for":{{"mode":"map"{options}}}}},"do":[{{"c":{{"call":"c","with":{with}}}}}]}}}}]"#
    )
}

const ONE_FAILS: &str = r#"{"n":"${ $item }","fail":"${ if $item == 2 then \"x\" else null end }"}"#;

#[test]
fn outputs_are_in_the_order_of_items_and_each_item_gets_the_input_of_the_map() {
    let tasks = map("", r#"{"n":"${ $item * 10 }","at":"${ $index }","sees":"${ .items | length }"}"#);
    check(&tasks, r#"{"items":[1,2]}"#, r#"[{"n":10,"at":0,"sees":2},{"n":20,"at":1,"sees":2}]"#);
    check(&tasks, r#"{"items":[]}"#, "[]");
}

#[test]
fn no_more_items_are_in_flight_than_the_window_allows() {
    let mut world = World::start(&map(r#","concurrency":3"#, r#"{"hold":true}"#), r#"{"items":[1,2,3,4,5]}"#);
    for expected_open in [3, 3, 3, 2, 1] {
        assert_eq!(world.open.len(), expected_open);
        let (task, dispatch) = world.open.pop_first().unwrap();
        world.tell(Event::TaskCompleted { task, attempt: dispatch.attempt, output: value("1") });
    }
    assert_eq!(world.output(), value("[1,1,1,1,1]"));
}

#[test]
fn the_window_of_the_driver_holds_back_what_the_map_would_allow() {
    let settings = Settings { open_tasks_max: 2, ..Settings::default() };
    let mut world = World::start_with(&map("", r#"{"hold":true}"#), r#"{"items":[1,2,3,4,5]}"#, settings);
    let mut widest = 0;
    while let Some((task, dispatch)) = world.open.pop_first() {
        widest = widest.max(world.open.len() + 1);
        world.tell(Event::TaskCompleted { task, attempt: dispatch.attempt, output: value("1") });
    }
    assert_eq!(widest, 2);
    assert_eq!(world.output(), value("[1,1,1,1,1]"));
}

#[test]
fn a_task_reads_its_item_its_index_and_the_shared_context() {
    let world = World::start(&map("", r#"{"n":1}"#), r#"{"items":["a","b"]}"#);
    world.check_replay();
    let (dispatch, _) = &world.dispatched[1];
    assert_eq!(dispatch.context.item(), Some((&value(r#""b""#), 1)));
    assert_eq!(dispatch.context.variables(), value(r#"{"item":"b","index":1}"#));
    assert_eq!(dispatch.context.context(), &value(r#"{"items":["a","b"]}"#));
}

#[test]
fn every_item_has_an_idempotency_key_of_its_own() {
    let world = World::start(&map("", r#"{"n":1}"#), r#"{"items":[1,1,1]}"#);
    let mut keys: Vec<_> = world.dispatched.iter().map(|(dispatch, _)| dispatch.idempotency_key.0).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 3);
}

#[test]
fn fail_fast_cancels_what_runs_and_names_the_item() {
    let world = World::start(
        &map("", r#"{"hold":"${ if $item == 1 then 1 else null end }","fail":"x"}"#),
        r#"{"items":[2,2]}"#,
    );
    let problem = world.fault();
    assert_eq!(problem.data.and_then(|data| data.get("index")), Some(value("0")));
}

#[test]
fn wait_all_waits_and_then_faults_with_every_failure() {
    let world = World::start(&map(r#","strategy":"waitAll""#, ONE_FAILS), r#"{"items":[1,2,3,2]}"#);
    assert_eq!(world.dispatched.len(), 4);
    let data = world.fault().data.unwrap();
    assert_eq!(data.get("index"), Some(value("1")));
    assert_eq!(data.pointer("/failures/1/index"), Some(value("3")));
}

#[test]
fn best_effort_never_faults_and_says_what_failed() {
    let output = World::start(&map(r#","strategy":"bestEffort""#, ONE_FAILS), r#"{"items":[1,2]}"#).output();
    assert_eq!(output.pointer("/0/n"), Some(value("1")));
    assert_eq!(output.pointer("/1/index"), Some(value("1")));
    assert_eq!(output.pointer("/1/error/status"), Some(value("500")));
}

#[test]
fn at_least_n_is_content_with_n_and_faults_when_they_are_out_of_reach() {
    let tasks = |n: u32| map(&format!(r#","strategy":"atLeast:{n}","concurrency":1"#), ONE_FAILS);
    let output = World::start(&tasks(1), r#"{"items":[2,1,1]}"#).output();
    assert_eq!(output.pointer("/1/n"), Some(value("1")));
    assert_eq!(output.pointer("/2/error/title"), Some(value(r#""Not finished""#)));
    let world = World::start(&tasks(2), r#"{"items":[2,2,1]}"#);
    assert_eq!(world.fault().data.and_then(|data| data.get("index")), Some(value("0")));
    assert_eq!(world.dispatched.len(), 2, "the third could not help any more");
}

#[test]
fn batches_hold_up_to_n_items_and_the_last_may_be_short() {
    let tasks = map(r#","batch":2"#, r#"{"n":"${ $item }","at":"${ $index }"}"#);
    check(&tasks, r#"{"items":[1,2,3]}"#, r#"[{"n":[1,2],"at":0},{"n":[3],"at":1}]"#);
}

#[test]
fn without_order_outputs_come_as_they_were_completed() {
    let tasks = map(r#","ordered":false"#, r#"{"hold":true}"#);
    let mut world = World::start(&tasks, r#"{"items":[1,2]}"#);
    while let Some((task, dispatch)) = world.open.pop_last() {
        world.tell(Event::TaskCompleted { task, attempt: dispatch.attempt, output: value("0") });
    }
    assert_eq!(world.output(), value(r#"[{"index":1,"output":0},{"index":0,"output":0}]"#));
}

#[test]
fn more_successes_than_there_are_items_are_out_of_reach_from_the_start() {
    let tasks = r#"[{"m":{"for":{"in":"${ . }"},"metadata":{"for":{"mode":"map","strategy":"atLeast:3"}},"do":[{"a":{"call":"a"}}]}}]"#;
    assert!(World::start(tasks, "[1,2]").fault().is(crate::problem::ErrorKind::Validation));
    check(tasks, "[]", "[]");
}
