//! Cancellation, suspension, recovery, and the time that nobody may take.

use super::kit::{End, World, value};
use crate::machine::{Event, Settings};
use crate::problem::ErrorKind;
use crate::time::{Millis, Timestamp};

const HOLD: &str = r#"[{"c":{"call":"c","with":{"hold":1}}},{"d":{"call":"d","with":{"n":2}}}]"#;

fn complete(world: &mut World, task: u32, attempt: u32) {
    world.open.remove(&task);
    world.tell(Event::TaskCompleted { task, attempt, output: value("1") });
}

#[test]
fn a_cancelled_execution_interrupts_its_tasks_and_ignores_what_they_say() {
    let mut world = World::start(HOLD, "0");
    world.tell(Event::CancelRequested);
    assert_eq!(world.end, Some(End::Cancelled));
    assert_eq!(world.cancelled_tasks, [0]);
    assert_eq!(world.machine.tasks_in_flight().count(), 1, "its guest has not stopped yet");
    world.tell(Event::TaskCompleted { task: 0, attempt: 1, output: value("1") });
    world.tell(Event::CancelRequested);
    assert_eq!(world.machine.tasks_in_flight().count(), 0);
    assert_eq!(world.end(), End::Cancelled);
}

#[test]
fn a_suspended_execution_takes_results_and_dispatches_nothing() {
    let mut world = World::start(HOLD, "0");
    world.tell(Event::SuspendRequested);
    complete(&mut world, 0, 1);
    assert_eq!(world.calls(), ["c"]);
    world.tell(Event::ResumeRequested);
    assert_eq!(world.calls(), ["c", "d"]);
    world.output();
}

#[test]
fn the_clock_of_a_timeout_stands_still_while_suspended() {
    let mut world = World::start(r#"[{"c":{"call":"c","with":{"hold":1},"timeout":{"after":{"seconds":10}}}}]"#, "0");
    world.now = world.now.after(Millis(4_000));
    world.tell(Event::SuspendRequested);
    assert_eq!(world.machine.poll_timeout(), None);
    world.now = world.now.after(Millis(3_600_000));
    world.tell(Event::ResumeRequested);
    assert_eq!(world.sleep_until_end(), [6_000]);
    assert!(world.fault().is(ErrorKind::Timeout));
}

#[test]
fn a_wait_that_came_due_while_suspended_is_over_on_resume() {
    let mut world = World::start(r#"[{"w":{"wait":{"seconds":10}}}]"#, "3");
    world.tell(Event::SuspendRequested);
    world.now = world.now.after(Millis(60_000));
    world.tell(Event::ResumeRequested);
    assert_eq!(world.sleep_until_end(), [0]);
    assert_eq!(world.output(), value("3"));
}

#[test]
fn after_the_host_was_away_its_tasks_are_dispatched_again() {
    let mut world = World::start(HOLD, "0");
    let from = world.now;
    world.now = world.now.after(Millis(1_000));
    world.tell(Event::Recovered { from });
    let attempts: Vec<_> =
        world.dispatched.iter().map(|(dispatch, _)| (dispatch.id.number, dispatch.attempt)).collect();
    assert_eq!(attempts, [(0, 1), (0, 2)]);
    assert_eq!(world.dispatched[0].0.idempotency_key, world.dispatched[1].0.idempotency_key);
    complete(&mut world, 0, 2);
    world.output();
}

#[test]
fn a_workflow_without_a_timeout_is_bounded_by_its_active_time() {
    let settings = Settings { active_ms_max: Millis(60_000), ..Settings::default() };
    let tasks =
        r#"[{"c":{"call":"c","with":{"hold":1}}},{"w":{"wait":{"hours":5}}},{"d":{"call":"d","with":{"hold":1}}}]"#;
    let mut world = World::start_with(tasks, "0", settings);
    world.now = world.now.after(Millis(20_000));
    complete(&mut world, 0, 1);
    assert_eq!(world.sleep(), 5 * 3_600_000, "waiting is not being active");
    let away_from = world.now.after(Millis(10_000));
    world.now = world.now.after(Millis(3_600_000));
    world.tell(Event::Recovered { from: away_from });
    assert_eq!(world.sleep_until_end(), [30_000], "60 s less 20 s before the wait and 10 s before the downtime");
    assert!(world.fault().is(ErrorKind::Timeout));
    assert_eq!(world.cancelled_tasks.len(), 1);
}

#[test]
fn time_never_goes_back() {
    let mut world = World::start(HOLD, "0");
    let before = world.machine.now();
    world.now = Timestamp(5);
    complete(&mut world, 0, 1);
    assert_eq!(world.machine.now(), before);
}

#[test]
fn timers_and_tasks_that_nobody_knows_change_nothing() {
    let mut world = World::start(HOLD, "0");
    for event in [
        Event::TimerFired { timer: crate::machine::TimerId(99) },
        Event::TaskCompleted { task: 99, attempt: 1, output: value("1") },
        Event::TaskCompleted { task: 0, attempt: 9, output: value("1") },
        Event::TaskStopped { task: 0 },
        Event::ResumeRequested,
    ] {
        world.tell(event);
        assert_eq!(world.machine.transitions(), 0);
    }
    assert_eq!(world.end, None);
    world.check_replay();
}

#[test]
fn the_slot_of_a_cancelled_task_is_free_once_its_guest_has_stopped() {
    let settings = Settings { open_tasks_max: 1, ..Settings::default() };
    let tasks = r#"[{"t":{"try":[{"c":{"call":"c","with":{"hold":1},"timeout":{"after":{"seconds":5}}}}],"catch":{}}},
                    {"d":{"call":"d","with":{"n":2}}}]"#;
    let mut world = World::start_with(tasks, "0", settings);
    world.sleep();
    assert_eq!(world.cancelled_tasks, [1]);
    assert_eq!(world.calls(), ["c"], "the one slot is still taken");
    world.tell(Event::TaskStopped { task: 1 });
    assert_eq!(world.calls(), ["c", "d"]);
    world.output();
}

#[test]
fn a_guest_that_was_being_stopped_is_gone_after_the_host_was_away() {
    let settings = Settings { open_tasks_max: 1, ..Settings::default() };
    let tasks = r#"[{"t":{"try":[{"c":{"call":"c","with":{"hold":1},"timeout":{"after":{"seconds":5}}}}],"catch":{}}},
                    {"d":{"call":"d","with":{"n":2}}}]"#;
    let mut world = World::start_with(tasks, "0", settings);
    world.sleep();
    world.tell(Event::Recovered { from: world.now });
    assert_eq!(world.calls(), ["c", "d"]);
    world.output();
}

#[test]
fn a_timeout_that_begins_while_suspended_counts_from_the_resumption() {
    let tasks = r#"[{"c":{"call":"c","with":{"hold":1}}},{"d":{"call":"d","with":{"hold":1},"timeout":{"after":{"seconds":10}}}}]"#;
    let mut world = World::start(tasks, "0");
    world.tell(Event::SuspendRequested);
    world.now = world.now.after(Millis(3_600_000));
    complete(&mut world, 0, 1);
    world.now = world.now.after(Millis(3_600_000));
    world.tell(Event::ResumeRequested);
    assert_eq!(world.sleep_until_end(), [10_000]);
    assert!(world.fault().is(ErrorKind::Timeout));
}

#[test]
fn a_suspended_execution_is_cancelled_without_being_resumed() {
    let mut world = World::start(r#"[{"w":{"wait":{"hours":1}}}]"#, "0");
    world.tell(Event::SuspendRequested);
    world.tell(Event::CancelRequested);
    assert_eq!(world.end(), End::Cancelled);
    assert_eq!(world.machine.poll_timeout(), None);
}
