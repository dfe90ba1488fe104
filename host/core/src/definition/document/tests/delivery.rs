//! Where tasks wait, which of them comes first, and how long their configs are kept.

use super::kit::{Catalog, HEAD, check, check_suggestion, compiled, line, task};
use crate::definition::{Definition, Kind, Priority, compile};
use crate::time::Millis;

/// A whole document with metadata of its own.
fn document(metadata: &str) -> String {
    format!("{HEAD}  metadata: {metadata}\ndo: []\n")
}

#[track_caller]
fn check_document(metadata: &str, finding: &str) {
    let report = compile(document(metadata).as_bytes(), &Catalog).unwrap_err();
    let lines: Vec<String> = report.findings.iter().map(|finding| line(finding, 0)).collect();
    assert_eq!(lines, [finding], "{metadata}");
}

#[track_caller]
fn delivery(definition: &Definition, pointer: &str) -> (String, Priority) {
    match &definition.node(definition.find(pointer).unwrap()).kind {
        Kind::Call(call) => (call.options.queue.to_string(), call.options.priority),
        other => panic!("no call: {other:?}"),
    }
}

#[test]
fn the_nearest_queue_counts_and_a_task_alone_has_a_priority() {
    let tasks = "do:\n  - a: { call: greet }\n  - b: { call: greet, metadata: { task: { queue: gpu, priority: high } } }\n  - c: { call: greet, metadata: { task: { priority: low } } }\n";
    let deliveries = |definition: &Definition| ["/do/0/a", "/do/1/b", "/do/2/c"].map(|at| delivery(definition, at));
    let expected = |other: &str| {
        let of = |queue: &str, priority| (queue.to_owned(), priority);
        [of(other, Priority::Normal), of("gpu", Priority::High), of(other, Priority::Low)]
    };
    assert_eq!(deliveries(&compiled(tasks)), expected("default"));
    let text = format!("{HEAD}  metadata: {{ defaults: {{ queue: slow }} }}\n{tasks}");
    let definition = compile(text.as_bytes(), &Catalog).unwrap();
    assert_eq!(deliveries(&definition), expected("slow"));
    assert_eq!(definition.defaults.queue.as_str(), "slow");
}

#[test]
fn a_function_waits_where_its_own_task_says() {
    let definition = compiled(
        "use: { functions: { f: { call: greet, metadata: { task: { queue: gpu, priority: high } } } } }\ndo:\n  - a: { call: f }\n",
    );
    assert_eq!(delivery(&definition, "/use/functions/f"), ("gpu".into(), Priority::High));
}

#[test]
fn a_queue_is_a_dns_label_of_63_bytes_at_most() {
    let named = |queue: &str| task(&format!("{{ call: greet, metadata: {{ task: {{ queue: {queue} }} }} }}"));
    let longest = "a".repeat(63);
    for good in ["q", "gpu-2", &longest] {
        check(&named(good), &[]);
        assert!(compile(document(&format!("{{ defaults: {{ queue: {good} }} }}")).as_bytes(), &Catalog).is_ok());
    }
    let too_long = "a".repeat(64);
    for (bad, shown) in [
        ("GPU", "\"GPU\""),
        ("a.b", "\"a.b\""),
        ("-a", "\"-a\""),
        ("''", "\"\""),
        ("'${ .x }'", "\"${ .x }\""),
        ("5", "5"),
        (&too_long, &format!("\"{too_long}\"")),
    ] {
        let message = format!(
            "not deployable: `queue` must have 1 to 63 lower-case letters, digits and inner hyphens, and is {shown}"
        );
        check(&named(bad), &[&format!("2:50 /do/0/a/metadata/task/queue {message}")]);
        let metadata = format!("{{ defaults: {{ queue: {bad} }} }}");
        check_document(&metadata, &format!("6:34 /document/metadata/defaults/queue {message}"));
    }
}

#[test]
fn a_priority_is_one_of_three_words() {
    let named = |priority: &str| task(&format!("{{ call: greet, metadata: {{ task: {{ priority: {priority} }} }} }}"));
    for good in ["high", "normal", "low"] {
        check(&named(good), &[]);
    }
    for (bad, shown) in [("urgent", "\"urgent\""), ("High", "\"High\""), ("1", "1")] {
        check_suggestion(
            &named(bad),
            &format!("2:53 /do/0/a/metadata/task/priority not deployable: {shown} is no priority"),
            "write `high`, `normal` or `low`",
        );
    }
    check_document(
        "{ defaults: { priority: high } }",
        "6:27 /document/metadata/defaults/priority not deployable: `priority` is no property of `metadata.defaults`",
    );
}

#[test]
fn what_is_run_elsewhere_than_on_a_worker_waits_in_no_queue() {
    check(
        &task("{ set: { b: 1 }, metadata: { task: { queue: gpu, priority: low } } }"),
        &[
            "2:45 /do/0/a/metadata/task/queue lint: `metadata.task.queue` has an effect on `call` tasks only",
            "2:57 /do/0/a/metadata/task/priority lint: `metadata.task.priority` has an effect on `call` tasks only",
        ],
    );
}

#[test]
fn configs_are_kept_from_a_minute_to_365_days() {
    let kept = |ttl: &str| compile(document(&format!("{{ config: {{ ttl: {ttl} }} }}")).as_bytes(), &Catalog);
    assert_eq!(compiled("do: []\n").config_ttl, None);
    for (good, millis) in [("PT1M", 60_000), ("{ hours: 2 }", 7_200_000), ("P365D", 365 * 86_400_000)] {
        assert_eq!(kept(good).unwrap().config_ttl, Some(Millis(millis)), "{good}");
    }
    for (bad, shown) in [("PT59.999S", "\"PT59.999S\""), ("P365DT0.001S", "\"P365DT0.001S\"")] {
        let finding = format!("`ttl` must be from a minute to 365 days, and is {shown}");
        let metadata = format!("{{ config: {{ ttl: {bad} }} }}");
        check_document(&metadata, &format!("6:30 /document/metadata/config/ttl not deployable: {finding}"));
    }
    for bad in ["soon", "5", "'${ .x }'", "[]"] {
        let report = kept(bad).unwrap_err();
        assert_eq!(report.findings[0].pointer.as_str(), "/document/metadata/config/ttl", "{bad}");
    }
    for bad in ["{ config: 5 }", "{ config: { tll: PT1M } }"] {
        assert!(compile(document(bad).as_bytes(), &Catalog).is_err(), "{bad}");
    }
}
