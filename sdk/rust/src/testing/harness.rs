//! The builder and the run.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::stage::{LogLine, Progress, Stage};
use crate::glue::{self, Task};
use crate::host;
use crate::serde_json::{self, Value, json};
use crate::{Problem, config};

/// One simulated task execution.
///
/// What is not given has a plain value: an empty object as config, `$context`, input and variables, the first attempt
/// and round, and a deadline 60 s ahead.
#[derive(Debug)]
pub struct Harness {
    stage: Rc<Stage>,
}

/// The JSON Schemas (draft 2020-12) of a plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct Schemas {
    /// What a config must match.
    pub config: Value,
    /// What every output matches.
    pub output: Value,
}

/// What the task finds.
impl Harness {
    /// A task execution with plain values.
    #[must_use]
    pub fn new() -> Self {
        let workflow = json!({ "id": "test-execution", "name": "test", "version": "0.1.0", "input": {} });
        let deadline = SystemTime::now() + Duration::from_secs(60);
        let stage = Stage {
            task_exec_id: "test-execution-1".to_owned(),
            config: Ok("{}".to_owned()),
            root: json!({ "context": {}, "input": {}, "workflow": workflow, "vars": {} }),
            context_is_unavailable: false,
            attempt: 1,
            round: 1,
            idempotency_key: "test-key".to_owned(),
            deadline_ms: milliseconds(deadline),
            is_cancelled: false,
            log: Vec::new().into(),
            progress: Vec::new().into(),
        };
        Self { stage: Rc::new(stage) }
    }

    /// The config, as the workflow's `with` would give it.
    #[must_use]
    pub fn config(self, value: impl Serialize) -> Self {
        self.set(|stage| stage.config = Ok(to_json(value).to_string()))
    }

    /// Why there is no config.
    #[must_use]
    pub fn config_error(self, error: config::Error) -> Self {
        self.set(|stage| stage.config = Err(error))
    }

    /// The workflow's `$context`.
    #[must_use]
    pub fn context(self, value: impl Serialize) -> Self {
        self.member("context", value)
    }

    /// Lets every read of the context fail as if its store could not be reached.
    #[must_use]
    pub fn context_unavailable(self) -> Self {
        self.set(|stage| stage.context_is_unavailable = true)
    }

    /// The task's input.
    #[must_use]
    pub fn input(self, value: impl Serialize) -> Self {
        self.member("input", value)
    }

    /// The input of the whole workflow.
    #[must_use]
    pub fn workflow_input(self, value: impl Serialize) -> Self {
        self.set(|stage| stage.root["workflow"]["input"] = to_json(value))
    }

    /// A variable of a loop or a catch.
    #[must_use]
    pub fn var(self, name: &str, value: impl Serialize) -> Self {
        self.set(|stage| stage.root["vars"][name] = to_json(value))
    }

    /// The item of the loop around the task.
    #[must_use]
    pub fn item(self, value: impl Serialize) -> Self {
        self.member("item", value)
    }

    /// The number of that item, counted from 0.
    #[must_use]
    pub fn index(self, index: u32) -> Self {
        self.member("index", index)
    }

    /// Which dispatch of the task it is.
    #[must_use]
    pub fn attempt(self, attempt: u32) -> Self {
        self.set(|stage| stage.attempt = attempt)
    }

    /// Which pass over the `try` list it is.
    #[must_use]
    pub fn round(self, round: u32) -> Self {
        self.set(|stage| stage.round = round)
    }

    /// The idempotency key.
    #[must_use]
    pub fn idempotency_key(self, key: &str) -> Self {
        self.set(|stage| stage.idempotency_key = key.to_owned())
    }

    /// When the host would stop the call. Nothing stops it here.
    #[must_use]
    pub fn deadline(self, deadline: SystemTime) -> Self {
        self.set(|stage| stage.deadline_ms = milliseconds(deadline))
    }

    /// Lets the task be cancelled from the start.
    #[must_use]
    pub fn cancelled(self) -> Self {
        self.set(|stage| stage.is_cancelled = true)
    }

    fn member(self, name: &str, value: impl Serialize) -> Self {
        self.set(|stage| stage.root[name] = to_json(value))
    }

    fn set(mut self, change: impl FnOnce(&mut Stage)) -> Self {
        change(Rc::make_mut(&mut self.stage));
        self
    }
}

/// What the task does.
impl Harness {
    /// Runs the function as the host would, and gives its output. The output is encoded on the way, so that one
    /// without a form in JSON is found here.
    pub fn run<Form, T: Task<Form>>(&self, task: T) -> Result<T::Output, Problem> {
        host::perform(&self.stage, || {
            let output = glue::call(&task, &self.stage.task_exec_id)?;
            glue::encode(&output)?;
            Ok(output)
        })
    }

    /// Runs the function as the host would, and gives its output as the workflow sees it.
    pub fn run_to_json<Form, T: Task<Form>>(&self, task: T) -> Result<Value, Problem> {
        let text = host::perform(&self.stage, || glue::run(&task, &self.stage.task_exec_id))?;
        Ok(serde_json::from_str(&text).expect("the glue encodes outputs as JSON"))
    }

    /// The JSON Schemas of the function's config and output, as the host learns them.
    pub fn schemas<Form, T: Task<Form>>(&self, _task: T) -> Schemas {
        Schemas { config: glue::config_schema::<T::Config>(), output: glue::output_schema::<T::Output>() }
    }

    /// The lines that the task wrote, in order, over all runs of this harness.
    #[must_use]
    pub fn log(&self) -> Vec<LogLine> {
        self.stage.log.borrow().clone()
    }

    /// The reports of progress, in order, over all runs of this harness.
    #[must_use]
    pub fn progress(&self) -> Vec<Progress> {
        self.stage.progress.borrow().clone()
    }
}

impl Default for Harness {
    fn default() -> Self {
        Self::new()
    }
}

fn to_json(value: impl Serialize) -> Value {
    serde_json::to_value(value).expect("a value given to the harness has a form in JSON")
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
