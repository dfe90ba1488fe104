//! Text to tree: what YAML and JSON say, and where they are wrong.

use super::kit::{check, check_suggestion, compiled, line, whole};
use crate::definition::{DOCUMENT_BYTES_MAX, DOCUMENT_VALUES_MAX, compile, validate};
use crate::ids::Digest;
use crate::value::{NESTING_MAX, Value};

/// Checks what a value of YAML is read as.
#[track_caller]
fn check_value(yaml: &str, json: &str) {
    let definition = compiled(&format!("do:\n  - a:\n      set:\n        value: {yaml}\n"));
    let value = definition.document.pointer("/do/0/a/set/value");
    assert_eq!(value, Some(Value::from_json(json.as_bytes()).unwrap()), "{yaml}");
}

/// Checks the findings of a whole document, with lines from its first one.
#[track_caller]
fn check_whole(document: &[u8], findings: &[&str]) {
    let report = validate(document);
    let lines: Vec<String> = report.findings.iter().map(|finding| line(finding, 0)).collect();
    assert_eq!(lines, findings, "{report}");
}

#[test]
fn scalars_are_those_of_yaml_1_2() {
    check_value("on", r#""on""#);
    check_value("yes", r#""yes""#);
    check_value("9007199254740993", "9007199254740993");
    check_value("1.50", "1.50");
    check_value("'1'", r#""1""#);
    check_value("\"\\u00e9\\n\"", r#""é\n""#);
    check_value("1.0.3", r#""1.0.3""#);
    check_value("~", "null");
    check_value("[a, {b: c}]", r#"["a",{"b":"c"}]"#);
    check_value("|\n          two\n          lines\n", r#""two\nlines\n""#);
    check_value(">-\n          two\n          lines\n", r#""two lines""#);
    check_value("{ on: 1, true: 2, 3: 4, null: 5 }", r#"{"on":1,"true":2,"3":4,"null":5}"#);
}

#[test]
fn json_is_read_as_json() {
    let json = r#"{"document":{"dsl":"1.0.3","namespace":"test","name":"test","version":"1.0.0"},
	"do":[{"a":{"set":{"text":"\ud83d\ude00\/\"","number":12345678901234567890.5,"list":[ ],"none":{ }}}}]}"#;
    let definition = compile(json.as_bytes(), &super::kit::Catalog).unwrap();
    assert_eq!(definition.document, Value::from_json(json.as_bytes()).unwrap());
    assert_eq!(definition.digest, Digest::of(json.as_bytes()));
    let wrong = "{\"document\":{\"dsl\":\"1.0.3\",\"namespace\":\"test\",\"name\":\"test\",\"version\":\"1.0.0\"},\n \"do\":[{\"a\":{\"sett\":{}}}]}";
    check_whole(wrong.as_bytes(), &["2:14 /do/0/a/sett invalid: `sett` is no property of a task"]);
    check_whole(
        br#"{"document":{"dsl":"1.0.3","namespace":"test","name":"test","version":"1.0.0","name":"b"},"do":[]}"#,
        &["1:79 /document/name invalid: `name` stands twice in the same object"],
    );
    check_whole(
        br#"{"document":{"dsl":"1.0.3","namespace":"test","name":"test","version":"1.0.0","title":"\ud800"},"do":[]}"#,
        &["1:87 /document/title invalid: the text has half of a surrogate pair in it"],
    );
}

#[test]
fn a_mark_at_the_beginning_is_skipped() {
    assert!(validate(format!("\u{feff}{}", whole("do: []")).as_bytes()).is_valid());
}

#[test]
fn broken_text_is_named_with_its_place_and_a_hint() {
    check_suggestion(
        "do:\n  - a:\n      set:\n        b: ${ {c: 1} }\n",
        "4:17 /do/0/a/set invalid: this is no YAML: mapping values are not allowed in this context",
        "put the expression in quotes: '${ ... }'",
    );
    check_suggestion(
        "do:\n\t- a\n",
        "2:2 /do invalid: this is no YAML: tabs disallowed within this context (block indentation)",
        "lines are indented with spaces, not with tabs",
    );
    check_suggestion(
        "do: [\n",
        "2:1 /do/0 invalid: this is no YAML: while parsing a node, did not find expected node content",
        "look at the indentation of this line and of the one before",
    );
}

#[test]
fn what_json_has_nothing_for_is_refused() {
    check("do:\n  - a: &x { set: { b: 1 } }\n", &["2:8 /do/0/a invalid: anchors (`&name`) are not read"]);
    check(
        "do:\n  - a: &x { set: { b: 1 } }\n  - b: *x\n",
        &[
            "2:8 /do/0/a invalid: anchors (`&name`) are not read",
            "3:8 /do/1/b invalid: aliases (`*name`) are not read",
            "3:8 /do/1/b invalid: a task must be an object, and is nothing",
        ],
    );
    check("do:\n  - a: { set: { b: !!str 1 } }\n", &["2:20 /do/0/a/set/b invalid: tags (`!name`) are not read"]);
    check(
        "do:\n  - a: { set: { <<: { b: 1 }, c: 1 } }\n",
        &["2:17 /do/0/a/set invalid: merge keys (`<<`) are not read"],
    );
    check("do:\n  - a: { set: { b: .inf } }\n", &["2:20 /do/0/a/set/b invalid: JSON has no number for this: `.inf`"]);
    check("do:\n  - a: { set: { [b]: 1 } }\n", &["2:17 /do/0/a/set invalid: the name of a member must be text"]);
    check("do: []\ndo: []\n", &["2:1 /do invalid: `do` stands twice in the same object"]);
    check("do: []\n---\na: 1\n", &["2:1  invalid: a second document begins here"]);
}

#[test]
fn a_bomb_of_aliases_is_refused_before_it_goes_off() {
    let mut text = "do:\n  - a: &a0 [x]\n".to_string();
    for level in 1..30 {
        let inner = format!("*a{}", level - 1);
        text.push_str(&format!("  - a: &a{level} [{inner}, {inner}, {inner}, {inner}]\n"));
    }
    assert!(!validate(whole(&text).as_bytes()).is_valid());
}

#[test]
fn an_empty_document_and_bytes_that_are_no_text_are_refused() {
    check_whole(b"", &["1:1  invalid: the document is empty"]);
    check_whole(b"# nothing\n", &["1:1  invalid: the document is empty"]);
    check_whole(b"---\n", &["2:1  invalid: a workflow must be an object, and is nothing"]);
    check_whole(b"do:\n  \xff", &["2:3  invalid: the document is no UTF-8 text from here on"]);
    check_whole(b"- a\n", &["1:1  invalid: a workflow must be an object, and is an array"]);
}

#[test]
fn a_document_has_so_many_bytes_and_no_more() {
    let fill = |bytes: usize| {
        let text = whole("do: []\n#");
        let rest = "x".repeat(bytes - text.len());
        format!("{text}{rest}")
    };
    assert!(validate(fill(DOCUMENT_BYTES_MAX).as_bytes()).is_valid());
    let report = validate(fill(DOCUMENT_BYTES_MAX + 1).as_bytes());
    assert_eq!(report.findings[0].code, "document-too-large");
}

#[test]
fn a_document_is_nested_so_deep_and_no_deeper() {
    // Five levels lead to the value: the document, `do`, its element, the task and `set`.
    let nested = |depth: usize| {
        let value = format!("{}{}", "[".repeat(depth - 5), "]".repeat(depth - 5));
        validate(whole(&format!("do:\n  - a:\n      set:\n        b: {value}\n")).as_bytes())
    };
    assert!(nested(NESTING_MAX).is_valid(), "{}", nested(NESTING_MAX));
    assert_eq!(nested(NESTING_MAX + 1).findings[0].code, "document-too-large");
}

#[test]
fn a_document_has_so_many_values_and_no_more() {
    // Eleven values stand beside those of the list: six for the head, `do`, its element, the task, `set` and the list itself.
    let filled = |values: usize| {
        let list = vec!["1"; values - 11].join(",");
        validate(whole(&format!("do:\n  - a:\n      set:\n        b: [{list}]\n")).as_bytes())
    };
    assert!(filled(DOCUMENT_VALUES_MAX).is_valid());
    assert_eq!(filled(DOCUMENT_VALUES_MAX + 1).findings[0].code, "document-too-large");
}
