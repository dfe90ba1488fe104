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
    assert_eq!(world.cancelled_groups.len(), 1, "nothing of the race is begun any more");
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

fn fork(policy: &str, branches: &[(&str, &str)]) -> String {
    let branches: Vec<String> =
        branches.iter().map(|(name, with)| format!(r#"{{"{name}":{{"call":"{name}","with":{with}}}}}"#)).collect();
    format!(r#"[{{"f":{{"fork":{{"branches":[{}]}},"metadata":{{"fork":{policy}}}}}}}]"#, branches.join(","))
}

const FAILS: &str = r#"{"fail":"x"}"#;
const HOLDS: &str = r#"{"hold":1}"#;

#[test]
fn best_effort_never_faults_and_says_what_failed() {
    let output = World::start(&fork(r#"{"strategy":"bestEffort"}"#, &[("a", FAILS), ("b", "{\"n\":1}")]), "0").output();
    assert_eq!(output.index(1), Some(value(r#"{"n":1}"#)));
    assert_eq!(output.index(0).and_then(|failed| failed.get("index").map(|index| index.to_owned())), Some(value("0")));
}

#[test]
fn wait_all_waits_and_then_faults_with_the_lowest_failure() {
    let tasks = fork(r#"{"strategy":"waitAll"}"#, &[("a", HOLDS), ("b", FAILS), ("c", FAILS)]);
    let mut world = World::start(&tasks, "0");
    assert_eq!(world.end, None);
    world.open.clear();
    world.tell(Event::TaskCompleted { task: 1, attempt: 1, output: value("7") });
    let problem = world.fault();
    assert_eq!(problem.instance.as_deref(), Some("/do/0/f/fork/branches/1/b"));
    let data = problem.data.unwrap_or_default();
    assert_eq!(data.get("index"), Some(value("1")));
    assert_eq!(data.get("failures").and_then(|all| all.iter_array().map(Iterator::count)), Some(2));
}

#[test]
fn at_least_completes_at_the_nth_success_and_faults_once_that_is_out_of_reach() {
    let policy = r#"{"strategy":"atLeast:2"}"#;
    let world = World::start(&fork(policy, &[("a", "{\"n\":1}"), ("b", HOLDS), ("c", "{\"n\":3}")]), "0");
    assert_eq!(world.output().index(2), Some(value(r#"{"n":3}"#)));
    assert_eq!(world.cancelled_tasks.len(), 1);
    let world = World::start(&fork(policy, &[("a", FAILS), ("b", HOLDS), ("c", FAILS)]), "0");
    assert!(world.fault().is(ErrorKind::Communication));
    assert_eq!(world.cancelled_tasks.len(), 1);
}

#[test]
fn the_fault_of_a_critical_branch_faults_the_fork_and_that_of_another_does_not() {
    let policy = r#"{"critical":["b"]}"#;
    let world = World::start(&fork(policy, &[("a", FAILS), ("b", "{\"n\":2}")]), "0");
    assert_eq!(world.output().index(1), Some(value(r#"{"n":2}"#)));
    let world = World::start(&fork(policy, &[("a", HOLDS), ("b", FAILS)]), "0");
    assert_eq!(world.fault().instance.as_deref(), Some("/do/0/f/fork/branches/1/b"));
    assert_eq!(world.cancelled_tasks.len(), 1);
}

#[test]
fn no_more_branches_run_than_the_policy_allows() {
    let tasks = fork(r#"{"maxConcurrency":1}"#, &[("a", HOLDS), ("b", HOLDS), ("c", "{\"n\":3}")]);
    let mut world = World::start(&tasks, "0");
    for (task, running) in [(1, "a"), (2, "b")] {
        assert_eq!(world.calls().last().map(String::as_str), Some(running));
        world.open.clear();
        world.tell(Event::TaskCompleted { task, attempt: 1, output: value("7") });
    }
    assert_eq!(world.output(), value(r#"[7,7,{"n":3}]"#));
}
