//! Every key of a stored row: the one place where a [`TenantId`] becomes a prefix.
//!
//! A key starts with its tenant, or with a letter for its kind (and a time, in the indexes that are walked by time) and then its tenant. A zero
//! byte ends the tenant: no tenant name holds one, so no tenant's prefix is a prefix of another's, and keys sort as tenants do by name. Names
//! that people choose enter a key as their SHA-256: of fixed length, whatever they hold. Numbers are big-endian, so that they sort.
//!
//! Only the rows of the directory have no tenant: an API key is what tells the tenant.

use std::ops::Range;

use sandmill_core::ids::{Digest, TenantId, WorkflowExecId};
use sandmill_core::time::Timestamp;
use sandmill_engine::ports::{ExecutionKey, Status};

/// A key of a row.
pub(crate) type Key = Vec<u8>;

/// What ends a tenant's name in a key.
const TENANT_END: u8 = 0;

/// Every status, in the order of its byte in keys and rows. Stored for ever: append only.
pub(crate) const STATUSES: [Status; 7] = [
    Status::Pending,
    Status::Running,
    Status::Waiting,
    Status::Suspended,
    Status::Cancelled,
    Status::Faulted,
    Status::Completed,
];

/// The byte that stands for a status.
pub(crate) fn status_byte(status: Status) -> u8 {
    let index = STATUSES.iter().position(|known| *known == status).expect("the table holds every status");
    u8::try_from(index).expect("there are seven")
}

/// Builds a key from parts.
struct Builder(Key);

impl Builder {
    fn new() -> Self {
        Self(Vec::with_capacity(96))
    }

    fn kind(mut self, kind: u8) -> Self {
        self.0.push(kind);
        self
    }

    fn tenant(mut self, tenant: &TenantId) -> Self {
        self.0.extend_from_slice(tenant.as_str().as_bytes());
        self.0.push(TENANT_END);
        self
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn execution(self, id: WorkflowExecId) -> Self {
        self.bytes(&id.to_bytes())
    }

    fn name(self, name: &str) -> Self {
        self.bytes(Digest::of(name.as_bytes()).as_bytes())
    }

    fn time(self, time: Timestamp) -> Self {
        self.bytes(&sortable(time).to_be_bytes())
    }

    fn position(self, position: Position) -> Self {
        self.bytes(&(!sortable(position.started_at)).to_be_bytes()).bytes(&position.id.to_bytes().map(|byte| !byte))
    }
}

/// A time as a number that sorts as the time does, before 1970 too.
const fn sortable(time: Timestamp) -> u64 {
    time.0.cast_unsigned() ^ (1 << 63)
}

const fn from_sortable(number: u64) -> Timestamp {
    Timestamp((number ^ (1 << 63)).cast_signed())
}

/// Where an execution stands in a list: newest first, and among those of one moment by id, downwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) started_at: Timestamp,
    pub(crate) id: WorkflowExecId,
}

/// All keys that start with a prefix. A prefix holds a byte below 255 (its kind or its tenant), so there is always a first key after it.
pub(crate) fn all_under(prefix: Key) -> Range<Key> {
    let mut end = prefix.clone();
    while end.last() == Some(&u8::MAX) {
        end.pop();
    }
    *end.last_mut().expect("a prefix holds a byte below 255") += 1;
    prefix..end
}

/// The part of a range that comes after a key.
pub(crate) fn after(range: Range<Key>, key: &[u8]) -> Range<Key> {
    let mut start = key.to_vec();
    start.push(0);
    start.max(range.start)..range.end
}

/// Rows of one execution: its journal, values and configs, all under one prefix.
pub(crate) mod execution {
    use super::{Builder, Digest, ExecutionKey, Key, Range, all_under};

    const CONFIG: u8 = b'c';
    const LOG: u8 = b'l';
    const RECORD: u8 = b'r';
    const SNAPSHOT: u8 = b's';
    const VALUE: u8 = b'v';

    fn prefix(execution: &ExecutionKey) -> Builder {
        Builder::new().tenant(&execution.tenant).execution(execution.id)
    }

    pub(crate) fn all(execution: &ExecutionKey) -> Range<Key> {
        all_under(prefix(execution).0)
    }

    pub(crate) fn record(execution: &ExecutionKey, position: u64) -> Key {
        prefix(execution).kind(RECORD).bytes(&position.to_be_bytes()).0
    }

    pub(crate) fn records_from(execution: &ExecutionKey, position: u64) -> Range<Key> {
        record(execution, position)..all_under(prefix(execution).kind(RECORD).0).end
    }

    pub(crate) fn record_position(key: &[u8]) -> Option<u64> {
        Some(u64::from_be_bytes(*key.last_chunk()?))
    }

    pub(crate) fn snapshot(execution: &ExecutionKey) -> Key {
        prefix(execution).kind(SNAPSHOT).0
    }

    pub(crate) fn value(execution: &ExecutionKey, digest: Digest) -> Key {
        prefix(execution).kind(VALUE).bytes(digest.as_bytes()).0
    }

    pub(crate) fn config(execution: &ExecutionKey, number: u32) -> Key {
        prefix(execution).kind(CONFIG).bytes(&number.to_be_bytes()).0
    }

    pub(crate) fn log_line(execution: &ExecutionKey, sequence: u64) -> Key {
        prefix(execution).kind(LOG).bytes(&sequence.to_be_bytes()).0
    }

    /// Log lines whose sequence number is at least that.
    pub(crate) fn log_lines_from(execution: &ExecutionKey, sequence: u64) -> Range<Key> {
        log_line(execution, sequence)..all_under(prefix(execution).kind(LOG).0).end
    }

    pub(crate) fn log_sequence(key: &[u8]) -> Option<u64> {
        Some(u64::from_be_bytes(*key.last_chunk()?))
    }
}

/// Rows that find executions.
pub(crate) mod index {
    use super::{
        Builder, ExecutionKey, Key, Position, Range, Status, TENANT_END, TenantId, Timestamp, WorkflowExecId, after,
        all_under, from_sortable, status_byte,
    };

    const ACTIVE: u8 = b'a';
    const DUE: u8 = b'd';
    const EXPIRY: u8 = b'e';
    const ROW: u8 = b'r';
    const STATUS: u8 = b's';
    const WORKFLOW: u8 = b'w';

    pub(crate) fn row(execution: &ExecutionKey) -> Key {
        Builder::new().kind(ROW).tenant(&execution.tenant).execution(execution.id).0
    }

    fn with_status(tenant: &TenantId, status: Status) -> Builder {
        Builder::new().kind(STATUS).tenant(tenant).kind(status_byte(status))
    }

    pub(crate) fn status(tenant: &TenantId, status: Status, position: Position) -> Key {
        with_status(tenant, status).position(position).0
    }

    pub(crate) fn status_after(tenant: &TenantId, of: Status, position: Option<Position>) -> Range<Key> {
        let all = all_under(with_status(tenant, of).0);
        match position {
            Some(position) => after(all, &status(tenant, of, position)),
            None => all,
        }
    }

    /// `name` is the workflow without its version.
    pub(crate) fn workflow(tenant: &TenantId, name: &str, position: Position) -> Key {
        Builder::new().kind(WORKFLOW).tenant(tenant).name(name).position(position).0
    }

    pub(crate) fn workflow_after(tenant: &TenantId, name: &str, position: Option<Position>) -> Range<Key> {
        let all = all_under(Builder::new().kind(WORKFLOW).tenant(tenant).name(name).0);
        match position {
            Some(position) => after(all, &workflow(tenant, name, position)),
            None => all,
        }
    }

    /// The position at the end of a key of [`status`] or [`workflow`].
    pub(crate) fn position(key: &[u8]) -> Option<Position> {
        let (rest, id) = key.split_last_chunk::<16>()?;
        let started_at = from_sortable(!u64::from_be_bytes(*rest.last_chunk()?));
        Some(Position { started_at, id: WorkflowExecId::from_bytes(id.map(|byte| !byte)) })
    }

    pub(crate) fn active(execution: &ExecutionKey) -> Key {
        Builder::new().kind(ACTIVE).tenant(&execution.tenant).execution(execution.id).0
    }

    pub(crate) fn active_after(execution: Option<&ExecutionKey>) -> Range<Key> {
        let all = all_under(vec![ACTIVE]);
        match execution {
            Some(execution) => after(all, &active(execution)),
            None => all,
        }
    }

    pub(crate) fn due(at: Timestamp, execution: &ExecutionKey) -> Key {
        Builder::new().kind(DUE).time(at).tenant(&execution.tenant).execution(execution.id).0
    }

    pub(crate) fn due_until(until: Timestamp) -> Range<Key> {
        vec![DUE]..all_under(Builder::new().kind(DUE).time(until).0).end
    }

    pub(crate) fn expiry(at: Timestamp, execution: &ExecutionKey) -> Key {
        Builder::new().kind(EXPIRY).time(at).tenant(&execution.tenant).execution(execution.id).0
    }

    pub(crate) fn expired_until(until: Timestamp) -> Range<Key> {
        vec![EXPIRY]..all_under(Builder::new().kind(EXPIRY).time(until).0).end
    }

    /// The execution in a key of [`active`].
    pub(crate) fn execution(key: &[u8]) -> Option<ExecutionKey> {
        split_execution(key.get(1..)?)
    }

    /// The time and the execution in a key of [`due`] or [`expiry`].
    pub(crate) fn time_and_execution(key: &[u8]) -> Option<(Timestamp, ExecutionKey)> {
        let (time, rest) = key.get(1..)?.split_first_chunk()?;
        Some((from_sortable(u64::from_be_bytes(*time)), split_execution(rest)?))
    }

    fn split_execution(bytes: &[u8]) -> Option<ExecutionKey> {
        let (tenant, id) = bytes.split_last_chunk::<16>()?;
        let tenant = std::str::from_utf8(tenant.strip_suffix(&[TENANT_END])?).ok()?;
        Some(ExecutionKey { tenant: TenantId::new(tenant).ok()?, id: WorkflowExecId::from_bytes(*id) })
    }
}

/// Rows of a tenant's catalog.
pub(crate) mod catalog {
    use super::{Builder, Digest, Key, Range, TenantId, all_under};

    const COMPONENT: u8 = b'c';
    const DEFINITION: u8 = b'd';
    const DOCUMENT: u8 = b'o';
    const PLUGIN: u8 = b'p';

    fn versioned(kind: u8, tenant: &TenantId, name: Option<&str>) -> Builder {
        let prefix = Builder::new().kind(kind).tenant(tenant);
        match name {
            Some(name) => prefix.name(name),
            None => prefix,
        }
    }

    pub(crate) fn plugin(tenant: &TenantId, name: &str, version: &str) -> Key {
        versioned(PLUGIN, tenant, Some(name)).name(version).0
    }

    pub(crate) fn plugins(tenant: &TenantId, name: Option<&str>) -> Range<Key> {
        all_under(versioned(PLUGIN, tenant, name).0)
    }

    pub(crate) fn component(tenant: &TenantId, digest: Digest) -> Key {
        Builder::new().kind(COMPONENT).tenant(tenant).bytes(digest.as_bytes()).0
    }

    pub(crate) fn definition(tenant: &TenantId, name: &str, version: &str) -> Key {
        versioned(DEFINITION, tenant, Some(name)).name(version).0
    }

    pub(crate) fn definitions(tenant: &TenantId, name: Option<&str>) -> Range<Key> {
        all_under(versioned(DEFINITION, tenant, name).0)
    }

    pub(crate) fn document(tenant: &TenantId, digest: Digest) -> Key {
        Builder::new().kind(DOCUMENT).tenant(tenant).bytes(digest.as_bytes()).0
    }
}

/// Rows of the directory. They lie beside the catalog's, under letters of their own.
pub(crate) mod directory {
    use super::{Builder, Digest, Key, Range, TenantId, all_under};

    const HASH: u8 = b'h';
    const KEY: u8 = b'k';
    const TENANT: u8 = b't';

    pub(crate) fn tenant(tenant: &TenantId) -> Key {
        Builder::new().kind(TENANT).tenant(tenant).0
    }

    pub(crate) fn tenants() -> Range<Key> {
        all_under(vec![TENANT])
    }

    pub(crate) fn key(id: &str) -> Key {
        Builder::new().kind(KEY).name(id).0
    }

    pub(crate) fn keys() -> Range<Key> {
        all_under(vec![KEY])
    }

    pub(crate) fn hash(hash: Digest) -> Key {
        Builder::new().kind(HASH).bytes(hash.as_bytes()).0
    }
}

#[cfg(test)]
mod tests;
