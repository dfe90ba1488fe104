//! Executions: started, waited for, listed, told what to do.

use std::collections::BTreeSet;

use sandmill_engine::Options;

use crate::kit::{World, document, get, post, put};

const START: &str = "/v1/workflows/test/steps/executions";

#[tokio::test]
async fn a_start_answers_at_once_and_says_where_to_look() {
    let world = World::new();
    world.deploy("steps", 3).await;
    let started = world.send(post(START).body_text(r#"{"n":1.10}"#).done()).await;
    assert_eq!(started.status, 202, "{}", started.text);
    let id = started.json["id"].as_str().unwrap();
    assert_eq!(started.header("location"), format!("/v1/executions/{id}"));
    assert_eq!(started.json["workflow"], "test/steps:1.0.0");
    let ended = world.ended(id).await;
    assert_eq!((ended.status.as_u16(), &ended.json["status"]), (200, &"completed".into()), "{}", ended.text);
    assert!(ended.json["started_at"].as_str().unwrap() < ended.json["ended_at"].as_str().unwrap());
    assert!(ended.json.get("error").is_none());
}

#[tokio::test]
async fn a_wait_answers_with_the_output_and_numbers_keep_their_digits() {
    let world = World::new();
    world.deploy("steps", 3).await;
    let input = r#"{"large":123456789012345678901234567890,"exact":0.1234567890123456789,"n":1}"#;
    let ended = world.send(post(&format!("{START}?wait=60s")).body_text(input).done()).await;
    assert_eq!(ended.status, 200, "{}", ended.text);
    assert!(ended.text.contains(&format!(r#""output":{input}"#)), "{}", ended.text);
    let without_body = world.send(post(&format!("{START}?wait=60s")).done()).await;
    assert_eq!(without_body.json["output"], serde_json::json!({}), "{}", without_body.text);
}

#[tokio::test]
async fn an_execution_that_ends_in_an_error_was_started_all_the_same() {
    let world = World::new();
    world.deploy("steps", 1).await;
    let ended = world.send(post(&format!("{START}?wait=60s")).body_text(r#"{"fail":"broken"}"#).done()).await;
    assert_eq!((ended.status.as_u16(), &ended.json["status"]), (200, &"faulted".into()), "{}", ended.text);
    assert_eq!(ended.json["error"]["status"], 500);
    assert!(ended.json.get("output").is_none());
}

#[tokio::test]
async fn a_wait_that_is_over_answers_with_what_is() {
    let world = World::new();
    world.deploy("steps", 1).await;
    world.runner.hold(true);
    let waiting = world.send(post(&format!("{START}?wait=1ms")).body_text("{}").done()).await;
    assert_eq!(waiting.status, 202, "{}", waiting.text);
    assert!(waiting.json["ended_at"].is_null());
}

#[tokio::test]
async fn a_wait_has_a_unit_and_a_bound() {
    let world = World::new();
    world.deploy("steps", 1).await;
    let wait = async |wait: &str| world.send(post(&format!("{START}?wait={wait}")).body_text("{}").done()).await;
    assert!(wait("60s").await.status.is_success());
    assert!(wait("0s").await.status.is_success());
    for wrong in ["60001ms", "2m", "1", "-1s", "", "abc"] {
        wait(wrong).await.is_error(400, "invalid-parameter");
    }
}

#[tokio::test]
async fn the_same_key_starts_once() {
    let world = World::new();
    world.deploy("steps", 1).await;
    let start = |key: &str, input: &str| {
        post(&format!("{START}?wait=60s")).header("idempotency-key", key).body_text(input).done()
    };
    let first = world.send(start("order-1", r#"{"n":1}"#)).await;
    assert_eq!((first.status.as_u16(), first.header("idempotency-replayed")), (200, ""), "{}", first.text);
    let again = world.send(start("order-1", r#" {"n": 1} "#)).await;
    assert_eq!((again.status.as_u16(), again.header("idempotency-replayed")), (200, "true"), "{}", again.text);
    assert_eq!(again.json, first.json);
    world.send(start("order-1", r#"{"n":2}"#)).await.is_error(422, "idempotency-key-reused");
    let other = world.send(start("order-2", r#"{"n":1}"#)).await;
    assert_ne!(other.json["id"], first.json["id"]);
    let at_once = post(START).header("idempotency-key", "order-1").body_text(r#"{"n":1}"#);
    let at_once = world.send(at_once.done()).await;
    assert_eq!((at_once.status.as_u16(), &at_once.json["id"]), (202, &first.json["id"]));
}

#[tokio::test]
async fn a_key_starts_once_over_versions_of_its_workflow() {
    let world = World::new();
    world.deploy("steps", 1).await;
    let start =
        |version: &str| post(&format!("{START}{version}")).header("idempotency-key", "order-1").body_text("{}").done();
    let first = world.send(start("")).await;
    let later = world.send(put("/v1/workflows").body_text(&document("steps", "2.0.0", 2)).done()).await;
    assert_eq!(later.status, 201, "{}", later.text);
    let again = world.send(start("")).await;
    assert_eq!((again.status.as_u16(), &again.json["id"]), (202, &first.json["id"]), "{}", again.text);
    assert_eq!(again.json["workflow"], "test/steps:1.0.0");
    assert_eq!(world.send(start("?version=1.0.0")).await.json["id"], first.json["id"]);
    world.send(start("?version=2.0.0")).await.is_error(422, "idempotency-key-reused");
}

#[tokio::test]
async fn a_large_input_comes_through() {
    let world = World::new();
    world.deploy("steps", 1).await;
    let input = format!(r#"{{"text":"{}"}}"#, "x".repeat(200_000));
    let ended = world.send(post(&format!("{START}?wait=60s")).body_text(&input).done()).await;
    assert!(ended.status == 200 && ended.text.contains(&input), "{}", ended.status);
    world.send(post(START).body_text(&input[..150_000]).done()).await.is_error(400, "invalid-json");
}

#[tokio::test]
async fn an_idempotency_key_has_bounds() {
    let world = World::new();
    world.deploy("steps", 1).await;
    let start = async |key: &str| world.send(post(START).header("idempotency-key", key).body_text("{}").done()).await;
    assert_eq!(start(&"k".repeat(255)).await.status, 202);
    for wrong in ["", &"k".repeat(256), "a b", "ä"] {
        start(wrong).await.is_error(400, "invalid-idempotency-key");
    }
    let twice = post(START).more("idempotency-key", "a").more("idempotency-key", "b").body_text("{}");
    world.send(twice.done()).await.is_error(400, "invalid-idempotency-key");
}

#[tokio::test]
async fn what_cannot_be_started_is_said() {
    let world = World::new();
    world.deploy("steps", 1).await;
    world.send(post("/v1/workflows/test/none/executions").done()).await.is_error(404, "workflow-not-found");
    world.send(post(&format!("{START}?version=2.0.0")).done()).await.is_error(404, "workflow-not-found");
    assert_eq!(world.send(post(&format!("{START}?version=1.0.0")).done()).await.status, 202);
    let broken = world.send(post(START).body_text("{\n  \"n\": }").done()).await;
    broken.is_error(400, "invalid-json");
    assert!(broken.json["detail"].as_str().unwrap().contains("line 2, column 8"), "{}", broken.text);
    world.send(post(&format!("{START}?versoin=1")).done()).await.is_error(400, "invalid-parameter");
}

#[tokio::test]
async fn a_full_engine_says_when_to_come_back() {
    let world = World::with(Default::default(), Options { starts_waiting_max: 0, ..Options::default() });
    world.deploy("steps", 1).await;
    let busy = world.send(post(START).body_text("{}").done()).await;
    busy.is_error(503, "engine-busy");
    assert_eq!(busy.header("retry-after"), "1");
}

#[tokio::test]
async fn executions_are_listed_in_pages() {
    let world = World::new();
    world.deploy("steps", 1).await;
    world.deploy_more("others", 1).await;
    let mut started = BTreeSet::new();
    for n in 0..5 {
        started.insert(world.start("steps", &format!(r#"{{"n":{n}}}"#)).await);
    }
    let other = world.start("others", "{}").await;
    for id in started.iter().chain([&other]) {
        world.ended(id).await;
    }
    let mut seen = BTreeSet::new();
    let mut path = "/v1/executions?workflow=test/steps&status=completed&limit=2".to_string();
    loop {
        let page = world.send(get(&path).done()).await;
        let items = page.json["items"].as_array().unwrap();
        assert!(items.len() <= 2 && items.iter().all(|item| item.get("output").is_none()), "{}", page.text);
        items.iter().for_each(|item| assert!(seen.insert(item["id"].as_str().unwrap().to_owned())));
        let Some(next) = page.json["next"].as_str() else { break };
        path = format!("/v1/executions?workflow=test/steps&status=completed&limit=2&after={next}");
    }
    assert_eq!(seen, started);
    let none = world.send(get("/v1/executions?status=faulted").done()).await;
    assert_eq!(none.json["items"], serde_json::json!([]));
    for wrong in ["status=done", "limit=0", "limit=501", "limit=x", "after=x"] {
        world.send(get(&format!("/v1/executions?{wrong}")).done()).await.is_error(400, "invalid-parameter");
    }
    assert_eq!(world.send(get("/v1/executions?limit=500").done()).await.status, 200);
}

#[tokio::test]
async fn an_execution_is_told_what_to_do_until_it_has_ended() {
    let world = World::new();
    world.deploy("steps", 2).await;
    world.runner.hold(true);
    let id = world.start("steps", "{}").await;
    let tell = async |verb: &str| world.send(post(&format!("/v1/executions/{id}/{verb}")).done()).await;
    let suspended = tell("suspend").await;
    assert_eq!(
        (suspended.status.as_u16(), &suspended.json["status"]),
        (202, &"suspended".into()),
        "{}",
        suspended.text
    );
    assert_eq!(tell("resume").await.status, 202);
    assert_eq!(tell("cancel").await.status, 202);
    let ended = world.ended(&id).await;
    assert_eq!(ended.json["status"], "cancelled");
    for verb in ["cancel", "suspend", "resume"] {
        tell(verb).await.is_error(409, "execution-ended");
        let path = format!("/v1/executions/{}/{verb}", "0".repeat(32));
        world.send(post(&path).done()).await.is_error(404, "execution-not-found");
    }
}

#[tokio::test]
async fn another_tenants_execution_is_not_there() {
    let world = World::new();
    world.deploy("steps", 1).await;
    let id = world.start("steps", "{}").await;
    let key = world.key_of("other");
    for request in [get(&format!("/v1/executions/{id}")), post(&format!("/v1/executions/{id}/cancel"))] {
        world.send(request.key(&key).done()).await.is_error(404, "execution-not-found");
    }
    for wrong in ["x", &id.to_uppercase().replace('0', "G"), &format!("{id}-1")] {
        world.send(get(&format!("/v1/executions/{wrong}")).done()).await.is_error(404, "execution-not-found");
    }
}
