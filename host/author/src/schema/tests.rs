//! The published file is what the program prints, and says what it should.

use std::path::Path;

use serde_json::{Value, json};

use super::{workflow_schema, workflow_schema_text};

fn validator() -> jsonschema::Validator {
    jsonschema::options().should_validate_formats(true).build(&workflow_schema()).expect("the schema is one")
}

/// A document with a task, or with any other member.
fn document(members: Value) -> Value {
    let mut document = json!({
        "document": { "dsl": "1.0.3", "namespace": "test", "name": "schema", "version": "1.0.0" },
        "do": [],
    });
    document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    document
}

#[track_caller]
fn check(is_accepted: bool, members: Value) {
    let document = document(members);
    let errors: Vec<String> = validator().iter_errors(&document).map(|error| error.to_string()).collect();
    assert_eq!(errors.is_empty(), is_accepted, "{document}: {errors:#?}");
}

#[track_caller]
fn check_task(is_accepted: bool, task: Value) {
    check(is_accepted, json!({ "do": [{ "task": task }] }));
}

#[test]
fn the_published_schema_is_what_the_program_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/workflow.schema.json");
    if std::env::var_os("SANDMILL_WRITE_DOCS").is_some() {
        std::fs::write(&path, workflow_schema_text()).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == workflow_schema_text(),
        "docs/workflow.schema.json is stale: write it with SANDMILL_WRITE_DOCS=1 cargo test -p sandmill-author"
    );
}

#[test]
fn the_schema_is_one_of_the_draft_that_it_names() {
    let schema = workflow_schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["$id"], super::SCHEMA_ID);
    jsonschema::meta::validate(&schema).expect("the schema is one");
}

#[test]
fn every_member_says_what_it_is() {
    fn look(value: &Value, pointer: &str, silent: &mut Vec<String>) {
        if let Some(members) = value.get("properties").and_then(Value::as_object) {
            // A choice of one member says it where it stands.
            let is_choice = members.len() == 1 && value.get("description").is_some();
            let without = members.iter().filter(|(_, member)| !is_choice && member.get("description").is_none());
            silent.extend(without.map(|(name, _)| format!("{pointer}/{name}")));
        }
        for (name, member) in value.as_object().into_iter().flatten() {
            look(member, &format!("{pointer}/{name}"), silent);
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            look(item, &format!("{pointer}/{index}"), silent);
        }
    }
    let mut silent = Vec::new();
    look(&workflow_schema(), "", &mut silent);
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn misspelt_members_are_refused() {
    check_task(true, json!({ "set": { "a": 1 }, "then": "end" }));
    check_task(false, json!({ "set": { "a": 1 }, "them": "end" }));
    check_task(
        false,
        json!({ "call": "http", "with": { "method": "get", "endpoint": "https://a.test", "header": {} } }),
    );
    check(false, json!({ "evaluate": { "mood": "strict" } }));
    check(true, json!({ "x-other": "the specification leaves the workflow open" }));
}

#[test]
fn a_member_that_may_be_missing_may_not_be_null() {
    check(false, json!({ "input": null }));
    check_task(false, json!({ "set": { "a": 1 }, "if": null }));
    check_task(false, json!({ "set": { "a": 1 }, "then": null }));
    check_task(true, json!({ "set": { "a": null } }));
}

#[test]
fn a_task_does_one_thing() {
    check_task(false, json!({}));
    check_task(false, json!({ "set": { "a": 1 }, "wait": "PT1S" }));
    check_task(true, json!({ "for": { "in": "${ .items }" }, "do": [] }));
    check_task(false, json!({ "for": { "in": "${ .items }" } }));
    check(false, json!({ "do": [{ "one": { "wait": "PT1S" }, "two": { "wait": "PT1S" } }] }));
}

#[test]
fn what_is_newer_than_the_language_is_described() {
    check_task(true, json!({ "for": { "in": [{ "a": 1 }] }, "do": [] }));
    check_task(false, json!({ "for": { "in": [1] }, "do": [] }));
    check_task(true, json!({ "try": [], "catch": { "then": "end" } }));
    let on = json!({ "one": { "with": { "type": "test.ordered" } } });
    check(true, json!({ "schedule": { "on": on, "read": "envelope" } }));
    check(false, json!({ "schedule": { "read": "envelope" } }));
}

#[test]
fn options_of_ours_are_described_and_not_enforced() {
    for options in [json!({ "mode": "map", "strategy": "atLeast:3" }), json!({ "mode": 1 }), json!("of somebody else")]
    {
        check_task(true, json!({ "for": { "in": "${ . }" }, "do": [], "metadata": { "for": options } }));
    }
    check_task(true, json!({ "call": "wasm", "with": { "plugin": 1 } }));
    check_task(false, json!({ "call": "wasm", "with": "no object" }));
    let schema = workflow_schema();
    let names = ["MapOptions", "ForkOptions", "TaskOptions", "ScheduleOptions", "TaskDefaults", "WasmArguments"];
    assert!(names.iter().all(|name| schema["$defs"].get(name).is_some()), "an option is not described");
}

#[test]
fn texts_have_a_form() {
    for wait in ["PT1M30S", "P1DT0.5S", "P2W", "${ .delay }", "${\n .delay\n}"] {
        check_task(true, json!({ "wait": wait }));
    }
    for wait in ["", "P", "PT", "P1DT", "1m", ".delay"] {
        check_task(false, json!({ "wait": wait }));
    }
    check_task(false, json!({ "wait": {} }));
    check_task(true, json!({ "wait": { "seconds": 1, "milliseconds": 500 } }));
    let raise = |kind: &str, instance: &str| json!({ "raise": { "error": { "type": kind, "status": 400, "instance": instance } } });
    check_task(true, raise("https://a.test/errors/{kind}", "/do/0"));
    check_task(true, raise("${ .kind }", "${ .instance }"));
    check_task(false, raise("not a URI", "/do/0"));
    check_task(false, raise("https://a.test", "no pointer"));
}

#[test]
fn one_alternative_stands_where_one_is_needed() {
    let call = |with: Value| json!({ "call": "asyncapi", "with": with });
    let resource = json!({ "endpoint": "https://a.test" });
    check_task(true, call(json!({ "document": resource, "operation": "greet", "message": {} })));
    check_task(false, call(json!({ "document": resource, "operation": "greet", "channel": "greet", "message": {} })));
    check_task(false, call(json!({ "document": resource, "operation": "greet" })));
    let named = |authentication: Value| json!({ "use": { "authentications": { "a": authentication } } });
    check(true, named(json!({ "basic": { "use": "secret" }, "x-other": 1 })));
    check(false, named(json!({ "basic": { "use": "secret" }, "bearer": { "use": "secret" } })));
}
