//! What stored rows look like in bytes: a version, then the row in postcard form.
//!
//! Owns the stored form of each row, apart from the shape that the ports give it, because what is stored is promised for ever: a field is only
//! ever added under a new version, and every older version stays readable. Records, values, configs and components are stored as they come.

use bytes::Bytes;
use sandmill_core::definition::AttemptPolicy;
use sandmill_core::ids::{Digest, TaskExecId, TenantId, WorkflowExecId};
use sandmill_core::time::{Millis, Timestamp};
use sandmill_engine::ports::{
    DefinitionRow, ExecutionRow, FunctionRow, KeyRow, KeyScope, Lineage, LogLevel, LogLine, Parent, PluginRow,
    Snapshot, StoredValue, TaskDefaults, TenantRow,
};
use serde::{Deserialize, Serialize};

use crate::keys::{STATUSES, status_byte};

/// The version that rows are written in which have what the first version had, and nothing more.
const FIRST: u8 = 1;

/// The version of rows that have more behind what the first version had: executions, definitions and tenants.
const SECOND: u8 = 2;

/// The newest version of any row.
const NEWEST: u8 = SECOND;

/// Why bytes are no row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EncodingError {
    #[error("the row is empty")]
    Empty,
    #[error("the row has version {found}, and this program reads up to {NEWEST}: use the newer program that wrote it")]
    Newer { found: u8 },
    #[error("the row does not decode ({0})")]
    Malformed(String),
}

fn encode(row: &impl Serialize) -> Vec<u8> {
    write(FIRST, row)
}

/// A row of the second version: what the first one had, then what is new.
fn encode_second(first: &impl Serialize, more: &impl Serialize) -> Vec<u8> {
    write(SECOND, &(first, more))
}

fn write(version: u8, row: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(row, vec![version]).expect("the rows hold nothing that postcard refuses")
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, EncodingError> {
    match versioned(bytes)? {
        (FIRST, rest) => read(rest),
        (found, _) => Err(EncodingError::Newer { found }),
    }
}

/// A row of the first or the second version. What is new in the second is the default in one of the first.
fn decode_second<'a, T: Deserialize<'a>, M: Deserialize<'a> + Default>(
    bytes: &'a [u8],
) -> Result<(T, M), EncodingError> {
    match versioned(bytes)? {
        (FIRST, rest) => Ok((read(rest)?, M::default())),
        (_, rest) => read(rest),
    }
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, EncodingError> {
    postcard::from_bytes(bytes).map_err(|error| EncodingError::Malformed(error.to_string()))
}

/// The version, and the bytes after it.
fn versioned(bytes: &[u8]) -> Result<(u8, &[u8]), EncodingError> {
    match bytes.split_first() {
        Some((&version @ FIRST..=NEWEST, rest)) => Ok((version, rest)),
        Some((&found, _)) if found > NEWEST => Err(EncodingError::Newer { found }),
        Some((found, _)) => Err(EncodingError::Malformed(format!("there is no version {found}"))),
        None => Err(EncodingError::Empty),
    }
}

type StoredDigest = [u8; 32];

#[derive(Serialize, Deserialize)]
struct StoredExecution<'a> {
    workflow: &'a str,
    definition: StoredDigest,
    status: u8,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    input: StoredDigest,
    #[serde(borrow)]
    result: Option<StoredResult<'a>>,
}

/// What the second version of an execution has.
#[derive(Default, Serialize, Deserialize)]
struct StoredLineage {
    rerun_of: Option<[u8; 16]>,
    parent: Option<StoredParent>,
}

#[derive(Serialize, Deserialize)]
struct StoredParent {
    workflow: [u8; 16],
    task: u32,
    attempt: u32,
    is_awaited: bool,
    depth: u32,
}

impl StoredLineage {
    fn of(lineage: &Lineage) -> Self {
        Self {
            rerun_of: lineage.rerun_of.map(WorkflowExecId::to_bytes),
            parent: lineage.parent.map(|parent| StoredParent {
                workflow: parent.task.workflow.to_bytes(),
                task: parent.task.number,
                attempt: parent.attempt,
                is_awaited: parent.is_awaited,
                depth: parent.depth,
            }),
        }
    }

    fn into_lineage(self) -> Lineage {
        Lineage {
            rerun_of: self.rerun_of.map(WorkflowExecId::from_bytes),
            parent: self.parent.map(|parent| Parent {
                task: TaskExecId { workflow: WorkflowExecId::from_bytes(parent.workflow), number: parent.task },
                attempt: parent.attempt,
                is_awaited: parent.is_awaited,
                depth: parent.depth,
            }),
        }
    }
}

#[derive(Serialize, Deserialize)]
enum StoredResult<'a> {
    Inline(&'a [u8]),
    Digest(StoredDigest),
}

pub(crate) fn encode_execution(row: &ExecutionRow) -> Vec<u8> {
    let first = StoredExecution {
        workflow: &row.workflow,
        definition: *row.definition.as_bytes(),
        status: status_byte(row.status),
        started_at: row.started_at,
        ended_at: row.ended_at,
        expires_at: row.expires_at,
        input: *row.input.as_bytes(),
        result: row.result.as_ref().map(|result| match result {
            StoredValue::Inline(bytes) => StoredResult::Inline(bytes),
            StoredValue::Digest(digest) => StoredResult::Digest(*digest.as_bytes()),
        }),
    };
    encode_second(&first, &StoredLineage::of(&row.lineage))
}

/// The id of an execution stands in the key of its row alone.
pub(crate) fn decode_execution(id: WorkflowExecId, bytes: &[u8]) -> Result<ExecutionRow, EncodingError> {
    let (row, lineage): (StoredExecution<'_>, StoredLineage) = decode_second(bytes)?;
    let status = STATUSES.get(usize::from(row.status)).copied();
    Ok(ExecutionRow {
        id,
        workflow: row.workflow.into(),
        definition: Digest::from_bytes(row.definition),
        status: status.ok_or_else(|| EncodingError::Malformed(format!("there is no status {}", row.status)))?,
        started_at: row.started_at,
        ended_at: row.ended_at,
        expires_at: row.expires_at,
        input: Digest::from_bytes(row.input),
        result: row.result.map(|result| match result {
            StoredResult::Inline(bytes) => StoredValue::Inline(Bytes::copy_from_slice(bytes)),
            StoredResult::Digest(digest) => StoredValue::Digest(Digest::from_bytes(digest)),
        }),
        lineage: lineage.into_lineage(),
    })
}

#[derive(Serialize, Deserialize)]
struct StoredSnapshot<'a> {
    position: u64,
    machine: &'a [u8],
}

pub(crate) fn encode_snapshot(snapshot: &Snapshot) -> Vec<u8> {
    encode(&StoredSnapshot { position: snapshot.position, machine: &snapshot.machine })
}

pub(crate) fn decode_snapshot(bytes: &Bytes) -> Result<Snapshot, EncodingError> {
    let StoredSnapshot { position, machine } = decode(bytes)?;
    Ok(Snapshot { position, machine: bytes.slice_ref(machine) })
}

/// Every level of a log line, in the order of its byte in rows. Stored for ever: append only.
const LEVELS: [LogLevel; 5] = [LogLevel::Trace, LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];

#[derive(Serialize, Deserialize)]
struct StoredLogLine<'a> {
    at: Timestamp,
    task: u32,
    attempt: u32,
    level: u8,
    message: &'a str,
    #[serde(borrow)]
    fields: Vec<(&'a str, &'a str)>,
}

pub(crate) fn encode_log_line(line: &LogLine) -> Vec<u8> {
    let level = LEVELS.iter().position(|level| *level == line.level).expect("the table holds every level");
    encode(&StoredLogLine {
        at: line.at,
        task: line.task.number,
        attempt: line.attempt,
        level: u8::try_from(level).expect("there are five"),
        message: &line.message,
        fields: line.fields.iter().map(|(name, value)| (&**name, &**value)).collect(),
    })
}

/// The execution of a line stands in the key of its row alone.
pub(crate) fn decode_log_line(workflow: WorkflowExecId, bytes: &[u8]) -> Result<LogLine, EncodingError> {
    let line: StoredLogLine<'_> = decode(bytes)?;
    let level = LEVELS.get(usize::from(line.level)).copied();
    Ok(LogLine {
        at: line.at,
        task: TaskExecId { workflow, number: line.task },
        attempt: line.attempt,
        level: level.ok_or_else(|| EncodingError::Malformed(format!("there is no level {}", line.level)))?,
        message: line.message.into(),
        fields: line.fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
    })
}

/// A row of the catalog, with its tombstone: versions stay taken after their row was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Versioned<T> {
    pub(crate) row: T,
    pub(crate) is_removed: bool,
}

#[derive(Serialize, Deserialize)]
struct StoredPlugin<'a> {
    is_removed: bool,
    name: &'a str,
    version: &'a str,
    digest: StoredDigest,
    summary: &'a str,
    config_schema: &'a str,
    output_schema: &'a str,
    bytes: u64,
    created_at: Timestamp,
}

pub(crate) fn encode_plugin(plugin: &Versioned<PluginRow>) -> Vec<u8> {
    let row = &plugin.row;
    encode(&StoredPlugin {
        is_removed: plugin.is_removed,
        name: &row.name,
        version: &row.version,
        digest: *row.digest.as_bytes(),
        summary: &row.summary,
        config_schema: &row.config_schema,
        output_schema: &row.output_schema,
        bytes: row.bytes,
        created_at: row.created_at,
    })
}

pub(crate) fn decode_plugin(bytes: &[u8]) -> Result<Versioned<PluginRow>, EncodingError> {
    let stored: StoredPlugin<'_> = decode(bytes)?;
    let row = PluginRow {
        name: stored.name.into(),
        version: stored.version.into(),
        digest: Digest::from_bytes(stored.digest),
        summary: stored.summary.into(),
        config_schema: stored.config_schema.into(),
        output_schema: stored.output_schema.into(),
        bytes: stored.bytes,
        created_at: stored.created_at,
    };
    Ok(Versioned { row, is_removed: stored.is_removed })
}

#[derive(Serialize, Deserialize)]
struct StoredDefinition<'a> {
    is_removed: bool,
    name: &'a str,
    version: &'a str,
    digest: StoredDigest,
    #[serde(borrow)]
    plugins: Vec<(&'a str, &'a str, StoredDigest)>,
    created_at: Timestamp,
}

pub(crate) fn encode_definition(definition: &Versioned<DefinitionRow>) -> Vec<u8> {
    let row = &definition.row;
    let first = StoredDefinition {
        is_removed: definition.is_removed,
        name: &row.name,
        version: &row.version,
        digest: *row.digest.as_bytes(),
        plugins: row.plugins.iter().map(|(name, version, digest)| (&**name, &**version, *digest.as_bytes())).collect(),
        created_at: row.created_at,
    };
    let functions: Vec<_> = row.functions.iter().map(StoredFunction::of).collect();
    encode_second(&first, &functions)
}

/// What the second version of a definition has.
#[derive(Serialize, Deserialize)]
struct StoredFunction<'a> {
    catalog: &'a str,
    name: &'a str,
    version: &'a str,
    document: &'a [u8],
}

impl<'a> StoredFunction<'a> {
    fn of(row: &'a FunctionRow) -> Self {
        Self { catalog: &row.catalog, name: &row.name, version: &row.version, document: &row.document }
    }

    fn into_row(self) -> FunctionRow {
        FunctionRow {
            catalog: self.catalog.into(),
            name: self.name.into(),
            version: self.version.into(),
            document: Bytes::copy_from_slice(self.document),
        }
    }
}

pub(crate) fn decode_definition(bytes: &[u8]) -> Result<Versioned<DefinitionRow>, EncodingError> {
    let (stored, functions): (StoredDefinition<'_>, Vec<StoredFunction<'_>>) = decode_second(bytes)?;
    let pin = |(name, version, digest): (&str, &str, _)| (name.into(), version.into(), Digest::from_bytes(digest));
    let row = DefinitionRow {
        name: stored.name.into(),
        version: stored.version.into(),
        digest: Digest::from_bytes(stored.digest),
        plugins: stored.plugins.into_iter().map(pin).collect(),
        functions: functions.into_iter().map(StoredFunction::into_row).collect(),
        created_at: stored.created_at,
    };
    Ok(Versioned { row, is_removed: stored.is_removed })
}

/// A document, with the definition that brought it.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredDocument<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) document: &'a [u8],
}

pub(crate) fn encode_document(document: &StoredDocument<'_>) -> Vec<u8> {
    encode(document)
}

pub(crate) fn decode_document(bytes: &[u8]) -> Result<StoredDocument<'_>, EncodingError> {
    decode(bytes)
}

#[derive(Serialize, Deserialize)]
struct StoredTenant<'a> {
    id: &'a str,
    created_at: Timestamp,
}

pub(crate) fn encode_tenant(row: &TenantRow) -> Vec<u8> {
    let TaskDefaults { timeout, retry } = row.defaults;
    let defaults = StoredDefaults {
        timeout_ms: timeout.map(|timeout| timeout.0),
        retry: retry.map(|retry| (retry.attempts_max, retry.delay_ms.0, retry.factor, retry.delay_max_ms.0)),
    };
    encode_second(&StoredTenant { id: row.id.as_str(), created_at: row.created_at }, &defaults)
}

/// What the second version of a tenant has.
#[derive(Default, Serialize, Deserialize)]
struct StoredDefaults {
    timeout_ms: Option<u64>,
    /// Attempts, the first delay, the factor and the longest delay.
    retry: Option<(u32, u64, u32, u64)>,
}

impl StoredDefaults {
    fn into_defaults(self) -> TaskDefaults {
        let retry = self.retry.map(|(attempts_max, delay, factor, delay_max)| AttemptPolicy {
            attempts_max,
            delay_ms: Millis(delay),
            factor,
            delay_max_ms: Millis(delay_max),
        });
        TaskDefaults { timeout: self.timeout_ms.map(Millis), retry }
    }
}

pub(crate) fn decode_tenant(bytes: &[u8]) -> Result<TenantRow, EncodingError> {
    let (stored, defaults): (StoredTenant<'_>, StoredDefaults) = decode_second(bytes)?;
    Ok(TenantRow { id: tenant(stored.id)?, created_at: stored.created_at, defaults: defaults.into_defaults() })
}

#[derive(Serialize, Deserialize)]
struct StoredKey<'a> {
    id: &'a str,
    hash: StoredDigest,
    label: &'a str,
    /// `None` for an operator.
    tenant: Option<&'a str>,
    created_at: Timestamp,
}

pub(crate) fn encode_key(row: &KeyRow) -> Vec<u8> {
    encode(&StoredKey {
        id: &row.id,
        hash: *row.hash.as_bytes(),
        label: &row.label,
        tenant: match &row.scope {
            KeyScope::Operator => None,
            KeyScope::Tenant(tenant) => Some(tenant.as_str()),
        },
        created_at: row.created_at,
    })
}

pub(crate) fn decode_key(bytes: &[u8]) -> Result<KeyRow, EncodingError> {
    let stored: StoredKey<'_> = decode(bytes)?;
    Ok(KeyRow {
        id: stored.id.into(),
        hash: Digest::from_bytes(stored.hash),
        label: stored.label.into(),
        scope: match stored.tenant {
            None => KeyScope::Operator,
            Some(name) => KeyScope::Tenant(tenant(name)?),
        },
        created_at: stored.created_at,
    })
}

fn tenant(name: &str) -> Result<TenantId, EncodingError> {
    TenantId::new(name).map_err(|error| EncodingError::Malformed(error.to_string()))
}

#[cfg(test)]
mod tests;
