//! `run`: other workflows. Containers, scripts and shell commands are checked, and not supported.

use super::compiler::Compiler;
use super::expressions::Sight;
use super::findings::Spot;
use super::report::{MISSING_PROPERTY, NOT_SUPPORTED, UNKNOWN_PROPERTY};
use super::task::Task;
use super::tree::Place;
use crate::definition::{Kind, Subflow};
use crate::expression::Template;
use crate::value::Value;

/// The version that means the newest one.
const LATEST: &str = "latest";

const PROCESSES: [&str; 4] = ["container", "script", "shell", "workflow"];

impl<'t> Compiler<'t, '_> {
    pub(super) fn run(&mut self, task: Task<'t, '_>) -> Option<Kind> {
        let place = task.place.get("run")?;
        if !self.closed(place, "`run`", &["await", "return", "container", "script", "shell", "workflow"]) {
            return None;
        }
        self.boolean_of(place, "await");
        if let Some(kind) = place.get("return") {
            self.word(kind, "`return`", &["stdout", "stderr", "code", "all", "none"]);
        }
        let (kind, process) = self.one_of(place, "`run`", &PROCESSES)?;
        if kind == "workflow" {
            return self.subflow(place, process, task).map(|subflow| Kind::Subflow(Box::new(subflow)));
        }
        match kind {
            "container" => self.container(process, task.sight()),
            "script" => self.script(process, task.sight()),
            _ => self.shell(process),
        }
        // Code has a `${` of its own in many languages.
        for member in process.children().filter(|member| member.name() != Some("code")) {
            self.template(member, task.sight());
        }
        self.unsupported(process, &format!("`run.{kind}`"));
        None
    }

    fn container(&mut self, place: Place<'t>, sight: Sight<'_>) {
        let known = [
            "image",
            "name",
            "command",
            "ports",
            "volumes",
            "environment",
            "stdin",
            "arguments",
            "lifetime",
            "pullPolicy",
        ];
        if !self.closed(place, "`container`", &known) {
            return;
        }
        self.required(place, "`container`", "image");
        self.texts(place, &["image", "name", "command", "stdin"]);
        for name in ["ports", "volumes", "environment"] {
            self.object_of(place, name);
        }
        self.texts_of(place, "arguments");
        if let Some(policy) = place.get("pullPolicy") {
            self.word(policy, "`pullPolicy`", &["ifNotPresent", "always", "never"]);
        }
        if let Some(lifetime) = place.get("lifetime") {
            self.lifetime(lifetime, sight);
        }
    }

    fn lifetime(&mut self, place: Place<'t>, sight: Sight<'_>) {
        if !self.closed(place, "`lifetime`", &["cleanup", "after"]) {
            return;
        }
        self.span_of(place, "after", sight);
        let Some(cleanup) = self.required(place, "`lifetime`", "cleanup") else { return };
        let is_eventual = self.word(cleanup, "`cleanup`", &["always", "never", "eventually"]) == Some("eventually");
        match (is_eventual, place.get("after")) {
            (true, None) => {
                self.refuse(Spot::Name(place), MISSING_PROPERTY, "`cleanup: eventually` needs `after`");
            }
            (false, Some(after)) => {
                self.refuse(Spot::Name(after), UNKNOWN_PROPERTY, "`after` belongs to `cleanup: eventually`");
            }
            _ => {}
        }
    }

    fn script(&mut self, place: Place<'t>, sight: Sight<'_>) {
        let known = ["language", "stdin", "arguments", "environment", "code", "source"];
        if !self.closed(place, "`script`", &known) {
            return;
        }
        self.required(place, "`script`", "language");
        self.texts(place, &["language", "stdin"]);
        self.texts_of(place, "arguments");
        self.object_of(place, "environment");
        match self.one_of(place, "`script`", &["code", "source"]) {
            Some(("source", source)) => self.resource(source, sight),
            Some((_, code)) => drop(self.text(code, "`code`")),
            None => {}
        }
    }

    fn shell(&mut self, place: Place<'t>) {
        if !self.closed(place, "`shell`", &["command", "stdin", "arguments", "environment"]) {
            return;
        }
        self.required(place, "`shell`", "command");
        self.texts(place, &["command", "stdin"]);
        self.texts_of(place, "arguments");
        self.object_of(place, "environment");
    }

    fn subflow(&mut self, run: Place<'t>, place: Place<'t>, task: Task<'t, '_>) -> Option<Subflow> {
        if !self.closed(place, "`workflow`", &["namespace", "name", "version", "input"]) {
            return None;
        }
        if let Some(kind) = run.get("return") {
            let message = "a workflow has one output and no streams, so `return` chooses nothing here";
            self.refuse_for(Spot::Name(kind), NOT_SUPPORTED, message, "leave `return` out".into());
        }
        let mut label = |name: &str| {
            let member = self.required(place, "`workflow`", name)?;
            let text = self.text(member, &format!("`{name}`"))?;
            if text.contains("${") {
                let message = format!("this host does not support expressions in `{name}`");
                self.refuse(Spot::Value(member), NOT_SUPPORTED, message);
                return None;
            }
            Some(std::sync::Arc::<str>::from(&*text))
        };
        let (namespace, name, version) = (label("namespace"), label("name"), label("version"));
        let input = match self.object_of(place, "input") {
            Some(input) => self.template(input, task.sight()),
            None => Template::constant(Value::object::<&str>([])),
        };
        let is_awaited = run.get("await").and_then(|wait| wait.value().as_bool()).unwrap_or(true);
        let version = version?;
        let version = (&*version != LATEST).then_some(version);
        Some(Subflow { namespace: namespace?, name: name?, version, input, is_awaited })
    }
}
