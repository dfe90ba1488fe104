//! Every key in Redis: the one place where a prefix, a tenant or the name of a queue becomes one.
//!
//! What belongs to one execution shares the hash tag `{tenant.execution}`, and all that is about a queue shares `{queue}`: one script may touch
//! several keys only where they share a tag. Every part is of an alphabet that holds none of the characters that part it from the next, so no two
//! different ids give the same key, and no name breaks out of its place: tenants and queues are DNS labels, digests and ids are hexadecimal.
//! (Within the tag `{tenant.execution}` the execution has no `.`, nor has the tenant.)

use std::fmt;
use std::sync::Arc;

use sandmill_core::definition::Priority;
use sandmill_core::ids::{Digest, GroupId, IdError, QueueName, TaskExecId, TenantId, is_dns_label};
use sandmill_engine::ports::ExecutionKey;

/// The longest prefix. Every key holds it, so it costs memory with each task.
const PREFIX_BYTES_MAX: usize = 64;

/// What every key starts with: 1 to 64 of `A-Z a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Prefix(Arc<str>);

impl Prefix {
    /// Takes a prefix that is one.
    pub fn new(text: &str) -> Result<Self, IdError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if (1..=PREFIX_BYTES_MAX).contains(&text.len()) && text.bytes().all(fits) {
            return Ok(Self(text.into()));
        }
        let expected = "1 to 64 letters, digits, dots, hyphens or underscores";
        Err(IdError { kind: "prefix of Redis keys", text: text.into(), expected })
    }

    /// The prefix as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self("sandmill".into())
    }
}

/// The id of an engine or of a worker: a DNS label too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(Arc<str>);

impl ProcessId {
    /// Takes an id that is a DNS label.
    pub fn new(id: &str) -> Result<Self, IdError> {
        if is_dns_label(id) {
            return Ok(Self(id.into()));
        }
        let expected = "1 to 63 lower-case letters, digits or hyphens, a letter or digit at both ends";
        Err(IdError { kind: "id of an engine or a worker", text: id.into(), expected })
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The keys of one prefix.
#[derive(Debug, Clone)]
pub struct Keys {
    prefix: Prefix,
}

impl Keys {
    /// The keys of a prefix.
    #[must_use]
    pub const fn new(prefix: Prefix) -> Self {
        Self { prefix }
    }

    /// The prefix.
    #[must_use]
    pub const fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    fn of_execution(&self, execution: &ExecutionKey, rest: fmt::Arguments<'_>) -> String {
        format!("{}:{{{}.{}}}:{rest}", self.prefix.0, execution.tenant, execution.id)
    }

    fn of_queues(&self, rest: fmt::Arguments<'_>) -> String {
        format!("{}:{{queue}}:{rest}", self.prefix.0)
    }

    /// The record of a task.
    #[must_use]
    pub fn task(&self, execution: &ExecutionKey, number: u32) -> String {
        self.of_execution(execution, format_args!("task:{number}"))
    }

    /// A body that tasks of an execution share.
    #[must_use]
    pub fn body(&self, execution: &ExecutionKey, digest: Digest) -> String {
        self.of_execution(execution, format_args!("body:{}", hex::encode(digest.as_bytes())))
    }

    /// What the keys of all bodies of an execution start with; the digest in hexadecimal follows.
    #[must_use]
    pub fn bodies(&self, execution: &ExecutionKey) -> String {
        self.of_execution(execution, format_args!("body:"))
    }

    /// The list of what else is stored for an execution: of each key what it ends with, its last two parts.
    #[must_use]
    pub fn names(&self, execution: &ExecutionKey) -> String {
        self.of_execution(execution, format_args!("names"))
    }

    /// A component, as a tenant has it.
    #[must_use]
    pub fn component(&self, tenant: &TenantId, digest: Digest) -> String {
        format!("{}:component:{tenant}:{}", self.prefix.0, hex::encode(digest.as_bytes()))
    }

    /// The stream of tasks that wait, of a queue and a priority.
    #[must_use]
    pub fn stream(&self, queue: &QueueName, priority: Priority) -> String {
        self.of_queues(format_args!("stream:{queue}:{priority}"))
    }

    /// What every key about a queue starts with, for the one script that learns whose keys it needs only when it has read a stream.
    #[must_use]
    pub fn control(&self) -> String {
        self.of_queues(format_args!(""))
    }

    /// What is known of a task in the queue: a hash.
    #[must_use]
    pub fn state(&self, tenant: &TenantId, id: TaskExecId) -> String {
        self.of_queues(format_args!("state:{tenant}:{id}"))
    }

    /// Is there once nothing of a group of tasks is begun any more.
    #[must_use]
    pub fn group(&self, tenant: &TenantId, id: GroupId) -> String {
        self.of_queues(format_args!("group:{tenant}:{id}"))
    }

    /// The stream of completions for an engine.
    #[must_use]
    pub fn completions(&self, engine: &ProcessId) -> String {
        self.of_queues(format_args!("engine:{engine}:completions"))
    }

    /// The stream of log lines and progress for an engine.
    #[must_use]
    pub fn live(&self, engine: &ProcessId) -> String {
        self.of_queues(format_args!("engine:{engine}:live"))
    }

    /// The stream of messages that nobody could read, and of tasks that killed every worker.
    #[must_use]
    pub fn dead(&self) -> String {
        self.of_queues(format_args!("dead"))
    }

    /// Which engine owns the prefix.
    #[must_use]
    pub fn owner(&self) -> String {
        self.of_queues(format_args!("owner"))
    }

    /// The workers, by when they were heard of last: a sorted set.
    #[must_use]
    pub fn workers(&self) -> String {
        self.of_queues(format_args!("workers"))
    }

    /// What a worker says about itself.
    #[must_use]
    pub fn worker(&self, worker: &ProcessId) -> String {
        self.of_queues(format_args!("worker:{worker}"))
    }

    /// The channel that cancellations are told on.
    #[must_use]
    pub fn cancel(&self) -> String {
        self.of_queues(format_args!("cancel"))
    }

    /// The names of the queues: a set.
    #[must_use]
    pub fn queues(&self) -> String {
        self.of_queues(format_args!("queues"))
    }
}

#[cfg(test)]
mod tests;
