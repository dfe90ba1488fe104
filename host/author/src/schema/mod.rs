//! The JSON Schema of the workflow language, for editors and for programs that write documents.
//!
//! It is generated from the types of this module, which describe the DSL 1.0.3 with `catch.then`, `for.in` as an array and
//! `schedule.read`; their comments are what an editor shows. They are never filled: the core reads documents by hand, and has the better
//! errors. The schema accepts what the specification's own schema accepts, so what only a compiler can tell is left to `sandmill
//! workflow validate`: whether an expression compiles, a name is defined, a plugin is there. Options of this host are described and never
//! enforced, because the specification leaves `metadata` open.
#![expect(dead_code, clippy::large_enum_variant, reason = "the types are described and never filled")]

mod workflow;

mod task;

mod control;
mod data;
mod trying;

mod call;
mod event;
mod protocol;
mod run;

mod reuse;
mod schedule;
mod security;

mod metadata;
mod text;

mod settle;
#[cfg(test)]
mod tests;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// The name of the schema. Nothing has to be there for it to be of use.
pub const SCHEMA_ID: &str = "https://sandmill.dev/schemas/1.0.3/workflow.json";

/// The schema of a workflow document, JSON Schema 2020-12.
#[must_use]
pub fn workflow_schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(settle::Settle);
    let schema = settings.into_generator().into_root_schema_for::<workflow::Workflow>();
    let Value::Object(generated) = schema.to_value() else { return Value::Null };
    // What the schema says of itself stands first.
    let mut members = Map::new();
    members.extend(generated.get("$schema").map(|draft| ("$schema".to_owned(), draft.clone())));
    members.insert("$id".into(), SCHEMA_ID.into());
    for name in ["title", "description"] {
        members.extend(generated.get(name).map(|text| (name.to_owned(), text.clone())));
    }
    members.extend(generated);
    Value::Object(members)
}

/// The schema as it is printed and published: indented JSON, with a line feed at its end.
#[must_use]
pub fn workflow_schema_text() -> String {
    format!("{:#}\n", workflow_schema())
}
