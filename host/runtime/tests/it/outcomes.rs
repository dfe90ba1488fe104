//! Guests that fail, and hosts that do.

use sandmill_core::problem::ErrorKind;
use sandmill_core::value::Value;

use crate::kit::{Bench, PANIC, code, completed, component, failed, json, message, options};

#[tokio::test]
async fn a_trap_is_a_problem_that_shows_where_the_guest_was() {
    let bench = Bench::new(&options());
    let problem = failed(bench.behave(r#"{"do":"trap"}"#).await);
    assert_eq!(problem.kind, "https://sandmill.dev/problems/trap");
    assert_eq!((problem.status, problem.retryable), (500, false));
    let detail = problem.detail.unwrap();
    assert!(detail.starts_with("the guest trapped: wasm `unreachable` instruction executed in "), "{detail}");
    assert!(detail.contains("guests::behaviours::trap < "), "{detail}");
}

#[tokio::test]
async fn a_panic_is_a_trap_and_its_message_is_in_the_log() {
    let bench = Bench::new(&options());
    assert_eq!(code(bench.behave(r#"{"do":"panic","text":"what went wrong"}"#).await), "trap");
    let messages = bench.seen.messages();
    assert!(messages.iter().any(|message| message.contains("what went wrong")), "{messages:?}");
}

#[tokio::test]
async fn an_output_that_is_no_json_is_a_failure() {
    let bench = Bench::new(&options());
    for text in ["", "nul", "{} {}", "{\\\"a\\\":", "NaN"] {
        let problem = failed(bench.behave(&format!(r#"{{"do":"return-text","text":"{text}"}}"#)).await);
        assert_eq!(problem.kind, "https://sandmill.dev/problems/output-invalid", "{text}");
        assert!(problem.detail.unwrap().starts_with("the task's output is no JSON: line 1"), "{text}");
    }
    assert_eq!(completed(bench.behave(r#"{"do":"return-text","text":" [1] "}"#).await), json("[1]"));
}

#[tokio::test]
async fn a_problem_of_the_guest_passes_as_the_contract_reads_it() {
    let bench = Bench::new(&options());
    let given = r#"{"type":"a:b","title":"t","detail":"d","status":404,"retryable":true,"data":"{\"n\":1}"}"#;
    let config = Value::object([("do", Value::from("return-problem")), ("text", Value::from(given))]);
    let problem = failed(bench.behave(&config.to_string()).await);
    assert_eq!((problem.kind.as_str(), problem.status, problem.title.as_str()), ("a:b", 404, "t"));
    assert_eq!((problem.detail.as_deref(), problem.data), (Some("d"), Some(json(r#"{"n":1}"#))));
    assert!(problem.retryable);
}

#[tokio::test]
async fn a_panic_of_the_host_fails_that_task_alone() {
    let bench = Bench::new(&options());
    let guests = bench.add(&component("guests"));
    let panics = format!(r#"{{"do":"log","count":1,"text":"{PANIC}"}}"#);
    let problem = failed(bench.run(message(guests, 0, &panics)).await);
    assert!(problem.is(ErrorKind::Runtime), "{problem:?}");
    assert!(!problem.retryable);
    assert_eq!(completed(bench.run(message(guests, 1, r#"{"do":"counter"}"#)).await), json("1"));
    assert_eq!(bench.runtime.live_tasks(), 0);
}

#[tokio::test]
async fn stored_bytes_that_are_not_the_component_are_never_run() {
    let bench = Bench::new(&options());
    let digest = sandmill_core::ids::Digest::of(b"another component");
    bench.catalog.add_as(&crate::kit::tenant("default"), digest, &component("echo"));
    let problem = failed(bench.run(message(digest, 0, "{}")).await);
    assert!(problem.is(ErrorKind::Configuration), "{problem:?}");
    assert!(problem.detail.unwrap().contains("are not those that it was registered with"));
}
