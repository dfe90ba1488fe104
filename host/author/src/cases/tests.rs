//! Files of cases: what they find, and how they are refused.

use sandmill_core::definition::EveryPlugin;

use super::{CaseResult, FileResult, Suite, SuiteError, junit};

const WORKFLOW: &str = "document: { dsl: '1.0.3', namespace: test, name: test, version: 1.0.0 }
do:
  - choose: { switch: [ { known: { when: '.name != null', then: greet } } ] }
  - refuse: { raise: { error: { type: 'https://example.com/errors/nobody', status: 400, title: Nobody } } }
  - greet: { call: 'greet:0.1.0@default', with: { name: '${ .name }' } }
";

fn load(name: &str) -> Result<Vec<u8>, String> {
    match name {
        "workflow.yaml" => Ok(WORKFLOW.into()),
        "broken.yaml" => Ok("do: 1".into()),
        "greet.mocks.yaml" => Ok("calls: { greet: { output: { text: Hello }, delay: PT1S } }".into()),
        other => Err(format!("there is no file {other}")),
    }
}

fn run(text: &str) -> Vec<CaseResult> {
    Suite::read(text.as_bytes(), &load, &EveryPlugin).unwrap_or_else(|error| panic!("{error}")).run("")
}

/// What a case with that `expect` finds wrong, for an input and a mock that gives `{ text: Hello }` after a second.
#[track_caller]
fn check(input: &str, expect: &str, failures: &[&str]) {
    let case = format!("{{ name: a, input: {input}, expect: {expect} }}");
    let results = run(&format!("workflow: workflow.yaml\nmocks: greet.mocks.yaml\ncases: [ {case} ]\n"));
    let found: Vec<&str> = results[0].failures.iter().map(String::as_str).collect();
    assert_eq!(found.len(), failures.len(), "{expect}: {found:?}");
    for (found, wanted) in found.iter().zip(failures) {
        assert!(found.contains(wanted), "{expect}: {found}");
    }
}

#[test]
fn an_output_is_as_expected_or_the_difference_is_shown() {
    check("{ name: Ada }", "{ output: { text: Hello } }", &[]);
    check("{ name: Ada }", "{ took: PT1S }", &[]);
    check("{ name: Ada }", "{}", &[]);
    check(
        "{ name: Ada }",
        "{ output: { text: Bye } }",
        &["the output differs\n- expected, + actual\n  {\n-   \"text\": \"Bye\"\n+   \"text\": \"Hello\"\n  }"],
    );
    check("{ name: Ada }", "{ output: { text: Hello }, took: PT2S }", &["it took 1s, and 2s were expected"]);
    check("{}", "{ output: 1 }", &["an output was expected, and the workflow faulted with {\"type\""]);
}

#[test]
fn of_an_error_only_the_members_that_are_named_count() {
    check("{}", "{ error: { status: 400 } }", &[]);
    check("{}", "{ error: { title: Nobody, instance: /do/1/refuse } }", &[]);
    check("{}", "{ error: 'https://example.com/errors/nobody' }", &[]);
    check("{}", "{ error: { status: 404, title: Nobody } }", &["-   \"status\": 404,\n+   \"status\": 400,"]);
    check("{}", "{ error: timeout }", &["the error differs"]);
    check("{ name: Ada }", "{ error: timeout }", &["an error was expected, and the workflow completed with"]);
}

#[test]
fn a_standard_error_is_expected_by_its_name_and_in_every_spelling() {
    let cases = "workflow: workflow.yaml
mocks: { calls: { greet: { error: { type: 'https://serverlessworkflow.io/dsl/errors/types/timeout', status: 408 } } } }
cases:
  - { name: by name, input: { name: x }, expect: { error: timeout } }
  - { name: in an object, input: { name: x }, expect: { error: { type: timeout } } }
";
    assert!(run(cases).iter().all(|case| case.failures.is_empty()), "{:?}", run(cases));
}

#[test]
fn tasks_run_in_the_expected_order() {
    check("{ name: Ada }", "{ tasks: [ choose, greet ] }", &[]);
    check("{ name: Ada }", "{ tasks: [ /do/2/greet ] }", &[]);
    check(
        "{ name: Ada }",
        "{ tasks: [ greet, choose ] }",
        &["the task `choose` did not run after `greet`; these ran, in this order: choose, greet"],
    );
}

#[test]
fn calls_are_all_those_that_were_made() {
    for calls in [
        "[ { call: greet } ]",
        "[ { call: 'greet:0.1.0', task: greet, config: { name: Ada } } ]",
        "[ { task: /do/2/greet } ]",
    ] {
        check("{ name: Ada }", &format!("{{ calls: {calls} }}"), &[]);
    }
    check("{ name: Ada }", "{ calls: [] }", &["+     \"call\": \"greet:0.1.0\""]);
    check(
        "{ name: Ada }",
        "{ calls: [ { config: { name: Bob } } ] }",
        &["-       \"name\": \"Bob\"\n+       \"name\": \"Ada\""],
    );
    check("{ name: Ada }", "{ calls: [ { call: greet }, { call: greet } ] }", &["the calls differ"]);
}

#[test]
fn a_call_without_a_mock_fails_its_case() {
    let results = run("workflow: workflow.yaml\ncases: [ { name: a, input: { name: x }, expect: {} } ]\n");
    assert!(results[0].failures[0].contains("no mock answers"), "{results:?}");
    assert!(results[0].failures[0].contains("[mock-missing]\nadd one"), "{results:?}");
}

#[test]
fn mocks_of_a_case_stand_before_those_of_the_file() {
    let cases = "workflow: workflow.yaml
mocks: greet.mocks.yaml
cases:
  - { name: the file, input: { name: x }, expect: { output: { text: Hello } } }
  - { name: its own, input: { name: x }, mocks: { calls: { greet: { output: 1 } } }, expect: { output: 1 } }
";
    assert!(run(cases).iter().all(|case| case.failures.is_empty()), "{:?}", run(cases));
}

#[test]
fn cases_are_chosen_by_their_names_and_know_their_lines() {
    let cases = "workflow: workflow.yaml\ncases:\n  - name: one\n    expect: {}\n  - name: other\n    expect: {}\n";
    let suite = Suite::read(cases.as_bytes(), &load, &EveryPlugin).unwrap();
    let names = |filter: &str| -> Vec<(String, u32)> {
        suite.run(filter).into_iter().map(|case| (case.name, case.line)).collect()
    };
    assert_eq!(names(""), [("one".into(), 3), ("other".into(), 5)]);
    assert_eq!(names("oth"), [("other".into(), 5)]);
    assert_eq!(names("none"), []);
}

/// Checks the first finding of a file of cases.
#[track_caller]
fn refused(text: &str, wanted: &str) {
    let error = Suite::read(text.as_bytes(), &load, &EveryPlugin).map(drop).expect_err("the file is wrong").to_string();
    assert!(error.contains(wanted), "{error}");
}

#[test]
fn mistakes_are_told_with_their_place() {
    refused("cases: [ { name: a, expect: {} } ]", "1:1: the file names no `workflow`");
    refused("workflow: workflow.yaml", "1:1: the file has no `cases`");
    refused("workflow: workflow.yaml\ncases: []", "2:1 /cases: there is no case");
    refused("workflow: workflow.yaml\ncases:\n  - nmae: a", "3:5 /cases/0/nmae: `nmae` is no member of a case");
    refused("workflow: workflow.yaml\ncases:\n  - name: a", "3:5 /cases/0: the case has no `expect`");
    refused("workflow: workflow.yaml\ncases: [ { name: a, expect: { outptu: 1 } } ]", "did you mean `output`?");
    refused(
        "workflow: workflow.yaml\ncases: [ { name: a, expect: { output: 1, error: x } } ]",
        "a run ends with an `output` or with an `error`",
    );
    refused(
        "workflow: workflow.yaml\ncases: [ { name: a, expect: {} }, { name: a, expect: {} } ]",
        "two cases are named `a`",
    );
    refused("workflow: workflow.yaml\nnow: today\ncases: [ { name: a, expect: {} } ]", "`now` must be a moment");
}

#[test]
fn what_a_file_names_is_checked_too() {
    let cases = "\ncases: [ { name: a, expect: {} } ]\n";
    refused(&format!("workflow: nowhere.yaml{cases}"), "there is no file nowhere.yaml");
    refused(&format!("workflow: broken.yaml{cases}"), "broken.yaml:1:1");
    refused(&format!("workflow: workflow.yaml\nmocks: nowhere.yaml{cases}"), "there is no file nowhere.yaml");
    refused(&format!("workflow: workflow.yaml\nmocks: broken.yaml{cases}"), "broken.yaml:1:1 /do");
}

#[test]
fn a_build_server_reads_the_results() {
    let case = |name: &str, failures: &[&str]| CaseResult {
        name: name.into(),
        line: 7,
        took: sandmill_core::time::Millis(0),
        failures: failures.iter().map(|text| (*text).to_owned()).collect(),
    };
    let results = [
        FileResult {
            file: "a.test.yaml".into(),
            cases: Ok(vec![case("good", &[]), case("bad & <worse>", &["the output differs\n- 1\n+ 2"])]),
        },
        FileResult { file: "b.test.yaml".into(), cases: Err(SuiteError::Unreadable("there is no file x".into())) },
    ];
    insta::assert_snapshot!(junit(&results).unwrap());
}
