//! Components made of text, for what no compiler would build: descriptors that lie, and guests whose every page is counted.

use bytes::Bytes;

/// The parts of a component that keeps the contract, until one of them is changed.
pub(crate) struct Parts {
    /// Imports beside the types of the contract.
    pub(crate) imports: String,
    /// Core items of the one module: memories, tables, functions.
    pub(crate) core: String,
    /// What `run` does before it returns `null`.
    pub(crate) run: String,
    /// What `descriptor` does before it returns.
    pub(crate) descriptor: String,
    /// Summary, config schema, output schema.
    pub(crate) texts: [Vec<u8>; 3],
    /// Items of the component after the instance of its module.
    pub(crate) items: String,
    /// The exports, with their lifted functions.
    pub(crate) exports: String,
}

const RUN: &str = r#"
  (func $run (param "task-exec-id" string) (result (result string (error $problem)))
    (canon lift (core func $main "run") (memory (core memory $main "memory")) (realloc (core func $main "realloc"))))
  (export "run" (func $run))"#;

const DESCRIPTOR: &str = r#"
  (func $descriptor (result $described)
    (canon lift (core func $main "descriptor") (memory (core memory $main "memory"))))
  (export "descriptor" (func $descriptor))"#;

/// Where the texts of the descriptor begin.
const TEXTS_AT: usize = 4_096;

const PAGE_BYTES: usize = 65_536;

impl Default for Parts {
    fn default() -> Self {
        Self {
            imports: String::new(),
            core: String::new(),
            run: String::new(),
            descriptor: String::new(),
            texts: [b"A plugin made of text.".to_vec(), b"true".to_vec(), b"true".to_vec()],
            items: String::new(),
            exports: format!("{RUN}{DESCRIPTOR}"),
        }
    }
}

impl Parts {
    pub(crate) fn with_run(run: &str) -> Self {
        Self { run: run.to_owned(), ..Self::default() }
    }

    pub(crate) fn without_run() -> Self {
        Self { exports: DESCRIPTOR.to_owned(), ..Self::default() }
    }

    pub(crate) fn without_descriptor() -> Self {
        Self { exports: RUN.to_owned(), ..Self::default() }
    }

    /// The pages of its memory at the start.
    pub(crate) fn pages(&self) -> usize {
        let texts: usize = self.texts.iter().map(Vec::len).sum();
        (TEXTS_AT + texts).div_ceil(PAGE_BYTES)
    }

    /// The bytes of the component.
    pub(crate) fn build(&self) -> Bytes {
        let text = self.text();
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}")).into()
    }

    fn text(&self) -> String {
        let Self { imports, core, run, descriptor, items, exports, .. } = self;
        let pages = self.pages();
        let data = self.data();
        format!(
            r#"(component
  (import "sandmill:task/types@0.1.0" (instance $types
    (type $problem (record (field "type" string) (field "title" string) (field "detail" (option string))
      (field "status" u16) (field "retryable" bool) (field "data" (option string))))
    (export "problem" (type (eq $problem)))
    (type $described (record (field "summary" string) (field "config-schema" string) (field "output-schema" string)))
    (export "descriptor" (type (eq $described)))))
  (alias export $types "problem" (type $problem))
  (alias export $types "descriptor" (type $described))
  {imports}
  (core module $code
    (memory (export "memory") {pages})
    {core}
    {data}
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "run") (param i32 i32) (result i32) {run} (i32.const 16))
    (func (export "descriptor") (result i32) {descriptor} (i32.const 128)))
  (core instance $main (instantiate $code))
  {items}
  {exports}
)"#
        )
    }

    /// At 16 the result of `run`, which is the `null` at 64; at 128 the descriptor; then its texts.
    fn data(&self) -> String {
        let word = |number: usize| u32::try_from(number).expect("a small number").to_le_bytes();
        let mut at = TEXTS_AT;
        let mut record = Vec::new();
        for text in &self.texts {
            record.extend(word(at));
            record.extend(word(text.len()));
            at += text.len();
        }
        let result = [word(0), word(64), word(4)].concat();
        let items = [(16, result), (64, b"null".to_vec()), (128, record), (TEXTS_AT, self.texts.concat())];
        let item = |(at, bytes): (usize, Vec<u8>)| format!("(data (i32.const {at}) \"{}\")", escaped(&bytes));
        items.map(item).join("\n    ")
    }
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}
