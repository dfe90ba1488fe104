//! The examples: each gives what its page says, over HTTP and with `sandmill run`.

use std::fs;
use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::kit::{Server, component, data, json, root, sandmill};

/// A file that is no text, for the workflow to recover from.
const BINARY: &str = "AP+Av/8=";

/// The Rust sources of the host, and one binary file: some hundred items.
fn input() -> Value {
    let mut files = Vec::new();
    collect(&root().join("host"), &mut files);
    files.push(json!({ "path": "logo.png", "base64": BINARY }));
    json!({ "files": files })
}

fn collect(folder: &Path, files: &mut Vec<Value>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(json!({ "path": path, "text": fs::read_to_string(&path).unwrap() }));
        }
    }
}

/// Lines, blank lines, comment lines and bytes, counted by another way than the plugin's.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    lines: usize,
    blank: usize,
    comment: usize,
    bytes: usize,
    longest: usize,
}

fn count(input: &Value) -> Count {
    let mut sum = Count::default();
    for text in input["files"].as_array().unwrap().iter().filter_map(|file| file["text"].as_str()) {
        sum.bytes += text.len();
        for line in text.lines() {
            let line_without_space = line.trim_matches([' ', '\t', '\r', '\u{c}']);
            sum.lines += 1;
            sum.blank += usize::from(line_without_space.is_empty());
            sum.comment += usize::from(["//", "/*"].iter().any(|mark| line_without_space.starts_with(mark)));
            sum.longest = sum.longest.max(line.chars().count());
        }
    }
    sum
}

fn count_of_report(report: &Value) -> Count {
    let number = |name: &str| usize::try_from(report["totals"][name].as_u64().unwrap()).unwrap();
    Count {
        lines: number("lines"),
        blank: number("blank_lines"),
        comment: number("comment_lines"),
        bytes: number("bytes"),
        longest: number("longest_line_characters"),
    }
}

#[track_caller]
fn check_report(report: &Value, input: &Value) {
    assert_eq!(count_of_report(report), count(input));
    assert_eq!(report["totals"]["files"], json!(input["files"].as_array().unwrap().len() - 1));
    assert_eq!(report["size"], "large");
    assert_eq!(report["skipped"].as_array().unwrap().len(), 1, "{}", report["skipped"]);
    assert_eq!(report["skipped"][0]["path"], "logo.png");
    let tables: Vec<&str> =
        report["reports"].as_array().unwrap().iter().map(|table| table["table"].as_str().unwrap()).collect();
    assert_eq!(tables.len(), 2);
    assert!(tables.iter().all(|table| table.contains('|')), "{tables:?}");
}

#[tokio::test]
async fn the_source_report_counts_what_is_there() {
    let (_folder, data) = data();
    let server = Server::start(&data, &[]);
    server.register("source-stats").await;
    server.register("report").await;
    server.deploy(&fs::read_to_string(root().join("examples/source-report/workflow.yaml")).unwrap()).await;
    let input = input();
    assert!(input["files"].as_array().unwrap().len() > 100);
    let request = server
        .request(Method::POST, "/v1/workflows/examples/source-report/executions?wait=60s")
        .body(input.to_string());
    let (status, execution) = server.answer(request).await;
    assert_eq!((status, &execution["status"]), (StatusCode::OK, &json!("completed")), "{}", execution["error"]);
    check_report(&execution["output"], &input);
}

#[test]
fn the_source_report_runs_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let (input, file) = (input(), folder.path().join("input.json"));
    fs::write(&file, input.to_string()).unwrap();
    let plugin = |name: &str| format!("{name}:0.1.0={}", component(name).display());
    let workflow = root().join("examples/source-report/workflow.yaml");
    let output = sandmill(&["run", workflow.to_str().unwrap(), "--input", file.to_str().unwrap()])
        .args(["--plugin", &plugin("source-stats"), "--plugin", &plugin("report")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    check_report(&json(&output), &input);
}

#[test]
fn hello_greets() {
    let plugin = format!("greet:0.1.0={}", component("greet").display());
    let output =
        sandmill(&["run", "examples/hello/workflow.yaml", "--input", "examples/hello/input.json", "--plugin", &plugin])
            .current_dir(root())
            .output()
            .unwrap();
    assert_eq!(json(&output), json!({ "text": "Hello, Ada!" }));
}
