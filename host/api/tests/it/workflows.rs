//! Workflow definitions, from document to document.

use crate::kit::{Answer, World, delete, document, get, post, put};

#[tokio::test]
async fn a_definition_is_deployed_pinned_and_comes_back_byte_for_byte() {
    let world = World::new();
    world.deploy("steps", 2).await;
    let text = document("steps", "1.0.0", 2);
    let again = world.send(put("/v1/workflows").body_text(&text).done()).await;
    assert_eq!(again.status, 200, "{}", again.text);
    assert_eq!((&again.json["name"], &again.json["version"]), (&"test/steps".into(), &"1.0.0".into()));
    assert_eq!(
        (&again.json["plugins"][0]["name"], &again.json["plugins"][0]["version"]),
        (&"work".into(), &"1.0.0".into())
    );
    assert_eq!(world.send(get("/v1/workflows/test/steps/1.0.0").done()).await.json, again.json);
    assert_eq!(world.send(get("/v1/workflows/test/steps/1.0.0/document").done()).await.text, text);
    let other = put("/v1/workflows").body_text(&document("steps", "1.0.0", 3));
    world.send(other.done()).await.is_error(409, "version-taken");
    let list = world.send(get("/v1/workflows?name=test/steps").done()).await;
    assert_eq!(list.json["items"], serde_json::json!([again.json]));
    assert_eq!(world.send(get("/v1/workflows?name=test/other").done()).await.json["items"], serde_json::json!([]));
}

#[tokio::test]
async fn a_document_that_cannot_be_deployed_is_refused_with_findings() {
    let world = World::new();
    let refused = world.send(put("/v1/workflows").body_text(&document("steps", "1.0.0", 1)).done()).await;
    refused.is_error(422, "document-rejected");
    let finding = &refused.json["findings"][0];
    assert!(finding["message"].as_str().unwrap().contains("`work`"), "{}", refused.text);
    for member in ["code", "verdict", "pointer", "line", "column", "message"] {
        assert!(!finding[member].is_null(), "{member}: {}", refused.text);
    }
}

#[tokio::test]
async fn a_definition_that_is_in_use_stays() {
    let world = World::new();
    world.deploy("steps", 1).await;
    world.runner.hold(true);
    let id = world.start("steps", "{}").await;
    let pinned = world.send(delete("/v1/workflows/test/steps/1.0.0").done()).await;
    pinned.is_error(409, "in-use");
    assert!(pinned.json["detail"].as_str().unwrap().contains(&id), "{}", pinned.text);
    world.runner.hold(false);
    world.ended(&id).await;
    assert_eq!(world.send(delete("/v1/workflows/test/steps/1.0.0").done()).await.status, 204);
    for path in ["/v1/workflows/test/steps/1.0.0", "/v1/workflows/test/steps/1.0.0/document"] {
        world.send(get(path).done()).await.is_error(404, "workflow-not-found");
    }
    world.send(delete("/v1/workflows/test/steps/1.0.0").done()).await.is_error(404, "workflow-not-found");
}

#[tokio::test]
async fn a_document_is_checked_without_being_deployed() {
    let world = World::new();
    let text = document("steps", "1.0.0", 1);
    let check = async |text: &str| world.send(post("/v1/workflows/validate").body_text(text).done()).await;
    let without_plugin = check(&text).await;
    assert_eq!(without_plugin.status, 200, "{}", without_plugin.text);
    let verdicts = |answer: &Answer| (answer.json["valid"] == true, answer.json["deployable"] == true);
    assert_eq!(verdicts(&without_plugin), (true, false), "{}", without_plugin.text);
    assert_eq!(without_plugin.json["findings"][0]["verdict"], "notDeployable");
    world.send(put("/v1/plugins/work/1.0.0").body_text("wasm").done()).await;
    let right = check(&text).await;
    assert_eq!((verdicts(&right), &right.json["findings"]), ((true, true), &serde_json::json!([])), "{}", right.text);
    let wrong = check("do: 7").await;
    assert_eq!(verdicts(&wrong), (false, false), "{}", wrong.text);
    assert_eq!(world.send(get("/v1/workflows").done()).await.json["items"], serde_json::json!([]));
}
