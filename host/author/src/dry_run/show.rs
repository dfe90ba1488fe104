//! A dry run for people, and as JSON for programs.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use sandmill_core::problem::Problem;
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;
use serde_json::json;

use super::{Attempt, DryRun, End, Ending, Visit};
use crate::text::{duration, shortened};

/// Characters of a value that people are shown; programs get all of it.
const VALUE_CHARACTERS_MAX: usize = 300;

/// Visits by the number of the one that they run in.
type Inside<'r> = BTreeMap<Option<u32>, Vec<&'r Visit>>;

impl DryRun {
    /// Everything, for programs.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let visits: Vec<_> = self.visits.iter().map(|visit| self.visit_json(visit)).collect();
        let mut json = json!({
            "workflow": self.workflow.to_string(),
            "startedAt": self.started_at.to_string(),
            "endedAt": self.ended_at.to_string(),
            "tookMs": self.after(self.ended_at),
            "input": self.input,
            "tasks": visits,
            "unusedMocks": self.unused_mocks,
        });
        match &self.end {
            End::Completed(output) => {
                json["status"] = "completed".into();
                json["output"] = output.to_serde();
            }
            End::Faulted(problem) => {
                json["status"] = "faulted".into();
                json["error"] = problem.to_value().to_serde();
            }
            End::Stopped(stop) => {
                json["status"] = "stopped".into();
                json["stop"] = json!({ "code": stop.code(), "message": stop.to_string() });
            }
        }
        json
    }

    fn visit_json(&self, visit: &Visit) -> serde_json::Value {
        let attempts: Vec<_> = visit.attempts.iter().map(|attempt| self.attempt_json(attempt)).collect();
        let mut json = json!({
            "number": visit.number,
            "task": visit.pointer.as_str(),
            "parent": visit.place.owner,
            "slot": visit.place.slot,
            "name": &*visit.name,
            "action": visit.action,
            "startedAfterMs": self.after(visit.started_at),
            "endedAfterMs": visit.ended_at.map(|at| self.after(at)),
            "status": visit.ending.word(),
        });
        if let Some(input) = &visit.input {
            json["input"] = input.to_serde();
        }
        if let Some(resolved) = &visit.resolved {
            json["resolved"] = resolved.to_serde();
        }
        if !attempts.is_empty() {
            json["attempts"] = attempts.into();
        }
        if !visit.retries.is_empty() {
            json["retriedAfterMs"] = visit.retries.iter().map(|at| self.after(*at)).collect();
        }
        match &visit.ending {
            Ending::Completed(output) => json["output"] = output.to_serde(),
            Ending::Faulted(problem) => json["error"] = problem.to_value().to_serde(),
            Ending::Open | Ending::Skipped | Ending::Cancelled => {}
        }
        json
    }

    fn attempt_json(&self, attempt: &Attempt) -> serde_json::Value {
        json!({
            "calls": attempt.callee.to_string(),
            "attempt": attempt.number,
            "startedAfterMs": self.after(attempt.started_at),
            "endedAfterMs": attempt.ended_at.map(|at| self.after(at)),
            "error": attempt.problem.as_ref().map(|problem| problem.to_value().to_serde()),
        })
    }

    fn after(&self, moment: Timestamp) -> u64 {
        moment.since(self.started_at).0
    }

    fn moment(&self, moment: Timestamp) -> String {
        format!("+{}", duration(moment.since(self.started_at)))
    }

    /// The visits inside of each: by iteration or branch, then as they began.
    fn inside(&self) -> Inside<'_> {
        let mut inside = Inside::new();
        for visit in &self.visits {
            inside.entry(visit.place.owner).or_default().push(visit);
        }
        inside.values_mut().for_each(|visits| visits.sort_by_key(|visit| (visit.place.slot, visit.number)));
        inside
    }

    /// The visits inside of one, each with those inside of it; without one, all of them.
    fn write_inside(
        &self,
        formatter: &mut fmt::Formatter<'_>,
        inside: &Inside<'_>,
        (owner, depth): (Option<&Visit>, usize),
    ) -> fmt::Result {
        let is_loop = owner.is_some_and(|owner| matches!(owner.action.as_str(), "for" | "map"));
        for visit in inside.get(&owner.map(|owner| owner.number)).into_iter().flatten() {
            let iteration = if is_loop { format!("[{}] ", visit.place.slot) } else { String::new() };
            write!(formatter, "{}{iteration}", "  ".repeat(depth))?;
            self.write_visit(formatter, visit, depth)?;
            self.write_inside(formatter, inside, (Some(visit), depth + 1))?;
        }
        Ok(())
    }

    fn write_visit(&self, formatter: &mut fmt::Formatter<'_>, visit: &Visit, depth: usize) -> fmt::Result {
        let indent = "  ".repeat(depth);
        let at = self.moment(visit.started_at);
        writeln!(formatter, "{}  {}  {}  {at}", visit.name, visit.action, visit.pointer)?;
        let mut line =
            |name: &str, text: String| writeln!(formatter, "{}", format!("{indent}    {name:<9} {text}").trim_end());
        if visit.ending == Ending::Skipped {
            return line("skipped", "its `if` is false".into());
        }
        if let Some(input) = &visit.input {
            line("input", value(input))?;
        }
        if let Some(resolved) = visit.resolved.as_ref().filter(|resolved| !is_the_output(visit, resolved)) {
            line(if visit.attempts.is_empty() { "resolved" } else { "config" }, value(resolved))?;
        }
        for attempt in visit.attempts.iter().filter(|_| visit.attempts.len() > 1) {
            line("attempt", self.attempt(attempt))?;
        }
        for retry in &visit.retries {
            line("again", self.moment(*retry))?;
        }
        let end = visit.ended_at.filter(|end| *end != visit.started_at);
        let end = end.map(|end| format!("  {}", self.moment(end))).unwrap_or_default();
        match &visit.ending {
            Ending::Completed(output) => line("output", value(output) + &end),
            Ending::Faulted(error) => line("error", problem(error) + &end),
            Ending::Cancelled => line("cancelled", end.trim_start().into()),
            Ending::Open | Ending::Skipped => line("not ended", String::new()),
        }
    }

    fn attempt(&self, attempt: &Attempt) -> String {
        let mut text = format!("{} {}", attempt.number, self.moment(attempt.started_at));
        match (&attempt.problem, attempt.ended_at) {
            (Some(error), _) => {
                let _ = write!(text, "  {}", problem(error));
            }
            (None, Some(_)) => text.push_str("  completed"),
            (None, None) => {}
        }
        text
    }
}

/// The output of a `set` is what it resolved.
fn is_the_output(visit: &Visit, resolved: &Value) -> bool {
    matches!(&visit.ending, Ending::Completed(output) if output == resolved && visit.attempts.is_empty())
}

fn value(value: &Value) -> String {
    let text = value.to_string();
    let shown = shortened(&text, VALUE_CHARACTERS_MAX);
    if shown.len() == text.len() { text } else { format!("{shown} ({} bytes: see --json)", text.len()) }
}

fn problem(problem: &Problem) -> String {
    let detail = problem.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    let title = if problem.title.is_empty() { &problem.kind } else { &problem.title };
    shortened(&format!("{} {title}{detail}", problem.status), VALUE_CHARACTERS_MAX)
}

/// Every task with those inside of it, then how it ended.
impl fmt::Display for DryRun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{} at {}", self.workflow, self.started_at)?;
        writeln!(formatter, "    {:<9} {}\n", "input", value(&self.input))?;
        self.write_inside(formatter, &self.inside(), (None, 0))?;
        let end = self.moment(self.ended_at);
        match &self.end {
            End::Completed(output) => write!(formatter, "\ncompleted {end}\n    {:<9} {}", "output", value(output))?,
            End::Faulted(error) => {
                let instance = error.instance.as_deref().unwrap_or("the workflow");
                write!(
                    formatter,
                    "\nfaulted {end}\n    {:<9} {}\n    {:<9} {}",
                    "error",
                    problem(error),
                    "type",
                    error.kind
                )?;
                write!(formatter, "\n    {:<9} {instance}", "instance")?;
            }
            End::Stopped(_) => write!(formatter, "\nstopped {end}")?,
        }
        for mock in &self.unused_mocks {
            write!(formatter, "\nnote: nothing asked for the mock `{mock}`")?;
        }
        Ok(())
    }
}
