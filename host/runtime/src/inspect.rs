//! Reading what a component says of itself, which runs its code (rule 22).

use jsonschema::draft202012;
use sandmill_abi::v0_1::sandmill::task::types::Descriptor;
use sandmill_engine::ports::{InspectError, PluginDescription};
use serde_json::Value;

use crate::components::PrepareError;
use crate::limits::TaskLimits;
use crate::outcome::CallError;

/// What a descriptor may use up, from the contract.
const CPU_MS: u64 = 1_000;

/// The three texts together, from the contract.
const DESCRIPTOR_BYTES_MAX: usize = 256 << 10;

/// How deep a schema is nested at most, from the contract.
const SCHEMA_DEPTH_MAX: usize = 64;

/// The limits of a call that reads a descriptor.
pub(crate) fn limits(limits: TaskLimits) -> TaskLimits {
    let bytes = DESCRIPTOR_BYTES_MAX as u64;
    TaskLimits {
        cpu_ms: limits.cpu_ms.min(CPU_MS),
        output_bytes: bytes,
        host_call_bytes: limits.host_call_bytes.min(bytes),
        ..limits
    }
}

/// Checks what a component said of itself.
pub(crate) fn check(descriptor: Descriptor) -> Result<PluginDescription, InspectError> {
    let Descriptor { summary, config_schema, output_schema } = descriptor;
    let bytes = summary.len() + config_schema.len() + output_schema.len();
    if bytes > DESCRIPTOR_BYTES_MAX {
        return Err(too_large());
    }
    check_schema("config-schema", &config_schema)?;
    check_schema("output-schema", &output_schema)?;
    Ok(PluginDescription { summary, config_schema, output_schema })
}

fn check_schema(name: &str, text: &str) -> Result<(), InspectError> {
    let wrong = |what: String| refused(format!("the descriptor's `{name}` {what}"));
    let schema: Value = serde_json::from_str(text).map_err(|error| wrong(format!("is no JSON: {error}")))?;
    let depth = depth(&schema);
    if depth > SCHEMA_DEPTH_MAX {
        return Err(wrong(format!("is nested {depth} deep, and {SCHEMA_DEPTH_MAX} are allowed")));
    }
    match draft202012::new(&schema) {
        Ok(_) => Ok(()),
        Err(error) => {
            let place = error.instance_path().to_string();
            let place = if place.is_empty() { String::new() } else { format!(" at `{place}`") };
            Err(wrong(format!("is no JSON Schema of draft 2020-12: {error}{place}")))
        }
    }
}

/// Arrays and objects around the innermost value. The reader's own bound keeps this recursion short.
fn depth(value: &Value) -> usize {
    let deepest = |depths: &mut dyn Iterator<Item = usize>| 1 + depths.max().unwrap_or(0);
    match value {
        Value::Array(items) => deepest(&mut items.iter().map(depth)),
        Value::Object(members) => deepest(&mut members.values().map(depth)),
        _ => 0,
    }
}

/// Why a component that could not even be asked is refused.
pub(crate) fn from_prepare(error: PrepareError) -> InspectError {
    match error {
        PrepareError::Refused(reason) => refused(reason),
        other => InspectError::Unavailable { reason: other.to_string() },
    }
}

/// Why a component is refused whose descriptor could not be read.
pub(crate) fn from_call(error: CallError) -> InspectError {
    match error {
        CallError::Stopped => InspectError::Unavailable { reason: "the host stopped it".into() },
        CallError::Failed(problem) if problem.retryable => {
            InspectError::Unavailable { reason: problem.detail.unwrap_or(problem.title) }
        }
        CallError::Failed(problem) if problem.kind.ends_with("limit-output-bytes") => too_large(),
        CallError::Failed(problem) => {
            refused(format!("the descriptor cannot be read: {}", problem.detail.unwrap_or(problem.title)))
        }
    }
}

fn too_large() -> InspectError {
    refused(format!("the three texts of the descriptor have more than {DESCRIPTOR_BYTES_MAX} bytes together"))
}

fn refused(reason: String) -> InspectError {
    InspectError::Refused { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(schema: &str) -> Result<PluginDescription, InspectError> {
        let (config_schema, output_schema) = (schema.to_owned(), "true".to_owned());
        check(Descriptor { summary: "s".into(), config_schema, output_schema })
    }

    #[track_caller]
    fn check_refused(schema: &str, expected: &str) {
        let reason = described(schema).unwrap_err().to_string();
        assert!(reason.contains(expected), "{reason}");
    }

    fn nested(depth: usize) -> String {
        format!("{}true{}", "{\"not\":".repeat(depth), "}".repeat(depth))
    }

    #[test]
    fn schemas_that_are_schemas_pass() {
        let with_reference = r##"{"properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":true}}"##;
        for schema in ["true", "{}", with_reference] {
            assert!(described(schema).is_ok(), "{schema}");
        }
    }

    #[test]
    fn schemas_that_are_none_are_refused_with_their_name() {
        check_refused("{", "`config-schema` is no JSON");
        check_refused("7", "`config-schema` is no JSON Schema");
        check_refused(r#"{"type":"objekt"}"#, "is no JSON Schema of draft 2020-12");
    }

    #[test]
    fn depth_and_size_are_bounded_at_their_limits() {
        assert!(described(&nested(SCHEMA_DEPTH_MAX)).is_ok());
        check_refused(&nested(SCHEMA_DEPTH_MAX + 1), "nested 65 deep");
        let padded = |bytes: usize| format!("true{}", " ".repeat(bytes - 4 - "s".len() - "true".len()));
        assert!(described(&padded(DESCRIPTOR_BYTES_MAX)).is_ok());
        check_refused(&padded(DESCRIPTOR_BYTES_MAX + 1), "more than 262144 bytes");
    }
}
