//! The record of a task: all that a worker needs to run it, as JSON with a version. Stored for as long as the task lasts, so other versions of this
//! program read it.

use std::collections::BTreeMap;

use bytes::Bytes;
use sandmill_core::codec::INLINE_BYTES_MAX;
use sandmill_core::ids::{Digest, TaskExecId, TenantId, WorkflowExecId};
use sandmill_core::time::{Millis, Timestamp};
use sandmill_engine::ports::ConfigError;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;

/// How a config is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConfigForm {
    /// Exactly the bytes that the guest gets.
    Json,
    /// An expression and the inputs that it captured, evaluated where the task runs, so that no secret is ever stored. This version refuses it.
    Deferred,
}

/// A JSON value: itself where it is small, its digest otherwise.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueRef {
    /// The value.
    Inline(Box<RawValue>),
    /// The digest of its JSON text, which is a body of the same execution.
    Digest(Digest),
}

impl ValueRef {
    /// A reference to a JSON text, and the body to store with it where it does not stand in the reference.
    #[must_use]
    pub fn of(text: Bytes) -> (Self, Option<(Digest, Bytes)>) {
        let is_small = text.len() <= INLINE_BYTES_MAX;
        let inline = is_small.then(|| serde_json::from_slice(&text).ok()).flatten();
        if let Some(value) = inline {
            return (Self::Inline(value), None);
        }
        let digest = Digest::of(&text);
        (Self::Digest(digest), Some((digest, text)))
    }

    /// The digest, where the value is elsewhere.
    #[must_use]
    pub const fn digest(&self) -> Option<Digest> {
        match self {
            Self::Inline(_) => None,
            Self::Digest(digest) => Some(*digest),
        }
    }
}

impl PartialEq for ValueRef {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Inline(one), Self::Inline(two)) => one.get() == two.get(),
            (Self::Digest(one), Self::Digest(two)) => one == two,
            _ => false,
        }
    }
}

/// `$context`, as the task sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContextRef {
    /// An object, by its members in their order: those that tasks share are stored once.
    Members(Vec<(String, ValueRef)>),
    /// Any other value.
    Whole(ValueRef),
}

/// `$workflow`, as the task sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkflowRef {
    /// Which execution.
    pub id: WorkflowExecId,
    /// `namespace/name` of its definition.
    pub name: String,
    /// The version of its definition.
    pub version: String,
    /// Its input.
    pub input: ValueRef,
}

/// All that a worker needs to run a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which task.
    pub id: TaskExecId,
    /// How its config is stored.
    pub form: ConfigForm,
    /// The digest of its config, a body of the same execution.
    pub config: Digest,
    /// What it may read as `$context`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextRef>,
    /// What it may read as its input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<ValueRef>,
    /// Variables by their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vars: Vec<(String, ValueRef)>,
    /// What it may read as `$workflow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<WorkflowRef>,
    /// The item of its loop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ValueRef>,
    /// The index in its loop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// What it may use up, by the names of the limits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, u64>,
    /// What it may do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// The key under which it calls others, the same for each attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// The round of its `try`.
    #[serde(default)]
    pub round: u32,
    /// When it must have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// The engine that it belongs to; empty where none waits for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub engine: String,
    /// How long it lives without being read.
    pub ttl_ms: Millis,
    /// When its time runs out, by the server's clock. Known to records that were read.
    #[serde(skip)]
    pub expires_at: Option<Timestamp>,
}

impl TaskRecord {
    /// A record that has a config and nothing else.
    #[must_use]
    pub const fn new(tenant: TenantId, id: TaskExecId, config: Digest, ttl: Millis) -> Self {
        Self {
            tenant,
            id,
            form: ConfigForm::Json,
            config,
            context: None,
            input: None,
            vars: Vec::new(),
            workflow: None,
            item: None,
            index: None,
            limits: BTreeMap::new(),
            capabilities: Vec::new(),
            idempotency_key: None,
            round: 0,
            deadline: None,
            engine: String::new(),
            ttl_ms: ttl,
            expires_at: None,
        }
    }

    /// The digests of all bodies that it refers to, the config's first.
    pub(crate) fn digests(&self) -> Vec<Digest> {
        let members = match &self.context {
            Some(ContextRef::Members(members)) => members.as_slice(),
            _ => &[],
        };
        let whole = match &self.context {
            Some(ContextRef::Whole(value)) => Some(value),
            _ => None,
        };
        let workflow = self.workflow.as_ref().map(|workflow| &workflow.input);
        let values = members.iter().chain(&self.vars).map(|(_, value)| value);
        let values = values.chain([whole, self.input.as_ref(), self.item.as_ref(), workflow].into_iter().flatten());
        std::iter::once(self.config).chain(values.filter_map(ValueRef::digest)).collect()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Versioned<'record> {
            v: u64,
            #[serde(flatten)]
            record: &'record TaskRecord,
        }
        serde_json::to_vec(&Versioned { v: VERSION, record: self })
            .expect("a record holds nothing but text and numbers")
    }

    /// The record of a task of a tenant.
    pub(crate) fn decode(text: &[u8], tenant: &TenantId, id: TaskExecId) -> Result<Self, ConfigError> {
        #[derive(Deserialize)]
        struct Version {
            v: u64,
        }
        let damaged = |reason: String| ConfigError::Damaged { reason };
        let unreadable = |error: serde_json::Error| damaged(format!("the record cannot be read: {error}"));
        let Version { v } = serde_json::from_slice(text).map_err(unreadable)?;
        if v != VERSION {
            return Err(damaged(format!("the record has version {v}, and this program reads version {VERSION}")));
        }
        let record: Self = serde_json::from_slice(text).map_err(unreadable)?;
        if record.tenant != *tenant {
            return Err(damaged(format!("the record belongs to tenant {}, and not to {tenant}", record.tenant)));
        }
        if record.id != id {
            return Err(damaged(format!("the record belongs to task {}, and not to {id}", record.id)));
        }
        if record.form == ConfigForm::Deferred {
            return Err(damaged("the config has the form `deferred`, which this program cannot read".into()));
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests;
