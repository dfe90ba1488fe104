//! Options of this host, which stand in `metadata`: the specification leaves it open.
//!
//! An option that has no effect yet is refused and never skipped in silence. Members that are none of ours are somebody else's, and left alone.

use super::compiler::Compiler;
use super::findings::Spot;
use super::properties::listed;
use super::report::{HOST_OPTION, NO_EFFECT, NOT_SUPPORTED, OTHERWISE_ELSEWHERE, SEQUENTIAL_ELSEWHERE, WRONG_OPTION};
use super::task::Task;
use super::tree::Place;
use crate::definition::{AttemptPolicy, CallOptions, Map, Priority, Strategy};
use crate::ids::QueueName;
use crate::time::Millis;

/// Items in flight where a map says nothing.
const CONCURRENCY_DEFAULT: u32 = 10;

/// Items in flight that a map may ask for, and items in a batch.
const ITEMS_MAX: i64 = 1_000_000;

/// Attempts of a task that a policy may ask for.
const ATTEMPTS_MAX: i64 = 1_000;

/// The shortest time that a config may be kept: one that is gone before a worker has looked for it helps nobody.
const CONFIG_TTL_MIN: Millis = Millis(60 * 1_000);

/// The longest, 365 days: what is kept for longer belongs into a store of the workflow's own.
const CONFIG_TTL_MAX: Millis = Millis(365 * 24 * 60 * 60 * 1_000);

/// What the metadata of the document says of whole executions.
#[derive(Default)]
pub(super) struct DocumentOptions {
    pub(super) retention: Option<Millis>,
    pub(super) config_ttl: Option<Millis>,
}

/// What the metadata of a task says.
#[derive(Default)]
pub(super) struct TaskOptions {
    pub(super) call: CallOptions,
    pub(super) map: Option<Map>,
    pub(super) fork: ForkPolicy,
}

/// `metadata.fork`.
#[derive(Default)]
pub(super) struct ForkPolicy {
    pub(super) strategy: Option<Strategy>,
    /// The places of the branches whose fault faults the fork.
    pub(super) critical: Vec<usize>,
    pub(super) concurrency: Option<u32>,
}

impl<'t> Compiler<'t, '_> {
    /// `document.metadata`: defaults for tasks, and how long executions and configs are kept.
    pub(super) fn document_metadata(&mut self, document: Place<'t>) -> DocumentOptions {
        let Some(metadata) = self.object_of(document, "metadata") else { return DocumentOptions::default() };
        self.host_options(metadata, &["defaults", "config", "retention", "schedule", "cancellation"]);
        for name in ["schedule", "cancellation"] {
            if let Some(option) = metadata.get(name) {
                self.unsupported(option, &format!("`metadata.{name}` of a document"));
            }
        }
        if let Some(defaults) = metadata.get("defaults")
            && self.options(defaults, "`metadata.defaults`", &["timeout", "retry", "queue"])
        {
            self.defaults.timeout = self.duration_of(defaults, "timeout");
            self.defaults.retry = defaults.get("retry").and_then(|retry| self.attempts(retry));
            self.defaults.queue = self.queue(defaults).unwrap_or_default();
        }
        DocumentOptions { retention: self.duration_of(metadata, "retention"), config_ttl: self.config_ttl(metadata) }
    }

    /// `metadata.config.ttl`: how long the config of a task is kept.
    fn config_ttl(&mut self, metadata: Place<'t>) -> Option<Millis> {
        let config = metadata.get("config").filter(|config| self.options(*config, "`metadata.config`", &["ttl"]))?;
        let ttl = self.duration_of(config, "ttl")?;
        if (CONFIG_TTL_MIN..=CONFIG_TTL_MAX).contains(&ttl) {
            return Some(ttl);
        }
        let member = config.get("ttl")?;
        let message = format!("`ttl` must be from a minute to 365 days, and is {}", member.value());
        self.wrong_option(member, message, "write for example `P1D`");
        None
    }

    /// `queue`: the name of the queue that a task waits in.
    fn queue(&mut self, place: Place<'t>) -> Option<QueueName> {
        let member = place.get("queue")?;
        let queue = member.text().and_then(|name| QueueName::new(&name).ok());
        if queue.is_none() {
            let message = format!(
                "`queue` must have 1 to 63 lower-case letters, digits and inner hyphens, and is {}",
                member.value()
            );
            self.wrong_option(member, message, "write for example `queue: gpu`");
        }
        queue
    }

    /// `priority`: which of the waiting tasks comes first.
    fn priority(&mut self, place: Place<'t>) -> Option<Priority> {
        let member = place.get("priority")?;
        let priority = member.text().and_then(|word| Priority::from_word(&word));
        if priority.is_none() {
            let message = format!("{} is no priority", member.value());
            self.wrong_option(member, message, "write `high`, `normal` or `low`");
        }
        priority
    }

    pub(super) fn task_metadata(&mut self, task: Task<'t, '_>, kind: &str) -> TaskOptions {
        let mut options = TaskOptions::default();
        options.call.retry = self.defaults.retry;
        options.call.queue = self.defaults.queue.clone();
        let Some(metadata) = self.object_of(task.place, "metadata") else { return options };
        self.host_options(metadata, &["for", "fork", "task"]);
        if let Some(fork) = metadata.get("fork") {
            match kind {
                "fork" => options.fork = self.fork_policy(fork, task),
                _ => self.refuse(Spot::Name(fork), NO_EFFECT, "`metadata.fork` has an effect on `fork` tasks only"),
            }
        }
        if let Some(map) = metadata.get("for") {
            match kind {
                "for" => options.map = self.map(map, task),
                _ => self.refuse(Spot::Name(map), NO_EFFECT, "`metadata.for` has an effect on `for` tasks only"),
            }
        }
        if let Some(own) = metadata.get("task") {
            self.call_options(own, kind, &mut options.call);
        }
        options
    }

    /// `metadata.task`: how a call is run.
    fn call_options(&mut self, own: Place<'t>, kind: &str, options: &mut CallOptions) {
        let supported = ["queue", "priority", "retry"];
        let not_yet = ["heartbeat", "scheduleToStart", "limits"];
        if !self.options(own, "`metadata.task`", &[&supported[..], &not_yet].concat()) {
            return;
        }
        for name in not_yet {
            if let Some(option) = own.get(name) {
                self.unsupported(option, &format!("`metadata.task.{name}`"));
            }
        }
        for option in supported.into_iter().filter(|_| kind != "call").filter_map(|name| own.get(name)) {
            let name = option.name().unwrap_or_default();
            let message = format!("`metadata.task.{name}` has an effect on `call` tasks only");
            self.refuse(Spot::Name(option), NO_EFFECT, message);
        }
        if let Some(retry) = own.get("retry") {
            options.retry = self.attempts(retry);
        }
        if let Some(queue) = self.queue(own) {
            options.queue = queue;
        }
        options.priority = self.priority(own).unwrap_or_default();
    }

    /// Says of each option that no other runtime knows it.
    fn host_options(&mut self, metadata: Place<'t>, names: &[&str]) {
        for name in names {
            if let Some(option) = metadata.get(name) {
                let message = format!("`metadata.{name}` is an option of this host, which other runtimes ignore");
                let suggestion = "leave it out where the document is to mean the same to every runtime".into();
                self.refuse_for(Spot::Name(option), HOST_OPTION, message, suggestion);
            }
        }
    }

    /// True for an object. Anything else, and members that are no options, are reported.
    fn options(&mut self, place: Place<'t>, what: &str, known: &[&str]) -> bool {
        if !place.is_object() {
            self.refuse(Spot::Value(place), WRONG_OPTION, format!("{what} must be an object"));
            return false;
        }
        self.members_known(place, what, known, false);
        true
    }

    /// How often the platform repeats a task whose problem may pass: `{ attempts, delay, factor, maxDelay }`.
    fn attempts(&mut self, place: Place<'t>) -> Option<AttemptPolicy> {
        if !self.options(place, "`retry`", &["attempts", "delay", "factor", "maxDelay"]) {
            return None;
        }
        let default = AttemptPolicy::default();
        Some(AttemptPolicy {
            attempts_max: self.count(place, "attempts", ATTEMPTS_MAX).unwrap_or(default.attempts_max),
            delay_ms: self.duration_of(place, "delay").unwrap_or(default.delay_ms),
            factor: self.count(place, "factor", ATTEMPTS_MAX).unwrap_or(default.factor),
            delay_max_ms: self.duration_of(place, "maxDelay").unwrap_or(default.delay_max_ms),
        })
    }

    /// A whole number from 1.
    fn count(&mut self, place: Place<'t>, name: &str, max: i64) -> Option<u32> {
        let member = place.get(name)?;
        let count = member.value().as_i64().filter(|count| (1..=max).contains(count));
        if count.is_none() {
            let message = format!("`{name}` must be a whole number from 1 to {max}, and is {}", member.value());
            self.refuse(Spot::Value(member), WRONG_OPTION, message);
        }
        count.and_then(|count| u32::try_from(count).ok())
    }

    /// `metadata.for`: a parallel map.
    fn map(&mut self, place: Place<'t>, task: Task<'t, '_>) -> Option<Map> {
        let known = ["mode", "concurrency", "batch", "strategy", "ordered"];
        if !self.options(place, "`metadata.for`", &known) {
            return None;
        }
        match place.get("mode") {
            Some(mode) if mode.text().as_deref() == Some("map") => {
                let message = "a runtime that does not know `metadata.for` runs this loop sequentially";
                self.refuse(Spot::Name(place), SEQUENTIAL_ELSEWHERE, message);
            }
            Some(mode) => {
                self.wrong_option(mode, format!("`mode` must be `map`, and is {}", mode.value()), "write `mode: map`");
            }
            None => {
                // Not a property of the specification, so this does not make the document invalid.
                let message = "`metadata.for` needs a `mode`";
                self.refuse_for(Spot::Name(place), WRONG_OPTION, message, "write `mode: map`".into());
            }
        }
        if let Some(condition) = task.place.get("while") {
            let message = "a parallel map has no `while`: there is no iteration before another";
            let suggestion = "leave out what is not wanted in `in`".into();
            self.refuse_for(Spot::Name(condition), NOT_SUPPORTED, message, suggestion);
        }
        Some(Map {
            concurrency: self.count(place, "concurrency", ITEMS_MAX).unwrap_or(CONCURRENCY_DEFAULT),
            batch: self.count(place, "batch", ITEMS_MAX),
            strategy: self.strategy(place).unwrap_or(Strategy::FailFast),
            ordered: self.ordered(place),
        })
    }

    fn ordered(&mut self, place: Place<'t>) -> bool {
        let Some(member) = place.get("ordered") else { return true };
        let ordered = member.value().as_bool();
        if ordered.is_none() {
            self.wrong_option(member, "`ordered` must be a boolean".into(), "write `true` or `false`");
        }
        ordered.unwrap_or(true)
    }

    fn strategy(&mut self, place: Place<'t>) -> Option<Strategy> {
        let member = place.get("strategy")?;
        let text = member.text().unwrap_or_default();
        let wanted = text.strip_prefix("atLeast:").and_then(|count| count.trim().parse::<u32>().ok());
        match (&*text, wanted) {
            ("failFast", _) => Some(Strategy::FailFast),
            ("waitAll", _) => Some(Strategy::WaitAll),
            ("bestEffort", _) => Some(Strategy::BestEffort),
            (_, Some(wanted)) if wanted > 0 => Some(Strategy::AtLeast(wanted)),
            _ => {
                let message = format!("{} is no strategy", member.value());
                self.wrong_option(member, message, "write `failFast`, `waitAll`, `bestEffort` or `atLeast:3`");
                None
            }
        }
    }

    /// `metadata.fork`: what a failed branch does to the others, and how many run at the same time.
    fn fork_policy(&mut self, place: Place<'t>, task: Task<'t, '_>) -> ForkPolicy {
        if !self.options(place, "`metadata.fork`", &["strategy", "critical", "maxConcurrency"]) {
            return ForkPolicy::default();
        }
        let message =
            "a runtime that does not know `metadata.fork` runs all branches at once, and the first fault ends them";
        self.refuse(Spot::Name(place), OTHERWISE_ELSEWHERE, message);
        let fork = task.place.get("fork");
        let branches = fork.and_then(|fork| fork.get("branches")).into_iter().flat_map(Place::children);
        let names: Vec<&str> = branches.filter_map(|branch| branch.children().next()?.name()).collect();
        let strategy = self.strategy(place);
        let critical = self.critical(place, &names);
        let concurrency = self.count(place, "maxConcurrency", ITEMS_MAX);
        let competes = fork.and_then(|fork| fork.get("compete")).and_then(|compete| compete.value().as_bool());
        for name in ["strategy", "critical"].into_iter().filter(|_| competes == Some(true)) {
            if let Some(member) = place.get(name) {
                let message =
                    format!("`{name}` and `compete` exclude each other: in a race the first success ends all");
                self.refuse_for(Spot::Name(member), WRONG_OPTION, message, "leave one of them out".into());
            }
        }
        match (strategy, place.get("strategy"), place.get("critical")) {
            (Some(Strategy::AtLeast(wanted)), Some(member), _) if wanted as usize > names.len() => {
                let message = format!("{wanted} of {} branches can never succeed", names.len());
                self.wrong_option(member, message, "ask for as many as there are branches, or fewer");
            }
            (Some(strategy), Some(member), Some(_)) if strategy != Strategy::BestEffort => {
                let message = "with `critical` the other branches are best effort: it excludes every other strategy";
                self.wrong_option(member, message.into(), "leave `strategy` out, or write `bestEffort`");
            }
            _ => {}
        }
        ForkPolicy { strategy, critical, concurrency }
    }

    fn critical(&mut self, place: Place<'t>, names: &[&str]) -> Vec<usize> {
        let Some(member) = place.get("critical") else { return Vec::new() };
        if !member.is_array() || member.children().len() == 0 {
            let message = "`critical` must be an array of the names of branches".to_owned();
            self.wrong_option(member, message, "write for example `critical: [first]`");
        }
        let mut places = Vec::new();
        for name in member.children() {
            match name.text().and_then(|text| names.iter().position(|branch| *branch == &*text)) {
                Some(branch) => places.push(branch),
                None => {
                    let message = format!("the fork has no branch {}", name.value());
                    let suggestion = format!("its branches are {}", listed(names.iter().copied(), "and"));
                    self.refuse_for(Spot::Value(name), WRONG_OPTION, message, suggestion);
                }
            }
        }
        places
    }
}
