//! What a scenario has done so far: its definition, its input, its execution and what became of it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures::TryStreamExt as _;
use serde_json::Value;

use crate::client::Tenant;
use crate::events::{Event, EventStream, TaskRef};
use crate::host::Host;

/// How often a scenario looks whether something that it has no events of has happened.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// Why a scenario could not begin: this host does not run its definition yet, and says so.
#[derive(Debug, thiserror::Error)]
#[error("not deployable yet: {0}")]
pub(crate) struct NotDeployable(pub(crate) String);

/// One scenario on its way.
pub(crate) struct World {
    pub(crate) host: Arc<Host>,
    pub(crate) tenant: Tenant,
    pub(crate) document: Option<String>,
    pub(crate) input: Option<Value>,
    execution: Option<Execution>,
    /// The id of the execution before this one.
    before: Option<String>,
}

/// An execution that was started.
struct Execution {
    id: String,
    stream: EventStream,
    events: Vec<Event>,
    /// What became of it, once somebody asked.
    ended: Option<Ended>,
}

/// An execution that has ended, with everything that it did.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    pub(crate) status: String,
    pub(crate) output: Option<Value>,
    pub(crate) error: Option<Value>,
    pub(crate) events: Vec<Event>,
    /// Its task executions, as the API shows them.
    pub(crate) tasks: Vec<Value>,
}

/// What the host says of a definition.
pub(crate) enum Verdict {
    /// It was deployed, under this `namespace/name` and version.
    Deployed { name: String, version: String },
    /// It was refused.
    Refused(Vec<Value>),
}

impl World {
    pub(crate) fn new(host: Arc<Host>, tenant: Tenant) -> Self {
        Self { host, tenant, document: None, input: None, execution: None, before: None }
    }

    /// The definition that the scenario is about.
    pub(crate) fn document(&self) -> Result<&str> {
        self.document.as_deref().context("the scenario has no workflow definition")
    }

    pub(crate) async fn deploy(&self, document: &str) -> Result<Verdict> {
        let (status, body) = self.tenant.put("/v1/workflows", document.to_owned()).await?;
        if status.is_success() {
            let text = |name: &str| body[name].as_str().map(str::to_owned).context("the answer lacks a name");
            return Ok(Verdict::Deployed { name: text("name")?, version: text("version")? });
        }
        match body["findings"].as_array() {
            Some(findings) => Ok(Verdict::Refused(findings.clone())),
            None => bail!("the definition cannot be deployed: {status} {body}"),
        }
    }

    /// Deploys a definition that must be good. One that this host alone refuses makes the scenario one for later.
    pub(crate) async fn deploy_or_fail(&self, document: &str) -> Result<(String, String)> {
        match self.deploy(document).await? {
            Verdict::Deployed { name, version } => Ok((name, version)),
            Verdict::Refused(findings) => {
                let shown = findings.iter().filter(|finding| finding["verdict"] != "lint").map(shown);
                let reason = shown.collect::<Vec<_>>().join("; ");
                ensure!(findings.iter().all(|finding| finding["verdict"] != "invalid"), "it is invalid: {reason}");
                Err(NotDeployable(reason).into())
            }
        }
    }

    /// Deploys the definition and starts it.
    pub(crate) async fn start(&mut self) -> Result<()> {
        let (name, version) = self.deploy_or_fail(self.document()?).await?;
        let path = format!("/v1/workflows/{name}/executions?version={version}");
        let input = self.input.take();
        let begun = self.begin(&path, input.as_ref()).await;
        self.input = input;
        begun
    }

    /// Begins an execution, which the next steps speak of.
    pub(crate) async fn begin(&mut self, path: &str, body: Option<&Value>) -> Result<()> {
        let (status, body) = self.tenant.post(path, body).await?;
        ensure!(status.is_success(), "the workflow cannot be started: {status} {body}");
        let id = body["id"].as_str().context("the answer has no id")?.to_owned();
        let stream = self.tenant.events(&id).await?;
        let execution = Execution { id, stream, events: Vec::new(), ended: None };
        self.before = self.execution.replace(execution).map(|before| before.id);
        Ok(())
    }

    /// The id of the execution before this one.
    pub(crate) fn before(&self) -> Option<&str> {
        self.before.as_deref()
    }

    /// The id of the execution.
    pub(crate) fn id(&self) -> Result<&str> {
        self.execution.as_ref().map(|execution| execution.id.as_str()).context("the workflow is not executed")
    }

    /// Waits for an event, which may have happened already. `what` names it for people.
    pub(crate) async fn wait_for(&mut self, what: &str, is_wanted: impl Fn(&Event) -> bool) -> Result<()> {
        let execution = self.execution.as_mut().context("the workflow is not executed")?;
        if execution.events.iter().any(&is_wanted) {
            return Ok(());
        }
        while let Some(event) = execution.stream.try_next().await? {
            let is_there = is_wanted(&event);
            execution.events.push(event);
            if is_there {
                return Ok(());
            }
        }
        let shown: Vec<String> = execution.events.iter().map(Event::shown).collect();
        bail!("{what} did not happen before the end; what happened: {}", shown.join(", "))
    }

    /// Asks something of the execution, `cancel`, `suspend` or `resume`, and waits until it has happened.
    pub(crate) async fn control(&mut self, verb: &str, happened: &str) -> Result<()> {
        let (status, body) = self.tenant.post(&format!("/v1/executions/{}/{verb}", self.id()?), None).await?;
        ensure!(status.is_success(), "the execution cannot be asked to {verb}: {status} {body}");
        let execution = self.execution.as_mut().context("the workflow is not executed")?;
        while let Some(event) = execution.stream.try_next().await? {
            let is_there = event.is_of_workflow(happened);
            execution.events.push(event);
            if is_there {
                return Ok(());
            }
        }
        bail!("the execution ended before it was {happened}")
    }

    /// Waits for the end of the execution, and reads everything that it did.
    pub(crate) async fn ended(&mut self) -> Result<&Ended> {
        let execution = self.execution.as_mut().context("the workflow is not executed")?;
        if execution.ended.is_none() {
            while let Some(event) = execution.stream.try_next().await? {
                execution.events.push(event);
            }
            let (id, events) = (execution.id.clone(), std::mem::take(&mut execution.events));
            execution.ended = Some(Ended::read(&self.tenant, &id, events).await?);
        }
        execution.ended.as_ref().context("the end was just read")
    }

    /// The executions of another workflow, once there are so many and all of them have ended.
    pub(crate) async fn executions(&self, workflow: &str, count: usize) -> Result<Vec<Ended>> {
        loop {
            let rows = self.tenant.all(&format!("/v1/executions?workflow={workflow}&")).await?;
            if rows.len() >= count && rows.iter().all(|row| row["ended_at"].is_string()) {
                let mut ended = Vec::new();
                // The newest comes first, and people count from the oldest.
                for row in rows.iter().rev() {
                    let id = row["id"].as_str().context("an execution has no id")?.to_owned();
                    let events = self.tenant.events(&id).await?.try_collect().await?;
                    ended.push(Ended::read(&self.tenant, &id, events).await?);
                }
                return Ok(ended);
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }
}

impl Ended {
    async fn read(tenant: &Tenant, id: &str, events: Vec<Event>) -> Result<Self> {
        let row = tenant.get(&format!("/v1/executions/{id}")).await?;
        let tasks = tenant.all(&format!("/v1/executions/{id}/tasks?")).await?;
        let status = row["status"].as_str().unwrap_or_default().to_owned();
        let (output, error) = (row.get("output").cloned(), row.get("error").cloned());
        Ok(Self { status, output, error, events, tasks })
    }

    /// Where events about a task stand among all of them: those with that verb.
    pub(crate) fn positions(&self, task: &str, verb: &str) -> Vec<usize> {
        let positions = self.events.iter().enumerate().filter(|(_, event)| event.is_of_task(task, verb));
        positions.map(|(position, _)| position).collect()
    }

    /// The visits of a task that began, in their order.
    pub(crate) fn visits(&self, task: &str) -> Vec<Visit<'_>> {
        let begun = self.positions(task, "started").into_iter();
        begun.filter_map(|from| Some(Visit { ended: self, task: self.events[from].task.as_ref()?, from })).collect()
    }

    /// The task executions of a task, as the API shows them.
    pub(crate) fn tasks_of<'a>(&'a self, task: &'a str) -> impl Iterator<Item = &'a Value> {
        let is_named = move |shown: &&Value| {
            let member = if task.starts_with('/') { "pointer" } else { "name" };
            shown[member].as_str() == Some(task)
        };
        self.tasks.iter().filter(is_named)
    }
}

/// One visit of a task, from its start on.
pub(crate) struct Visit<'a> {
    ended: &'a Ended,
    task: &'a TaskRef,
    /// Where its start stands among the events.
    pub(crate) from: usize,
}

impl<'a> Visit<'a> {
    /// Where its end stands among the events.
    pub(crate) fn to(&self) -> Option<usize> {
        let is_end = |event: &Event| {
            event.task.as_ref() == Some(self.task)
                && matches!(event.verb.as_str(), "completed" | "faulted" | "cancelled")
        };
        (self.from..self.ended.events.len()).find(|position| is_end(&self.ended.events[*position]))
    }

    pub(crate) fn began_at_ms(&self) -> i64 {
        self.ended.events[self.from].at_ms
    }

    pub(crate) fn end(&self) -> Option<&'a Event> {
        self.to().map(|position| &self.ended.events[position])
    }
}

/// A finding, in a line.
pub(crate) fn shown(finding: &Value) -> String {
    let text = |name: &str| finding[name].as_str().unwrap_or_default();
    format!("{}: {} [{}]", text("pointer"), text("message"), text("code"))
}
