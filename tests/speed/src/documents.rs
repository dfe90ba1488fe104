//! The documents that are compiled and run.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, ensure};
use sandmill_core::definition::{Definition, EveryPlugin, compile};

/// Tasks of the generated document.
pub(crate) const TASKS: usize = 1_000;

/// Tasks of one block of the generated document, those inside of others included.
const BLOCK_TASKS: usize = 10;

/// Iterations of the loop in [`CONTROL`].
pub(crate) const ITERATIONS: u64 = 1_000;

/// Pure control flow: a loop, in which a case is chosen and a sum is made.
pub(crate) const CONTROL: &str = "document: { dsl: '1.0.0', namespace: bench, name: control, version: '1.0.0' }
do:
  - begin: { set: { odd: 0, even: 0 } }
  - each:
      for: { each: number, in: '${ [range(1000)] }' }
      do:
        - choose: { switch: [ { isOdd: { when: '${ $number % 2 == 1 }', then: odd } }, { isEven: { when: '${ true }', then: even } } ] }
        - odd: { set: { odd: '${ .odd + $number }', even: '${ .even }' }, then: exit }
        - even: { set: { odd: '${ .odd }', even: '${ .even + $number }' }, then: exit }
";

/// What comes of [`CONTROL`].
pub(crate) const CONTROL_OUTPUT: &str = r#"{"even":249500,"odd":250000}"#;

/// A document, compiled.
pub(crate) fn compiled(document: &str) -> Result<Arc<Definition>> {
    compile(document.as_bytes(), &EveryPlugin).map(Arc::new).map_err(|report| anyhow!("{report}"))
}

/// The examples of the specification, each with its file.
pub(crate) fn examples() -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/ows");
    let folder = env::var_os("OWS_DIR").map_or(beside, PathBuf::from).join("examples");
    let entries = fs::read_dir(&folder).with_context(|| {
        format!(
            "{} cannot be read: clone https://github.com/open-workflow-specification/specification, and set OWS_DIR to it",
            folder.display()
        )
    })?;
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "json"));
    files.sort();
    ensure!(!files.is_empty(), "{} holds no example", folder.display());
    files.into_iter().map(|path| fs::read(&path).map(|text| (path, text)).map_err(Into::into)).collect()
}

/// A document of [`TASKS`] tasks of mixed kinds, written as people write.
pub(crate) fn generated() -> String {
    let mut text = String::from(HEAD);
    for number in 0..TASKS / BLOCK_TASKS {
        for line in BLOCK.lines() {
            writeln!(text, "{}", line.replace('#', &number.to_string())).expect("a string takes every text");
        }
    }
    text
}

const HEAD: &str = "document:
  dsl: '1.0.3'
  namespace: bench
  name: generated
  version: '1.0.0'
input:
  from: ${ .order }
use:
  retries:
    patient:
      delay:
        seconds: 1
      backoff:
        exponential: {}
      limit:
        attempt:
          count: 3
do:
";

/// Ten tasks; `#` stands for the number of the block.
const BLOCK: &str = r#"  - prepare#:
      if: ${ .lines | length > 0 }
      set:
        number: #
        customer: ${ .customer.name }
        total: ${ [.lines[] | .price * .count] | add }
  - choose#:
      switch:
        - large:
            when: ${ .total > 1000 and (.customer | startswith("A")) }
            then: fetch#
        - other:
            then: each#
  - fetch#:
      call: echo:1.0.0@default
      with:
        value: ${ "order \(.number) of \(.customer)" }
        limit: 10
        tags: [ a, b, '${ $context.tag // "none" }' ]
      export:
        as: '${ $context + { fetched#: $output.value } }'
  - each#:
      for:
        each: line
        in: ${ .lines // [] }
        at: place
      while: ${ $place < 100 }
      do:
        - add#:
            set:
              sum: ${ (.sum // 0) + $line.price }
              names: ${ [.names[]?, $line.name] | unique }
  - guarded#:
      try:
        - risky#:
            call: echo:1.0.0@default
            with:
              value: ${ to_entries | map(select(.value != null)) | from_entries }
      catch:
        errors:
          with:
            status: 503
        as: problem
        when: ${ $problem.detail | test("busy") }
        retry: patient
  - both#:
      fork:
        branches:
          - pause#:
              wait:
                seconds: 1
          - report#:
              set:
                name: ${ $workflow.definition.document.name }
                text: ${ @json "\(.)" }
      output:
        as: ${ .[1] }
"#;
