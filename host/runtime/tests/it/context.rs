//! What a guest reads of its workflow.

use sandmill_core::value::Value;

use crate::kit::{Bench, completed, json, message, options, task_id};

/// What `get`, `keys` and `length` answer at a path, as the guest prints it.
#[track_caller]
fn expect(output: &Value, [get, keys, length]: [&str; 3]) {
    let expected = [get, keys, length].map(Value::from);
    assert_eq!(*output, Value::array(expected));
}

async fn read(bench: &Bench, path: &str) -> Value {
    let config = Value::object([("do", Value::from("read")), ("text", Value::from(path))]);
    completed(bench.behave(&config.to_string()).await)
}

const WRONG_KIND: &str = "ContextError::WrongKind";

#[tokio::test]
async fn the_members_at_the_root_are_read_by_pointer_and_by_path() {
    let bench = Bench::new(&options());
    for path in ["context.files[1]", "/context/files/1", "$.context.files[1]"] {
        expect(&read(&bench, path).await, [r#"{"name":"b"}"#, r#"Some(["name"])"#, "Some(1)"]);
    }
    expect(&read(&bench, "input").await, [r#"{"in":true}"#, r#"Some(["in"])"#, "Some(1)"]);
    expect(&read(&bench, "vars").await, ["{}", "Some([])", "Some(0)"]);
    expect(&read(&bench, "item").await, [r#""the item""#, WRONG_KIND, WRONG_KIND]);
    expect(&read(&bench, "index").await, ["5", WRONG_KIND, WRONG_KIND]);
    expect(&read(&bench, "workflow.name").await, [r#""tests/runtime""#, WRONG_KIND, WRONG_KIND]);
    expect(&read(&bench, "workflow.version").await, [r#""1.2.3""#, WRONG_KIND, WRONG_KIND]);
    expect(&read(&bench, "workflow.input").await, [r#"{"order":1}"#, r#"Some(["order"])"#, "Some(1)"]);
    expect(&read(&bench, "context.files").await, [r#"[{"name":"a"},{"name":"b"}]"#, WRONG_KIND, "Some(2)"]);
}

#[tokio::test]
async fn the_root_has_members_and_no_value() {
    let bench = Bench::new(&options());
    let members = r#"Some(["context", "input", "workflow", "vars", "item", "index"])"#;
    expect(&read(&bench, "").await, ["none", members, "Some(6)"]);
}

#[tokio::test]
async fn nothing_is_read_where_nothing_stands() {
    let bench = Bench::new(&options());
    for path in ["nothing", "context.nothing", "/context/files/9", "[0]"] {
        expect(&read(&bench, path).await, ["none", "None", "None"]);
    }
}

#[tokio::test]
async fn a_path_that_cannot_be_read_says_why() {
    let bench = Bench::new(&options());
    let answers = read(&bench, "context..files").await;
    let reason = answers.index(0).unwrap().to_string();
    assert!(reason.contains("InvalidPath") && reason.contains("a name is missing"), "{reason}");
}

#[tokio::test]
async fn a_guest_gets_nothing_of_another_task() {
    let bench = Bench::new(&options());
    let own = task_id(0).to_string();
    for id in [task_id(1).to_string(), String::new(), format!("{own} "), format!("{own}0")] {
        let ask = |behaviour: &str| format!(r#"{{"do":"{behaviour}","text":"{id}"}}"#);
        assert_eq!(completed(bench.behave(&ask("fetch")).await), json(r#""denied""#), "{id}");
        assert_eq!(completed(bench.behave(&ask("open")).await), json(r#""ContextError::Denied""#), "{id}");
    }
    let ask = format!(r#"{{"do":"open","text":"{own}"}}"#);
    assert_eq!(completed(bench.behave(&ask).await), json(r#""opened""#));
}

#[tokio::test]
async fn a_task_knows_its_attempt_its_round_its_key_and_its_end() {
    let bench = Bench::new(&options());
    let facts = completed(bench.behave(r#"{"do":"facts"}"#).await);
    assert_eq!(facts.get("id").unwrap().as_str().unwrap(), task_id(0).to_string());
    assert_eq!(facts.get("attempt"), Some(json("2")));
    assert_eq!(facts.get("round"), Some(json("3")));
    assert_eq!(facts.get("key"), Some(json(r#""00000000000000000000000000000abc""#)));
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let left = u128::from(facts.get("deadline").unwrap().as_u64().unwrap()).saturating_sub(now);
    assert!(left <= 60_000, "{left}");
}

#[tokio::test]
async fn a_config_is_fetched_up_to_its_limit() {
    let bench = Bench::new(&options());
    let padded = |bytes: usize| {
        let config = r#"{"do":"counter"}"#;
        format!("{config}{}", " ".repeat(bytes - config.len()))
    };
    let limit = 10 << 20;
    let guests = bench.add(&crate::kit::component("guests"));
    assert_eq!(completed(bench.run(message(guests, 0, &padded(limit))).await), json("1"));
    let problem = crate::kit::failed(bench.run(message(guests, 1, &padded(limit + 1))).await);
    assert_eq!(problem.detail.as_deref(), Some("too-large"));
}
