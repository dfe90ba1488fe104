//! Whole documents, the examples of the repository among them: from their text to the output of an execution.

use super::kit::{Reply, World, obedient, problem, value};
use crate::machine::Dispatch;
use crate::problem::{ErrorKind, Problem};
use crate::value::Value;

const HELLO: &str = include_str!("../../../../../examples/hello/workflow.yaml");

const SOURCE_REPORT: &str = include_str!("../../../../../examples/source-report/workflow.yaml");

/// A document with this after its head.
fn document(rest: &str) -> String {
    format!("document: {{ dsl: '1.0.3', namespace: test, name: test, version: 1.0.0 }}\n{rest}")
}

/// Runs a document to its end, letting time pass, and compares the output.
#[track_caller]
fn check(rest: &str, input: &str, output: &str) {
    let mut world = World::start_document(&document(rest), obedient, input);
    world.sleep_until_end();
    assert_eq!(world.output(), value(output), "{rest}");
}

fn greet(config: &Value, _: &Dispatch) -> Reply {
    let name = config.get("name").and_then(|name| name.as_str().map(|name| name.into_owned())).unwrap_or_default();
    Reply::Output(Value::object([("greeting", Value::from(format!("Hello, {name}!")))]))
}

#[test]
fn hello_greets() {
    let world = World::start_document(HELLO, greet, r#"{"name":"Ada"}"#);
    assert_eq!(world.output(), value(r#"{"greeting":"Hello, Ada!"}"#));
    let refused = World::start_document(HELLO, greet, "{}").fault();
    assert!(refused.is(ErrorKind::Validation), "{refused:?}");
}

/// Counts no lines, but knows the files: the second one is binary.
fn source_plugins(config: &Value, dispatch: &Dispatch) -> Reply {
    if dispatch.pointer.as_str().ends_with("/count") {
        return match dispatch.context.item() {
            Some((_, 1)) => {
                let kind = "https://sandmill.dev/problems/binary-file".into();
                Reply::Problem(Problem { kind, status: 415, ..problem(ErrorKind::Runtime) })
            }
            _ => Reply::Output(value(r#"{"lines":10,"code_lines":7,"bytes":100,"longest_line_characters":40}"#)),
        };
    }
    Reply::Output(config.clone())
}

#[test]
fn the_source_report_counts_skips_and_reports() {
    let input = r#"{"files":[{"path":"a.rs","text":""},{"path":"b.png","base64":""},{"path":"c.rs","text":""}]}"#;
    let world = World::start_document(SOURCE_REPORT, source_plugins, input);
    let output = world.output();
    let totals = output.get("totals").unwrap();
    for (name, wanted) in [("files", 2_i32), ("skipped", 1), ("lines", 20), ("code_lines", 14), ("blank_lines", 0)] {
        assert_eq!(totals.get(name), Some(Value::from(i64::from(wanted))), "{name}");
    }
    assert_eq!(output.get("size"), Some(Value::from("small")));
    assert_eq!(output.pointer("/skipped/0/path"), Some(Value::from("b.png")));
    let reports = r#"[{"kind":"by-language","files":"context.stats","rows":5},{"kind":"largest-files","files":"context.stats","rows":5}]"#;
    assert_eq!(output.get("reports"), Some(value(reports)));
    assert_eq!(world.dispatched[1].1, value(r#"{"file":"context.files[1]"}"#));
}

#[test]
fn the_source_report_of_nothing_is_empty() {
    let output = World::start_document(SOURCE_REPORT, source_plugins, r#"{"files":[]}"#).output();
    assert_eq!(output.get("size"), Some(Value::from("empty")));
}

#[test]
fn data_flows_through_the_workflow_and_its_tasks() {
    check(
        "input: { from: .order }
output: { as: '{ total: .sum, first: $context.first, name: $workflow.definition.document.name }' }
do:
  - first: { set: { n: '${ .lines[0] }' }, export: { as: { first: '${ $output.n }' } }, output: { as: '{ n, lines: $input.lines }' } }
  - sum: { input: { from: .lines }, set: { sum: '${ add }' } }
",
        r#"{"order":{"lines":[1,2,3]}}"#,
        r#"{"total":6,"first":1,"name":"test"}"#,
    );
}

#[test]
fn an_inline_array_is_gone_through_with_its_expressions() {
    check(
        "do:
  - all:
      for: { each: colour, at: place, in: [ { name: red }, { name: '${ .name }' } ] }
      while: $place < 5
      do: [ { add: { set: { name: '${ .name }', seen: '${ (.seen // []) + [$colour.name] }' } } } ]
",
        r#"{"name":"blue"}"#,
        r#"{"name":"blue","seen":["red","blue"]}"#,
    );
}

#[test]
fn a_case_without_a_condition_is_for_what_no_other_case_matches() {
    let rest = "do:
  - choose: { switch: [ { other: { then: other } }, { small: { when: .n < 10, then: small } } ] }
  - small: { set: { size: small }, then: end }
  - other: { set: { size: other } }
";
    check(rest, r#"{"n":1}"#, r#"{"size":"small"}"#);
    check(rest, r#"{"n":100}"#, r#"{"size":"other"}"#);
}

#[test]
fn what_use_defines_is_what_is_done() {
    let rest = "use:
  errors: { broken: { type: 'https://example.com/broken', status: 503, title: Broken, detail: '${ .why }' } }
  retries: { twice: { when: '$error.status == 503', delay: { seconds: 2 }, backoff: { linear: {} }, limit: { attempt: { count: 2 } } } }
  timeouts: { soon: { after: '${ { seconds: $input.seconds } }' } }
do:
  - careful:
      try: [ { fail: { raise: { error: broken } } } ]
      catch: { retry: twice, then: slow }
  - never: { set: { never: true } }
  - slow:
      try: [ { hang: { call: hang, with: { hold: true }, timeout: soon } } ]
      catch: { as: late, do: [ { tell: { set: { status: '${ $late.status }' } } } ] }
";
    let mut world = World::start_document(&document(rest), obedient, r#"{"why":"because","seconds":3}"#);
    assert_eq!(world.sleep_until_end(), [2_000, 4_000, 3_000]);
    assert_eq!(world.output(), value(r#"{"status":408}"#));
}

#[test]
fn a_wait_may_be_made_by_an_expression() {
    let rest = "do: [ { pause: { wait: '${ .pause }' } } ]\n";
    for (input, millis) in [(r#"{"pause":"PT1M"}"#, 60_000), (r#"{"pause":{"seconds":5}}"#, 5_000)] {
        assert_eq!(World::start_document(&document(rest), obedient, input).sleep_until_end(), [millis]);
    }
    let fault = World::start_document(&document(rest), obedient, r#"{"pause":"5m"}"#).fault();
    assert!(fault.is(ErrorKind::Expression), "{fault:?}");
}

#[test]
fn in_loose_mode_a_text_is_an_expression_where_it_gives_something() {
    let loose = "evaluate: { mode: loose }
do: [ { a: { set: { path: .n, sum: .n + 1, name: Ada Lovelace, word: hello, fails: .n.x, many: '.n, .n', wrapped: '${ .n }' } } } ]
";
    check(
        loose,
        r#"{"n":1}"#,
        r#"{"path":1,"sum":2,"name":"Ada Lovelace","word":"hello","fails":".n.x","many":".n, .n","wrapped":1}"#,
    );
    let strict = loose.replace("loose", "strict").replace(", fails: .n.x, many: '.n, .n'", "");
    check(&strict, r#"{"n":1}"#, r#"{"path":".n","sum":".n + 1","name":"Ada Lovelace","word":"hello","wrapped":1}"#);
}

#[test]
fn a_text_in_loose_mode_that_uses_too_much_is_an_error_all_the_same() {
    let rest = "evaluate: { mode: loose }\ndo: [ { a: { set: { x: 'last(repeat(1))' } } } ]\n";
    let fault = World::start_document(&document(rest), obedient, "{}").fault();
    assert!(fault.is(ErrorKind::Expression), "{fault:?}");
}

#[test]
fn an_export_without_as_checks_the_context() {
    let rest = |kind: &str| {
        format!(
            "do: [ {{ a: {{ set: {{ x: 1 }}, export: {{ schema: {{ document: {{ type: {kind} }} }} }} }} }}, {{ b: {{ set: '${{ $context }}' }} }} ]\n"
        )
    };
    check(&rest("object"), r#"{"was":1}"#, r#"{"was":1}"#);
    let fault = World::start_document(&document(&rest("array")), obedient, "{}").fault();
    assert!(fault.is(ErrorKind::Validation), "{fault:?}");
}
