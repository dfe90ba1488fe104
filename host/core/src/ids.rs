//! Identity: one newtype for every id, so that the compiler refuses a mix-up.
//!
//! Owns how ids look in text and which bytes they are made of. Knows nothing of how they are generated: randomness comes
//! in from outside.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// The longest tenant name, from the DNS label rule (RFC 1035, section 2.3.4).
pub const TENANT_NAME_BYTES_MAX: usize = 63;

/// What a name is that is a DNS label.
const DNS_LABEL: &str = "1 to 63 lower-case letters, digits or hyphens, a letter or digit at both ends";

/// Text that is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind}: {expected}")]
pub struct IdError {
    /// What the text should have been.
    pub kind: &'static str,
    /// The text as it was given.
    pub text: String,
    /// The form that is accepted.
    pub expected: &'static str,
}

/// The unit of isolation. A DNS label, so that it fits into keys, paths and metric labels as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// Takes a name that is a DNS label: lower-case letters, digits and inner hyphens, 63 bytes at most.
    pub fn new(name: &str) -> Result<Self, IdError> {
        if is_dns_label(name) {
            return Ok(Self(name.into()));
        }
        Err(IdError { kind: "tenant name", text: name.into(), expected: DNS_LABEL })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a queue that tasks wait in. A DNS label, so that it fits into keys and metric labels as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueName(Arc<str>);

impl QueueName {
    /// Takes a name that is a DNS label: lower-case letters, digits and inner hyphens, 63 bytes at most.
    pub fn new(name: &str) -> Result<Self, IdError> {
        if is_dns_label(name) {
            return Ok(Self(name.into()));
        }
        Err(IdError { kind: "queue name", text: name.into(), expected: DNS_LABEL })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The queue of a task where nothing names another.
impl Default for QueueName {
    fn default() -> Self {
        Self("default".into())
    }
}

/// True for a label of RFC 1035 with the relaxation of RFC 1123: a digit may come first.
#[must_use]
pub fn is_dns_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    !bytes.is_empty()
        && bytes.len() <= TENANT_NAME_BYTES_MAX
        && bytes.first().is_some_and(edge)
        && bytes.last().is_some_and(edge)
        && bytes.iter().all(|byte| edge(byte) || *byte == b'-')
}

/// One run of a workflow definition. 128 bits, written as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkflowExecId(u128);

impl WorkflowExecId {
    /// An id from 128 random bits.
    #[must_use]
    pub const fn from_random(bits: u128) -> Self {
        Self(bits)
    }

    /// The id of the execution that an idempotency key starts: the same for the same three, so that a race starts once.
    #[must_use]
    pub fn from_idempotency_key(tenant: &TenantId, workflow: &str, key: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [tenant.as_str(), workflow, key] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let bytes: [u8; 32] = hash.finalize().into();
        let (head, _) = bytes.split_at(16);
        Self(u128::from_be_bytes(head.try_into().expect("16 of 32 bytes")))
    }

    /// The 16 bytes that stand for it in keys, in big-endian order.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The id behind 16 bytes of a key.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

/// One visit of one task in one round of its `try`: `<workflow-exec-id>-<n>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskExecId {
    /// The execution that the task belongs to.
    pub workflow: WorkflowExecId,
    /// Counts the task executions of the workflow execution, from 0.
    pub number: u32,
}

/// One visit of one `fork` or parallel map whose tasks may be cancelled together: `<workflow-exec-id>-g<n>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId {
    /// The execution that the tasks belong to.
    pub workflow: WorkflowExecId,
    /// The number of the task execution of the `fork` or the map.
    pub number: u32,
}

/// The SHA-256 of some bytes: the identity of a plugin, a definition or a stored value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// A digest that was computed elsewhere.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A JSON Pointer (RFC 6901) into a workflow definition: the name of a task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JsonPointer(Arc<str>);

impl JsonPointer {
    /// The pointer to the whole document.
    #[must_use]
    pub fn root() -> Self {
        Self("".into())
    }

    /// The pointer one token further down; `~` and `/` in the token are escaped.
    #[must_use]
    pub fn child(&self, token: &str) -> Self {
        let escaped = token.replace('~', "~0").replace('/', "~1");
        Self(format!("{}/{escaped}", self.0).into())
    }

    /// The pointer to an element of the array that this one points to.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}/{index}", self.0).into())
    }

    /// The pointer that leads on from here by another one.
    #[must_use]
    pub fn join(&self, rest: &Self) -> Self {
        if self.0.is_empty() { rest.clone() } else { Self(format!("{}{}", self.0, rest.0).into()) }
    }

    /// The pointer as text; empty for the whole document.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for JsonPointer {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for WorkflowExecId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl fmt::Display for TaskExecId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.workflow, self.number)
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-g{}", self.workflow, self.number)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sha256:{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for JsonPointer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for TenantId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::new(text)
    }
}

impl FromStr for WorkflowExecId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        digits.then(|| u128::from_str_radix(text, 16).ok().map(Self)).flatten().ok_or_else(|| IdError {
            kind: "workflow execution ID",
            text: text.into(),
            expected: "32 lower-case hexadecimal digits",
        })
    }
}

impl FromStr for TaskExecId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let parts = text.split_once('-').and_then(|(workflow, number)| numbered(workflow, number));
        parts.map(|(workflow, number)| Self { workflow, number }).ok_or_else(|| IdError {
            kind: "task execution ID",
            text: text.into(),
            expected: "a workflow execution ID, a hyphen and a number",
        })
    }
}

impl FromStr for GroupId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let parts = text.split_once("-g").and_then(|(workflow, number)| numbered(workflow, number));
        parts.map(|(workflow, number)| Self { workflow, number }).ok_or_else(|| IdError {
            kind: "group ID",
            text: text.into(),
            expected: "a workflow execution ID, a hyphen, a `g` and a number",
        })
    }
}

/// The execution and a number of it, which has no sign and no zeros before it.
fn numbered(workflow: &str, number: &str) -> Option<(WorkflowExecId, u32)> {
    let is_canonical = number == "0" || !number.starts_with(['0', '+']);
    let number = number.parse().ok().filter(|_| is_canonical)?;
    Some((workflow.parse().ok()?, number))
}

impl FromStr for QueueName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::new(text)
    }
}

impl FromStr for Digest {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut bytes = [0; 32];
        text.strip_prefix("sha256:")
            .and_then(|digits| hex::decode_to_slice(digits, &mut bytes).ok())
            .map(|()| Self(bytes))
            .ok_or_else(|| IdError {
                kind: "digest",
                text: text.into(),
                expected: "`sha256:` and 64 hexadecimal digits",
            })
    }
}

/// Ids are text wherever people or other programs read them.
macro_rules! serde_as_text {
    ($($id:ty),+) => {$(
        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

serde_as_text!(TenantId, QueueName, WorkflowExecId, TaskExecId, GroupId, Digest);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn round_trip<T: FromStr<Err = IdError> + fmt::Display>(text: &str) {
        let id: T = text.parse().unwrap_or_else(|error: IdError| panic!("{error}"));
        assert_eq!(id.to_string(), text);
    }

    #[test]
    fn ids_read_back_as_they_are_written() {
        round_trip::<TenantId>("acme-1");
        round_trip::<WorkflowExecId>("00ff00ff00ff00ff00ff00ff00ff00ff");
        round_trip::<TaskExecId>("00ff00ff00ff00ff00ff00ff00ff00ff-0");
        round_trip::<TaskExecId>("00ff00ff00ff00ff00ff00ff00ff00ff-4294967295");
        round_trip::<GroupId>("00ff00ff00ff00ff00ff00ff00ff00ff-g0");
        round_trip::<GroupId>("00ff00ff00ff00ff00ff00ff00ff00ff-g4294967295");
        round_trip::<QueueName>("gpu-1");
        round_trip::<Digest>(&Digest::of(b"sandmill").to_string());
    }

    #[test]
    fn other_spellings_of_an_id_are_refused() {
        let exec = "00ff00ff00ff00ff00ff00ff00ff00ff";
        for text in ["", "-0", "00FF00ff00ff00ff00ff00ff00ff00ff-1", "x-1"] {
            assert!(text.parse::<TaskExecId>().is_err(), "{text}");
        }
        for number in ["01", "+1", "-1", "", "4294967296"] {
            assert!(format!("{exec}-{number}").parse::<TaskExecId>().is_err(), "{number}");
            assert!(format!("{exec}-g{number}").parse::<GroupId>().is_err(), "{number}");
        }
        for text in ["", "-g0", "g0", "00FF00ff00ff00ff00ff00ff00ff00ff-g1", "x-g1"] {
            assert!(text.parse::<GroupId>().is_err(), "{text}");
        }
        for tail in ["1", "G1", "gg1", "g-g1", "g1 ", " g1", "-g1"] {
            assert!(format!("{exec}-{tail}").parse::<GroupId>().is_err(), "{tail}");
        }
        assert!(format!("{exec}-g1").parse::<TaskExecId>().is_err(), "a group is no task");
        assert!("sha256:00".parse::<Digest>().is_err());
    }

    #[test]
    fn a_tenant_name_is_a_dns_label() {
        assert!(TenantId::new(&"a".repeat(TENANT_NAME_BYTES_MAX)).is_ok());
        for name in ["", "-a", "a-", "A", "a_b", "a/b", "ä", &"a".repeat(TENANT_NAME_BYTES_MAX + 1)] {
            assert!(TenantId::new(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_queue_name_is_a_dns_label() {
        assert_eq!(QueueName::default().as_str(), "default");
        assert!(QueueName::new(&"a".repeat(TENANT_NAME_BYTES_MAX)).is_ok());
        for name in ["", "-a", "a-", "A", "a_b", "a.b", "ä", &"a".repeat(TENANT_NAME_BYTES_MAX + 1)] {
            assert!(QueueName::new(name).is_err(), "{name}");
        }
    }

    #[test]
    fn the_same_key_gives_the_same_execution_and_parts_cannot_run_together() {
        let tenant = TenantId::new("t").unwrap();
        let id = WorkflowExecId::from_idempotency_key(&tenant, "a/b:1", "k");
        assert_eq!(id, WorkflowExecId::from_idempotency_key(&tenant, "a/b:1", "k"));
        assert_ne!(id, WorkflowExecId::from_idempotency_key(&tenant, "a/b:", "1k"));
    }

    #[test]
    fn a_pointer_escapes_its_tokens() {
        assert_eq!(JsonPointer::root().child("do").index(2).child("a/b~c").as_str(), "/do/2/a~1b~0c");
    }
}
