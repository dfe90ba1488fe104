//! The life of tasks as it is published: all eight steps of the specification, in order.

use super::kit::World;
use crate::machine::{Event, Lifecycle, Settings};

/// What happened to which task, in order.
fn story(world: &World) -> Vec<String> {
    let of = |name: &str, place: &crate::machine::TaskPlace| {
        format!("{name} {}", place.pointer.as_str().rsplit('/').next().unwrap_or_default())
    };
    let line = |event: &Lifecycle| match event {
        Lifecycle::TaskCreated(place) => of("created", place),
        Lifecycle::TaskStarted(place) => of("started", place),
        Lifecycle::TaskSuspended(place) => of("suspended", place),
        Lifecycle::TaskResumed(place) => of("resumed", place),
        Lifecycle::TaskRetried(place) => of("retried", place),
        Lifecycle::TaskCancelled(place) => of("cancelled", place),
        Lifecycle::TaskFaulted(place, _) => of("faulted", place),
        Lifecycle::TaskCompleted(place, _) => of("completed", place),
        Lifecycle::TaskSkipped(place) => of("skipped", place),
        other => format!("{other:?}").split('(').next().unwrap_or_default().to_owned(),
    };
    world.lifecycle.iter().map(line).collect()
}

#[test]
fn a_task_is_created_before_its_condition_is_looked_at() {
    let world = World::start(r#"[{"a":{"if":"${ false }","set":"${ 1 }"}},{"b":{"set":"${ 2 }"}}]"#, "1");
    world.output();
    let expected =
        ["WorkflowStarted", "created a", "skipped a", "created b", "started b", "completed b", "WorkflowCompleted"];
    assert_eq!(story(&world), expected);
}

#[test]
fn what_is_in_flight_is_suspended_and_resumed_with_its_execution() {
    let mut world =
        World::start(r#"[{"d":{"do":[{"a":{"call":"a","with":{"hold":1}}},{"b":{"set":"${ 2 }"}}]}}]"#, "1");
    world.tell(Event::SuspendRequested);
    world.open.clear();
    world.tell(Event::TaskCompleted { task: 1, attempt: 1, output: super::kit::value("1") });
    world.tell(Event::ResumeRequested);
    world.output();
    assert_eq!(
        story(&world)[5..],
        [
            "WorkflowSuspended",
            "suspended d",
            "suspended a",
            "completed a",
            "WorkflowResumed",
            "resumed d",
            "created b",
            "started b",
            "completed b",
            "completed d",
            "WorkflowCompleted",
        ],
        "a guest that runs finishes, and what follows waits"
    );
}

#[test]
fn neither_an_error_nor_an_end_takes_a_suspended_execution_further() {
    let caught = r#"[{"t":{"try":[{"a":{"call":"a","with":{"hold":1}}}],"catch":{"do":[{"c":{"set":"${ 3 }"}}]}}}]"#;
    let ended = r#"[{"a":{"call":"a","with":{"hold":1},"then":"end"}},{"b":{"set":"${ 2 }"}}]"#;
    let problem = Box::new(super::kit::problem(crate::problem::ErrorKind::Communication));
    let failed = Event::TaskFailed { task: 1, attempt: 1, problem };
    let completed = Event::TaskCompleted { task: 0, attempt: 1, output: super::kit::value("1") };
    for (tasks, event, output) in [(caught, failed, "3"), (ended, completed, "1")] {
        let mut world = World::start(tasks, "1");
        world.tell(Event::SuspendRequested);
        world.open.clear();
        world.tell(event);
        assert_eq!(world.end, None);
        assert!(world.machine.is_parked());
        world.tell(Event::ResumeRequested);
        assert_eq!(world.output(), super::kit::value(output));
    }
}

#[test]
fn what_still_stands_is_resumed() {
    let mut world = World::start(r#"[{"d":{"do":[{"w":{"wait":{"seconds":1}}}]}}]"#, "1");
    world.tell(Event::SuspendRequested);
    world.tell(Event::ResumeRequested);
    world.sleep_until_end();
    let story = story(&world);
    assert_eq!(
        story[5..11],
        ["WorkflowSuspended", "suspended d", "suspended w", "WorkflowResumed", "resumed d", "resumed w"]
    );
}

#[test]
fn an_execution_of_the_first_semantics_publishes_what_it_always_did() {
    let settings = Settings { semantics: 1, ..Settings::default() };
    let mut world = World::start_with(r#"[{"w":{"wait":{"seconds":1}}}]"#, "1", settings);
    world.tell(Event::SuspendRequested);
    world.tell(Event::ResumeRequested);
    world.sleep_until_end();
    assert_eq!(
        story(&world),
        ["WorkflowStarted", "started w", "WorkflowSuspended", "WorkflowResumed", "completed w", "WorkflowCompleted"]
    );
}
