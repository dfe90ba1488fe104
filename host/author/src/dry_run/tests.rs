//! Small workflows, run dry.

use std::sync::Arc;

use sandmill_core::definition::{Definition, EveryPlugin, compile};
use sandmill_core::problem::ErrorKind;
use sandmill_core::time::Millis;
use sandmill_core::value::Value;

use super::{DryRun, End, Ending, Options, Stop, dry_run, parse_moment};
use crate::mocks::Mocks;

fn value(json: &str) -> Value {
    Value::from_json(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn define(list: &str) -> Arc<Definition> {
    let document = format!("document: {{ dsl: '1.0.3', namespace: test, name: test, version: 1.0.0 }}\n{list}");
    Arc::new(compile(document.as_bytes(), &EveryPlugin).unwrap_or_else(|report| panic!("{report}")))
}

fn run_with(list: &str, input: &str, mocks: &str, options: Options) -> DryRun {
    let mocks = Mocks::read(mocks.as_bytes()).unwrap_or_else(|report| panic!("{report}"));
    dry_run(&define(list), value(input), &mocks, options)
}

fn run(list: &str, input: &str, mocks: &str) -> DryRun {
    run_with(list, input, mocks, Options::default())
}

/// The output of a run, and how many milliseconds it took.
#[track_caller]
fn check(list: &str, input: &str, mocks: &str, (output, took): (&str, u64)) {
    let run = run(list, input, mocks);
    let End::Completed(actual) = &run.end else { panic!("{run}") };
    assert_eq!((actual, run.ended_at.since(run.started_at)), (&value(output), Millis(took)), "{run}");
}

const GREET: &str = "do: [ { greet: { call: 'greet:0.1.0@default', with: { name: '${ .name }' } } } ]\n";

#[test]
fn a_call_is_answered_by_its_mock() {
    let ada = r#"{"name":"Ada"}"#;
    for mocks in [
        "calls: { greet: { output: { text: Hello } } }",
        "calls: { greet: { output: 1 }, 'greet:0.1.0': { output: { text: Hello } } }",
        "tasks: { greet: { output: { text: Hello } } }\ncalls: { greet: { output: 1 } }",
        "tasks: { greet: { output: 1 }, /do/0/greet: { output: { text: Hello } } }",
    ] {
        check(GREET, ada, mocks, (r#"{"text":"Hello"}"#, 0));
    }
    check(
        GREET,
        ada,
        "calls: { greet: { output: '${ \"Hello, \" + .name }', delay: PT2S } }",
        (r#""Hello, Ada""#, 2_000),
    );
}

#[test]
fn a_call_without_a_mock_stops_the_run_and_says_what_to_add() {
    let run = run(GREET, r#"{"name":"Ada"}"#, "calls: { great: { output: 1 } }");
    let End::Stopped(stop @ Stop::NoMock { .. }) = &run.end else { panic!("{run}") };
    let message = stop.told();
    assert!(message.contains("`/do/0/greet` calls `greet:0.1.0` with {\"name\":\"Ada\"}"), "{message}");
    assert!(message.contains("calls:\n      greet:\n        output: {}"), "{message}");
    assert_eq!(stop.code(), "mock-missing");
}

#[test]
fn a_mock_of_a_task_that_is_not_there_is_a_mistake() {
    let run = run(GREET, "{}", "tasks: { gret: { output: 1 } }");
    let End::Stopped(Stop::UnknownTasks(messages)) = &run.end else { panic!("{run}") };
    assert!(messages[0].ends_with("did you mean `greet`?"), "{messages:?}");
    assert!(run.visits.is_empty());
}

const RETRYING: &str = "do:
  - careful:
      try: [ { greet: { call: greet } } ]
      catch:
        errors: { with: { status: 503 } }
        retry: { delay: PT10S, backoff: { exponential: {} }, limit: { attempt: { count: 3 } } }
";

#[test]
fn answers_of_a_list_come_one_after_the_other() {
    let busy = "{ error: { type: communication, status: 503 } }";
    check(RETRYING, "{}", &format!("calls: {{ greet: [ {busy}, {busy}, {{ output: 3 }} ] }}"), ("3", 30_000));
    let twice = "{ error: { type: communication, status: 503 }, times: 2 }";
    check(RETRYING, "{}", &format!("calls: {{ greet: [ {twice}, {{ output: '${{ $round }}' }} ] }}"), ("3", 30_000));
}

#[test]
fn a_list_that_is_used_up_stops_the_run() {
    let run = run(RETRYING, "{}", "calls: { greet: [ { error: { type: communication, status: 503 } } ] }");
    let End::Stopped(stop) = &run.end else { panic!("{run}") };
    assert!(stop.to_string().contains("no answer is left for it under `calls: greet`"), "{stop}");
}

#[test]
fn an_answer_may_be_for_some_calls_only() {
    let each = "do:
  - each:
      metadata: { for: { mode: map, strategy: bestEffort } }
      for: { in: .names }
      do: [ { greet: { call: greet, with: { name: '${ $item }' } } } ]
";
    let mocks = "calls:
  greet:
    - when: .name == \"Bob\"
      error: validation
    - output: ${ $index }
      times: always
";
    let run = run(each, r#"{"names":["Ada","Bob","Cid"]}"#, mocks);
    let End::Completed(output) = &run.end else { panic!("{run}") };
    assert_eq!(output.index(0), Some(value("0")));
    assert_eq!(output.pointer("/1/error/status"), Some(value("400")));
    assert_eq!(output.index(2), Some(value("2")));
}

#[test]
fn the_platform_tries_again_what_may_pass() {
    let busy = "{ error: { type: 'https://example.com/busy', status: 503, retryable: true } }";
    let mocks = format!("calls: {{ greet: [ {busy}, {{ output: '${{ $attempt }}' }} ] }}");
    check(GREET, "{}", &mocks, ("2", 1_000));
}

#[test]
fn time_jumps_over_waits_and_now_is_what_was_asked_for() {
    let list = "do:
  - sleep: { wait: { days: 30 } }
  - note: { set: '${ now | todate }' }
";
    check(list, "{}", "{}", (r#""2026-01-31T00:00:00Z""#, 30 * 86_400_000));
    let options = Options { now: parse_moment("2027-02-01T12:00:00Z").unwrap(), ..Options::default() };
    let run = run_with(list, "{}", "{}", options);
    assert!(matches!(&run.end, End::Completed(output) if *output == value(r#""2027-03-03T12:00:00Z""#)), "{run}");
}

#[test]
fn an_answer_that_comes_too_late_is_a_timeout_and_one_in_time_is_not() {
    let list = "do: [ { greet: { call: greet, timeout: { after: PT5S } } } ]\n";
    check(list, "{}", "calls: { greet: { output: 1, delay: PT5S } }", ("1", 5_000));
    let run = run(list, "{}", "calls: { greet: { output: 1, delay: PT6S } }");
    let End::Faulted(problem) = &run.end else { panic!("{run}") };
    assert!(problem.is(ErrorKind::Timeout), "{problem:?}");
    assert_eq!(run.visits[0].attempts[0].ended_at, None, "its answer never came");
}

#[test]
fn what_never_ends_is_stopped() {
    let list = "do: [ { again: { set: '${ . }', then: again } } ]\n";
    let run = run_with(list, "{}", "{}", Options { transitions_max: 100, ..Options::default() });
    assert!(matches!(run.end, End::Stopped(Stop::TooManyTransitions(100))), "{run}");
    let list = "do: [ { sleep: { wait: { days: 300 } } }, { more: { wait: { days: 300 } } } ]\n";
    let run = run_with(list, "{}", "{}", Options::default());
    assert!(matches!(run.end, End::Stopped(Stop::TooLong(_))), "{run}");
    assert_eq!(run.visits[1].ending, Ending::Open);
}

#[test]
fn a_mock_that_nothing_asks_for_is_told() {
    let run = run("do: []\n", "{}", "calls: { greet: { output: 1 } }");
    assert_eq!(run.unused_mocks, ["calls: greet"]);
    assert!(run.to_string().ends_with("note: nothing asked for the mock `calls: greet`"), "{run}");
}

const STORY: &str = "do:
  - choose: { switch: [ { short: { when: .n < 3, then: race } }, { long: { then: end } } ] }
  - race:
      fork:
        compete: true
        branches:
          - fast: { call: greet, with: { name: fast } }
          - slow: { call: greet, with: { name: slow } }
  - maybe: { set: { x: 1 }, if: .never }
  - careful:
      try: [ { break: { call: 'break:2.0.0@default' } } ]
      catch:
        retry: { delay: PT1M, limit: { attempt: { count: 1 } } }
        do: [ { each: { for: { in: '${ [1] }' }, do: [ { note: { set: { item: '${ $item }' } } } ] } } ]
  - stop: { raise: { error: { type: 'https://example.com/errors/stop', status: 409, title: Stopped } } }
";

const STORY_MOCKS: &str = "tasks:
  slow: { output: 2, delay: PT10S }
calls:
  greet: { output: { text: hi }, delay: PT1S }
  break: { error: { type: communication, detail: broken } }
";

#[test]
fn everything_that_happened_is_shown() {
    insta::assert_snapshot!(run(STORY, r#"{"n":1}"#, STORY_MOCKS));
}

#[test]
fn everything_that_happened_is_there_for_programs() {
    let json = run(STORY, r#"{"n":1}"#, STORY_MOCKS).to_json();
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap());
}

#[test]
fn the_items_of_a_map_are_shown_one_after_the_other_though_they_run_at_once() {
    let list = "do:
  - each:
      metadata: { for: { mode: map } }
      for: { in: .names }
      do:
        - greet: { call: greet, with: { name: '${ $item }' } }
        - note: { set: '${ . }', if: '. > 0' }
";
    let mocks = "calls: { greet: { output: '${ $index }', delay: PT1S } }";
    insta::assert_snapshot!(run(list, r#"{"names":["Ada","Bob"]}"#, mocks));
}

#[test]
fn the_same_run_is_always_shown_alike() {
    let show = || run(STORY, r#"{"n":1}"#, STORY_MOCKS).to_string();
    assert_eq!(show(), show());
}

#[test]
fn a_long_value_is_cut_short_for_people() {
    let run = run("do: []\n", &format!(r#"{{"text":"{}"}}"#, "x".repeat(1_000)), "{}");
    let shown = run.to_string();
    assert!(shown.contains("xxx… (1011 bytes: see --json)") && shown.len() < 1_000, "{shown}");
}

#[test]
fn moments_are_read_as_they_are_written() {
    for (text, moment) in [
        ("2026-01-01T00:00:00Z", Some("2026-01-01T00:00:00.000Z")),
        ("2026-01-01T00:00:00.5Z", Some("2026-01-01T00:00:00.500Z")),
        ("yesterday", None),
        ("1960-01-01T00:00:00Z", None),
    ] {
        assert_eq!(parse_moment(text).map(|moment| moment.to_string()).as_deref(), moment, "{text}");
    }
}
