//! Bad days: what the program says and does when its surroundings are not what it wants.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::kit::{Server, data, sandmill};

const GREETING: &str = "
document: { dsl: '1.0.3', namespace: days, name: slow, version: '1.0.0' }
do:
  - work: { call: 'witness:0.1.0@default', with: { number: 1, loops: '${ .loops }' } }
";

#[test]
fn a_port_that_is_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (_folder, data) = data();
    let failure = Server::try_start(&data, &["--listen", &address]).err().unwrap();
    assert!(failure.stderr.contains(&address) && failure.stderr.contains("in use"), "{failure:?}");
    assert_eq!(failure.code, Some(1));
}

#[test]
fn two_servers_on_one_directory_are_one_too_many() {
    let (_folder, data) = data();
    let _first = Server::start(&data, &[]);
    let failure = Server::try_start(&data, &[]).err().unwrap();
    assert!(failure.stderr.contains(&data.display().to_string()), "{failure:?}");
    assert!(failure.stderr.contains("another process"), "{failure:?}");
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let (folder, _) = data();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    let failure = Server::try_start(&file, &[]).err().unwrap();
    assert!(failure.stderr.contains("is not a directory"), "{failure:?}");
}

#[test]
fn elsewhere_than_on_loopback_a_key_is_wanted_first() {
    let (_folder, data) = data();
    let failure = Server::try_start(&data, &["--listen", "0.0.0.0:0"]).err().unwrap();
    assert!(failure.stderr.contains("API key"), "{failure:?}");
    assert_eq!(failure.code, Some(3));
}

#[test]
fn settings_that_nobody_knows_are_refused() {
    let output = sandmill(&["config", "show", "--set", "tsak.memory=1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no setting `tsak.memory`"), "{output:?}");
}

#[tokio::test]
async fn a_foreign_web_page_is_refused() {
    let (_folder, data) = data();
    let server = Server::start(&data, &[]);
    let request = server.request(Method::GET, "/v1/executions").header("origin", "https://example.com");
    assert_eq!(server.answer(request).await.0, StatusCode::FORBIDDEN);
    let request = server.request(Method::GET, "/v1/executions").header("host", "example.com");
    assert_eq!(server.answer(request).await.0, StatusCode::UNAUTHORIZED);
    let request = server.request(Method::GET, "/v1/executions").header("x-forwarded-for", "192.0.2.1");
    assert_eq!(server.answer(request).await.0, StatusCode::UNAUTHORIZED, "a proxy is in front, so a key is wanted");
    assert_eq!(server.get("/v1/executions").await.0, StatusCode::OK);
}

#[tokio::test]
async fn sigterm_under_load_lets_tasks_end_and_loses_nothing() {
    let (_folder, data) = data();
    let mut server = Server::start(&data, &[]);
    server.register("witness").await;
    server.deploy(GREETING).await;
    let mut ids = Vec::new();
    for number in 0..40 {
        let body = json!({ "loops": 3_000_000, "number": number }).to_string();
        let (status, body) =
            server.answer(server.request(Method::POST, "/v1/workflows/days/slow/executions").body(body)).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        ids.push(body["id"].as_str().unwrap().to_owned());
    }
    server.terminate();
    assert_eq!(server.ended(), Some(0));
    let server = Server::start(&data, &[]);
    for id in ids {
        assert_eq!(server.ended_execution(&id).await["output"], json!(2));
    }
}

#[tokio::test]
async fn a_task_that_spins_is_interrupted_when_it_is_cancelled() {
    let (_folder, data) = data();
    let server = Server::start(&data, &["--set", "task.cpu-time=50s", "--set", "task.wall-time=50s"]);
    server.register("witness").await;
    server.deploy(GREETING).await;
    let body = json!({ "loops": u64::MAX }).to_string();
    let (_, body) = server.answer(server.request(Method::POST, "/v1/workflows/days/slow/executions").body(body)).await;
    let path = format!("/v1/executions/{}", body["id"].as_str().unwrap());
    let (status, _) = server.answer(server.request(Method::POST, &format!("{path}/cancel"))).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(server.ended_execution(body["id"].as_str().unwrap()).await["status"], "cancelled");
    let (status, body) = server.answer(server.request(Method::POST, &format!("{path}/cancel"))).await;
    assert_eq!(status, StatusCode::CONFLICT, "{body}");
}
