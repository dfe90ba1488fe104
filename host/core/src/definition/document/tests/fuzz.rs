//! Documents that nobody would write: the compiler says what is wrong with them, and never anything else.

use proptest::prelude::*;

use super::kit::{Catalog, HEAD};
use crate::definition::{compile, validate};

/// Every kind of task, with most of the properties that there are.
const EVERYTHING: &str = r#"
input: { schema: { format: json, document: { type: object } }, from: '${ .a }' }
use:
  retries: { again: { delay: PT1S, backoff: { exponential: { multiplier: 3 } }, limit: { attempt: { count: 2 } } } }
  errors: { broken: { type: 'https://example.com/broken', status: 500, detail: '${ .why }' } }
  timeouts: { short: { after: { seconds: 3 } } }
timeout: short
output: { as: { all: '${ . }' } }
do:
  - a: { set: { b: "text", c: [1, -2.5e3, null, true, 0x1f] }, if: .go, then: c, export: { as: '${ $output }' } }
  - b: { switch: [ { x: { when: .x, then: a } }, { y: { then: exit } } ] }
  - c:
      for: { each: item, in: .items }
      metadata: { for: { mode: map, concurrency: 5, strategy: 'atLeast:2' } }
      do:
        - d: { call: greet:1.0.0@default, with: { name: '${ $item }' }, timeout: { after: PT5S } }
  - e:
      try: [ { f: { raise: { error: broken } } } ]
      catch: { errors: { with: { status: 500 } }, as: problem, retry: again, do: [ { g: { wait: { seconds: 1 } } } ], then: h }
  - h: { fork: { compete: true, branches: [ { i: { do: [] } }, { j: { call: report, with: {} } } ] } }
  - k: { call: http, with: { method: get, endpoint: 'https://example.com/{id}' } }
  - l: { listen: { to: { any: [ { with: { type: a } } ], until: '${ true }' } } }
  - m: |
      text
      of more lines
  - n: >
      folded
      text
"#;

/// Parts that make a document worse.
const PARTS: [&str; 28] = [
    "{", "}", "[", "]", ":", ": ", "- ", "\n", "\n  ", "\t", "#", "'", "\"", "&a ", "*a", "!!str ", "|", ">", "<<: ",
    "${", "? ", "---\n", "\0", "\u{feff}", "é😀", "\\ud800", "0x", "%YAML",
];

fn never_panics(document: &[u8]) {
    let report = validate(document);
    for finding in &report.findings {
        assert!(finding.line > 0 && finding.column > 0, "{finding:?}");
    }
    assert!(!report.to_string().is_empty() || report.findings.is_empty());
    if let Ok(definition) = compile(document, &Catalog) {
        assert!(report.is_deployable(), "{report}\n{definition:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_document_that_was_changed_anywhere_is_read_or_refused(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0..PARTS.len(), 0_usize..12), 1..6),
    ) {
        let mut characters: Vec<char> = format!("{HEAD}{EVERYTHING}").chars().collect();
        for (place, part, removed) in changes {
            let at = place.index(characters.len());
            let end = (at + removed).min(characters.len());
            characters.splice(at..end, PARTS[part].chars());
        }
        never_panics(characters.into_iter().collect::<String>().as_bytes());
    }

    #[test]
    fn lines_that_changed_places_are_read_or_refused(order in proptest::collection::vec(any::<prop::sample::Index>(), 1..40)) {
        let whole = format!("{HEAD}{EVERYTHING}");
        let lines: Vec<&str> = whole.lines().collect();
        let text: Vec<&str> = order.into_iter().map(|index| lines[index.index(lines.len())]).collect();
        never_panics(text.join("\n").as_bytes());
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        never_panics(text.as_bytes());
        never_panics(format!("{HEAD}do: {text}").as_bytes());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        never_panics(&bytes);
    }

    #[test]
    fn a_tree_of_other_values_is_read_or_refused(choices in proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..6), 1..4)) {
        let mut text = format!("{HEAD}{EVERYTHING}");
        for (place, choice) in choices {
            let values: Vec<usize> = text.match_indices(": ").map(|(at, _)| at).collect();
            let at = values[place.index(values.len())] + 2;
            let value = ["null, ", "[], ", "{}, ", "7, ", "true, ", "'x', "][usize::from(choice)];
            text.insert_str(at, value);
        }
        never_panics(text.as_bytes());
    }
}

#[test]
fn the_document_that_is_changed_is_valid() {
    let whole = format!("{HEAD}{EVERYTHING}");
    let without_texts = whole.split("  - m: |").next().unwrap();
    assert!(validate(without_texts.as_bytes()).is_valid(), "{}", validate(without_texts.as_bytes()));
}
