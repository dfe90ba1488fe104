//! Commands, as they are typed: what they print, and the code that they end with.

use std::fs;

use serde_json::{Value, json};

use crate::kit::{Server, component, data, json, root, sandmill};

const FAULTY: &str = "
document: { dsl: '1.0.3', namespace: cli, name: faulty, version: '1.0.0' }
do:
  - fail:
      raise:
        error: { type: 'https://example.com/broken', status: 418, title: Broken }
";

const SLEEPY: &str = "
document: { dsl: '1.0.3', namespace: cli, name: sleepy, version: '1.0.0' }
do:
  - sleep: { wait: { hours: 1 } }
";

#[track_caller]
fn check_code(output: &std::process::Output, code: i32) {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_deployed_started_followed_and_listed() {
    let (_folder, data) = data();
    let server = Server::start(&data, &[]);
    let component = component("greet").display().to_string();
    check_code(&server.run(&["plugin", "add", "greet:0.1.0", &component]), 0);
    check_code(&server.run(&["workflow", "apply", root().join("examples/hello/workflow.yaml").to_str().unwrap()]), 0);
    let output = server.run(&["trigger", "examples/hello", "--input", r#"{"name": "Ada"}"#, "--wait", "--key", "one"]);
    check_code(&output, 0);
    assert_eq!(json(&output), json!({ "text": "Hello, Ada!" }));

    let listed = json(&server.run(&["ps", "--json"]));
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    assert_eq!((&listed[0]["workflow"], &listed[0]["status"]), (&json!("examples/hello:0.1.0"), &json!("completed")));
    let again =
        json(&server.run(&["trigger", "examples/hello", "--input", r#"{"name": "Ada"}"#, "--key", "one", "--json"]));
    assert_eq!(again["id"], json!(id), "the same key starts once");
    check_code(&server.run(&["trigger", "examples/hello", "--input", r#"{"name": "Bob"}"#, "--key", "one"]), 3);

    let shown = server.run(&["show", &id]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(text.contains("/do/0/greet") && text.contains("Hello, Ada!"), "{text}");
    let events = server.run(&["events", "--follow", &id, "--json"]);
    let kinds: Vec<String> = String::from_utf8_lossy(&events.stdout)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        kinds.first().unwrap().contains("workflow.started") && kinds.last().unwrap().contains("workflow.completed"),
        "{kinds:?}"
    );
    check_code(&server.run(&["plugin", "remove", "greet:0.1.0"]), 3);
    check_code(&server.run(&["workflow", "remove", "examples/hello:0.1.0"]), 0);
    check_code(&server.run(&["plugin", "remove", "greet:0.1.0"]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_tell_how_an_execution_ended() {
    let (_folder, data) = data();
    let server = Server::start(&data, &[]);
    server.deploy(FAULTY).await;
    server.deploy(SLEEPY).await;
    check_code(&server.run(&["trigger", "cli/faulty", "--wait"]), 4);
    check_code(&server.run(&["trigger", "cli/nothing"]), 3);
    let id = json(&server.run(&["trigger", "cli/sleepy", "--json"]))["id"].as_str().unwrap().to_owned();
    check_code(&server.run(&["suspend", &id]), 0);
    assert_eq!(json(&server.run(&["ps", "--status", "suspended", "--json"]))[0]["id"], json!(id));
    check_code(&server.run(&["resume", &id]), 0);
    check_code(&server.run(&["cancel", &id]), 0);
    assert_eq!(server.ended_execution(&id).await["status"], "cancelled");
}

#[test]
fn a_document_is_checked_without_a_server() {
    let good = file(SLEEPY);
    check_code(&sandmill(&["workflow", "validate", good.path().to_str().unwrap()]).output().unwrap(), 0);
    let bad = file(&SLEEPY.replace("wait:", "wiat:"));
    let output = sandmill(&["workflow", "validate", bad.path().to_str().unwrap()]).output().unwrap();
    check_code(&output, 3);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains(":4:") && text.contains("/do/0/sleep") && text.contains("wait"), "{text}");
}

#[test]
fn the_schema_of_the_language_is_printed() {
    let output = sandmill(&["workflow", "schema"]).output().unwrap();
    check_code(&output, 0);
    let published = fs::read_to_string(root().join("docs/workflow.schema.json")).unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), published);
}

#[test]
fn run_ends_by_the_outcome() {
    let faulty = file(FAULTY);
    let output = sandmill(&["run", faulty.path().to_str().unwrap()]).output().unwrap();
    check_code(&output, 4);
    assert!(String::from_utf8_lossy(&output.stderr).contains("https://example.com/broken"), "{output:?}");
    check_code(&sandmill(&["run", "nowhere.yaml"]).output().unwrap(), 3);
}

#[test]
fn without_a_server_a_client_says_how_to_start_one() {
    let output = sandmill(&["ps", "--server", "http://127.0.0.1:9"]).output().unwrap();
    check_code(&output, 6);
    assert!(String::from_utf8_lossy(&output.stderr).contains("sandmill up"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_and_keys_keep_things_apart() {
    let (_folder, data) = data();
    let server = Server::start(&data, &[]);
    check_code(&server.run(&["tenant", "create", "acme"]), 0);
    let made = json(&server.run(&["key", "create", "ci", "--tenant", "acme", "--json"]));
    let key = made["key"].as_str().unwrap();
    let component = component("greet").display().to_string();
    check_code(&server.run(&["plugin", "add", "greet:0.1.0", &component, "--api-key", key]), 0);
    assert_eq!(json(&server.run(&["plugin", "list", "--json", "--api-key", key])).as_array().unwrap().len(), 1);
    assert_eq!(json(&server.run(&["plugin", "list", "--json"])), json!([]), "another tenant");
    check_code(&server.run(&["tenant", "list", "--api-key", key]), 7);
    check_code(&server.run(&["key", "revoke", made["id"].as_str().unwrap()]), 0);
    check_code(&server.run(&["plugin", "list", "--api-key", key]), 7);
}

#[test]
fn an_error_code_is_explained() {
    let codes = sandmill(&["explain"]).output().unwrap();
    let codes = String::from_utf8_lossy(&codes.stdout).into_owned();
    let first = codes.lines().next().unwrap();
    let output = sandmill(&["explain", first]).output().unwrap();
    check_code(&output, 0);
    assert!(String::from_utf8_lossy(&output.stdout).contains(first), "{output:?}");
    check_code(&sandmill(&["explain", "no-such-code"]).output().unwrap(), 3);
}
