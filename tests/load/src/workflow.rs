//! The workflows that are run, as documents, and the data that they run over.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use sandmill_core::definition::{Definition, PinnedPlugin, PluginSource, compile};
use sandmill_core::ids::{Digest, TenantId};
use sandmill_core::value::Value;
use sandmill_engine::ports::{Definitions, StoreError};

/// A value whose JSON text has exactly 200 bytes.
pub(crate) fn value_of_200_bytes() -> Value {
    Value::object([("text", Value::from("x".repeat(189)))])
}

/// Text of that many bytes, another one for each seed, which packs as far as prose does: words out of a few hundred.
pub(crate) fn prose(bytes: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::with_capacity(bytes + 8);
    while text.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let word = (state >> 33) % 500;
        text.extend((0..3 + word % 5).map(|place| char::from(b'a' + ((word * 7 + place * word / 3) % 26) as u8)));
        text.push(' ');
    }
    text.truncate(bytes);
    text
}

/// Data of about that size, shaped like the files of a repository: an object with `files`, and `order` beside them.
pub(crate) fn data_of(bytes: usize) -> Value {
    let file = |index: usize| {
        Value::object([
            ("path", Value::from(format!("host/core/src/part_{index:05}.rs"))),
            ("size", Value::from(index as u64 * 37 % 20_000)),
            ("text", Value::from("fn main() { println!(\"a line of code\"); } // ".repeat(21))),
        ])
    };
    let each = file(0).json_len() + 4;
    let customer = Value::object([("name", Value::from("Ada")), ("city", Value::from("London"))]);
    Value::object([
        ("files", Value::array((0..bytes.div_ceil(each)).map(file))),
        ("order", Value::object([("customer", customer), ("total", Value::from(12_i64))])),
    ])
}

/// `call` tasks in a row, each of which gives its input to `echo` and has it back.
pub(crate) fn steps(count: u32) -> String {
    let head = "document: { dsl: 1.0.3, namespace: bench, name: steps, version: 1.0.0 }\ndo:\n";
    let steps = (0..count)
        .map(|step| format!("  - step{step}: {{ call: \"echo:0.1.0@default\", with: {{ value: \"${{ . }}\" }} }}\n"));
    std::iter::once(head.to_owned()).chain(steps).collect()
}

/// The input becomes `$context`; then a parallel map over `n` items, each a call of `echo` that reads one value of the context and gives 200 bytes.
pub(crate) fn map(concurrency: u32) -> String {
    let text = "x".repeat(180);
    format!(
        "document: {{ dsl: 1.0.3, namespace: bench, name: map-{concurrency}, version: 1.0.0 }}
do:
  - share: {{ set: {{ n: \"${{ .n }}\" }}, export: {{ as: \"${{ $workflow.input }}\" }} }}
  - each:
      for: {{ in: \"${{ [range(.n)] }}\" }}
      do:
        - work:
            call: \"echo:0.1.0@default\"
            with: {{ context: \"context.files[3].path\", value: {{ n: \"${{ $item }}\", text: {text} }} }}
      metadata: {{ for: {{ mode: map, concurrency: {concurrency} }} }}
"
    )
}

/// Like [`map`], with so many items together in one call, whose numbers are its config.
pub(crate) fn batched_map(concurrency: u32, batch: u32) -> String {
    format!(
        "document: {{ dsl: 1.0.3, namespace: bench, name: batched-map, version: 1.0.0 }}
do:
  - share: {{ set: {{ n: \"${{ .n }}\" }}, export: {{ as: \"${{ $workflow.input }}\" }} }}
  - each:
      for: {{ in: \"${{ [range(.n)] }}\" }}
      do: [ {{ work: {{ call: \"echo:0.1.0@default\", with: {{ value: \"${{ $item }}\" }} }} }} ]
      metadata: {{ for: {{ mode: map, concurrency: {concurrency}, batch: {batch} }} }}
"
    )
}

/// A document, compiled, with that component as its plugin.
pub(crate) fn compiled(document: &str, component: Digest) -> Result<Arc<Definition>> {
    let definition = compile(document.as_bytes(), &Only(component)).map_err(|report| anyhow!("{report}"))?;
    Ok(Arc::new(definition))
}

/// A catalog of one component.
struct Only(Digest);

impl PluginSource for Only {
    fn plugin(&self, name: &str, version: Option<&str>) -> Option<PinnedPlugin> {
        Some(PinnedPlugin { name: name.into(), version: version.unwrap_or("0.1.0").into(), digest: self.0 })
    }
}

/// The same with text that packs no further than prose does.
pub(crate) fn prose_map_input(bytes: usize, items: u64) -> Value {
    let file =
        |index: u64| Value::object([("path", Value::from("a path")), ("text", Value::from(prose(1_000, index)))]);
    let files = Value::array((0..bytes.div_ceil(1_000) as u64).map(file));
    Value::object([("files", files), ("n", Value::from(items))])
}

/// The input of [`map`]: data of that size, and the number of items beside it.
pub(crate) fn map_input(bytes: usize, items: u64) -> Value {
    data_of(bytes).with_member("n", Value::from(items))
}

/// The definitions of a run, by digest.
#[derive(Default)]
pub(crate) struct Shelf(HashMap<Digest, Arc<Definition>>);

impl Shelf {
    /// A shelf with these.
    pub(crate) fn of(definitions: &[Arc<Definition>]) -> Self {
        Self(definitions.iter().map(|definition| (definition.digest, Arc::clone(definition))).collect())
    }
}

impl Definitions for Shelf {
    fn definition(&self, _: &TenantId, digest: Digest) -> Result<Option<Arc<Definition>>, StoreError> {
        Ok(self.0.get(&digest).cloned())
    }

    fn named(&self, _: &TenantId, name: &str, _: Option<&str>) -> Result<Option<Arc<Definition>>, StoreError> {
        let is_it =
            |definition: &&Arc<Definition>| format!("{}/{}", definition.name.namespace, definition.name.name) == name;
        Ok(self.0.values().find(is_it).cloned())
    }
}
