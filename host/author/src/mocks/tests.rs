//! Mock files that are refused: where, and what to write instead.

use super::Mocks;

/// Checks the first finding: its place, what is wrong, and what to write.
#[track_caller]
fn check(mocks: &str, (place, message, suggestion): (&str, &str, &str)) {
    let report = Mocks::read(mocks.as_bytes()).map(drop).expect_err("the mocks are wrong");
    let finding = &report.findings[0];
    assert_eq!(format!("{}:{} {}", finding.line, finding.column, finding.pointer), place, "{report}");
    assert!(finding.message.contains(message), "{report}");
    assert!(finding.suggestion.as_deref().unwrap_or_default().contains(suggestion), "{report}");
}

#[test]
fn mistakes_are_told_with_their_place_and_what_to_write() {
    for (mocks, wrong) in [
        ("call: {}", ("1:1 /call", "`call` is no member of the mocks", "did you mean `calls`?")),
        ("calls: [ a ]", ("1:1 /calls", "`calls` must be an object, and is array", "name")),
        ("calls:\n  greet: {}", ("2:3 /calls/greet", "the answer says nothing", "write `output")),
        ("calls:\n  greet: { output: 1, error: x }", ("2:3 /calls/greet", "not both", "write `output")),
        (
            "calls:\n  greet: { outptu: 1 }",
            ("2:12 /calls/greet/outptu", "no member of an answer", "did you mean `output`?"),
        ),
        ("calls:\n  greet: text", ("2:3 /calls/greet", "an answer must be an object, and is string", "`output`")),
        (
            "calls:\n  greet:\n    - { output: 1, times: 0 }",
            ("3:20 /calls/greet/0/times", "no number of calls", "`always`"),
        ),
        ("calls:\n  greet: { output: 1, delay: 5 }", ("2:23 /calls/greet/delay", "5 is no duration", "PT1M30S")),
        (
            "calls:\n  greet: { output: { a: '${ .x | }' } }",
            ("2:22 /calls/greet/output/a", "the expression does not compile", "`$input`, `$context`"),
        ),
        ("calls:\n  greet: { when: $nope, output: 1 }", ("2:12 /calls/greet/when", "does not compile", "$attempt")),
        (
            "calls:\n  greet: { error: { type: 'https://example.com/x' } }",
            ("2:12 /calls/greet/error", "an error has a `type` (text) and a `status` (number)", "status: 503"),
        ),
        (
            "calls:\n  greet: { error: communicaton }",
            ("2:12 /calls/greet/error", "the name of a standard one", "status"),
        ),
        (
            "calls:\n  greet: { error: { type: timeout, status: busy } }",
            ("2:12 /calls/greet/error", "a number such as 503", "status"),
        ),
        (
            "calls:\n  greet: { error: { type: timeout, detials: x } }",
            ("2:36 /calls/greet/error/detials", "`detials` is no member of an error", "did you mean `detail`?"),
        ),
    ] {
        check(mocks, wrong);
    }
}

#[test]
fn text_that_is_no_yaml_is_refused_as_a_document_is() {
    let report = Mocks::read(b"calls: [").map(drop).unwrap_err();
    assert_eq!(report.findings[0].code, "document-syntax");
    assert!(Mocks::read(b"{}").is_ok(), "no mocks are enough where nothing is called");
}
