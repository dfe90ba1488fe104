//! JSON Schemas of a document: `input.schema`, `output.schema` and `export.schema`, compiled once and without I/O.

use std::sync::Arc;

use jsonschema::PatternOptions;
use serde_json::Value as Json;

use super::compiler::Compiler;
use super::expressions::{Moment, Sight};
use super::findings::Spot;
use super::report::{NOT_SUPPORTED, WRONG_SCHEMA};
use super::tree::Place;
use crate::definition::Schema;

/// Steps that a pattern may go back on one text: a pattern comes from a tenant, and so does the text.
const PATTERN_STEPS_MAX: usize = 100_000;

/// Bytes of a compiled pattern.
const PATTERN_BYTES_MAX: usize = 1024 * 1024;

impl<'t> Compiler<'t, '_> {
    pub(super) fn schema_of(&mut self, place: Place<'t>) -> Option<Schema> {
        let schema = place.get("schema")?;
        if !self.closed(schema, "a schema", &["format", "document", "resource"]) {
            return None;
        }
        let is_json = match schema.get("format") {
            Some(format) => self.is_json_format(format),
            None => true,
        };
        let (kind, described) = self.one_of(schema, "a schema", &["document", "resource"])?;
        if kind == "resource" {
            self.resource(described, Sight::workflow(Moment::WorkflowInput));
            let message = "this host does not fetch schemas from elsewhere";
            self.refuse_for(Spot::Name(described), NOT_SUPPORTED, message, "write the schema under `document`".into());
            return None;
        }
        if is_json { self.compile_schema(described) } else { None }
    }

    fn is_json_format(&mut self, place: Place<'t>) -> bool {
        let Some(format) = self.text(place, "`format`") else { return false };
        let is_json = matches!(&*format, "json" | "json:2020-12");
        if !is_json {
            let message = format!("this host does not support schemas in the format `{format}`");
            self.refuse_for(
                Spot::Value(place),
                NOT_SUPPORTED,
                message,
                "write a JSON Schema with `format: json`".into(),
            );
        }
        is_json
    }

    fn compile_schema(&mut self, place: Place<'t>) -> Option<Schema> {
        let schema = place.value().to_serde();
        if let Some((pointer, reference)) = remote_reference(&schema, &mut String::new()) {
            let message = format!("this host does not fetch schemas from elsewhere, and `$ref` is `{reference}`");
            let suggestion = "put the schema under `$defs` and refer to it as `#/$defs/name`".into();
            self.refuse_for(Spot::Value(place.descend(&pointer)), NOT_SUPPORTED, message, suggestion);
            return None;
        }
        let patterns = PatternOptions::fancy_regex().backtrack_limit(PATTERN_STEPS_MAX).size_limit(PATTERN_BYTES_MAX);
        match jsonschema::options().offline().with_pattern_options(patterns).build(&schema) {
            Ok(validator) => Some(Schema(Arc::new(validator))),
            Err(error) => {
                let spot = Spot::Value(place.descend(error.instance_path().as_str()));
                self.refuse(spot, WRONG_SCHEMA, format!("this is no JSON Schema: {error}"));
                None
            }
        }
    }
}

/// The first reference that leads out of the schema, and where it stands.
fn remote_reference(schema: &Json, pointer: &mut String) -> Option<(String, String)> {
    let length = pointer.len();
    let mut inside = |token: &str, value: &Json| {
        pointer.push('/');
        pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
        let is_reference = matches!(token, "$ref" | "$dynamicRef" | "$recursiveRef");
        let found = match value.as_str().filter(|text| is_reference && !text.starts_with('#')) {
            Some(reference) => Some((pointer.clone(), reference.to_owned())),
            None => remote_reference(value, pointer),
        };
        pointer.truncate(length);
        found
    };
    match schema {
        Json::Object(members) => members
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "enum" | "const" | "default" | "examples"))
            .find_map(|(name, value)| inside(name, value)),
        Json::Array(items) => items.iter().enumerate().find_map(|(index, value)| inside(&index.to_string(), value)),
        _ => None,
    }
}
