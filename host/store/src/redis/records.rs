//! Records of tasks and the bodies that they share, in as few round trips as there can be: one, for however many tasks.
//!
//! The clock is the server's, so that engines and workers whose clocks differ agree on what has expired. What expires can be written again by the
//! engine at any time. A record outlives its deadline by an hour, so that "expired" and "never stored" are told apart; a body does not.

use std::collections::{BTreeMap, btree_map};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::sync::Cache;
use sandmill_core::ids::{Digest, TaskExecId, TenantId};
use sandmill_core::time::{Millis, Timestamp};
use sandmill_engine::ports::{ConfigError, ExecutionKey};

use super::record::TaskRecord;
use super::{Call, Redis, RedisFailure, Request, Script, Value, bodies, cmd, from_redis_value};

/// How long a record says that it has expired.
const GRACE: Millis = Millis(3_600_000);

/// The longest TTL: ten years. Redis takes no time that does not fit into its clock.
const TTL_MAX: Millis = Millis(315_360_000_000);

/// How many bodies are remembered as sent. One costs about 200 bytes.
const SENT_MAX: u64 = 100_000;

static SAVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/save.lua")));
static READ: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/read.lua")));
static BODY: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/body.lua")));

/// A task to save.
#[derive(Debug, Clone)]
pub struct TaskToSave {
    /// The execution that it belongs to.
    pub execution: ExecutionKey,
    /// What is saved.
    pub record: TaskRecord,
    /// The bodies that the record refers to, as they are before they are compressed.
    pub bodies: Vec<(Digest, Bytes)>,
}

/// Records of tasks, and the bodies that they share.
#[derive(Clone)]
pub struct Records {
    redis: Redis,
    /// When a body was sent, and for how long.
    sent: Cache<(ExecutionKey, Digest), (Instant, Millis)>,
}

/// What one script saves: all of one execution.
struct Group<'tasks> {
    execution: &'tasks ExecutionKey,
    records: Vec<&'tasks TaskRecord>,
    bodies: BTreeMap<Digest, (Millis, &'tasks Bytes)>,
}

/// Why records are not saved.
#[derive(Debug)]
pub(crate) enum SaveError {
    /// Another config stands under a task.
    Conflict,
    /// Redis was in the way.
    Redis(RedisFailure),
}

impl From<RedisFailure> for SaveError {
    fn from(failure: RedisFailure) -> Self {
        Self::Redis(failure)
    }
}

impl From<SaveError> for ConfigError {
    fn from(error: SaveError) -> Self {
        match error {
            SaveError::Conflict => Self::Conflict,
            SaveError::Redis(failure) => unavailable(failure),
        }
    }
}

impl Records {
    /// The records behind a connection.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self { redis, sent: Cache::new(SENT_MAX) }
    }

    /// The connection.
    #[must_use]
    pub const fn redis(&self) -> &Redis {
        &self.redis
    }

    /// Saves tasks in one round trip, or in two where the server lost bodies that it had been sent. Where another config stands under one, nothing of
    /// its execution is changed.
    pub async fn save(&self, tasks: &[TaskToSave]) -> Result<(), ConfigError> {
        Ok(self.try_save(tasks).await?)
    }

    /// As [`Records::save`], with all that is known of what went wrong.
    pub(crate) async fn try_save(&self, tasks: &[TaskToSave]) -> Result<(), SaveError> {
        let mut groups: BTreeMap<&ExecutionKey, Group<'_>> = BTreeMap::new();
        for task in tasks {
            let group = groups.entry(&task.execution).or_insert_with(|| Group::new(&task.execution));
            group.records.push(&task.record);
            for (digest, body) in &task.bodies {
                group.add_body(*digest, body, task.record.ttl_ms);
            }
        }
        self.save_groups(groups.into_values().collect()).await
    }

    /// Saves bodies of an execution, without a record.
    pub async fn save_bodies(
        &self,
        execution: &ExecutionKey,
        bodies: &[(Digest, Bytes)],
        ttl: Millis,
    ) -> Result<(), ConfigError> {
        let mut group = Group::new(execution);
        for (digest, body) in bodies {
            group.add_body(*digest, body, ttl);
        }
        Ok(self.save_groups(vec![group]).await?)
    }

    async fn save_groups(&self, mut groups: Vec<Group<'_>>) -> Result<(), SaveError> {
        let mut sends_all = false;
        while !groups.is_empty() {
            let requests = groups.iter().map(|group| self.save_request(group, sends_all)).collect();
            let answers = self.redis.run_all(requests).await?;
            let mut incomplete = Vec::new();
            for (group, answer) in groups.into_iter().zip(answers) {
                if self.is_saved(&group, answer?)? {
                    self.remember(&group);
                } else if sends_all {
                    return Err(RedisFailure::unavailable("Redis lost what it was sent").into());
                } else {
                    incomplete.push(group);
                }
            }
            (groups, sends_all) = (incomplete, true);
        }
        Ok(())
    }

    fn save_request(&self, group: &Group<'_>, sends_all: bool) -> Request {
        let keys = self.redis.keys();
        let mut call = SAVE.call().key(keys.names(group.execution));
        for record in &group.records {
            call = call.key(keys.task(group.execution, record.id.number));
        }
        for digest in group.bodies.keys() {
            call = call.key(keys.body(group.execution, *digest));
        }
        call = call.arg(group.records.len()).arg(GRACE.0);
        for record in &group.records {
            let digests: Vec<_> = record.digests().iter().map(|digest| hex::encode(digest.as_bytes())).collect();
            call = call.arg(bounded(record.ttl_ms).0).arg(digests.join(",")).arg(record.encode());
        }
        for (digest, (ttl, body)) in &group.bodies {
            let is_there = !sends_all && self.was_sent(group.execution, *digest);
            call = call.arg(bounded(*ttl).0).arg(if is_there { Vec::new() } else { bodies::encode(body) });
        }
        call.into()
    }

    /// False where the server lacks a body that was not sent.
    fn is_saved(&self, group: &Group<'_>, answer: Value) -> Result<bool, SaveError> {
        let odd = || SaveError::from(RedisFailure::protocol("an odd answer to a script"));
        let Value::Array(mut parts) = answer else { return Err(odd()) };
        if parts.is_empty() {
            return Err(odd());
        }
        let missing = parts.split_off(1);
        match parts.pop().map(from_redis_value::<String>) {
            Some(Ok(outcome)) if outcome == "conflict" => return Err(SaveError::Conflict),
            Some(Ok(outcome)) if outcome == "saved" => {}
            _ => return Err(odd()),
        }
        for index in &missing {
            let Value::Int(index) = index else { return Err(odd()) };
            let digest = usize::try_from(index - 1).ok().and_then(|index| group.bodies.keys().nth(index));
            self.sent.invalidate(&(group.execution.clone(), *digest.ok_or_else(odd)?));
        }
        Ok(missing.is_empty())
    }

    fn remember(&self, group: &Group<'_>) {
        for (digest, (ttl, _)) in &group.bodies {
            self.sent.insert((group.execution.clone(), *digest), (Instant::now(), *ttl));
        }
    }

    /// True where this process sent it and it should have half of its time left. Only a hint: the script says where it is wrong.
    fn was_sent(&self, execution: &ExecutionKey, digest: Digest) -> bool {
        let sent = self.sent.get(&(execution.clone(), digest));
        sent.is_some_and(|(at, ttl)| at.elapsed() < Duration::from_millis(ttl.0 / 2))
    }

    /// The records of tasks with their configs, in one round trip. Makes them live on for as long as they were stored for, with all that they refer
    /// to.
    pub async fn read(&self, tasks: &[(ExecutionKey, u32)]) -> Vec<Result<(TaskRecord, Bytes), ConfigError>> {
        let mut places: BTreeMap<&ExecutionKey, Vec<usize>> = BTreeMap::new();
        for (place, (execution, _)) in tasks.iter().enumerate() {
            places.entry(execution).or_default().push(place);
        }
        let requests = places.iter().map(|(execution, places)| {
            let numbers = places.iter().map(|place| tasks[*place].1);
            self.read_request(execution, numbers, None).into()
        });
        let answers = match self.redis.run_all(requests.collect()).await {
            Ok(answers) => answers,
            Err(failure) => return tasks.iter().map(|_| Err(unavailable(failure.clone()))).collect(),
        };
        let mut results: Vec<_> = tasks.iter().map(|_| Err(ConfigError::NotFound)).collect();
        for ((execution, places), answer) in places.into_iter().zip(answers) {
            let found = match answer {
                Ok(Value::Array(found)) => found.into_iter().map(Ok).collect(),
                Ok(_) => vec![Err(RedisFailure::protocol("the answer is no list")); places.len()],
                Err(failure) => vec![Err(failure); places.len()],
            };
            for (place, found) in places.into_iter().zip(found) {
                results[place] = found.map_err(unavailable).and_then(|found| decode(found, execution, tasks[place].1));
            }
        }
        results
    }

    fn read_request(
        &self,
        execution: &ExecutionKey,
        numbers: impl Iterator<Item = u32>,
        extension: Option<Millis>,
    ) -> Call {
        let keys = self.redis.keys();
        let (least, mode) = extension.map_or((0, "read"), |ttl| (bounded(ttl).0, "extend"));
        let call = READ.call().arg(keys.bodies(execution)).arg(GRACE.0).arg(least).arg(mode);
        let call = call.key(keys.names(execution));
        numbers.fold(call, |call, number| call.key(keys.task(execution, number)))
    }

    /// Sees to it that a task, and all that it refers to, lives at least so long from this moment.
    pub async fn extend(&self, execution: &ExecutionKey, number: u32, ttl: Millis) -> Result<(), ConfigError> {
        let request = self.read_request(execution, std::iter::once(number), Some(ttl));
        let mut answers: Vec<Value> = self.redis.run(request).await.map_err(unavailable)?;
        outcome(answers.pop().unwrap_or(Value::Nil)).map(drop)
    }

    /// Forgets a task. Bodies stay for as long as those of others: they may be shared.
    pub async fn delete(&self, execution: &ExecutionKey, number: u32) -> Result<(), ConfigError> {
        self.try_delete(execution, number).await.map_err(unavailable)
    }

    /// As [`Records::delete`], with all that is known of what went wrong.
    pub(crate) async fn try_delete(&self, execution: &ExecutionKey, number: u32) -> Result<(), RedisFailure> {
        self.redis.run(cmd("DEL").arg(self.redis.keys().task(execution, number))).await
    }

    /// Forgets a task and every body that it refers to, so that all of it is sent again.
    pub async fn forget(&self, task: &TaskToSave) -> Result<(), RedisFailure> {
        let keys = self.redis.keys();
        let mut command = cmd("DEL");
        command.arg(keys.task(&task.execution, task.record.id.number));
        for digest in task.record.digests() {
            command.arg(keys.body(&task.execution, digest));
            self.sent.invalidate(&(task.execution.clone(), digest));
        }
        self.redis.run::<u64>(command).await.map(drop)
    }

    /// Relies no more on anything that was sent before.
    pub fn forget_sent(&self) {
        self.sent.invalidate_all();
    }

    /// Bodies of executions, in one request.
    pub async fn bodies(
        &self,
        wanted: &[(ExecutionKey, Digest)],
    ) -> Result<Vec<Result<Option<Bytes>, ConfigError>>, RedisFailure> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<_> =
            wanted.iter().map(|(execution, digest)| self.redis.keys().body(execution, *digest)).collect();
        let stored: Vec<Option<Vec<u8>>> = self.redis.run(cmd("MGET").arg(keys)).await?;
        let decode = |(stored, (_, digest)): (Option<Vec<u8>>, &(ExecutionKey, Digest))| {
            stored.map(|stored| bodies::decode(&stored.into(), *digest)).transpose().map_err(damaged)
        };
        Ok(stored.into_iter().zip(wanted).map(decode).collect())
    }

    /// A body of an execution. Makes it live at least so long from this moment.
    pub async fn body(
        &self,
        execution: &ExecutionKey,
        digest: Digest,
        ttl: Millis,
    ) -> Result<Option<Bytes>, ConfigError> {
        let keys = self.redis.keys();
        let call = BODY.call().key(keys.body(execution, digest)).key(keys.names(execution));
        read(&self.redis, call.arg(bounded(ttl).0), digest).await
    }
}

impl<'tasks> Group<'tasks> {
    const fn new(execution: &'tasks ExecutionKey) -> Self {
        Self { execution, records: Vec::new(), bodies: BTreeMap::new() }
    }

    fn add_body(&mut self, digest: Digest, body: &'tasks Bytes, ttl: Millis) {
        match self.bodies.entry(digest) {
            btree_map::Entry::Vacant(entry) => drop(entry.insert((ttl, body))),
            btree_map::Entry::Occupied(mut entry) => entry.get_mut().0 = entry.get().0.max(ttl),
        }
    }
}

/// Stores a body that belongs to no execution.
pub(crate) async fn save_body(redis: &Redis, key: String, body: &[u8], ttl: Millis) -> Result<(), RedisFailure> {
    redis.run(cmd("SET").arg(key).arg(bodies::encode(body)).arg("PX").arg(bounded(ttl).0)).await
}

/// A body that belongs to no execution.
pub(crate) async fn read_body(
    redis: &Redis,
    key: String,
    digest: Digest,
    ttl: Millis,
) -> Result<Option<Bytes>, ConfigError> {
    read(redis, BODY.call().key(key).arg(bounded(ttl).0), digest).await
}

async fn read(redis: &Redis, call: Call, digest: Digest) -> Result<Option<Bytes>, ConfigError> {
    let stored: Option<Vec<u8>> = redis.run(call).await.map_err(unavailable)?;
    stored.map(|stored| bodies::decode(&stored.into(), digest)).transpose().map_err(damaged)
}

pub(crate) fn unavailable(failure: RedisFailure) -> ConfigError {
    ConfigError::Unavailable { reason: failure.to_string() }
}

const fn damaged(reason: String) -> ConfigError {
    ConfigError::Damaged { reason }
}

/// A TTL that Redis takes.
fn bounded(ttl: Millis) -> Millis {
    ttl.clamp(Millis(1), TTL_MAX)
}

/// What the script of reading answered for a record that is there.
fn outcome(answer: Value) -> Result<std::vec::IntoIter<Value>, ConfigError> {
    let odd = || damaged("Redis gave an odd answer to a script".into());
    let Value::Array(parts) = answer else { return Err(odd()) };
    let mut parts = parts.into_iter();
    let name: String = from_redis_value(parts.next().ok_or_else(odd)?).map_err(|_| odd())?;
    match name.as_str() {
        "absent" => Err(ConfigError::NotFound),
        "expired" => Err(ConfigError::Expired),
        "found" => Ok(parts),
        _ => Err(damaged("the record does not start as one of version 1 does".into())),
    }
}

fn decode(answer: Value, execution: &ExecutionKey, number: u32) -> Result<(TaskRecord, Bytes), ConfigError> {
    let mut parts = outcome(answer)?;
    let mut next = || parts.next().unwrap_or(Value::Nil);
    let expires_at: Option<i64> = from_redis_value(next()).unwrap_or_default();
    let ttl: Option<u64> = from_redis_value(next()).unwrap_or_default();
    let text: Vec<u8> = from_redis_value(next()).unwrap_or_default();
    let config: Option<Vec<u8>> = from_redis_value(next()).unwrap_or_default();
    let id = TaskExecId { workflow: execution.id, number };
    let mut record = TaskRecord::decode(&text, &execution.tenant, id)?;
    record.expires_at = expires_at.map(Timestamp);
    record.ttl_ms = ttl.map_or(record.ttl_ms, Millis);
    let config = bodies::decode(&config.ok_or(ConfigError::NotFound)?.into(), record.config).map_err(damaged)?;
    Ok((record, config))
}

/// The execution of a task of a tenant.
pub(crate) fn execution_of(tenant: &TenantId, id: TaskExecId) -> ExecutionKey {
    ExecutionKey { tenant: tenant.clone(), id: id.workflow }
}
