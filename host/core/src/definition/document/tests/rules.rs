//! The rules that hold for all tasks, each with a document that keeps it and one that breaks it: line, column, pointer and message.

use super::kit::{check, check_suggestion, compiled, found, rule, task};

#[test]
fn the_document_names_itself() {
    let head = |head: &str| crate::definition::validate(format!("document: {head}\ndo: []\n").as_bytes());
    assert!(
        head("{ dsl: 1.0.0, namespace: Ns-1, name: n, version: 0.1.0-rc.1, title: t, summary: s, tags: { a: b } }")
            .is_valid()
    );
    for (wrong, message) in [
        ("{ namespace: n, name: n, version: 1.0.0 }", "`document` needs `dsl`"),
        ("{ dsl: 1.0.3, namespace: n, name: n, version: 1.0 }", "`version` must be text, and is a number"),
        ("{ dsl: 1.0.3, namespace: n, name: n, version: '1.0' }", "`version` must be a semantic version, and is `1.0`"),
        (
            "{ dsl: 1.0.4, namespace: n, name: n, version: 1.0.0 }",
            "this host reads the DSL from 1.0.0 to 1.0.3, and this is 1.0.4",
        ),
        (
            "{ dsl: 1.0.3, namespace: n_, name: n, version: 1.0.0 }",
            "`namespace` must have 1 to 63 letters, digits and inner hyphens, and is `n_`",
        ),
        ("{ dsl: 1.0.3, namespace: n, name: n, version: 1.0.0, titel: x }", "`titel` is no property of `document`"),
        ("{ dsl: 1.0.3, namespace: n, name: n, version: 1.0.0, tags: x }", "`tags` must be an object, and is text"),
        ("[]", "`document` must be an object, and is an array"),
    ] {
        let report = head(wrong);
        assert_eq!(report.findings.iter().map(|finding| &finding.message).collect::<Vec<_>>(), [message], "{report}");
    }
}

#[test]
fn a_workflow_needs_tasks() {
    check("input: {}\n", &["-4:1  invalid: a workflow needs `do`"]);
    check("do: {}\n", &["1:5 /do invalid: `do` must be an array, and is an object"]);
    check(
        "dO: []\n",
        &["-4:1  invalid: a workflow needs `do`", "1:1 /dO not deployable: `dO` is no property of a workflow"],
    );
}

#[test]
fn what_is_misspelt_gets_the_word_that_was_meant() {
    check_suggestion(
        &task("{ set: { b: 1 }, thne: end }"),
        "2:25 /do/0/a/thne invalid: `thne` is no property of a `set` task",
        "did you mean `then`?",
    );
    check_suggestion(
        &task("{ cal: greet }"),
        "2:10 /do/0/a/cal invalid: `cal` is no property of a task",
        "did you mean `call`?",
    );
    check_suggestion(
        &task("{ if: .x }"),
        "2:5 /do/0/a invalid: the task says nothing that it does",
        "write `for`, `listen`, `call`, `try`, `do`, `emit`, `fork`, `raise`, `run`, `set`, `switch` or `wait`",
    );
    check_suggestion(
        &task("{ set: { b: 1 }, if: true }"),
        "2:29 /do/0/a/if invalid: `if` must be an expression, which is text",
        "write `${ true }`",
    );
}

#[test]
fn a_task_does_one_thing() {
    rule(
        "{ set: { b: 1 } }",
        "{ set: { b: 1 }, wait: PT1S }",
        "2:25 /do/0/a/wait invalid: a task does one thing, and this one has both `set` and `wait`",
    );
    check(
        "do:\n  - a: { set: { b: 1 } }\n    b: { set: { b: 1 } }\n",
        &["3:5 /do/0/b invalid: an element of `do` holds one member, and here is a second one: `b`"],
    );
    check("do:\n  - {}\n", &["2:5 /do/0 invalid: an element of `do` holds nothing"]);
    check("do:\n  - a:\n", &["2:6 /do/0/a invalid: a task must be an object, and is nothing"]);
    check("do:\n  - a\n", &["2:5 /do/0 invalid: an element of `do` must be an object, and is text"]);
}

#[test]
fn then_stays_in_its_list() {
    check("do:\n  - a: { set: { x: 1 }, then: b }\n  - b: { set: { x: 1 }, then: a }\n", &[]);
    for directive in ["continue", "exit", "end"] {
        check(&task(&format!("{{ set: {{ x: 1 }}, then: {directive} }}")), &[]);
    }
    check_suggestion(
        "do:\n  - first: { set: { x: 1 }, then: secnd }\n  - second: { set: { x: 1 } }\n",
        "2:35 /do/0/first/then invalid: there is no task `secnd` in this list",
        "did you mean `second`?",
    );
    check_suggestion(
        "do:\n  - a: { do: [ { x: { set: { x: 1 }, then: b } } ] }\n  - b: { set: { x: 1 } }\n",
        "2:44 /do/0/a/do/0/x/then invalid: there is no task `b` in this list",
        "did you mean `x`?",
    );
    check(
        &task("{ fork: { branches: [ { b: { set: { x: 1 }, then: c } }, { c: { set: { x: 1 } } } ] } }"),
        &["2:58 /do/0/a/fork/branches/0/b/then invalid: there is no task `c` in this list"],
    );
    check(
        "do:\n  - a: { set: { x: 1 } }\n  - a: { set: { x: 1 } }\n",
        &["3:5 /do/1/a not deployable: two tasks of this list are named `a`"],
    );
}

#[test]
fn expressions_compile_where_they_stand() {
    check(&task("{ set: { b: '${ .x | map(.y) }' } }"), &[]);
    check(
        &task("{ set: { b: '${ .x | mapp(.y) }' } }"),
        &["2:29 /do/0/a/set/b invalid: the expression does not compile: there is no function `mapp` with 1 arguments"],
    );
    check(
        "do:\n  - a:\n      set:\n        b: |-\n          ${ .x |\n            $nope }\n",
        &[
            "6:13 /do/0/a/set/b invalid: the expression does not compile: there is no variable `$nope` here; there are $context, $input, $task, $workflow, $runtime",
        ],
    );
    check(
        &task(r#"{ if: "$output", set: { b: 1 } }"#),
        &[
            "2:15 /do/0/a/if invalid: the expression does not compile: there is no variable `$output` here; there are $context, $task, $workflow, $runtime",
        ],
    );
    check(&task("{ set: { b: 1 }, export: { as: '$output' }, output: { as: '$input' } }"), &[]);
    check(
        &task("{ set: { b: '${ $secrets.x }' } }"),
        &["2:24 /do/0/a/set/b not deployable: this host does not support `$secrets` in expressions yet"],
    );
    check(
        "input: { from: $context }\noutput: { as: $context }\ndo: []\n",
        &[
            "1:16 /input/from invalid: the expression does not compile: there is no variable `$context` here; there are $workflow, $runtime",
        ],
    );
    check(
        &task("{ set: { b: 'Hello ${ .name }!' } }"),
        &["2:27 /do/0/a/set/b lint: an expression inside of a text is not evaluated"],
    );
}

#[test]
fn input_output_and_export_are_transformed_and_checked() {
    check(&task("{ input: { from: .x, schema: { document: { type: string } } }, set: { b: 1 } }"), &[]);
    check(&task("{ output: { as: { x: '${ .y }' } }, set: { b: 1 } }"), &[]);
    check(&task("{ export: { schema: { format: json, document: { type: object } } }, set: { b: 1 } }"), &[]);
    rule(
        "{ input: {}, set: { b: 1 } }",
        "{ input: { from: 5 }, set: { b: 1 } }",
        "2:25 /do/0/a/input/from invalid: `from` must be an expression or an object, and is a number",
    );
    rule(
        "{ output: {}, set: { b: 1 } }",
        "{ output: { form: .x }, set: { b: 1 } }",
        "2:20 /do/0/a/output/form invalid: `form` is no property of `output`",
    );
    check(
        &task("{ input: { schema: { document: { type: strnig } } }, set: { b: 1 } }"),
        &[
            "2:47 /do/0/a/input/schema/document/type invalid: this is no JSON Schema: \"strnig\" is not valid under any of the schemas listed in the 'anyOf' keyword",
        ],
    );
    check(
        &task(
            "{ input: { schema: { document: { properties: { x: { $ref: 'https://example.com/x' } } } } }, set: { b: 1 } }",
        ),
        &[
            "2:66 /do/0/a/input/schema/document/properties/x/$ref not deployable: this host does not fetch schemas from elsewhere, and `$ref` is `https://example.com/x`",
        ],
    );
    check(
        &task("{ input: { schema: { resource: { endpoint: 'https://example.com' } } }, set: { b: 1 } }"),
        &["2:29 /do/0/a/input/schema/resource not deployable: this host does not fetch schemas from elsewhere"],
    );
    check(
        &task("{ input: { schema: { format: avro, document: {} } }, set: { b: 1 } }"),
        &["2:37 /do/0/a/input/schema/format not deployable: this host does not support schemas in the format `avro`"],
    );
    check(
        &task("{ input: { schema: {} }, set: { b: 1 } }"),
        &["2:19 /do/0/a/input/schema invalid: a schema needs `document` or `resource`"],
    );
}

#[test]
fn schemas_that_go_in_circles_end() {
    for schema in [
        r##"{"$ref":"#"}"##,
        r##"{"allOf":[{"$ref":"#"}]}"##,
        r##"{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}"##,
        r##"{"$ref":"#/$defs/a","$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"}]},"b":{"not":{"$ref":"#/$defs/a"}}}}"##,
    ] {
        let definition = compiled(&format!("input: {{ schema: {{ document: {schema} }} }}\ndo: []\n"));
        let value = crate::value::Value::from_json(b"{\"a\":1}").unwrap();
        // What it says about a value does not matter: it comes to an end.
        let _ = definition.input.schema.as_ref().unwrap().mismatch(&value);
    }
}

#[test]
fn durations_are_objects_text_or_expressions() {
    for good in ["{ seconds: 3 }", "{ days: 1, milliseconds: 5 }", "PT1M30S", "'${ .x }'"] {
        check(&task(&format!("{{ wait: {good} }}")), &[]);
    }
    for (bad, finding) in [
        ("{ second: 3 }", "2:18 /do/0/a/wait/second invalid: `second` is no property of a duration"),
        ("{}", "2:16 /do/0/a/wait invalid: a duration needs a unit"),
        (
            "{ seconds: '3' }",
            "2:27 /do/0/a/wait/seconds invalid: a unit of a duration must be a whole number, and is text",
        ),
        (
            "{ seconds: 1.5 }",
            "2:27 /do/0/a/wait/seconds invalid: a unit of a duration must be a whole number, and is a number",
        ),
        ("5", "2:16 /do/0/a/wait invalid: `wait` must be a duration"),
        (
            "5m",
            "2:16 /do/0/a/wait invalid: \"5m\" is no duration: write ISO 8601 text such as `PT1M30S`, or an object such as `{ minutes: 1, seconds: 30 }`, of 100 years at most",
        ),
    ] {
        check(&task(&format!("{{ wait: {bad} }}")), &[finding]);
    }
}

#[test]
fn timeouts_are_inline_or_named() {
    let uses = "use: { timeouts: { short: { after: PT1S } } }\n";
    check(&format!("{uses}timeout: short\ndo: []\n"), &[]);
    check_suggestion(
        &format!("{uses}timeout: shrot\ndo: []\n"),
        "2:10 /timeout invalid: `use.timeouts` does not define `shrot`",
        "did you mean `short`?",
    );
    rule(
        "{ timeout: { after: PT1S }, wait: PT1S }",
        "{ timeout: {}, wait: PT1S }",
        "2:10 /do/0/a/timeout invalid: a timeout needs `after`",
    );
    check(&task("{ timeout: { after: '${ .x }' }, wait: PT1S }"), &[]);
}

#[test]
fn tasks_are_nested_so_deep_and_no_deeper() {
    let nested = |depth: usize| format!("do: {}[]{}\n", "[ { t: { do: ".repeat(depth), " } } ]".repeat(depth));
    check(&nested(20), &[]);
    let report = found(&nested(21));
    assert_eq!(report.findings.len(), 1, "{report}");
    assert_eq!(report.findings[0].message, "tasks are nested more than 20 deep");
    assert_eq!(report.findings[0].pointer.as_str(), "/do/0/t".repeat(21));
}

#[test]
fn all_mistakes_are_found_at_once_and_not_without_end() {
    check(
        "do:\n  - a: { sett: { b: 1 } }\n  - b: { set: { c: '${ ( }' }, then: nowhere }\n  - c: { call: nobody, with: 5 }\ntimeout: {}\n",
        &[
            "2:10 /do/0/a/sett invalid: `sett` is no property of a task",
            "3:25 /do/1/b/set/c invalid: the expression does not compile: a string, a bracket or a number is not complete, or a character means nothing here",
            "3:38 /do/1/b/then invalid: there is no task `nowhere` in this list",
            "4:16 /do/2/c/call not deployable: the catalog has no plugin `nobody`",
            "4:30 /do/2/c/with invalid: `with` must be an object, and is a number",
            "5:1 /timeout invalid: a timeout needs `after`",
        ],
    );
    let many: String = (0..500).map(|number| format!("  - t{number}: {{ nope: 1 }}\n")).collect();
    assert_eq!(found(&format!("do:\n{many}")).findings.len(), 100);
}

#[test]
fn a_report_is_shown_with_its_lines() {
    let report = found(&task("{ set: { b: 1 }, thne: end }"));
    let shown = "flow.yaml:7:25 /do/0/a/thne: `thne` is no property of a `set` task [unknown-property]\n  |\n7 |   - a: { set: { b: 1 }, thne: end }\n  |                         ^\n  = did you mean `then`?";
    assert_eq!(report.display(Some("flow.yaml")).to_string(), shown);
    assert_eq!(report.to_string(), shown.trim_start_matches("flow.yaml:"));
}
