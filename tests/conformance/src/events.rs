//! Lifecycle events, as a scenario speaks of them: what it is about, what happened, and when.

use futures::stream::BoxStream;
use serde_json::Value;

/// Events as they happen.
pub(crate) type EventStream = BoxStream<'static, anyhow::Result<Event>>;

/// One lifecycle event.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// The task that it is about; `None` for one about the execution.
    pub(crate) task: Option<TaskRef>,
    /// What happened, such as `completed`.
    pub(crate) verb: String,
    /// When, in milliseconds.
    pub(crate) at_ms: i64,
    pub(crate) error: Option<Value>,
}

/// One visit of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskRef {
    /// The task execution.
    pub(crate) id: String,
    /// Where the task stands in the document.
    pub(crate) pointer: String,
}

impl TaskRef {
    /// The task's name: the end of its pointer.
    pub(crate) fn name(&self) -> &str {
        self.pointer.rsplit('/').next().unwrap_or_default()
    }

    /// True where a step means this task: by its name, or by its pointer where the name is not enough.
    pub(crate) fn is(&self, named: &str) -> bool {
        if named.starts_with('/') { self.pointer == named } else { self.name() == named }
    }
}

impl Event {
    /// The event in a CloudEvent; `None` for a kind that scenarios do not speak of.
    pub(crate) fn read(cloud_event: &Value) -> Option<Self> {
        let kind = cloud_event["type"].as_str()?;
        let mut words = kind.trim_end_matches(".v1").rsplit('.');
        let (verb, subject) = (words.next()?, words.next()?);
        let data = &cloud_event["data"];
        let task = match subject {
            "workflow" => None,
            _ => Some(TaskRef { id: cloud_event["subject"].as_str()?.into(), pointer: data["task"].as_str()?.into() }),
        };
        let verb = if data["skipped"] == Value::Bool(true) { "skipped" } else { verb };
        let at_ms = milliseconds(cloud_event["time"].as_str()?)?;
        Some(Self { task, verb: verb.into(), at_ms, error: data.get("error").cloned() })
    }

    /// True for an event about the execution.
    pub(crate) fn is_of_workflow(&self, verb: &str) -> bool {
        self.task.is_none() && self.verb == verb
    }

    /// True for an event about a task.
    pub(crate) fn is_of_task(&self, named: &str, verb: &str) -> bool {
        self.verb == verb && self.task.as_ref().is_some_and(|task| task.is(named))
    }

    /// As a list of events shows it: `workflow started`, `task started setRed`.
    pub(crate) fn shown(&self) -> String {
        match &self.task {
            Some(task) => format!("task {} {}", self.verb, task.name()),
            None => format!("workflow {}", self.verb),
        }
    }
}

/// The milliseconds of a day-and-time such as `2026-01-31T23:59:59.999Z`, counted from the beginning of 1970.
fn milliseconds(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let seconds = time.next()?? * 3_600 + time.next()?? * 60 + time.next()??;
    let fraction: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    // Years that begin in March have their leap day at the end.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some((days * 86_400 + seconds) * 1_000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_counted_from_1970() {
        for (text, expected) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("1970-01-02T00:00:01.5Z", 86_401_500),
            ("2000-03-01T00:00:00Z", 951_868_800_000),
            ("2026-11-25T00:35:32.123Z", 1_795_566_932_123),
        ] {
            assert_eq!(milliseconds(text), Some(expected), "{text}");
        }
        assert_eq!(milliseconds("yesterday"), None);
    }

    #[test]
    fn an_event_knows_its_task_and_what_happened() {
        let event = serde_json::json!({
            "type": "io.serverlessworkflow.task.completed.v1", "subject": "x-1", "time": "1970-01-01T00:00:00.007Z",
            "data": { "task": "/do/0/one/try/0/two" },
        });
        let event = Event::read(&event).unwrap();
        assert!(event.is_of_task("two", "completed") && event.is_of_task("/do/0/one/try/0/two", "completed"));
        assert!(!event.is_of_task("one", "completed") && !event.is_of_workflow("completed"));
        assert_eq!((event.shown().as_str(), event.at_ms), ("task completed two", 7));
    }
}
