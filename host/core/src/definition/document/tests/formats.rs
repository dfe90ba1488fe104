//! Texts that must have a form, and options of ours that are never a matter of the specification.

use super::kit::{HEAD, found, task};
use crate::definition::{read_document, validate};

#[track_caller]
fn check(part: &str, message: &str) {
    let report = found(&task(part));
    assert!(report.findings.iter().any(|finding| finding.message == message), "{part}\n{report}");
    assert!(!report.is_valid());
}

#[test]
fn what_is_sent_elsewhere_has_the_form_that_it_needs_there() {
    check(
        "{ call: http, with: { method: get, endpoint: 'https://a.test/{id' } }",
        "an endpoint must be a URI or an expression, and is `https://a.test/{id`",
    );
    let oauth = |member: &str| {
        format!(
            "{{ call: http, with: {{ method: get, endpoint: {{ uri: 'x:y', authentication: {{ oauth2: {{ grant: password, {member} }} }} }} }} }}"
        )
    };
    check(&oauth("authority: '${ .a }'"), "`authority` must be a URI, and is `${ .a }`");
    check(
        &oauth("authority: 'https://a.test', endpoints: { token: two words }"),
        "`token` must be a path, and is `two words`",
    );
    check(
        "{ call: grpc, with: { proto: { endpoint: 'x:y' }, method: m, service: { name: s, host: 'a:1' } } }",
        "`host` must be the name of a host, and is \"a:1\"",
    );
    check(
        "{ emit: { event: { with: { type: t, time: noon } } } }",
        "`time` must be a moment or an expression, and is `noon`",
    );
    check(
        "{ raise: { error: { type: 'x:y', status: 400, instance: /do/a~2 } } }",
        "`instance` must be a JSON Pointer, and is `/do/a~2`",
    );
}

#[test]
fn a_subscription_wants_the_marks_of_an_expression() {
    let consume = |subscription: &str| {
        format!(
            "{{ call: asyncapi, with: {{ document: {{ endpoint: 'x:y' }}, operation: o, subscription: {{ {subscription} }} }} }}"
        )
    };
    assert!(found(&task(&consume("filter: '${ .a }', consume: { while: '${ .b }' }"))).is_valid());
    check(&consume("filter: .a, consume: { amount: 1 }"), "`filter` must be an expression in `${ }`");
    check(&consume("consume: { until: .b }"), "`until` must be an expression in `${ }`");
}

#[test]
fn parameters_and_options_of_a_protocol_are_checked() {
    check("{ call: a2a, with: { method: message/send, parameters: {} } }", "`parameters` has no parameter");
    check(
        "{ call: mcp, with: { method: tools/list, transport: { stdio: { command: c }, options: { a: 1 } } } }",
        "a member of `options` must be text, and is a number",
    );
}

#[test]
fn an_option_of_ours_never_makes_a_document_invalid() {
    let retries =
        "do:\n  - a:\n      try: []\n      catch:\n        retry: { backoff: { exponential: { maxDelay: soon } } }\n";
    for (metadata, part) in [
        ("{ retention: soon }", "do: []\n"),
        ("{ defaults: { timeout: 5, retry: { delay: [], maxDelay: { days: many } } } }", "do: []\n"),
        ("{}", retries),
    ] {
        let report = validate(format!("{HEAD}  metadata: {metadata}\n{part}").as_bytes());
        assert!(report.is_valid() && !report.is_deployable(), "{metadata} {part}\n{report}");
    }
}

#[test]
fn a_document_is_read_whatever_it_means() {
    let value = read_document(b"a: [1, on, '2']\nb: {}\n").unwrap();
    assert_eq!(value.to_json(), br#"{"a":[1,"on","2"],"b":{}}"#);
    for (wrong, code) in [("a: 1\na: 2\n", "document-duplicate"), ("a: [", "document-syntax"), ("", "document-syntax")]
    {
        let report = read_document(wrong.as_bytes()).unwrap_err();
        assert_eq!(report.findings[0].code, code, "{report}");
    }
}
