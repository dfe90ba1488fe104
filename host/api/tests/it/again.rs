//! Running again, and starting at a task.

use serde_json::json;

use crate::kit::{World, get, post};

const START: &str = "/v1/workflows/test/steps";

#[tokio::test]
async fn a_rerun_is_a_new_execution_that_names_the_first() {
    let world = World::new();
    world.deploy("steps", 3).await;
    let first = world.send(post(&format!("{START}/executions?wait=60s")).body_text(r#"{"n":1}"#).done()).await;
    let id = first.json["id"].as_str().unwrap();
    let again = world.send(post(&format!("/v1/executions/{id}/rerun?wait=60s")).done()).await;
    assert_eq!(again.status, 200, "{}", again.text);
    assert_eq!(again.json["rerun_of"], id);
    assert_eq!(again.json["output"], first.json["output"]);
    assert_ne!(again.json["id"], first.json["id"]);
    assert!(first.json.get("rerun_of").is_none());
    let from = world.send(post(&format!("/v1/executions/{id}/rerun?wait=60s&from=/do/1/step1")).done()).await;
    assert_eq!(from.status, 200, "{}", from.text);
}

#[tokio::test]
async fn a_rerun_with_a_key_starts_once() {
    let world = World::new();
    world.deploy("steps", 1).await;
    let id = world.start("steps", "{}").await;
    world.ended(&id).await;
    let ask = || post(&format!("/v1/executions/{id}/rerun?wait=60s")).header("idempotency-key", "again").done();
    let (one, two) = (world.send(ask()).await, world.send(ask()).await);
    assert_eq!(one.json["id"], two.json["id"]);
    assert_eq!(two.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn what_cannot_be_run_again_says_why() {
    let world = World::new();
    world.deploy("steps", 1).await;
    let id = world.start("steps", "{}").await;
    world.ended(&id).await;
    let rerun = |id: &str, rest: &str| post(&format!("/v1/executions/{id}/rerun{rest}")).done();
    world.send(rerun(&id, "?from=nobody")).await.is_error(404, "task-not-found");
    world.send(rerun(&id, "?form=step0")).await.is_error(400, "invalid-parameter");
    world.send(rerun(&"0".repeat(32), "")).await.is_error(404, "execution-not-found");
    world.runner.hold(true);
    let running = world.start("steps", r#"{"n":2}"#).await;
    world.send(rerun(&running, "")).await.is_error(409, "execution-not-ended");
    world.runner.hold(false);
}

#[tokio::test]
async fn an_execution_starts_at_a_task_with_a_context() {
    let world = World::new();
    world.deploy("steps", 3).await;
    let at = |task: &str| post(&format!("{START}/tasks/{task}/executions?wait=60s"));
    let body = r#"{"input":{"n":1},"context":{"given":true}}"#;
    let ended = world.send(at("step2").body_text(body).done()).await;
    assert_eq!(ended.status, 200, "{}", ended.text);
    let tasks = world.send(get(&format!("/v1/executions/{}/tasks", ended.json["id"].as_str().unwrap())).done()).await;
    let names: Vec<_> = tasks.json["items"].as_array().unwrap().iter().map(|task| task["name"].clone()).collect();
    assert_eq!(names, [json!("step2")]);
    world.send(at("step9").body_text(body).done()).await.is_error(404, "task-not-found");
    world.send(at("step2").body_text(r#"{"inputs":1}"#).done()).await.is_error(400, "invalid-json");
    let without_body = world.send(at("step2").done()).await;
    assert_eq!(without_body.json["output"], json!({}), "{}", without_body.text);
}
