//! Tasks that do what they should.

use bytes::Bytes;
use sandmill_runtime::TaskLimits;

use crate::kit::{Bench, completed, component, failed, json, limited, message, options, tenant};

#[tokio::test]
async fn a_task_runs_and_gives_its_output() {
    let bench = Bench::new(&options());
    let echo = bench.add(&component("echo"));
    let output = completed(bench.run(message(echo, 0, r#"{"value":{"a":[1,2.5,null]}}"#)).await);
    assert_eq!(output, json(r#"{"a":[1,2.5,null]}"#));
    let output = completed(bench.run(message(echo, 1, r#"{"context":"context.files[1].name"}"#)).await);
    assert_eq!(output, json(r#""b""#));
}

#[tokio::test]
async fn a_plugin_describes_itself_when_it_is_registered() {
    let bench = Bench::new(&options());
    let description = bench.inspect(component("greet")).await.unwrap();
    assert_eq!(description.summary, "Greets somebody by name.");
    assert!(description.config_schema.contains("\"name\""), "{}", description.config_schema);
}

#[tokio::test]
async fn a_component_is_reached_only_through_the_catalog_of_its_tenant() {
    let bench = Bench::new(&options());
    let echo = bench.catalog.add(&tenant("owner"), &component("echo"));
    let mut own = message(echo, 0, "{}");
    own.tenant = tenant("owner");
    let mut foreign = message(echo, 1, "{}");
    foreign.tenant = tenant("other");

    assert!(completed(bench.run(own).await).is_null());
    let problem = failed(bench.run(foreign).await);
    assert!(problem.detail.as_deref().unwrap().contains("is not in this tenant's catalog"), "{problem:?}");
    assert_eq!(problem.status, 400);
}

#[tokio::test]
async fn the_text_of_an_output_is_passed_on_as_it_is_up_to_its_limit() {
    let bench = Bench::new(&limited(TaskLimits { output_bytes: 6, ..TaskLimits::default() }));
    let echo = bench.add(&component("echo"));
    assert_eq!(bench.call(message(echo, 0, r#"{"value":"1234"}"#)).await.unwrap(), "\"1234\"");
    let problem = failed(bench.run(message(echo, 1, r#"{"value":"12345"}"#)).await);
    assert_eq!(problem.kind, "https://sandmill.dev/problems/limit-output-bytes");
    assert_eq!(bench.catalog.reads(), 1, "the catalog is asked once");
}

#[tokio::test]
async fn every_call_has_a_fresh_instance() {
    let bench = Bench::new(&options());
    for _ in 0..3 {
        assert_eq!(completed(bench.behave(r#"{"do":"counter"}"#).await), json("1"));
    }
}

#[tokio::test]
async fn a_component_built_for_the_first_contract_runs_on_this_host() {
    let bench = Bench::new(&options());
    let greet = Bytes::from_static(include_bytes!("../contract-0.1.0/greet.wasm"));
    assert_eq!(bench.inspect(greet.clone()).await.unwrap().summary, "Greets somebody by name.");
    let greet = bench.add(&greet);
    let output = completed(bench.run(message(greet, 0, r#"{"name":"Ada"}"#)).await);
    assert_eq!(output, json(r#"{"text":"Hello, Ada!"}"#));
}
