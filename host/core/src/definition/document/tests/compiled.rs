//! What documents are compiled to.

use super::kit::{Catalog, HEAD, compiled, whole};
use crate::definition::{AttemptPolicy, Backoff, Definition, Kind, Map, Node, Span, Strategy, Then, compile};
use crate::ids::Digest;
use crate::time::Millis;

#[track_caller]
fn node<'d>(definition: &'d Definition, pointer: &str) -> &'d Node {
    let id = definition.find(pointer).unwrap_or_else(|| panic!("there is no task at {pointer}"));
    definition.node(id)
}

#[test]
fn a_definition_has_the_name_and_the_digest_of_its_document() {
    let text = whole("timeout: { after: PT1M }\ndo: []\n");
    let definition = compile(text.as_bytes(), &Catalog).unwrap();
    assert_eq!(definition.name.to_string(), "test/test:1.0.0");
    assert_eq!(definition.digest, Digest::of(text.as_bytes()));
    assert!(matches!(definition.timeout, Some(Span::Fixed(Millis(60_000)))));
    assert_eq!(definition.document.pointer("/document/name").unwrap().to_string(), "\"test\"");
}

#[test]
fn plugins_are_pinned_once_each_in_the_order_of_their_first_call() {
    let definition = compiled(
        "do:\n  - a: { call: report }\n  - b: { call: 'greet:1.0.0@default' }\n  - c: { call: greet }\n  - d: { call: wasm, with: { plugin: greet } }\n",
    );
    let pinned: Vec<String> =
        definition.plugins.iter().map(|plugin| format!("{}:{}", plugin.name, plugin.version)).collect();
    assert_eq!(pinned, ["report:0.2.0", "greet:1.0.0", "greet:1.1.0"]);
    let plugin = |pointer: &str| match &node(&definition, pointer).kind {
        Kind::Call(call) => call.plugin,
        other => panic!("no call: {other:?}"),
    };
    assert_eq!(["/do/0/a", "/do/1/b", "/do/2/c", "/do/3/d"].map(plugin), [0, 1, 2, 2]);
}

#[test]
fn control_goes_where_then_says() {
    let definition = compiled(
        "do:\n  - a: { set: { x: 1 }, then: c }\n  - b: { set: { x: 1 }, then: exit }\n  - c: { set: { x: 1 }, then: end }\n  - d: { try: [], catch: { then: a } }\n",
    );
    let then = |pointer: &str| node(&definition, pointer).then;
    assert_eq!([then("/do/0/a"), then("/do/1/b"), then("/do/2/c")], [Then::Goto(2), Then::Exit, Then::End]);
    let Kind::Try(task) = &node(&definition, "/do/3/d").kind else { panic!("no try") };
    assert_eq!(task.catch.then, Some(Then::Goto(0)));
}

#[test]
fn the_case_without_a_condition_comes_last_wherever_it_is_written() {
    let definition = compiled(
        "do:\n  - a: { switch: [ { rest: { then: end } }, { first: { when: .x, then: exit } }, { second: { when: .y, then: exit } } ] }\n",
    );
    let Kind::Switch(cases) = &node(&definition, "/do/0/a").kind else { panic!("no switch") };
    let names: Vec<&str> = cases.iter().map(|case| &*case.name).collect();
    assert_eq!(names, ["first", "second", "rest"]);
}

#[test]
fn a_map_runs_as_its_options_say() {
    let map = |options: &str| {
        let definition =
            compiled(&format!("do:\n  - a: {{ for: {{ in: .x }}, metadata: {{ for: {options} }}, do: [] }}\n"));
        let Kind::For(task) = &node(&definition, "/do/0/a").kind else { panic!("no for") };
        assert_eq!((&*task.each, &*task.at), ("item", "index"));
        task.map.clone()
    };
    let default = Map { concurrency: 10, batch: None, strategy: Strategy::FailFast, ordered: true };
    assert_eq!(map("{ mode: map }"), Some(default.clone()));
    let full = "{ mode: map, concurrency: 50, batch: 100, strategy: 'atLeast:7', ordered: false }";
    let wanted = Map { concurrency: 50, batch: Some(100), strategy: Strategy::AtLeast(7), ordered: false };
    assert_eq!(map(full), Some(wanted));
    for (text, strategy) in [("waitAll", Strategy::WaitAll), ("bestEffort", Strategy::BestEffort)] {
        assert_eq!(map(&format!("{{ mode: map, strategy: {text} }}")), Some(Map { strategy, ..default.clone() }));
    }
}

#[test]
fn a_retry_policy_is_the_same_inline_and_by_name() {
    let policy = "{ delay: PT2S, backoff: { exponential: { multiplier: 3, maxDelay: PT1M } }, limit: { attempt: { count: 4, duration: PT5S }, duration: PT10M }, jitter: { from: PT0S, to: PT1S } }";
    for (uses, retry) in [(String::new(), policy), (format!("use: {{ retries: {{ r: {policy} }} }}\n"), "r")] {
        let definition = compiled(&format!("{uses}do:\n  - a: {{ try: [], catch: {{ as: e, retry: {retry} }} }}\n"));
        let Kind::Try(task) = &node(&definition, "/do/0/a").kind else { panic!("no try") };
        assert_eq!(&*task.catch.variable, "e");
        let retry = task.catch.retry.as_ref().unwrap();
        assert_eq!(retry.backoff, Backoff::Exponential { multiplier: 3.0, delay_max: Some(Millis(60_000)) });
        assert_eq!(retry.retries_max, Some(4));
        let fixed = |span: &Span| match span {
            Span::Fixed(millis) => millis.0,
            Span::Expression(_) => panic!("an expression"),
        };
        let (from, to) = retry.jitter.as_ref().unwrap();
        let spans =
            [&retry.delay, retry.round_timeout.as_ref().unwrap(), retry.duration_max.as_ref().unwrap(), from, to];
        assert_eq!(spans.map(fixed), [2_000, 5_000, 600_000, 0, 1_000]);
    }
}

#[test]
fn the_filter_of_a_catch_keeps_what_is_written() {
    let definition = compiled(
        "do:\n  - a: { try: [], catch: { errors: { with: { type: 'x:y', status: 404, title: T, detail: D, instance: /do/0 } } } }\n",
    );
    let Kind::Try(task) = &node(&definition, "/do/0/a").kind else { panic!("no try") };
    let errors = &task.catch.errors;
    assert_eq!((errors.kind.as_deref(), errors.status), (Some("x:y"), Some(404)));
    assert_eq!(
        (errors.title.as_deref(), errors.detail.as_deref(), errors.instance.as_deref()),
        (Some("T"), Some("D"), Some("/do/0"))
    );
}

#[test]
fn defaults_of_the_document_hold_for_calls_that_say_nothing() {
    let text = format!(
        "{HEAD}  metadata: {{ defaults: {{ timeout: PT1M, retry: {{ attempts: 9, delay: PT3S }} }}, retention: {{ days: 2 }} }}\ndo:\n  - a: {{ call: greet }}\n  - b: {{ call: greet, timeout: {{ after: PT5S }}, metadata: {{ task: {{ retry: {{ factor: 7 }} }} }} }}\n  - c: {{ wait: PT1H }}\n"
    );
    let definition = compile(text.as_bytes(), &Catalog).unwrap();
    assert_eq!(definition.retention, Some(Millis(2 * 86_400_000)));
    let timeout = |pointer: &str| match node(&definition, pointer).timeout {
        Some(Span::Fixed(millis)) => Some(millis.0),
        _ => None,
    };
    assert_eq!(["/do/0/a", "/do/1/b", "/do/2/c"].map(timeout), [Some(60_000), Some(5_000), None]);
    let retry = |pointer: &str| match &node(&definition, pointer).kind {
        Kind::Call(call) => call.options.retry,
        _ => None,
    };
    let default = AttemptPolicy::default();
    assert_eq!(retry("/do/0/a"), Some(AttemptPolicy { attempts_max: 9, delay_ms: Millis(3_000), ..default }));
    assert_eq!(retry("/do/1/b"), Some(AttemptPolicy { factor: 7, ..default }));
}

#[test]
fn a_task_knows_where_it_stands_and_what_stands_there() {
    let definition = compiled("do:\n  - a/b: { do: [ { 'c~d': { set: { x: 1 } } } ] }\n");
    let inner = node(&definition, "/do/0/a~1b/do/0/c~0d");
    assert_eq!(&*inner.name, "c~d");
    assert_eq!(inner.definition.to_string(), r#"{"set":{"x":1}}"#);
}

#[test]
fn a_thousand_tasks_that_go_to_each_other_are_compiled() {
    let tasks: String = (0..1_000)
        .map(|number| {
            format!(
                "  - t{number}: {{ call: greet, with: {{ n: '${{ .n + {number} }}' }}, then: t{} }}\n",
                (number + 1) % 1_000
            )
        })
        .collect();
    assert_eq!(compiled(&format!("do:\n{tasks}")).nodes.len(), 1_000);
}
