//! Plugins, from bytes to bytes.

use crate::kit::{World, delete, document, get, put};

#[tokio::test]
async fn a_plugin_goes_in_and_its_bytes_come_out() {
    let world = World::new();
    let added = world.send(put("/v1/plugins/work/1.2.0").body_text("wasm 1").done()).await;
    assert_eq!(added.status, 201, "{}", added.text);
    assert_eq!((&added.json["name"], &added.json["version"]), (&"work".into(), &"1.2.0".into()));
    assert_eq!(added.json["config_schema"]["type"], "object");
    assert_eq!(world.send(put("/v1/plugins/work/1.2.0").body_text("wasm 1").done()).await.status, 200);
    let other = world.send(put("/v1/plugins/work/1.2.0").body_text("wasm 2").done()).await;
    other.is_error(409, "version-taken");
    assert_eq!(world.send(get("/v1/plugins/work/1.2.0").done()).await.json, added.json);
    let component = world.send(get("/v1/plugins/work/1.2.0/component").done()).await;
    assert_eq!((component.text.as_str(), component.header("content-type")), ("wasm 1", "application/wasm"));
}

#[tokio::test]
async fn plugins_are_listed_by_name_and_version() {
    let world = World::new();
    for (name, version) in [("work", "1.10.0"), ("work", "1.9.0"), ("echo", "1.0.0")] {
        world
            .send(put(&format!("/v1/plugins/{name}/{version}")).body_text(&format!("wasm {name}{version}")).done())
            .await;
    }
    let versions = |answer: crate::kit::Answer| -> Vec<String> {
        let items = answer.json["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|plugin| format!("{}:{}", plugin["name"].as_str().unwrap(), plugin["version"].as_str().unwrap()))
            .collect()
    };
    let all = world.send(get("/v1/plugins").done()).await;
    assert_eq!(versions(all), ["echo:1.0.0", "work:1.9.0", "work:1.10.0"]);
    let some = world.send(get("/v1/plugins?name=echo").done()).await;
    assert_eq!(versions(some), ["echo:1.0.0"]);
    world.send(get("/v1/plugins?nam=echo").done()).await.is_error(400, "invalid-parameter");
}

#[tokio::test]
async fn a_plugin_that_is_none_is_refused_with_the_reason() {
    let world = World::new();
    let refused = world.send(put("/v1/plugins/work/1.0.0").body_text("text").done()).await;
    refused.is_error(422, "component-rejected");
    assert_eq!(refused.json["detail"], "this is no component");
    let busy = world.send(put("/v1/plugins/work/1.0.0").body_text("wasm no room").done()).await;
    busy.is_error(503, "runtime-busy");
    assert_eq!(busy.header("retry-after"), "1");
    for path in ["/v1/plugins/Work/1.0.0", "/v1/plugins/work/1.0", "/v1/plugins/work/x", "/v1/plugins/a%2Fb/1.0.0"] {
        world.send(put(path).body_text("wasm").done()).await.is_error(400, "invalid-parameter");
    }
    for path in ["/v1/plugins/work/1.0.0", "/v1/plugins/work/1.0.0/component"] {
        world.send(get(path).done()).await.is_error(404, "plugin-not-found");
    }
}

#[tokio::test]
async fn a_plugin_that_is_pinned_stays_and_a_removed_version_stays_taken() {
    let world = World::new();
    world.deploy("steps", 1).await;
    let pinned = world.send(delete("/v1/plugins/work/1.0.0").done()).await;
    pinned.is_error(409, "in-use");
    assert!(pinned.json["detail"].as_str().unwrap().contains("test/steps:1.0.0"), "{}", pinned.text);
    assert_eq!(world.send(delete("/v1/workflows/test/steps/1.0.0").done()).await.status, 204);
    assert_eq!(world.send(delete("/v1/plugins/work/1.0.0").done()).await.status, 204);
    world.send(delete("/v1/plugins/work/1.0.0").done()).await.is_error(404, "plugin-not-found");
    world.send(put("/v1/plugins/work/1.0.0").body_text("wasm other").done()).await.is_error(409, "version-taken");
    let later = put("/v1/workflows").body_text(&document("later", "1.0.0", 1));
    world.send(later.done()).await.is_error(422, "document-rejected");
}
