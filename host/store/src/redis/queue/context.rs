//! Values of a context, on both sides: written once by the engine, read as late as possible by a worker, and kept there for the next task.
//!
//! What is kept is kept by tenant, execution and digest, so that nothing of one is ever seen by another. However many tasks ask for the same value at
//! the same time, it comes over the wire once.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use moka::future::Cache;
use sandmill_core::codec::INLINE_BYTES_MAX;
use sandmill_core::ids::Digest;
use sandmill_core::time::Millis;
use sandmill_core::value::{DigestMemo, Value};
use sandmill_engine::ports::{ExecutionKey, RemoteContext};

use super::super::metrics::{CONTEXT_HITS, CONTEXT_MISSES};
use super::super::record::{ContextRef, TaskRecord, ValueRef};
use super::super::records::Records;
use super::assignment::inline;

/// What a value takes in memory for each byte of its text, about: small strings and numbers are 16 bytes each.
const BYTES_PER_TEXT_BYTE: u32 = 3;

/// Bytes of texts that an engine keeps, so that a context that many tasks share is written once.
const TEXT_BYTES_MAX: u64 = 32 << 20;

/// The texts of values that the engine sends.
pub(super) struct Texts {
    memo: Mutex<DigestMemo>,
    texts: moka::sync::Cache<Digest, Bytes>,
}

impl Default for Texts {
    fn default() -> Self {
        let weight = |_: &Digest, text: &Bytes| u32::try_from(text.len()).unwrap_or(u32::MAX);
        Self {
            memo: Mutex::default(),
            texts: moka::sync::Cache::builder().max_capacity(TEXT_BYTES_MAX).weigher(weight).build(),
        }
    }
}

impl Texts {
    /// A reference to a value, with the body that it needs.
    pub(super) fn refer(&self, value: &Value) -> (ValueRef, Option<(Digest, Bytes)>) {
        let (digest, fresh) = self.memo.lock().unwrap_or_else(PoisonError::into_inner).digest_of(value);
        let text = fresh.or_else(|| self.texts.get(&digest)).unwrap_or_else(|| value.to_json().into());
        if text.len() <= INLINE_BYTES_MAX {
            return ValueRef::of(text);
        }
        self.texts.insert(digest, text.clone());
        (ValueRef::Digest(digest), Some((digest, text)))
    }
}

/// The values that a worker keeps.
pub(super) struct ContextValues {
    records: Records,
    kept: Cache<(ExecutionKey, Digest), (Value, u32)>,
}

impl ContextValues {
    pub(super) fn new(records: Records, bytes_max: u64) -> Self {
        let kept = Cache::builder().max_capacity(bytes_max).weigher(|_, (_, bytes)| *bytes).build();
        Self { records, kept }
    }

    async fn value(&self, execution: &ExecutionKey, digest: Digest, ttl: Millis) -> Result<Value, String> {
        let key = (execution.clone(), digest);
        if let Some((value, _)) = self.kept.get(&key).await {
            metrics::counter!(CONTEXT_HITS).increment(1);
            return Ok(value);
        }
        let fetched = self.kept.try_get_with(key, self.fetch(execution, digest, ttl)).await;
        fetched.map(|(value, _)| value).map_err(|reason| reason.as_str().to_owned())
    }

    async fn fetch(&self, execution: &ExecutionKey, digest: Digest, ttl: Millis) -> Result<(Value, u32), String> {
        metrics::counter!(CONTEXT_MISSES).increment(1);
        let body = self.records.body(execution, digest, ttl).await.map_err(|error| error.to_string())?;
        let text = body.ok_or_else(|| format!("the value {digest} is not in Redis"))?;
        let value = Value::from_json(&text).map_err(|error| error.to_string())?;
        let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX).saturating_mul(BYTES_PER_TEXT_BYTE);
        Ok((value, bytes))
    }
}

/// The context of one task.
pub(super) struct RecordContext {
    execution: ExecutionKey,
    record: TaskRecord,
    values: Arc<ContextValues>,
}

impl RecordContext {
    pub(super) const fn new(execution: ExecutionKey, record: TaskRecord, values: Arc<ContextValues>) -> Self {
        Self { execution, record, values }
    }

    async fn resolve(&self, reference: &ValueRef) -> Result<Value, String> {
        match (inline(reference), reference.digest()) {
            (Some(value), _) => value,
            (None, Some(digest)) => self.values.value(&self.execution, digest, self.record.ttl_ms).await,
            (None, None) => Err("a reference leads nowhere".into()),
        }
    }

    /// An object of these members, or the one of them that is wanted.
    async fn object(&self, members: &[(String, ValueRef)], inner: Option<&str>) -> Result<Option<Value>, String> {
        if let Some(inner) = inner {
            let Some((_, reference)) = members.iter().find(|(name, _)| name == inner) else { return Ok(None) };
            return self.resolve(reference).await.map(Some);
        }
        let mut resolved = Vec::with_capacity(members.len());
        for (name, reference) in members {
            resolved.push((name.as_str(), self.resolve(reference).await?));
        }
        Ok(Some(Value::object(resolved)))
    }

    async fn of(&self, reference: Option<&ValueRef>, inner: Option<&str>) -> Result<Option<Value>, String> {
        let Some(reference) = reference else { return Ok(None) };
        let value = self.resolve(reference).await?;
        Ok(match inner {
            Some(inner) => value.get(inner),
            None => Some(value),
        })
    }

    async fn workflow(&self, inner: Option<&str>) -> Result<Option<Value>, String> {
        let Some(workflow) = &self.record.workflow else { return Ok(None) };
        let text = |text: &str| Value::from(text);
        match inner {
            Some("id") => Ok(Some(text(&workflow.id.to_string()))),
            Some("name") => Ok(Some(text(&workflow.name))),
            Some("version") => Ok(Some(text(&workflow.version))),
            Some("input") => self.resolve(&workflow.input).await.map(Some),
            Some(_) => Ok(None),
            None => {
                let input = self.resolve(&workflow.input).await?;
                Ok(Some(Value::object([
                    ("id", text(&workflow.id.to_string())),
                    ("name", text(&workflow.name)),
                    ("version", text(&workflow.version)),
                    ("input", input),
                ])))
            }
        }
    }
}

#[async_trait]
impl RemoteContext for RecordContext {
    async fn member(&self, name: &str, inner: Option<&str>) -> Result<Option<Value>, String> {
        let record = &self.record;
        match name {
            "context" => match &record.context {
                Some(ContextRef::Members(members)) => self.object(members, inner).await,
                Some(ContextRef::Whole(whole)) => self.of(Some(whole), inner).await,
                None => Ok(None),
            },
            "vars" => self.object(&record.vars, inner).await,
            "input" => self.of(record.input.as_ref(), inner).await,
            "workflow" => self.workflow(inner).await,
            "item" => self.of(record.item.as_ref(), inner).await,
            "index" => Ok(record.index.filter(|_| inner.is_none()).map(Value::from)),
            _ => Ok(None),
        }
    }

    fn has_item(&self) -> bool {
        self.record.item.is_some()
    }
}
