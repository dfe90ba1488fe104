//! Calls of functions: what they see, where their errors stand, and how deep they go.

use super::kit::{World, value};
use crate::problem::ErrorKind;

#[track_caller]
fn start(functions: &str, tasks: &str, input: &str) -> World {
    World::start_using(&format!(r#"{{"functions":{functions}}}"#), tasks, input)
}

#[test]
fn a_function_runs_on_what_its_call_hands_over() {
    let functions = r#"{"double":{"input":{"from":"${ .n }"},"set":"${ . * 2 }","output":{"as":"${ {twice: .} }"}}}"#;
    let tasks = r#"[{"a":{"call":"double","with":{"n":"${ .start }"}}},{"b":{"set":"${ [., $context.start] }"}}]"#;
    assert_eq!(start(functions, tasks, r#"{"start":21}"#).output(), value(r#"[{"twice":42},21]"#));
}

#[test]
fn a_function_sees_none_of_the_variables_around_its_call() {
    let functions = r#"{"f":{"call":"p","with":{"item":"${ .item }"}}}"#;
    let tasks = r#"[{"a":{"for":{"in":"${ [1] }"},"do":[{"b":{"call":"f","with":{"item":"${ $item }"}}}]}}]"#;
    let world = start(functions, tasks, "{}");
    assert_eq!(world.output(), value(r#"{"item":1}"#));
    let (dispatch, _) = &world.dispatched[0];
    assert_eq!(dispatch.context.variables(), value("{}"));
    assert!(dispatch.context.item().is_none());
}

#[test]
fn an_error_of_a_function_stands_where_its_task_does() {
    let functions = r#"{"f":{"do":[{"inner":{"raise":{"error":{"type":"urn:x","status":400}}}}]}}"#;
    let problem = start(functions, r#"[{"a":{"call":"f"}}]"#, "{}").fault();
    assert_eq!(problem.instance.as_deref(), Some("/use/functions/f/do/0/inner"));
}

#[test]
fn what_a_function_exports_is_seen_after_its_call() {
    let functions = r#"{"f":{"set":{"x":1},"export":{"as":"${ . }"}}}"#;
    let tasks = r#"[{"a":{"call":"f"}},{"b":{"set":"${ $context }"}}]"#;
    assert_eq!(start(functions, tasks, "{}").output(), value(r#"{"x":1}"#));
}

#[test]
fn two_calls_of_one_function_are_two_visits() {
    let functions = r#"{"f":{"call":"p","with":{"n":1}}}"#;
    let world = start(functions, r#"[{"a":{"call":"f"}},{"b":{"call":"f"}}]"#, "{}");
    world.end();
    let keys: Vec<_> = world.dispatched.iter().map(|(dispatch, _)| dispatch.idempotency_key).collect();
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn a_function_may_call_itself_up_to_a_hundred_deep() {
    let functions = r#"{"count":{"do":[{"stop":{"switch":[{"end":{"when":"${ .n == 0 }","then":"exit"}}]}},
                                        {"more":{"call":"count","with":{"n":"${ .n - 1 }"}}}]}}"#;
    let tasks = r#"[{"a":{"call":"count","with":{"n":"${ . }"}}}]"#;
    assert_eq!(start(functions, tasks, "99").output(), value(r#"{"n":0}"#));
    let problem = start(functions, tasks, "100").fault();
    assert!(problem.is(ErrorKind::Runtime));
    assert!(problem.detail.unwrap_or_default().contains("more than 100 deep"));
}

#[test]
fn a_call_of_a_function_is_cancelled_with_what_it_runs() {
    let functions = r#"{"f":{"call":"p","with":{"hold":1}}}"#;
    let mut world = start(functions, r#"[{"a":{"call":"f","timeout":{"after":{"seconds":5}}}}]"#, "{}");
    assert_eq!(world.sleep(), 5_000);
    assert!(world.fault().is(ErrorKind::Timeout));
    assert_eq!(world.cancelled_tasks.len(), 1);
}
