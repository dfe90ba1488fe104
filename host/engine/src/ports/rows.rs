//! The shapes that cross the border to a store: rows, records, pages.
//!
//! Each is written and read whole. Which of its members an adapter makes a key of is the adapter's business.

use bytes::Bytes;
use sandmill_core::definition::AttemptPolicy;
use sandmill_core::ids::{Digest, TaskExecId, TenantId, WorkflowExecId};
use sandmill_core::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

/// Where an execution stands. Moves forward only: [`Status::Suspended`] is the one that can be left again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Accepted and not begun.
    Pending,
    /// Tasks run, or nothing but time stands between now and the next one.
    Running,
    /// Nothing is in flight, and a timer or an event will wake it.
    Waiting,
    /// Held until somebody resumes it.
    Suspended,
    /// Ended by a request.
    Cancelled,
    /// Ended by an error.
    Faulted,
    /// Ended with an output.
    Completed,
}

impl Status {
    /// True once nothing more will happen.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Cancelled | Self::Faulted | Self::Completed)
    }
}

/// One execution: tenant and id, which only ever travel together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutionKey {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which one.
    pub id: WorkflowExecId,
}

/// The index row of an execution: what lists show without reading a journal. Written when the status changes, not with every step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionRow {
    /// Which one.
    pub id: WorkflowExecId,
    /// `namespace/name:version` of its definition.
    pub workflow: String,
    /// The definition that it runs on.
    pub definition: Digest,
    /// Where it stands.
    pub status: Status,
    /// When it was accepted.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// From when on it may be removed; set when it ends.
    pub expires_at: Option<Timestamp>,
    /// The digest of its input: a start with the same idempotency key must have the same.
    pub input: Digest,
    /// Its output or its error, once it ended: JSON of at most 256 bytes inline, or the digest of a stored value.
    pub result: Option<StoredValue>,
    /// Which executions it comes from.
    pub lineage: Lineage,
}

/// Which executions one comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// The one that it runs again.
    pub rerun_of: Option<WorkflowExecId>,
    /// The task that started it.
    pub parent: Option<Parent>,
}

/// The task that started an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The task execution.
    pub task: TaskExecId,
    /// The attempt of it.
    pub attempt: u32,
    /// True where the task ends with this execution.
    pub is_awaited: bool,
    /// How many executions wait for each other above this one.
    pub depth: u32,
}

/// A value in a row or a record: small ones stand there themselves, large ones are stored once per execution under their digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoredValue {
    /// The JSON text itself.
    Inline(Bytes),
    /// Its digest.
    Digest(Digest),
}

/// Where the engine finds an execution that has not ended, after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Residence {
    /// In memory: loaded at once after a restart.
    Active,
    /// Out of memory until that moment, or until something else wakes it.
    Parked {
        /// When its first timer is due.
        due: Option<Timestamp>,
    },
}

/// One row of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Counts the records of an execution, from 0, without a gap.
    pub position: u64,
    /// The record, encoded by `sandmill_core::codec`.
    pub record: Bytes,
}

/// A machine as it was after the record at a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The position of the last record that it includes.
    pub position: u64,
    /// The machine, encoded by `sandmill_core::codec`.
    pub machine: Bytes,
}

/// Everything that one event changes: written whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The execution that the event happened to.
    pub execution: ExecutionKey,
    /// The event's record.
    pub entry: Option<JournalEntry>,
    /// Values above the inline threshold that were not stored for this execution before, under their digests.
    pub values: Vec<(Digest, Bytes)>,
    /// Configs of the tasks that the event dispatches, by the number in their `TaskExecId`.
    pub configs: Vec<(u32, Bytes)>,
    /// Configs of tasks that have ended.
    pub configs_removed: Vec<u32>,
    /// The index row, where it changed.
    pub row: Option<ExecutionRow>,
    /// Where the execution was before (`None`: nowhere yet) and is after this batch (`None`: ended), where that changed.
    pub residence: Option<(Option<Residence>, Option<Residence>)>,
    /// A snapshot, which replaces the one before.
    pub snapshot: Option<Snapshot>,
}

impl Batch {
    /// A batch that changes nothing yet.
    #[must_use]
    pub const fn new(execution: ExecutionKey) -> Self {
        Self {
            execution,
            entry: None,
            values: Vec::new(),
            configs: Vec::new(),
            configs_removed: Vec::new(),
            row: None,
            residence: None,
            snapshot: None,
        }
    }
}

/// What a store says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreHealth {
    /// What kind of store it is: `memory` or `embedded`.
    pub kind: &'static str,
    /// Bytes that are still free where it writes; `None` where that has no meaning.
    pub free_bytes: Option<u64>,
    /// Bytes that it holds.
    pub used_bytes: u64,
}

/// Which executions a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecutionFilter {
    /// Only those with this status.
    pub status: Option<Status>,
    /// Only those whose workflow is this: `namespace/name`, or with `:version`.
    pub workflow: Option<String>,
}

/// One page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// What to ask for the next page with; `None` on the last one.
    pub next: Option<String>,
}

/// A plugin in a catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginRow {
    /// Its name, a DNS label.
    pub name: String,
    /// A semantic version.
    pub version: String,
    /// Its component.
    pub digest: Digest,
    /// What it says it does.
    pub summary: String,
    /// The JSON Schema of its config, as JSON text.
    pub config_schema: String,
    /// The JSON Schema of its output, as JSON text.
    pub output_schema: String,
    /// The size of its component.
    pub bytes: u64,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A workflow definition in a catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinitionRow {
    /// `namespace/name`.
    pub name: String,
    /// A semantic version.
    pub version: String,
    /// The digest of its document.
    pub digest: Digest,
    /// The plugins that it was pinned to when it was deployed: name, version and digest.
    pub plugins: Vec<(String, String, Digest)>,
    /// The functions of catalogs as they were when it was deployed.
    pub functions: Vec<FunctionRow>,
    /// When it was deployed.
    pub created_at: Timestamp,
}

/// A function of a catalog, as a definition is pinned to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionRow {
    /// The endpoint of its catalog.
    pub catalog: String,
    /// Its name, a DNS label.
    pub name: String,
    /// A semantic version.
    pub version: String,
    /// Its document.
    pub document: Bytes,
}

/// Who may do what with a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyScope {
    /// Everything, for every tenant.
    Operator,
    /// Everything of one tenant.
    Tenant(TenantId),
}

/// An API key, without the key: that is shown once and stored as a hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// What people call it by.
    pub id: String,
    /// The SHA-256 of the key.
    pub hash: Digest,
    /// What it is for.
    pub label: String,
    /// What it allows.
    pub scope: KeyScope,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRow {
    /// Its name.
    pub id: TenantId,
    /// When it was made.
    pub created_at: Timestamp,
    /// What holds for tasks of its workflows where these do not say otherwise.
    pub defaults: TaskDefaults,
}

/// What holds for the tasks of a tenant where its workflows do not say otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDefaults {
    /// The timeout of a task that works outside.
    pub timeout: Option<Millis>,
    /// How often one is attempted.
    pub retry: Option<AttemptPolicy>,
}

/// How much a line of a log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Every step of the inner workings.
    Trace,
    /// What helps while something is being written or searched for.
    Debug,
    /// What happened, in normal running.
    Info,
    /// Something to look at.
    Warn,
    /// Something failed.
    Error,
}

/// One line that a task wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it was written.
    pub at: Timestamp,
    /// The task execution that wrote it.
    pub task: TaskExecId,
    /// The attempt that wrote it.
    pub attempt: u32,
    /// How much it matters.
    pub level: LogLevel,
    /// What it says.
    pub message: String,
    /// Named values beside it.
    pub fields: Vec<(String, String)>,
}

/// How far a task says it has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// From 0 to 1; `None` where the task does not know.
    pub fraction: Option<f64>,
    /// For people.
    pub message: Option<String>,
}

/// What a plugin says of itself, read once, when it is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginDescription {
    /// What it does.
    pub summary: String,
    /// The JSON Schema of its config, as JSON text.
    pub config_schema: String,
    /// The JSON Schema of its output, as JSON text.
    pub output_schema: String,
}
