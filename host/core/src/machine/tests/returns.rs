//! An engine that was away while its workers were not.

use super::kit::{End, World, value};
use crate::machine::{Event, Settings};
use crate::problem::ErrorKind;
use crate::time::Millis;

const HOLD: &str = r#"[{"c":{"call":"c","with":{"hold":1}}},{"d":{"call":"d","with":{"n":2}}}]"#;

const BOTH: &str = r#"[{"both":{"fork":{"branches":[
    {"a":{"call":"a","with":{"hold":1}}},
    {"b":{"run":{"workflow":{"namespace":"n","name":"child","version":"latest","input":{"hold":1}}}}},
    {"c":{"call":"c","with":{"hold":1}}}]}}}]"#;

/// The engine was away for a second.
fn come_back(world: &mut World) {
    let from = world.now;
    world.now = world.now.after(Millis(1_000));
    world.tell(Event::Returned { from });
}

/// The tasks and attempts that were dispatched, in order.
fn attempts(world: &World) -> Vec<(u32, u32)> {
    world.dispatched.iter().map(|(dispatch, _)| (dispatch.id.number, dispatch.attempt)).collect()
}

#[test]
fn what_workers_have_is_dispatched_again_in_the_same_attempt() {
    let mut world = World::start(HOLD, "0");
    for _ in 0..10 {
        come_back(&mut world);
    }
    assert_eq!(attempts(&world), [(0, 1); 11]);
    let first = &world.dispatched[0].0;
    assert!(world.dispatched.iter().all(|(dispatch, _)| dispatch.idempotency_key == first.idempotency_key));
    world.open.clear();
    world.tell(Event::TaskCompleted { task: 0, attempt: 1, output: value("1") });
    assert_eq!(world.output(), value(r#"{"n":2}"#), "losses do not add up, however often it was away");
}

#[test]
fn a_late_completion_counts_once() {
    let mut world = World::start(HOLD, "0");
    come_back(&mut world);
    world.open.clear();
    world.tell(Event::TaskCompleted { task: 0, attempt: 1, output: value("1") });
    world.tell(Event::TaskCompleted { task: 0, attempt: 1, output: value("2") });
    assert_eq!(world.machine.transitions(), 0, "the second one changes nothing");
    assert_eq!(world.calls(), ["c", "c", "d"]);
    world.output();
}

#[test]
fn calls_and_children_are_asked_for_in_the_order_of_their_numbers() {
    let mut world = World::start(BOTH, "0");
    come_back(&mut world);
    assert_eq!(attempts(&world), [(1, 1), (2, 1), (3, 1), (1, 1), (2, 1), (3, 1)]);
    world.check_replay();
}

#[test]
fn what_waits_for_its_turn_or_its_next_attempt_is_not_dispatched() {
    let settings = Settings { open_tasks_max: 1, ..Settings::default() };
    let tasks = r#"[{"both":{"fork":{"branches":[{"a":{"call":"a","with":{"hold":1}}},{"b":{"call":"b","with":{"hold":1}}}]}}}]"#;
    let mut world = World::start_with(tasks, "0", settings);
    come_back(&mut world);
    assert_eq!(attempts(&world), [(1, 1), (1, 1)], "the other one is in the queue");
    world.tell(Event::TaskLost { task: 1, attempt: 1 });
    come_back(&mut world);
    assert_eq!(attempts(&world), [(1, 1), (1, 1), (2, 1), (2, 1)]);
    let mut world = World::start(r#"[{"a":{"call":"a","with":{"fail":"retryable"}}}]"#, "0");
    come_back(&mut world);
    assert_eq!(attempts(&world), [(0, 1)], "it waits for its second attempt");
}

#[test]
fn a_task_that_is_being_stopped_is_cancelled_again_and_keeps_its_slot() {
    let settings = Settings { open_tasks_max: 1, ..Settings::default() };
    let tasks = r#"[{"t":{"try":[{"c":{"call":"c","with":{"hold":1},"timeout":{"after":{"seconds":5}}}}],"catch":{}}},
                    {"d":{"call":"d","with":{"n":2}}}]"#;
    let mut world = World::start_with(tasks, "0", settings);
    world.sleep();
    come_back(&mut world);
    assert_eq!(world.cancelled_tasks, [1, 1]);
    assert_eq!(world.calls(), ["c"], "the one slot is still taken");
    world.tell(Event::TaskStopped { task: 1 });
    assert_eq!(world.calls(), ["c", "d"]);
    come_back(&mut world);
    assert_eq!(world.cancelled_tasks, [1, 1]);
    world.output();
}

#[test]
fn cancelled_tasks_of_an_execution_that_has_ended_are_cancelled_again() {
    let mut world = World::start(BOTH, "0");
    world.tell(Event::CancelRequested);
    come_back(&mut world);
    assert_eq!(world.cancelled_tasks, [1, 2, 3, 1, 2, 3]);
    world.tell(Event::TaskStopped { task: 1 });
    world.tell(Event::TaskCompleted { task: 3, attempt: 1, output: value("1") });
    come_back(&mut world);
    assert_eq!(world.cancelled_tasks[6..], [2]);
    assert_eq!(world.end(), End::Cancelled);
}

#[test]
fn a_suspended_execution_keeps_what_its_workers_have_and_begins_nothing() {
    let mut world = World::start(HOLD, "0");
    world.tell(Event::SuspendRequested);
    come_back(&mut world);
    assert_eq!(attempts(&world), [(0, 1), (0, 1)]);
    world.open.clear();
    world.tell(Event::TaskCompleted { task: 0, attempt: 1, output: value("1") });
    assert_eq!(world.calls(), ["c", "c"]);
    world.tell(Event::ResumeRequested);
    world.output();
}

#[test]
fn the_time_that_it_was_away_is_not_active_time() {
    let settings = Settings { active_ms_max: Millis(60_000), ..Settings::default() };
    let mut world = World::start_with(HOLD, "0", settings);
    let from = world.now.after(Millis(10_000));
    world.now = world.now.after(Millis(3_600_000));
    world.tell(Event::Returned { from });
    assert_eq!(world.sleep_until_end(), [50_000]);
    assert!(world.fault().is(ErrorKind::Timeout));
}

#[test]
fn where_nothing_is_in_flight_nothing_is_done() {
    let mut world = World::start(r#"[{"w":{"wait":{"hours":1}}}]"#, "0");
    come_back(&mut world);
    assert_eq!((world.dispatched.len(), world.cancelled_tasks.len()), (0, 0));
    world.sleep_until_end();
    world.output();
}
