//! Tenants and keys.

use sandmill_core::ids::Digest;
use sandmill_engine::ports::Directory as _;

use crate::kit::{World, delete, get, post, put};

#[tokio::test]
async fn a_tenant_is_made_once_and_listed() {
    let world = World::new();
    let made = world.send(put("/v1/tenants/acme").done()).await;
    assert_eq!((made.status.as_u16(), &made.json["id"]), (201, &"acme".into()));
    let again = world.send(put("/v1/tenants/acme").done()).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.json["created_at"], made.json["created_at"], "it is the one from before");
    let list = world.send(get("/v1/tenants").done()).await;
    let names: Vec<_> = list.json["items"].as_array().unwrap().iter().map(|tenant| tenant["id"].clone()).collect();
    assert_eq!(names, ["acme", "default"]);
    for name in ["Acme", "-a", &"a".repeat(64)] {
        world.send(put(&format!("/v1/tenants/{name}")).done()).await.is_error(400, "invalid-parameter");
    }
}

#[tokio::test]
async fn a_key_is_shown_once_opens_its_tenant_and_is_revoked() {
    let world = World::new();
    world.send(put("/v1/tenants/acme").done()).await;
    let made = world.send(post("/v1/keys").body_text(r#"{"label":"ci","tenant":"acme"}"#).done()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (id, key) = (made.json["id"].as_str().unwrap(), made.json["key"].as_str().unwrap());
    assert_eq!((&made.json["scope"], &made.json["tenant"]), (&"tenant".into(), &"acme".into()));
    assert_eq!(world.store.key(Digest::of(key.as_bytes())).unwrap().unwrap().id, id, "its hash is stored");
    let list = world.send(get("/v1/keys").done()).await;
    assert!(!list.text.contains(key.rsplit('_').next().unwrap()), "the secret is not shown again");
    assert_eq!(list.json["items"][0]["label"], "ci");
    assert_eq!(world.send(get("/v1/plugins").key(key).done()).await.status, 200);
    assert_eq!(world.send(delete(&format!("/v1/keys/{id}")).done()).await.status, 204);
    world.send(get("/v1/plugins").key(key).done()).await.is_error(401, "key-unknown");
    world.send(delete(&format!("/v1/keys/{id}")).done()).await.is_error(404, "key-not-found");
}

#[tokio::test]
async fn an_operators_key_is_one_without_a_tenant() {
    let world = World::new();
    let made = world.send(post("/v1/keys").body_text(r#"{"label":"ops"}"#).done()).await;
    assert_eq!((&made.json["scope"], &made.json["tenant"]), (&"operator".into(), &serde_json::Value::Null));
    let key = made.json["key"].as_str().unwrap();
    assert_eq!(world.send(get("/v1/tenants").from([10, 0, 0, 1]).key(key).done()).await.status, 200);
}

#[tokio::test]
async fn what_is_wrong_with_a_new_key_is_said() {
    let world = World::new();
    let ask = async |body: &str| world.send(post("/v1/keys").body_text(body).done()).await;
    ask(r#"{"label":"x","tenant":"none"}"#).await.is_error(404, "tenant-not-found");
    for label in ["", &"x".repeat(201), r"a\n"] {
        ask(&format!(r#"{{"label":"{label}"}}"#)).await.is_error(400, "invalid-parameter");
    }
    assert_eq!(ask(&format!(r#"{{"label":"{}"}}"#, "x".repeat(200))).await.status, 201);
    let answer = ask("{\"label\":\n 7}").await;
    answer.is_error(400, "invalid-json");
    assert!(answer.json["detail"].as_str().unwrap().starts_with("line 2, column 2: "), "{}", answer.text);
    ask(r#"{"label":"x","admin":true}"#).await.is_error(400, "invalid-json");
    ask("").await.is_error(400, "invalid-json");
}

#[tokio::test]
async fn a_tenants_defaults_are_set_and_shown_and_hold_for_its_tasks() {
    let world = World::new();
    let path = "/v1/tenants/default/defaults";
    let body = r#"{"timeout_ms":1000,"retry":{"attempts":1,"delay_ms":0,"factor":1,"max_delay_ms":0}}"#;
    let set = world.send(put(path).body_text(body).done()).await;
    assert_eq!(set.status, 200, "{}", set.text);
    assert_eq!(set.json["defaults"]["retry"]["attempts"], 1);
    let listed = world.send(get("/v1/tenants").done()).await;
    assert_eq!(listed.json["items"][0]["defaults"], set.json["defaults"]);
    world.deploy("steps", 1).await;
    let input = r#"{"fail":"retryable"}"#;
    let ended = world.send(post("/v1/workflows/test/steps/executions?wait=60s").body_text(input).done()).await;
    assert_eq!(ended.json["status"], "faulted", "{}", ended.text);
    world.send(put(path).body_text(r#"{"timeout_ms":0}"#).done()).await.is_error(400, "invalid-parameter");
    world.send(put(path).body_text(r#"{"timeout":1}"#).done()).await.is_error(400, "invalid-json");
    world.send(put("/v1/tenants/nobody/defaults").body_text("{}").done()).await.is_error(404, "tenant-not-found");
    let cleared = world.send(put(path).body_text("{}").done()).await;
    assert_eq!(cleared.json["defaults"], serde_json::json!({ "timeout_ms": null, "retry": null }));
}
