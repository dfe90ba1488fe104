//! Running again: from a task in the middle, and with what was done before.

use super::kit::{World, value};
use crate::machine::{Origin, Settings};
use crate::problem::ErrorKind;

const TASKS: &str = r#"[{"one":{"call":"one","with":{"n":"${ .n }"},"export":{"as":"${ . }"}}},
    {"pause":{"wait":{"seconds":9}}},
    {"each":{"for":{"in":"${ [1,2,3] }"},"metadata":{"for":{"mode":"map","strategy":"waitAll"}},
             "do":[{"work":{"call":"work","with":{"i":"${ $item }","fail":"${ if $item == 2 and $context.n == 1 then \"x\" else null end }"}}}]}}]"#;

fn again(world: &mut World, origin: Origin) -> World {
    let outputs = world.machine.take_visits().into_iter().collect();
    World::start_again(TASKS, r#"{"n":1}"#, Origin { outputs, ..origin })
}

fn first() -> World {
    let mut world = World::start_keeping_visits(TASKS, r#"{"n":1}"#);
    world.sleep_until_end();
    assert!(world.fault().is(ErrorKind::Communication));
    world
}

#[test]
fn only_what_failed_is_done_again() {
    let mut first = first();
    let second = again(&mut first, Origin::default());
    assert_eq!(second.calls(), ["work"], "neither the first call nor the items that succeeded are called again");
    assert_eq!(second.dispatched[0].1.get("i"), Some(value("2")));
    assert!(second.fault().is(ErrorKind::Communication), "it fails again, for nothing else has changed");
}

#[test]
fn what_was_taken_over_is_taken_once() {
    let tasks = r#"[{"t":{"try":[{"a":{"call":"a","with":{"n":1}}},{"b":{"call":"b","with":{"failUntil":2}}}],"catch":{"retry":{}}}}]"#;
    let mut first = World::start_keeping_visits(
        r#"[{"t":{"try":[{"a":{"call":"a","with":{"n":1}}},{"b":{"call":"b","with":{"fail":"x"}}}],"catch":{"errors":{"with":{"status":1}}}}}]"#,
        "{}",
    );
    first.fault();
    let outputs = first.machine.take_visits().into_iter().collect();
    let mut second = World::start_again(tasks, "{}", Origin { outputs, ..Origin::default() });
    second.sleep_until_end();
    second.output();
    assert_eq!(second.calls(), ["b", "a", "b"], "the second round does everything");
}

#[test]
fn an_execution_begins_at_a_named_task_with_a_given_context() {
    let tasks = r#"[{"a":{"call":"a"}},{"b":{"set":"${ [., $context] }"}}]"#;
    let at = |name: &str, context: Option<&str>| Origin {
        start_at: Some(name.into()),
        context: context.map(value),
        ..Origin::default()
    };
    let world = World::start_again(tasks, "1", at("b", Some("\"given\"")));
    assert_eq!(world.output(), value(r#"[1,"given"]"#));
    let world = World::start_again(tasks, "1", at("b", None));
    assert_eq!(world.output(), value("[1,1]"), "without one the input is the first context");
    assert!(World::start_again(tasks, "1", at("c", None)).fault().is(ErrorKind::Configuration));
}

#[test]
fn the_default_of_the_host_bounds_tasks_that_work_outside() {
    let settings = Settings { task_timeout: Some(crate::time::Millis(4_000)), ..Settings::default() };
    let mut world =
        World::start_with(r#"[{"w":{"wait":{"seconds":9}}},{"a":{"call":"a","with":{"hold":1}}}]"#, "1", settings);
    assert_eq!((world.sleep(), world.sleep()), (9_000, 4_000));
    assert!(world.fault().is(ErrorKind::Timeout));
}
