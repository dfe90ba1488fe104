//! What is refused when a plugin is registered, and in which words.

use bytes::Bytes;

use crate::kit::{Bench, component, options};
use crate::text::Parts;

#[track_caller]
fn expect(refusal: Result<impl std::fmt::Debug, impl std::fmt::Display>, expected: &str) {
    let reason = refusal.expect_err("the component is refused").to_string();
    assert!(reason.contains(expected), "{reason}");
}

async fn check(component: impl Into<Bytes>, expected: &str) {
    expect(Bench::new(&options()).inspect(component.into()).await, expected);
}

#[tokio::test]
async fn what_is_no_component() {
    check("", "the file is empty").await;
    check("hello", "the file is no Wasm").await;
    check(&b"\0asm\x01\0\0\0"[..], "a core Wasm module").await;
    check(&b"\0asm\x0d\0\x01\0garbage"[..], "the component cannot be compiled").await;
    let whole = component("greet");
    check(whole.slice(..whole.len() / 2), "the component cannot be compiled").await;
}

#[tokio::test]
async fn exports_that_are_missing_or_wrong() {
    check(
        wat::parse_str("(component)").unwrap(),
        "does not export `run` and `descriptor`, which the world `sandmill:task/task@0.1.0`",
    )
    .await;
    check(Parts::without_run().build(), "does not export `run`").await;
    check(Parts::without_descriptor().build(), "does not export `descriptor`").await;
    let exports = r#"
      (func $run (result u32) (canon lift (core func $main "descriptor")))
      (export "run" (func $run))
      (export "descriptor" (func $run))"#;
    let wrong = Parts { exports: exports.into(), ..Parts::default() };
    check(wrong.build(), "does not match the world `sandmill:task/task@0.1.0`").await;
}

#[tokio::test]
async fn imports_that_are_unknown() {
    let import = |name: &str| Parts { imports: format!(r#"(import "{name}" (instance))"#), ..Parts::default() }.build();
    check(import("acme:db/rows@1.0.0"), "imports `acme:db/rows@1.0.0`, which this host does not give").await;
    check(import("wasi:http/types@0.2.3"), "imports `wasi:http/types@0.2.3`").await;
    check(import("sandmill:task/log@0.9.0"), "this host knows version 0.1.0").await;
    let wrong = r#"(import "sandmill:task/progress@0.1.0" (instance (export "is-cancelled" (func (result u32)))))"#;
    check(Parts { imports: wrong.into(), ..Parts::default() }.build(), "does not match the world").await;
}

#[tokio::test]
async fn descriptors_that_do_not_answer() {
    let descriptor = |code: &str| Parts { descriptor: code.into(), ..Parts::default() }.build();
    check(descriptor("unreachable"), "the descriptor cannot be read: the guest trapped").await;
    check(descriptor("(loop (br 0))"), "went over its limit on CPU time: 1000 ms").await;
    check(descriptor("(drop (memory.grow (i32.const 60000)))"), "went over its limit on memory").await;
}

#[tokio::test]
async fn descriptors_that_say_what_they_must_not() {
    let said = |texts: [&[u8]; 3]| Parts { texts: texts.map(<[u8]>::to_vec), ..Parts::default() }.build();
    check(said([b"s", b"{", b"true"]), "`config-schema` is no JSON").await;
    check(said([b"s", b"true", b"[]"]), "`output-schema` is no JSON Schema").await;
    check(said([b"s", b"true", br#"{"type":"text"}"#]), "`output-schema` is no JSON Schema").await;
    check(said([b"\xff", b"true", b"true"]), "the descriptor cannot be read").await;
    let nested = format!("{}true{}", r#"{"not":"#.repeat(65), "}".repeat(65));
    check(said([b"s", nested.as_bytes(), b"true"]), "nested 65 deep").await;
}

#[tokio::test]
async fn a_descriptor_is_read_up_to_its_limit() {
    let bench = Bench::new(&options());
    let of_bytes = |bytes: usize| {
        let summary = vec![b'a'; bytes - 8];
        Parts { texts: [summary, b"true".to_vec(), b"true".to_vec()], ..Parts::default() }.build()
    };
    assert_eq!(bench.inspect(of_bytes(256 << 10)).await.unwrap().summary.len(), (256 << 10) - 8);
    expect(bench.inspect(of_bytes((256 << 10) + 1)).await, "more than 262144 bytes together");
    expect(bench.inspect(of_bytes(10 << 20)).await, "more than 262144 bytes together");
}

#[tokio::test]
async fn imports_answer_denied_while_a_descriptor_is_read() {
    let bench = Bench::new(&options());
    let description = bench.inspect(component("guests")).await.unwrap();
    let expected = "config: denied, context: ContextError::Denied, cancelled: false";
    assert_eq!(description.summary, expected);
    assert!(bench.seen.lines().is_empty() && bench.seen.progress().is_empty());
}
