//! Extensions: what runs around a task, what it sees, and what it can change.

use super::kit::{World, obedient, value};
use crate::machine::Lifecycle;
use crate::problem::ErrorKind;

#[track_caller]
fn start(extensions: &str, tasks: &str, input: &str) -> World {
    World::start_using(&format!(r#"{{"extensions":{extensions}}}"#), tasks, input)
}

/// The pointers of tasks in the order in which they completed.
fn completed(world: &World) -> Vec<String> {
    let pointer = |event: &Lifecycle| match event {
        Lifecycle::TaskCompleted(place, _) => Some(place.pointer.as_str().to_owned()),
        _ => None,
    };
    world.lifecycle.iter().filter_map(pointer).collect()
}

#[test]
fn what_extends_runs_before_and_after_and_changes_no_data() {
    let extensions = r#"[{"one":{"extend":"set","before":[{"b":{"call":"log","with":{"at":"${ $task.reference }","in":"${ . }"}}}],
                         "after":[{"c":{"call":"log","with":{"out":"${ . }","raw":"${ $task.output }"}}}]}}]"#;
    let tasks = r#"[{"a":{"set":{"n":"${ .start + 1 }"},"output":{"as":"${ {out: .n} }"}}}]"#;
    let world = start(extensions, tasks, r#"{"start":1}"#);
    assert_eq!(world.output(), value(r#"{"out":2}"#));
    let configs: Vec<_> = world.dispatched.iter().map(|(_, config)| config.clone()).collect();
    assert_eq!(configs, [value(r#"{"at":"/do/0/a","in":{"start":1}}"#), value(r#"{"out":{"out":2},"raw":{"n":2}}"#)]);
    assert_eq!(completed(&world), ["/use/extensions/0/one/before/0/b", "/use/extensions/0/one/after/0/c", "/do/0/a"]);
}

#[test]
fn exit_before_a_task_stands_for_the_task() {
    let extensions = r#"[{"mock":{"extend":"call","when":"${ $task.call == \"p\" and $task.with.n == 1 }",
                         "before":[{"b":{"set":{"mocked":true},"then":"exit"}},{"never":{"set":{"x":1}}}]}}]"#;
    let tasks = r#"[{"a":{"call":"p","with":{"n":1},"output":{"as":"${ [.] }"}}},{"b":{"call":"p","with":{"n":2,"before":"${ . }"}}}]"#;
    let world = start(extensions, tasks, "{}");
    assert_eq!(world.output(), value(r#"{"n":2,"before":[{"mocked":true}]}"#));
    assert_eq!(world.calls(), ["b"]);
}

#[test]
fn extensions_run_in_declared_order_and_extend_none_of_themselves() {
    let extension = |name: &str| {
        format!(
            r#"{{"{name}":{{"extend":"all","before":[{{"{name}1":{{"set":{{"x":1}}}}}}],"after":[{{"{name}2":{{"set":{{"x":1}}}}}}]}}}}"#
        )
    };
    let extensions = format!("[{},{}]", extension("p"), extension("q"));
    let world = start(&extensions, r#"[{"a":{"wait":{"milliseconds":0}}}]"#, "{}");
    let mut world = world;
    world.sleep_until_end();
    world.output();
    let names: Vec<_> =
        completed(&world).iter().map(|pointer| pointer.rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["p1", "q1", "p2", "q2", "a"]);
}

#[test]
fn a_fault_of_an_extension_faults_its_task() {
    let raise = r#"[{"r":{"raise":{"error":{"type":"urn:x","status":400}}}}]"#;
    for (when, instance) in [("before", "/use/extensions/0/e/before/0/r"), ("after", "/use/extensions/0/e/after/0/r")] {
        let extensions = format!(r#"[{{"e":{{"extend":"call","{when}":{raise}}}}}]"#);
        let tasks =
            r#"[{"a":{"try":[{"b":{"call":"p"}}],"catch":{"as":"e","do":[{"c":{"set":"${ $e.instance }"}}]}}}]"#;
        let world = start(&extensions, tasks, "{}");
        assert_eq!(world.output(), value(&format!("\"{instance}\"")));
        assert_eq!(world.calls().len(), usize::from(when == "after"));
    }
}

#[test]
fn the_timeout_of_a_task_bounds_its_extensions_too() {
    let extensions = r#"[{"e":{"extend":"set","after":[{"w":{"wait":{"seconds":10}}}]}}]"#;
    let mut world = start(extensions, r#"[{"a":{"set":{"x":1},"timeout":{"after":{"seconds":3}}}}]"#, "{}");
    assert_eq!(world.sleep(), 3_000);
    assert!(world.fault().is(ErrorKind::Timeout));
}

#[test]
fn a_skipped_task_and_a_condition_that_is_false_extend_nothing() {
    let extensions = r#"[{"e":{"extend":"set","when":"${ $input.go }","before":[{"b":{"call":"log"}}]}}]"#;
    let tasks = r#"[{"a":{"if":"${ false }","set":{"go":true}}},{"b":{"set":{"go":true}}},{"c":{"set":{"x":1}}}]"#;
    let world = start(extensions, tasks, r#"{"go":false}"#);
    world.output();
    assert_eq!(world.calls(), ["b"], "only the third task has `go` in its input");
}

#[test]
fn a_function_that_an_extension_calls_is_not_extended() {
    let document = r#"{"document":{"dsl":"1.0.3","namespace":"test","name":"test","version":"1.0.0"},
        "use":{"functions":{"log":{"call":"p","with":{"own":"${ $task.name }"}}},
               "extensions":[{"e":{"extend":"all","before":[{"b":{"call":"log"}}]}}]},
        "do":[{"a":{"set":{"x":1}}}]}"#;
    let world = World::start_document(document, obedient, "{}");
    assert_eq!(world.output(), value(r#"{"x":1}"#));
    assert_eq!(world.dispatched[0].1, value(r#"{"own":"log"}"#));
}
