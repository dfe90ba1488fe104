//! `fork`: joins, races, faults, and what becomes of the context.

use super::kit::{End, World, check, value};
use crate::machine::Event;
use crate::problem::ErrorKind;

#[test]
fn the_output_is_that_of_the_branches_in_declared_order() {
    let tasks = r#"[{"f":{"fork":{"branches":[{"a":{"call":"a","with":{"n":1}}},{"b":{"set":"${ 2 }"}}]}}}]"#;
    check(tasks, "0", r#"[{"n":1},2]"#);
}

#[test]
fn a_fork_without_branches_gives_nothing() {
    check(r#"[{"f":{"fork":{"branches":[]}}}]"#, "0", "[]");
}

#[test]
fn the_first_fault_cancels_the_siblings() {
    let tasks = r#"[{"f":{"fork":{"branches":[{"a":{"call":"a","with":{"hold":1}}},{"b":{"call":"b","with":{"fail":"x"}}}]}}}]"#;
    let world = World::start(tasks, "0");
    let problem = world.fault();
    assert!(problem.is(ErrorKind::Communication));
    assert_eq!(problem.instance.as_deref(), Some("/do/0/f/fork/branches/1/b"));
    assert_eq!(world.cancelled_tasks.len(), 1);
}

#[test]
fn the_first_success_of_a_race_wins_and_the_others_are_cancelled() {
    let tasks = r#"[{"f":{"fork":{"compete":true,"branches":[{"a":{"call":"a","with":{"hold":1}}},{"b":{"call":"b","with":{"fail":"x"}}},
                    {"c":{"call":"c","with":{"hold":2}}}]}}}]"#;
    let mut world = World::start(tasks, "0");
    assert_eq!(world.end, None, "a fault does not decide a race");
    let (task, attempt) =
        world.open.values().map(|dispatch| (dispatch.id.number, dispatch.attempt)).next_back().unwrap();
    world.open.remove(&task);
    world.tell(Event::TaskCompleted { task, attempt, output: value("7") });
    assert_eq!(world.output(), value("7"));
    assert_eq!(world.cancelled_tasks.len(), 1);
}

#[test]
fn a_race_faults_when_every_branch_has() {
    let branch = |name: &str| format!(r#"{{"{name}":{{"call":"x","with":{{"fail":"x"}}}}}}"#);
    let tasks = format!(r#"[{{"f":{{"fork":{{"compete":true,"branches":[{},{}]}}}}}}]"#, branch("a"), branch("b"));
    let problem = World::start(&tasks, "0").fault();
    assert_eq!(problem.instance.as_deref(), Some("/do/0/f/fork/branches/0/a"), "the first fault counts");
}

#[test]
fn after_the_join_the_context_is_that_of_the_last_branch_that_exported() {
    let export = |n: u32| format!(r#""export":{{"as":"${{ ($context // {{}}) + {{b{n}: true}} }}"}}"#);
    let tasks = format!(
        r#"[{{"f":{{"fork":{{"branches":[{{"a":{{"set":"${{ 1 }}",{}}}}},{{"b":{{"set":"${{ 2 }}",{}}}}},{{"c":{{"set":"${{ 3 }}"}}}}]}}}}}},{{"r":{{"set":"${{ $context }}"}}}}]"#,
        export(0),
        export(1)
    );
    check(&tasks, "{}", r#"{"b1":true}"#);
}

#[test]
fn end_in_a_branch_cancels_the_others_and_ends_the_workflow() {
    let tasks = r#"[{"f":{"fork":{"branches":[{"a":{"call":"a","with":{"hold":1}}},{"b":{"set":"${ 2 }","then":"end"}}]}}},{"n":{"set":"never"}}]"#;
    let world = World::start(tasks, "0");
    assert_eq!(world.end(), End::Completed(value("2")));
    assert_eq!(world.cancelled_tasks.len(), 1);
}
