//! The message that goes through the queue: ids and small facts, never a config or a value.
//!
//! Version 1. A reader takes the versions that it knows and no other: what it cannot read goes to the dead letters with its bytes, and the engine
//! is told through the fields beside it. `docs/envelope.schema.json` is made from this.

use sandmill_core::ids::{Digest, GroupId, TaskExecId, TenantId};
use sandmill_core::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version that is written.
pub const ENVELOPE_VERSION: u32 = 1;

/// What a task is, in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Sandmill task envelope, version 1")]
pub struct Envelope {
    /// The version of this shape: 1.
    #[schemars(range(min = 1, max = 1))]
    pub v: u32,
    /// What is to be done with it.
    pub kind: Kind,
    /// The task execution: the one thing that a worker needs to find everything else.
    #[schemars(with = "String")]
    pub task_exec_id: TaskExecId,
    /// Whose it is.
    #[schemars(with = "String", regex(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
    pub tenant: TenantId,
    /// The component to run.
    #[schemars(with = "String", regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub component: Digest,
    /// The fork or the parallel map that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub group_id: Option<GroupId>,
    /// Which attempt of the task, from 1.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// The engine that waits for it.
    pub engine: String,
    /// When its engine put it into the queue, in milliseconds since 1970 by the clock of Redis.
    #[schemars(with = "i64")]
    pub created_at: Timestamp,
    /// When its own timeout ends it, in milliseconds since 1970 by the clock of Redis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i64>")]
    pub deadline: Option<Timestamp>,
    /// Its place in a trace, as W3C Trace Context writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Run a component.
    Call,
}

/// Why bytes are no envelope that this program can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Another version of this program wrote it.
    #[error(
        "the envelope has version {found}, and this worker reads version {ENVELOPE_VERSION}: use a worker of the engine's version"
    )]
    Version {
        /// The version that it names.
        found: u64,
    },
    /// It is no envelope at all.
    #[error("the envelope cannot be read: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
}

impl Envelope {
    /// As it stands in the queue.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("an envelope is made of text and numbers")
    }

    /// Reads what stands in the queue.
    pub fn from_json(text: &[u8]) -> Result<Self, EnvelopeError> {
        #[derive(Deserialize)]
        struct Versioned {
            v: u64,
        }
        let malformed = |error: serde_json::Error| EnvelopeError::Malformed { reason: error.to_string() };
        let Versioned { v } = serde_json::from_slice(text).map_err(malformed)?;
        if v != u64::from(ENVELOPE_VERSION) {
            return Err(EnvelopeError::Version { found: v });
        }
        serde_json::from_slice(text).map_err(malformed)
    }
}

/// The schema of an envelope, JSON Schema 2020-12, as it is published: indented, with a line feed at its end.
#[must_use]
pub fn envelope_schema_text() -> String {
    let settings = schemars::generate::SchemaSettings::draft2020_12();
    let schema = settings.into_generator().into_root_schema_for::<Envelope>();
    let mut members = serde_json::Map::new();
    // What the schema says of itself stands first.
    for name in ["$schema", "title", "description"] {
        members.extend(schema.get(name).map(|text| (name.to_owned(), text.clone())));
    }
    members.extend(schema.as_object().cloned().unwrap_or_default());
    format!("{:#}\n", serde_json::Value::Object(members))
}

/// The place of a task in the trace of its execution: the trace has the id of the execution, the span the number of the task.
#[must_use]
pub fn traceparent(id: TaskExecId) -> String {
    format!("00-{}-{:016x}-01", id.workflow, u64::from(id.number) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An envelope as version 1 wrote it, kept for ever.
    const V1: &str = include_str!("envelope-v1.json");

    #[test]
    fn the_published_schema_is_what_the_code_says() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/envelope.schema.json");
        if std::env::var_os("SANDMILL_WRITE_DOCS").is_some() {
            std::fs::write(&path, envelope_schema_text()).unwrap();
        }
        // As values: in which order members stand depends on what else is built with the libraries.
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            value(&published) == value(&envelope_schema_text()),
            "docs/envelope.schema.json is stale: write it with SANDMILL_WRITE_DOCS=1 cargo test -p sandmill-store"
        );
    }

    #[test]
    fn an_envelope_of_version_1_is_read_for_ever() {
        let envelope = Envelope::from_json(V1.as_bytes()).unwrap();
        assert_eq!((envelope.v, envelope.kind, envelope.attempt), (1, Kind::Call, 2));
        assert_eq!(envelope.tenant.as_str(), "acme");
        assert_eq!(envelope.deadline, Some(Timestamp(1_790_000_060_000)));
        assert!(envelope.group_id.is_some());
        assert_eq!(envelope.to_json(), V1.trim(), "what is written has not changed");
    }

    #[test]
    fn an_envelope_of_the_future_is_told_by_its_version() {
        let text = V1.replace("\"v\":1", "\"v\":2").replace("\"kind\"", "\"what\"");
        assert_eq!(Envelope::from_json(text.as_bytes()), Err(EnvelopeError::Version { found: 2 }));
    }

    #[test]
    fn what_is_no_envelope_is_told() {
        for text in ["", "[]", "{}", r#"{"v":1}"#, r#"{"v":"1"}"#, "\u{0}"] {
            assert!(matches!(Envelope::from_json(text.as_bytes()), Err(EnvelopeError::Malformed { .. })), "{text}");
        }
    }
}
