//! What is done to the generated schema: members that may be missing may not be `null`, and integers have no width.

use schemars::Schema;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::{Map, Value};

/// Takes out what stands for Rust and not for the language.
#[derive(Debug, Clone)]
pub(super) struct Settle;

impl Transform for Settle {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(members) = schema.as_object_mut() else { return };
        without_null(members);
        if members.get("format").is_some_and(|format| format == "int64") {
            members.remove("format");
        }
    }
}

/// An `Option` is a member that may be missing, and the generator says of it that it may be `null`.
fn without_null(members: &mut Map<String, Value>) {
    if let Some(Value::Array(kinds)) = members.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            members.insert("type".into(), kind);
        }
    }
    if let Some(Value::Array(words)) = members.get_mut("enum") {
        words.retain(|word| !word.is_null());
        if let [word] = words.as_slice() {
            let word = word.clone();
            members.shift_remove("enum");
            members.insert("const".into(), word);
        }
    }
    let Some(Value::Array(choices)) = members.get_mut("anyOf") else { return };
    choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
    if let [Value::Object(only)] = choices.as_slice() {
        let only = only.clone();
        members.shift_remove("anyOf");
        for (name, value) in only {
            members.entry(name).or_insert(value);
        }
    }
}
