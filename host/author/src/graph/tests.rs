//! Whole documents, drawn.

use sandmill_core::definition::{EveryPlugin, compile};

use super::graph;

fn drawn(document: &str) -> String {
    graph(&compile(document.as_bytes(), &EveryPlugin).unwrap_or_else(|report| panic!("{report}")))
}

/// What is drawn of the tasks of a document, without its head.
fn tasks(list: &str) -> String {
    let head = "document: { dsl: '1.0.3', namespace: test, name: test, version: 1.0.0 }\n";
    let drawn = drawn(&format!("{head}{list}"));
    drawn.split_once("flowchart TD\n").unwrap().1.to_owned()
}

#[test]
fn the_source_report_shows_its_map_its_cases_and_its_fork() {
    insta::assert_snapshot!(drawn(include_str!("../../../../examples/source-report/workflow.yaml")));
}

#[test]
fn lists_conditions_and_jumps_are_followed() {
    insta::assert_snapshot!(tasks(
        "do:
  - end: { set: { n: 1 }, if: .go == true }
  - group:
      if: ${ .deep }
      timeout: { after: PT1M30S }
      do:
        - pause: { wait: { seconds: 5 }, then: exit }
        - never: { wait: '${ .pause }' }
  - subgraph: { set: '${ . }', then: end, if: .stop }
  - nothing: { do: [] }
  - back: { call: greet, with: { name: x }, then: end-of-list }
  - skipped: { call: wasm, with: { plugin: greet, version: 1.2.0 } }
  - end-of-list: { set: { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 }, then: end }
"
    ));
}

#[test]
fn errors_lead_to_what_catches_them() {
    insta::assert_snapshot!(tasks(
        "do:
  - careful:
      try:
        - call: { call: 'greet:0.1.0@default' }
        - refuse: { raise: { error: { type: 'https://example.com/errors/no', status: 418 } } }
      catch:
        errors: { with: { status: 418, type: 'https://example.com/errors/no' } }
        when: .status > 400
        exceptWhen: .never
        retry: { delay: { seconds: 2 }, limit: { attempt: { count: 3 } } }
        do:
          - again: { raise: { error: broken } }
        then: last
  - bare:
      try: []
      catch: {}
  - last: { set: { x: 1 } }
use:
  errors:
    broken: { type: 'https://example.com/errors/broken', status: 500 }
"
    ));
}

#[test]
fn loops_maps_and_forks_come_together_again() {
    insta::assert_snapshot!(tasks(
        "do:
  - each:
      for: { each: one, in: '${ .items }' }
      while: $one > 0
      do:
        - work: { call: greet }
        - leave: { switch: [ { enough: { when: .enough, then: exit } } ] }
  - map:
      metadata: { for: { mode: map, batch: 5, strategy: 'atLeast:2' } }
      for: { in: .items }
      do:
        - fail: { raise: { error: { type: 'https://example.com/x', status: 400 } } }
        - inner: { for: { in: .items }, do: [] }
  - race:
      fork:
        compete: true
        branches:
          - fast: { wait: PT1S, if: .fast }
          - slow: { do: [ { a: { set: { a: 1 } } }, { b: { set: { b: 1 }, then: end } } ] }
"
    ));
}

#[test]
fn a_switch_has_an_edge_for_each_case_and_one_for_none() {
    insta::assert_snapshot!(tasks(
        "do:
  - choose:
      switch:
        - large: { when: '.n >= 1000 and .name == \"a|b\"', then: large }
        - again: { when: .again, then: choose }
        - stop: { when: .stop, then: end }
      then: small
  - large: { set: { size: large }, then: exit }
  - small:
      switch:
        - always: { then: continue }
"
    ));
}

#[test]
fn the_same_document_is_always_drawn_alike() {
    let document = include_str!("../../../../examples/source-report/workflow.yaml");
    assert_eq!(drawn(document), drawn(document));
}

#[test]
fn a_workflow_without_tasks_leads_from_its_start_to_its_end() {
    assert_eq!(tasks("do: []\n"), "    start([\"start\"])\n    finish([\"end\"])\n    start --> finish\n");
}

#[test]
fn functions_other_workflows_and_policies_are_named() {
    insta::assert_snapshot!(tasks(
        "use: { functions: { double: { set: '${ .n * 2 }' } } }
do:
  - twice: { call: double, with: { n: 1 } }
  - child: { run: { workflow: { namespace: shop, name: resize, version: latest } } }
  - other: { run: { await: false, workflow: { namespace: shop, name: audit, version: 1.0.0 } } }
  - both:
      metadata: { fork: { strategy: 'atLeast:1', maxConcurrency: 2 } }
      fork: { branches: [ { a: { set: { a: 1 } } }, { b: { set: { b: 1 } } } ] }
  - group:
      metadata: { fork: { critical: [pay] } }
      fork: { branches: [ { pay: { call: pay } }, { mail: { call: mail } } ] }
"
    ));
}
