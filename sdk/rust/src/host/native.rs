//! The host in tests: what the harness on this thread says.
//!
//! Without a harness it answers like the real host where no task runs: reads are denied, the log goes nowhere.

use std::cell::RefCell;
use std::rc::Rc;

use super::Refusal;
use crate::config::Error;
use crate::log::Level;
use crate::serde_json::Value;
use crate::testing::path;
use crate::testing::stage::Stage;

/// The most bytes that one read may answer, as in the contract.
const READ_BYTES_MAX: usize = 10 << 20;

thread_local! {
    static STAGE: RefCell<Option<Rc<Stage>>> = const { RefCell::new(None) };
}

/// Lets `call` find this stage as its host.
pub(crate) fn perform<T>(stage: &Rc<Stage>, call: impl FnOnce() -> T) -> T {
    /// Clears the stage, also when the task panics.
    struct Curtain(Option<Rc<Stage>>);
    impl Drop for Curtain {
        fn drop(&mut self) {
            STAGE.set(self.0.take());
        }
    }
    let _curtain = Curtain(STAGE.replace(Some(Rc::clone(stage))));
    call()
}

fn stage() -> Option<Rc<Stage>> {
    STAGE.with_borrow(Clone::clone)
}

fn stage_of(task_exec_id: &str) -> Option<Rc<Stage>> {
    stage().filter(|stage| stage.task_exec_id == task_exec_id)
}

pub(crate) fn fetch_config(task_exec_id: &str) -> Result<String, Error> {
    stage_of(task_exec_id).ok_or(Error::Denied)?.config.clone()
}

pub(crate) fn open_snapshot(task_exec_id: &str) -> Result<Snapshot, Refusal> {
    let stage = stage_of(task_exec_id).ok_or(Refusal::Denied)?;
    if stage.context_is_unavailable { Err(Refusal::Unavailable) } else { Ok(Snapshot(stage)) }
}

/// The handle on the values of the stage.
#[derive(Debug)]
pub(crate) struct Snapshot(Rc<Stage>);

impl Snapshot {
    pub(crate) fn get(&self, path: &str) -> Result<Option<String>, Refusal> {
        // The root has keys and no value.
        let found = if path.is_empty() { None } else { self.find(path)? };
        let text = found.map(Value::to_string);
        match text {
            Some(text) if text.len() > READ_BYTES_MAX => Err(Refusal::TooLarge(text.len() as u64)),
            text => Ok(text),
        }
    }

    pub(crate) fn keys(&self, path: &str) -> Result<Option<Vec<String>>, Refusal> {
        let Some(found) = self.find(path)? else { return Ok(None) };
        let object = found.as_object().ok_or(Refusal::WrongKind)?;
        Ok(Some(object.keys().cloned().collect()))
    }

    pub(crate) fn length(&self, path: &str) -> Result<Option<u32>, Refusal> {
        let Some(found) = self.find(path)? else { return Ok(None) };
        let array = found.as_array().map(Vec::len);
        let length = array.or_else(|| found.as_object().map(|object| object.len())).ok_or(Refusal::WrongKind)?;
        Ok(Some(u32::try_from(length).unwrap_or(u32::MAX)))
    }

    fn find(&self, path: &str) -> Result<Option<&Value>, Refusal> {
        path::find(&self.0.root, path).map_err(Refusal::InvalidPath)
    }

    pub(crate) fn attempt(&self) -> u32 {
        self.0.attempt
    }

    pub(crate) fn round(&self) -> u32 {
        self.0.round
    }

    pub(crate) fn idempotency_key(&self) -> String {
        self.0.idempotency_key.clone()
    }

    pub(crate) fn deadline_ms(&self) -> u64 {
        self.0.deadline_ms
    }
}

pub(crate) fn write_log(level: Level, message: &str, fields: Vec<(String, String)>) {
    if let Some(stage) = stage() {
        stage.write_log(level, message, fields);
    }
}

pub(crate) fn report_progress(fraction: f64, message: Option<&str>) {
    if let Some(stage) = stage() {
        stage.report_progress(fraction, message);
    }
}

pub(crate) fn is_cancelled() -> bool {
    stage().is_some_and(|stage| stage.is_cancelled)
}
