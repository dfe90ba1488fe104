//! What a task reads of its workflow: straight from the shared values, copying nothing but the answer.
//!
//! The values of a task that another process dispatched are fetched when the guest asks for them, and only those. The guest waits meanwhile, on the
//! wall's time and not on the processor's.

use std::io;
use std::sync::Arc;

use sandmill_abi::v0_1::sandmill::task::context::{self as contract, ContextError, Snapshot};
use sandmill_core::machine::{Dispatch, WorkflowInfo};
use sandmill_core::value::Value;
use sandmill_engine::ports::{Remote, TaskMessage};
use wasmtime::component::{HasSelf, Linker, Resource};

use super::Call;
use super::path::{Path, Step};
use crate::live::{Live, Task};
use crate::outcome::Stop;

/// What a tenant's tasks may read.
pub(super) struct Context {
    answer_bytes_max: usize,
}

impl Default for Context {
    /// From the contract.
    fn default() -> Self {
        Self { answer_bytes_max: 10 << 20 }
    }
}

pub(super) fn link(linker: &mut Linker<Call>) -> wasmtime::Result<()> {
    contract::add_to_linker::<Call, HasSelf<Call>>(linker, |call| call)
}

impl contract::Host for Call {
    fn open(&mut self, task_exec_id: String) -> wasmtime::Result<Result<Resource<Snapshot>, ContextError>> {
        self.count()?;
        let is_own = self.live.task_of(&task_exec_id).is_some();
        // A call has one snapshot, so a handle needs no number.
        Ok(if is_own { Ok(Resource::new_own(0)) } else { Err(ContextError::Denied) })
    }
}

impl contract::HostSnapshot for Call {
    async fn get(
        &mut self,
        _: Resource<Snapshot>,
        path: String,
    ) -> wasmtime::Result<Result<Option<String>, ContextError>> {
        self.count()?;
        let bytes_max = self.capabilities.context.answer_bytes_max;
        Ok(match find(&self.live, &path).await? {
            Ok(Some(Place::Value(value))) => text(&value, bytes_max).map(Some),
            Ok(Some(Place::Root(_)) | None) => Ok(None),
            Err(error) => Err(error),
        })
    }

    async fn keys(
        &mut self,
        _: Resource<Snapshot>,
        path: String,
    ) -> wasmtime::Result<Result<Option<Vec<String>>, ContextError>> {
        self.count()?;
        let bytes_max = self.capabilities.context.answer_bytes_max;
        Ok(find(&self.live, &path).await?.and_then(|place| place.map(|place| keys(&place, bytes_max)).transpose()))
    }

    async fn length(
        &mut self,
        _: Resource<Snapshot>,
        path: String,
    ) -> wasmtime::Result<Result<Option<u32>, ContextError>> {
        self.count()?;
        Ok(find(&self.live, &path).await?.and_then(|place| place.as_ref().map(length).transpose()))
    }

    fn attempt(&mut self, _: Resource<Snapshot>) -> wasmtime::Result<u32> {
        self.dispatch(|dispatch| dispatch.attempt)
    }

    fn round(&mut self, _: Resource<Snapshot>) -> wasmtime::Result<u32> {
        self.dispatch(|dispatch| dispatch.round)
    }

    fn idempotency_key(&mut self, _: Resource<Snapshot>) -> wasmtime::Result<String> {
        self.dispatch(|dispatch| dispatch.idempotency_key.to_string())
    }

    fn deadline(&mut self, _: Resource<Snapshot>) -> wasmtime::Result<u64> {
        self.count()?;
        Ok(u64::try_from(self.live.deadline().0).unwrap_or(0))
    }

    fn drop(&mut self, _: Resource<Snapshot>) -> wasmtime::Result<()> {
        Ok(())
    }
}

/// Where a path leads.
enum Place<'a> {
    /// To the root, which has members and is no value.
    Root(&'a Task),
    Value(Value),
}

impl Call {
    fn dispatch<T>(&mut self, read: impl FnOnce(&Dispatch) -> T) -> wasmtime::Result<T> {
        self.count()?;
        let task = self.live.task().ok_or_else(|| wasmtime::Error::msg("there is no task"))?;
        Ok(read(&task.message.dispatch))
    }
}

/// Where the path leads, if anything stands there.
async fn find<'a>(live: &'a Live, path: &str) -> wasmtime::Result<Result<Option<Place<'a>>, ContextError>> {
    // A snapshot exists only where `open` gave one, which it does for a task alone.
    let Some(task) = live.task() else { return Ok(Err(ContextError::Denied)) };
    let path = match Path::parse(path) {
        Ok(path) => path,
        Err(reason) => return Ok(Err(ContextError::InvalidPath(reason))),
    };
    let Some((first, rest)) = path.steps().split_first() else { return Ok(Ok(Some(Place::Root(task)))) };
    let Step::Name(name) = first else { return Ok(Ok(None)) };
    let (value, rest) = match &task.message.remote {
        None => (member(&task.message.dispatch, name), rest),
        // In a box of its own, so that the reads of a task of this process stay small.
        Some(remote) => Box::pin(fetch(task, remote, (name, rest))).await.map_err(wasmtime::Error::new)?,
    };
    let found = value.and_then(|value| rest.iter().try_fold(value, |value, step| path.down(&value, step)));
    Ok(Ok(found.map(Place::Value)))
}

/// Fetches the member of a task that another process dispatched, and says which steps are left from there.
async fn fetch<'p>(
    task: &Task,
    remote: &Arc<Remote>,
    (name, rest): (&str, &'p [Step<'p>]),
) -> Result<(Option<Value>, &'p [Step<'p>]), Stop> {
    let Some(name) = members(task).find(|member| *member == name) else { return Ok((None, rest)) };
    let (inner, rest) = match rest.split_first() {
        // The context holds whatever a workflow keeps in it; the other members are of one piece.
        Some((Step::Name(inner), after)) if name == "context" && !may_be_index(inner) => {
            (Some(inner.clone().into_owned()), after)
        }
        _ => (None, rest),
    };
    let remote = Arc::clone(remote);
    let fetched = task.home.run(async move { remote.context.member(name, inner.as_deref()).await });
    let value = fetched.await.map_err(Stop::Host)?.map_err(Stop::Context)?;
    Ok((value, rest))
}

/// A name of a pointer may mean an element, where an array stands.
fn may_be_index(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// The members at the root that exist for this task.
fn members(task: &Task) -> impl Iterator<Item = &'static str> {
    let TaskMessage { dispatch, remote, .. } = &task.message;
    let has_item = match remote {
        None => dispatch.context.item().is_some(),
        Some(remote) => remote.context.has_item(),
    };
    let in_a_loop = if has_item { ["item", "index"].as_slice() } else { &[] };
    ["context", "input", "workflow", "vars"].iter().chain(in_a_loop).copied()
}

fn keys(place: &Place<'_>, bytes_max: usize) -> Result<Vec<String>, ContextError> {
    let keys = match place {
        Place::Root(task) => members(task).map(str::to_owned).collect(),
        Place::Value(value) => value.keys().ok_or(ContextError::WrongKind)?,
    };
    // As JSON: each name with its quotes and a comma.
    let bytes = keys.iter().map(|key| key.len() + 3).sum::<usize>() + 1;
    if bytes > bytes_max { Err(ContextError::TooLarge(bytes as u64)) } else { Ok(keys) }
}

fn length(place: &Place<'_>) -> Result<u32, ContextError> {
    let length = match place {
        Place::Root(task) => members(task).count(),
        Place::Value(value) => value.length().ok_or(ContextError::WrongKind)?,
    };
    Ok(u32::try_from(length).unwrap_or(u32::MAX))
}

fn member(dispatch: &Dispatch, name: &str) -> Option<Value> {
    let context = &dispatch.context;
    match name {
        "context" => Some(context.context().clone()),
        "input" => Some(context.input().clone()),
        "workflow" => Some(describe(context.workflow())),
        "vars" => Some(context.variables()),
        "item" => context.item().map(|(item, _)| item.clone()),
        "index" => context.item().map(|(_, index)| Value::from(index)),
        _ => None,
    }
}

fn describe(workflow: &WorkflowInfo) -> Value {
    let name = &workflow.name;
    Value::object([
        ("id", Value::from(workflow.id.to_string())),
        ("name", Value::from(format!("{}/{}", name.namespace, name.name))),
        ("version", Value::from(&*name.version)),
        ("input", workflow.input.clone()),
    ])
}

/// The JSON text of a value, unless it is larger than it may be.
fn text(value: &Value, bytes_max: usize) -> Result<String, ContextError> {
    let mut sink = Bounded { text: Vec::new(), bytes_max, bytes: 0 };
    match value.write_json(&mut sink) {
        Ok(()) => Ok(String::from_utf8(sink.text).expect("JSON text is made of text")),
        Err(_) => Err(ContextError::TooLarge(sink.bytes as u64)),
    }
}

/// Refuses what goes over, so that a value of any size costs no more than what may be read.
struct Bounded {
    text: Vec<u8>,
    bytes_max: usize,
    /// What was written, with the part that was refused.
    bytes: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len();
        if self.bytes > self.bytes_max {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_bounded_at_its_limit() {
        let value = Value::from("12345678");
        assert_eq!(text(&value, 10).unwrap(), "\"12345678\"");
        assert!(matches!(text(&value, 9), Err(ContextError::TooLarge(10))));
    }
}
