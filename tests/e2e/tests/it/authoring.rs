//! The tools for authors, as they are typed: what they print, the code that they end with, and that the guide shows what they really say.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::kit::{json, program, root, sandmill};

const GREETING: &str = "
document: { dsl: '1.0.3', namespace: tools, name: greeting, version: '1.0.0' }
do:
  - greet: { call: 'greet:0.1.0@default', with: { name: '${ .name }' }, metadata: { task: { retry: { attempts: 2 } } } }
";

/// Runs the program in a folder, with a text on standard input.
fn run_in(folder: &Path, arguments: &[&str], stdin: &str) -> Output {
    let mut command = sandmill(arguments);
    command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that does not read its input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

#[track_caller]
fn check(folder: &Path, arguments: &[&str], code: i32) -> (String, String) {
    let output = run_in(folder, arguments, GREETING);
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{stdout}{stderr}");
    (stdout, stderr)
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn documents_are_checked_from_files_from_folders_and_from_standard_input() {
    let folder = folder(&[
        ("good.yaml", GREETING),
        ("wrong.json", "{}"),
        ("greeting.test.yaml", "no document"),
        ("greeting.mocks.yaml", "no document"),
    ]);
    let (stdout, _) = check(folder.path(), &["workflow", "validate", "-"], 0);
    assert_eq!(stdout, "standard input: valid, deployable\n");
    let (stdout, _) = check(folder.path(), &["workflow", "validate", "."], 3);
    assert!(stdout.contains("good.yaml: valid") && stdout.contains("wrong.json: invalid"), "{stdout}");
    assert!(!stdout.contains("test.yaml") && !stdout.contains("mocks.yaml"), "{stdout}");
}

#[test]
fn a_file_that_cannot_be_read_does_not_hide_the_others() {
    let folder = folder(&[("good.yaml", GREETING)]);
    let (stdout, stderr) = check(folder.path(), &["workflow", "validate", "nowhere.yaml", "good.yaml"], 3);
    assert!(stderr.contains("nowhere.yaml cannot be read"), "{stderr}");
    assert_eq!(stdout, "good.yaml: valid, deployable\n");
    let output = run_in(folder.path(), &["workflow", "validate", "nowhere.yaml", "good.yaml", "--json"], "");
    let results = json(&output);
    assert!(results[0]["error"].as_str().unwrap().contains("cannot be read"), "{results}");
    assert_eq!(results[1], json!({ "file": "good.yaml", "valid": true, "deployable": true, "findings": [] }));
}

#[test]
fn a_strict_check_refuses_options_of_this_host() {
    let folder = folder(&[("good.yaml", GREETING)]);
    let (stdout, _) = check(folder.path(), &["workflow", "validate", "--strict", "good.yaml"], 3);
    assert!(stdout.contains("/do/0/greet/metadata/task") && stdout.contains("[host-option]"), "{stdout}");
    let results = json(&run_in(folder.path(), &["workflow", "validate", "--strict", "--json", "good.yaml"], ""));
    let finding = &results[0]["findings"][0];
    assert_eq!(
        (&results[0]["portable"], &finding["verdict"], &finding["line"]),
        (&json!(false), &json!("lint"), &json!(4))
    );
    let (text, caret) = (finding["excerpt"]["text"].as_str().unwrap(), finding["excerpt"]["caret"].as_u64().unwrap());
    assert!(text.chars().skip(usize::try_from(caret).unwrap()).collect::<String>().starts_with("task:"), "{finding}");
}

#[test]
fn a_graph_is_drawn_of_what_can_run_and_of_nothing_else() {
    let folder = folder(&[]);
    let (stdout, _) = check(folder.path(), &["workflow", "graph", "-"], 0);
    assert!(stdout.starts_with("---\ntitle: 'tools/greeting:1.0.0'\n---\nflowchart TD\n"), "{stdout}");
    let drawn = json(&run_in(folder.path(), &["workflow", "graph", "-", "--json"], GREETING));
    assert_eq!(drawn["mermaid"].as_str().unwrap(), stdout);
    let refused = run_in(folder.path(), &["workflow", "graph", "-"], "do: []");
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("[missing-property]"), "{refused:?}");
}

#[test]
fn a_dry_run_ends_by_its_outcome() {
    let mocks = [
        ("good.mocks.yaml", "calls: { greet: { output: { text: Hello } } }"),
        ("bad.mocks.yaml", "calls: { greet: { error: communication } }"),
        ("wrong.mocks.yaml", "calls: { greet: { ouptut: 1 } }"),
    ];
    let folder = folder(&mocks);
    let run = |mocks: &'static str, code| check(folder.path(), &["workflow", "dry-run", "-", "--mock", mocks], code);
    assert!(run("good.mocks.yaml", 0).0.contains("completed +0s"));
    assert!(run("bad.mocks.yaml", 4).0.contains("500 Communication Error"));
    assert!(run("wrong.mocks.yaml", 3).1.contains("wrong.mocks.yaml:1:19 /calls/greet/ouptut"));
    let (stdout, stderr) = check(folder.path(), &["workflow", "dry-run", "-", "--json"], 3);
    assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap()["stop"]["code"], "mock-missing");
    assert!(stderr.contains("no mock answers"), "{stderr}");
}

#[test]
fn a_folder_without_cases_is_a_mistake_and_so_is_a_filter_that_finds_none() {
    let cases = "workflow: good.yaml\ncases: [ { name: one, input: { name: x }, mocks: { calls: { greet: { output: 1 } } }, expect: { output: 1 } } ]";
    let empty = folder(&[("good.yaml", GREETING)]);
    assert!(check(empty.path(), &["workflow", "test", "."], 3).1.contains("holds no test cases"));
    let folder = folder(&[("good.yaml", GREETING), ("good.test.yaml", cases)]);
    check(folder.path(), &["workflow", "test", ".", "--filter", "one"], 0);
    assert!(check(folder.path(), &["workflow", "test", ".", "--filter", "two"], 3).1.contains("no case has a name"));
}

#[test]
fn results_are_written_for_build_servers_and_programs() {
    let cases = "workflow: good.yaml\ncases:\n  - { name: one, input: { name: x }, expect: {} }\n";
    let folder = folder(&[("good.yaml", GREETING), ("good.test.yaml", cases), ("bad.test.yaml", "cases: 1")]);
    let (stdout, _) = check(folder.path(), &["workflow", "test", ".", "--junit", "report.xml", "--json"], 3);
    let results: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&results["passed"], &results["failed"], &results["broken"]), (&json!(0), &json!(1), &json!(1)));
    let report = fs::read_to_string(folder.path().join("report.xml")).unwrap();
    assert!(report.contains(r#"tests="2" skipped="0" failures="1" errors="1""#), "{report}");
}

/// What a guide shows: files by the name before them, and commands with what they print, in its order.
enum Shown {
    File(String, String),
    Command(String, String),
}

fn shown(guide: &str) -> Vec<Shown> {
    let mut shown = Vec::new();
    let mut before = "";
    for (number, part) in guide.split("```").enumerate() {
        let block = (number % 2 == 1).then(|| part.split_once('\n')).flatten();
        match block {
            Some(("yaml", text)) => {
                let name = before.rsplit('`').nth(1).unwrap();
                shown.push(Shown::File(name.into(), text.into()));
            }
            Some(("console", text)) => {
                let (command, printed) = text.split_once('\n').unwrap();
                shown.push(Shown::Command(command.trim_start_matches("$ ").into(), printed.into()));
            }
            _ => before = part,
        }
    }
    shown
}

#[test]
fn every_command_of_the_guide_prints_what_the_guide_shows() {
    let guide = fs::read_to_string(root().join("docs/guide/authoring.md")).unwrap();
    let folder = folder(&[]);
    let bin = program().parent().unwrap().display().to_string();
    let path = format!("{bin}:{}", std::env::var("PATH").unwrap_or_default());
    let mut commands = 0;
    for part in shown(&guide) {
        match part {
            Shown::File(name, text) => fs::write(folder.path().join(name), text).unwrap(),
            Shown::Command(command, printed) => {
                let output = Command::new("sh")
                    .args(["-c", &format!("{command} 2>&1")])
                    .env("PATH", &path)
                    .current_dir(folder.path())
                    .output()
                    .unwrap();
                assert_eq!(String::from_utf8_lossy(&output.stdout), printed, "{command}");
                commands += 1;
            }
        }
    }
    assert!(commands >= 6, "the guide shows only {commands} commands");
}
