//! `run.workflow`: what is asked for, what comes of it, and what a restart does to it.

use super::kit::{World, value};
use crate::machine::{Event, Target};
use crate::problem::{ErrorKind, Problem};

const RUN: &str =
    r#"[{"a":{"run":{"workflow":{"namespace":"n","name":"child","version":"latest","input":{"hold":1}}}}}]"#;

#[test]
fn a_child_is_asked_for_by_name_and_its_output_is_that_of_the_task() {
    let tasks =
        r#"[{"a":{"run":{"workflow":{"namespace":"n","name":"child","version":"1.0.0","input":{"x":"${ .y }"}}}}}]"#;
    let world = World::start(tasks, r#"{"y":5}"#);
    assert_eq!(world.output(), value(r#"{"x":5}"#));
    let Target::Workflow(child) = &world.dispatched[0].0.target else { panic!("a workflow is to be run") };
    assert_eq!((&*child.namespace, &*child.name, child.version.as_deref()), ("n", "child", Some("1.0.0")));
    assert!(child.is_awaited);
}

#[test]
fn a_child_that_is_not_awaited_gives_the_input_back() {
    let tasks = r#"[{"a":{"run":{"await":false,"workflow":{"namespace":"n","name":"child","version":"latest"}}}}]"#;
    let world = World::start(tasks, r#"{"y":5}"#);
    assert_eq!(world.output(), value(r#"{"y":5}"#));
    assert_eq!(world.dispatched[0].1, value("{}"), "a child without an input has an empty one");
}

#[test]
fn a_restart_asks_for_the_child_again_and_costs_it_nothing() {
    let mut world = World::start(RUN, "{}");
    for _ in 0..10 {
        let from = world.now;
        world.open.clear();
        world.tell(Event::Recovered { from });
    }
    assert_eq!(world.dispatched.len(), 11);
    assert!(world.dispatched.iter().all(|(dispatch, _)| dispatch.attempt == 1));
    world.tell(Event::TaskCompleted { task: 0, attempt: 1, output: value("7") });
    assert_eq!(world.output(), value("7"));
}

#[test]
fn the_fault_of_a_child_is_that_of_the_task_that_ran_it() {
    let mut world = World::start(RUN, "{}");
    let problem = Box::new(Problem::new(ErrorKind::Validation, "no"));
    world.tell(Event::TaskFailed { task: 0, attempt: 1, problem });
    let problem = world.fault();
    assert!(problem.is(ErrorKind::Validation));
    assert_eq!(problem.instance.as_deref(), Some("/do/0/a"));
}

#[test]
fn a_cancelled_child_is_cancelled_again_after_a_restart_until_it_has_ended() {
    let mut world = World::start(RUN, "{}");
    world.tell(Event::CancelRequested);
    assert_eq!(world.cancelled_tasks, [0]);
    let from = world.now;
    world.tell(Event::Recovered { from });
    assert_eq!(world.cancelled_tasks, [0, 0]);
    world.tell(Event::TaskStopped { task: 0 });
    world.tell(Event::Recovered { from });
    assert_eq!(world.cancelled_tasks, [0, 0]);
}

#[test]
fn an_execution_that_waits_for_a_child_is_parked_and_its_time_does_not_count() {
    let world = World::start(RUN, "{}");
    assert!(world.machine.is_parked() && world.machine.has_children());
    assert_eq!(world.machine.poll_timeout(), None, "no active time runs");
}
