//! Lists, `set`, `switch`, `for`, `if`, `then`, `input`, `output`, `export`, `raise`, `wait`.

use super::kit::{World, check, check_fault, value};
use crate::machine::Settings;
use crate::problem::ErrorKind;

#[test]
fn tasks_run_in_order_on_the_output_of_the_one_before() {
    check(r#"[{"a":{"set":{"n":"${ .n + 1 }"}}},{"b":{"set":{"n":"${ .n * 10 }"}}}]"#, r#"{"n":1}"#, r#"{"n":20}"#);
}

#[test]
fn a_call_gets_its_config_and_gives_its_output() {
    let tasks = r#"[{"greet":{"call":"greet","with":{"name":"${ .who }","twice":true}}}]"#;
    let world = World::start(tasks, r#"{"who":"Ada"}"#);
    assert_eq!(world.output(), value(r#"{"name":"Ada","twice":true}"#));
    assert_eq!(world.calls(), ["greet"]);
    let (dispatch, _) = &world.dispatched[0];
    assert_eq!((dispatch.attempt, dispatch.round, dispatch.pointer.as_str()), (1, 1, "/do/0/greet"));
}

#[test]
fn input_and_output_are_transformed_around_a_task() {
    check(
        r#"[{"a":{"input":{"from":"${ .inner }"},"set":{"n":"${ .n + 1 }"},"output":{"as":"${ {result: .n, was: $input.n} }"}}}]"#,
        r#"{"inner":{"n":1}}"#,
        r#"{"result":2,"was":1}"#,
    );
}

#[test]
fn what_is_exported_replaces_the_context_for_those_who_follow() {
    let tasks = r#"[{"a":{"set":{"n":1},"export":{"as":"${ $context + {a: .n} }"}}},
                    {"b":{"do":[{"c":{"set":{"n":2},"export":{"as":"${ $context + {c: .n} }"}}}]}},
                    {"d":{"set":"${ $context }"}}]"#;
    check(tasks, r#"{"in":0}"#, r#"{"in":0,"a":1,"c":2}"#);
}

#[test]
fn a_task_whose_condition_is_false_is_skipped_with_its_input() {
    let tasks = r#"[{"a":{"if":"${ .go }","call":"a","with":{}}},{"b":{"set":{"seen":"${ .go }"}}}]"#;
    let world = World::start(tasks, r#"{"go":false}"#);
    assert_eq!(world.output(), value(r#"{"seen":false}"#));
    assert!(world.calls().is_empty());
}

#[test]
fn a_switch_takes_the_first_case_that_matches() {
    let tasks = r#"[{"s":{"switch":[{"low":{"when":"${ . < 10 }","then":"small"}},{"rest":{"then":"large"}}]}},
                    {"small":{"set":"small","then":"end"}},{"large":{"set":"large"}}]"#;
    check(tasks, "5", r#""small""#);
    check(tasks, "50", r#""large""#);
}

#[test]
fn a_switch_without_a_match_goes_on_as_the_task_says() {
    check(
        r#"[{"s":{"switch":[{"never":{"when":"${ false }","then":"end"}}]}},{"a":{"set":"after"}}]"#,
        "1",
        r#""after""#,
    );
}

#[test]
fn exit_leaves_the_list_and_end_leaves_the_workflow() {
    let inner = |then: &str| {
        format!(
            r#"[{{"o":{{"do":[{{"a":{{"set":"${{ 1 }}","then":"{then}"}}}},{{"b":{{"set":"${{ 2 }}"}}}}]}}}},{{"c":{{"set":"${{ [.] }}"}}}}]"#
        )
    };
    check(&inner("continue"), "0", "[2]");
    check(&inner("exit"), "0", "[1]");
    check(&inner("end"), "0", "1");
}

#[test]
fn a_loop_of_jumps_ends_at_the_limit_of_tasks_and_no_catch_goes_on() {
    let tasks = r#"[{"t":{"try":[{"a":{"set":"${ 1 }"}},{"b":{"set":"${ 2 }","then":"a"}}],"catch":{"do":[{"c":{"set":"${ 3 }"}}]}}}]"#;
    let limit = |tasks_max| Settings { tasks_max, ..Settings::default() };
    let problem = World::start_with(tasks, "0", limit(1_000)).fault();
    assert!(problem.detail.is_some_and(|detail| detail.contains("1000 tasks")));
    let three = r#"[{"a":{"set":"${ 1 }"}},{"b":{"set":"${ 2 }"}},{"c":{"set":"${ 3 }"}}]"#;
    assert_eq!(World::start_with(three, "0", limit(3)).output(), value("3"));
    assert!(World::start_with(three, "0", limit(2)).fault().is(ErrorKind::Runtime));
}

#[test]
fn a_for_loop_feeds_each_iteration_with_the_output_of_the_last() {
    let tasks = r#"[{"f":{"for":{"each":"n","at":"i","in":"${ .items }"},"do":[{"add":{"set":{"items":[],"sum":"${ (.sum // 0) + $n * $i }"}}}]}}]"#;
    check(tasks, r#"{"items":[5,6,7]}"#, r#"{"items":[],"sum":20}"#);
    check(tasks, r#"{"items":[]}"#, r#"{"items":[]}"#);
}

#[test]
fn while_is_tested_before_each_iteration_with_the_item_bound() {
    let tasks = r#"[{"f":{"for":{"each":"n","in":"${ [1,2,3,4] }"},"while":"${ $n < 3 }","do":[{"add":{"set":"${ . + $n }"}}]}}]"#;
    check(tasks, "0", "3");
}

#[test]
fn a_for_loop_over_something_else_faults_at_its_task() {
    check_fault(
        r#"[{"f":{"for":{"in":"${ .x }"},"do":[{"a":{"set":"${ 1 }"}}]}}]"#,
        r#"{"x":3}"#,
        ErrorKind::Expression,
        "/do/0/f",
    );
}

#[test]
fn an_expression_that_fails_names_the_task() {
    check_fault(
        r#"[{"a":{"set":"${ 1 }"}},{"b":{"set":"${ error(\"no\") }"}}]"#,
        "0",
        ErrorKind::Expression,
        "/do/1/b",
    );
}

#[test]
fn raise_faults_with_the_error_that_it_describes() {
    let tasks =
        r#"[{"r":{"raise":{"error":{"type":"https://example.com/e","status":418,"title":"T","detail":"${ .why }"}}}}]"#;
    let problem = World::start(tasks, r#"{"why":"because"}"#).fault();
    assert_eq!((problem.status, problem.detail.as_deref()), (418, Some("because")));
    assert_eq!(problem.instance.as_deref(), Some("/do/0/r"));
}

#[test]
fn wait_takes_its_time_and_passes_its_input_on() {
    let mut world = World::start(r#"[{"w":{"wait":{"seconds":90}}},{"a":{"set":"${ . + 1 }"}}]"#, "1");
    assert_eq!(world.end, None);
    assert!(world.machine.is_parked());
    assert_eq!(world.sleep_until_end(), [90_000]);
    assert_eq!(world.output(), value("2"));
}

#[test]
fn a_task_that_takes_too_long_is_interrupted() {
    let mut world = World::start(r#"[{"a":{"call":"a","with":{"hold":true},"timeout":{"after":{"seconds":5}}}}]"#, "0");
    assert_eq!(world.sleep_until_end(), [5_000]);
    assert_eq!(world.cancelled_tasks, [0]);
    let problem = world.fault();
    assert!(problem.is(ErrorKind::Timeout) && problem.instance.as_deref() == Some("/do/0/a"), "{problem:?}");
}
