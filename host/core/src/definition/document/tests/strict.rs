//! A strict look: the options of this host, each with its pointer.

use super::kit::whole;
use crate::definition::{Rigour, validate, validate_with};

const OPTIONS: &str = "  metadata: { defaults: { timeout: PT1M }, config: { ttl: PT1H }, retention: PT1H, mine: 1 }
do:
  - each:
      metadata: { for: { mode: map }, team: blue }
      for: { in: .items }
      do:
        - greet: { call: greet, metadata: { task: { retry: { attempts: 2 } } } }
        - data: { set: { metadata: { task: 1, for: 2 } } }
";

fn pointers(document: &str, rigour: Rigour) -> Vec<String> {
    let findings = validate_with(document.as_bytes(), rigour).findings;
    let options = findings.iter().filter(|finding| finding.code == "host-option");
    options.map(|finding| finding.pointer.to_string()).collect()
}

#[test]
fn options_of_this_host_are_found_where_a_strict_look_is_asked_for() {
    let document = whole(OPTIONS);
    assert_eq!(pointers(&document, Rigour::Usual), [""; 0]);
    assert_eq!(
        pointers(&document, Rigour::Strict),
        [
            "/document/metadata/defaults",
            "/document/metadata/config",
            "/document/metadata/retention",
            "/do/0/each/metadata/for",
            "/do/0/each/do/0/greet/metadata/task",
        ]
    );
}

#[test]
fn a_strict_look_changes_neither_of_the_verdicts() {
    let document = whole(OPTIONS);
    let (usual, strict) = (validate(document.as_bytes()), validate_with(document.as_bytes(), Rigour::Strict));
    assert!(usual.is_deployable() && strict.is_deployable() && strict.is_valid());
    assert!(usual.is_portable() && !strict.is_portable());
    let pure = whole("do:\n  - a: { set: { b: 1 }, metadata: { team: blue } }\n");
    assert!(validate_with(pure.as_bytes(), Rigour::Strict).is_portable());
}
