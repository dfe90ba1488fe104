//! Each limit at its figure and one over it.

use sandmill_runtime::{Limit, TaskLimits};

use crate::kit::{Bench, code, completed, component, limited, message, options};
use crate::text::Parts;

/// Runs a behaviour that fits and one that does not.
async fn check(limits: TaskLimits, fits: &str, is_over: &str, limit: Limit) {
    let bench = Bench::new(&limited(limits));
    completed(bench.behave(fits).await);
    assert_eq!(code(bench.behave(is_over).await), limit.row().code);
}

/// Runs a component made of text that fits and one that does not.
async fn check_text(limits: TaskLimits, [fits, is_over]: [Parts; 2], limit: Limit) {
    let bench = Bench::new(&limited(limits));
    let [fits, is_over] = [fits, is_over].map(|parts| bench.add(&parts.build()));
    completed(bench.run(message(fits, 0, "{}")).await);
    assert_eq!(code(bench.run(message(is_over, 1, "{}")).await), limit.row().code);
}

const DEFAULT: fn() -> TaskLimits = TaskLimits::default;

const PAGE: u64 = 65_536;

#[tokio::test]
async fn cpu_time() {
    let limits = TaskLimits { cpu_ms: 20, ..DEFAULT() };
    check(limits, r#"{"do":"spin","count":1000}"#, r#"{"do":"spin"}"#, Limit::CpuTime).await;
}

#[tokio::test]
async fn waiting_takes_no_cpu_time() {
    let bench = Bench::new(&limited(TaskLimits { cpu_ms: 20, ..DEFAULT() }));
    completed(bench.behave(r#"{"do":"sleep","count":60}"#).await);
}

#[tokio::test]
async fn wall_time_of_a_guest_that_computes_and_of_one_that_waits() {
    let limits = TaskLimits { wall_ms: 30, ..DEFAULT() };
    check(limits, r#"{"do":"sleep","count":1}"#, r#"{"do":"sleep","count":60000}"#, Limit::WallTime).await;
    check(limits, r#"{"do":"counter"}"#, r#"{"do":"spin"}"#, Limit::WallTime).await;
}

#[tokio::test]
async fn memory() {
    let limits = TaskLimits { memory_bytes: 3 * PAGE, ..DEFAULT() };
    let grow = |pages: u32| Parts::with_run(&format!("(drop (memory.grow (i32.const {pages})))"));
    check_text(limits, [grow(2), grow(3)], Limit::Memory).await;
}

#[tokio::test]
async fn memory_over_all_memories() {
    let limits = TaskLimits { memory_bytes: 3 * PAGE, ..DEFAULT() };
    let with_second = |pages: u32| Parts { core: format!("(memory $more {pages})"), ..Parts::default() };
    check_text(limits, [with_second(2), with_second(3)], Limit::Memory).await;
}

#[tokio::test]
async fn table_elements() {
    let limits = TaskLimits { table_elements: 10, ..DEFAULT() };
    let grow = |elements: u32| Parts {
        core: "(table $t 4 funcref) (table $u 2 funcref)".into(),
        ..Parts::with_run(&format!("(drop (table.grow $t (ref.null func) (i32.const {elements})))"))
    };
    check_text(limits, [grow(4), grow(5)], Limit::TableElements).await;
}

#[tokio::test]
async fn instances_when_a_component_is_registered() {
    let bench = Bench::new(&limited(TaskLimits { instances: 4, ..DEFAULT() }));
    let with = |more: usize| {
        let items = "(core instance (instantiate $empty))".repeat(more);
        Parts { items: format!("(core module $empty (func)) {items}"), ..Parts::default() }.build()
    };
    bench.inspect(with(3)).await.unwrap();
    let reason = bench.inspect(with(4)).await.unwrap_err().to_string();
    assert!(reason.contains("at most 4 core instances"), "{reason}");
}

#[tokio::test]
async fn output() {
    let limits = TaskLimits { output_bytes: 1_000, ..DEFAULT() };
    let output = |bytes| format!(r#"{{"do":"return-bytes","count":{bytes}}}"#);
    check(limits, &output(1_000), &output(1_001), Limit::Output).await;
}

#[tokio::test]
async fn an_output_that_is_far_too_large_is_never_copied() {
    let bench = Bench::new(&options());
    let ended = bench.behave(r#"{"do":"return-bytes","count":60000000}"#).await;
    assert_eq!(code(ended), Limit::Output.row().code);
}

#[tokio::test]
async fn log_bytes_of_lines_of_fields_and_of_what_is_printed() {
    let limits = TaskLimits { log_bytes: 1_000, ..DEFAULT() };
    let line = |bytes| format!(r#"{{"do":"log-bytes","count":{bytes}}}"#);
    check(limits, &line(936), &line(937), Limit::Log).await;
    let lines = |count| format!(r#"{{"do":"log","count":{count},"text":"123456"}}"#);
    // Fourteen lines of 64 and 6 bytes are 980.
    check(limits, &lines(14), &lines(15), Limit::Log).await;
    let fields = |text: &str| format!(r#"{{"do":"log-fields","count":2,"text":"{text}"}}"#);
    // 64 bytes, `fields`, two names of two letters: 926 are left for two values.
    check(limits, &fields(&"v".repeat(463)), &fields(&"v".repeat(464)), Limit::Log).await;
    let print = |bytes| format!(r#"{{"do":"print","text":"{}"}}"#, "p".repeat(bytes));
    // To both outputs: twice 64 bytes and the text.
    check(limits, &print(436), &print(437), Limit::Log).await;
}

#[tokio::test]
async fn host_calls_of_ours_and_of_wasi() {
    let limits = TaskLimits { host_calls: 100, ..DEFAULT() };
    let call = |behaviour: &str, count| format!(r#"{{"do":"{behaviour}","count":{count}}}"#);
    // The config is fetched first.
    check(limits, &call("call", 99), &call("call", 100), Limit::HostCalls).await;
    check(limits, &call("call-wasi", 99), &call("call-wasi", 100), Limit::HostCalls).await;
    check(limits, &call("call", 99), r#"{"do":"call-forever"}"#, Limit::HostCalls).await;
    check(limits, &call("call", 99), &call("call-wasi", 100_000_000), Limit::HostCalls).await;
}

#[tokio::test]
async fn bytes_handed_to_one_import() {
    let limits = TaskLimits { host_call_bytes: 1_000, output_bytes: 1_000, ..DEFAULT() };
    let hand_over = |bytes| format!(r#"{{"do":"fetch-bytes","count":{bytes}}}"#);
    check(limits, &hand_over(1_000), &hand_over(1_001), Limit::HostCallBytes).await;
}

/// Calls itself so many times.
fn recursing(depth: u32) -> Parts {
    let core = "(func $down (param i32) (result i32)
      (if (result i32) (i32.eqz (local.get 0))
        (then (i32.const 0))
        (else (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))))";
    Parts { core: core.into(), ..Parts::with_run(&format!("(drop (call $down (i32.const {depth})))")) }
}

#[tokio::test]
async fn stack() {
    check_text(DEFAULT(), [recursing(1_000), recursing(u32::MAX)], Limit::Stack).await;
}

#[tokio::test]
async fn a_smaller_stack_ends_sooner() {
    let depth = 10_000;
    check_text(DEFAULT(), [recursing(depth), recursing(u32::MAX)], Limit::Stack).await;
    let limits = TaskLimits { stack_bytes: 64 << 10, ..DEFAULT() };
    check_text(limits, [recursing(100), recursing(depth)], Limit::Stack).await;
}

#[tokio::test]
async fn growing_for_ever_ends_by_memory() {
    let bench = Bench::new(&options());
    assert_eq!(code(bench.behave(r#"{"do":"grow-forever"}"#).await), Limit::Memory.row().code);
}

#[tokio::test]
async fn memory_may_be_grown_up_to_the_default() {
    let bench = Bench::new(&options());
    completed(bench.behave(r#"{"do":"grow","count":1900}"#).await);
    assert_eq!(code(bench.behave(r#"{"do":"grow","count":2048}"#).await), Limit::Memory.row().code);
}

#[tokio::test]
async fn flooding_the_log_ends_by_its_limit() {
    let bench = Bench::new(&options());
    let ended = bench.behave(r#"{"do":"log-forever","text":"flood"}"#).await;
    assert_eq!(code(ended), Limit::Log.row().code);
    // One line has 64 and 5 bytes, of 1 MiB.
    assert_eq!(bench.seen.lines().len(), (1 << 20) / 69);
}

#[tokio::test]
async fn the_timeout_of_a_task_ends_it_with_the_standard_error() {
    let bench = Bench::new(&options());
    let guests = bench.add(&component("guests"));
    for config in [r#"{"do":"spin"}"#, r#"{"do":"sleep","count":60000}"#] {
        let mut message = message(guests, 0, config);
        let mut dispatch = (*message.dispatch).clone();
        dispatch.deadline = Some(sandmill_core::time::Timestamp(0));
        message.dispatch = dispatch.into();
        let problem = crate::kit::failed(bench.run(message).await);
        assert!(problem.is(sandmill_core::problem::ErrorKind::Timeout), "{problem:?}");
    }
}
