//! Version 1 of the journal's records, as postcard writes them.
//!
//! Never changed: neither the order of variants nor that of fields. Whatever is new is a version of its own.

use serde::{Deserialize, Serialize};

use super::{CodecError, INLINE_BYTES_MAX, Record as Domain, ValueSource};
use crate::definition::AttemptPolicy;
use crate::expression::Budget;
use crate::ids::Digest;
use crate::machine::{Event as DomainEvent, Settings as DomainSettings, TimerId};
use crate::problem::Problem as DomainProblem;
use crate::time::{Millis, Timestamp};
use crate::value::Value as DomainValue;

type Values = Vec<(Digest, Vec<u8>)>;

#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    at: i64,
    event: Event,
    configs: Vec<(u32, Value)>,
    transitions: u32,
    checksum: u64,
}

#[derive(Serialize, Deserialize)]
enum Value {
    Inline(Vec<u8>),
    Digest([u8; 32]),
}

#[derive(Serialize, Deserialize)]
enum Event {
    Started { input: Value, settings: Box<Settings> },
    TaskCompleted { task: u32, attempt: u32, output: Value },
    TaskFailed { task: u32, attempt: u32, problem: Box<Problem> },
    TaskLost { task: u32, attempt: u32 },
    TaskStopped { task: u32 },
    TimerFired { timer: u32 },
    CancelRequested,
    SuspendRequested,
    ResumeRequested,
    Recovered { from: i64 },
}

#[derive(Serialize, Deserialize)]
struct Problem {
    kind: String,
    status: u16,
    title: String,
    detail: Option<String>,
    instance: Option<String>,
    data: Option<Value>,
    retryable: bool,
}

#[derive(Serialize, Deserialize)]
struct Settings {
    semantics: u16,
    budget_ticks: u64,
    budget_elements: u64,
    tasks_max: u32,
    open_tasks_max: u32,
    config_bytes_max: u32,
    attempts_max: u32,
    attempt_delay_ms: u64,
    attempt_factor: u32,
    attempt_delay_max_ms: u64,
    losses_max: u32,
    active_ms_max: u64,
    runtime_version: String,
    seed: u64,
}

impl Record {
    pub(super) fn of(record: &Domain, values: &mut Values) -> Self {
        Self {
            at: record.at.0,
            event: Event::of(&record.event, values),
            configs: record.configs.iter().map(|(task, config)| (*task, Value::of(config, values))).collect(),
            transitions: record.transitions,
            checksum: record.checksum,
        }
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, CodecError> {
        let malformed = |reason: String| CodecError::Malformed { reason };
        match postcard::take_from_bytes(bytes) {
            Ok((record, [])) => Ok(record),
            Ok((_, rest)) => Err(malformed(format!("{} bytes follow its end", rest.len()))),
            Err(error) => Err(malformed(error.to_string())),
        }
    }

    pub(super) fn into_record(self, values: &dyn ValueSource) -> Result<Domain, CodecError> {
        let configs = self.configs.into_iter().map(|(task, config)| Ok((task, config.into_value(values)?)));
        Ok(Domain {
            at: Timestamp(self.at),
            event: self.event.into_event(values)?,
            configs: configs.collect::<Result<_, CodecError>>()?,
            transitions: self.transitions,
            checksum: self.checksum,
        })
    }
}

impl Value {
    fn of(value: &DomainValue, values: &mut Values) -> Self {
        let text = value.to_json();
        if text.len() <= INLINE_BYTES_MAX {
            return Self::Inline(text);
        }
        let digest = Digest::of(&text);
        if !values.iter().any(|(stored, _)| *stored == digest) {
            values.push((digest, text));
        }
        Self::Digest(*digest.as_bytes())
    }

    fn into_value(self, values: &dyn ValueSource) -> Result<DomainValue, CodecError> {
        let text = match self {
            Self::Inline(text) => text,
            Self::Digest(bytes) => {
                let digest = Digest::from_bytes(bytes);
                values.value(digest).ok_or(CodecError::MissingValue { digest })?
            }
        };
        DomainValue::from_json(&text).map_err(|error| CodecError::Malformed { reason: error.to_string() })
    }
}

impl Event {
    fn of(event: &DomainEvent, values: &mut Values) -> Self {
        match event {
            DomainEvent::Started { input, settings } => {
                Self::Started { input: Value::of(input, values), settings: Box::new(Settings::of(settings)) }
            }
            DomainEvent::TaskCompleted { task, attempt, output } => {
                Self::TaskCompleted { task: *task, attempt: *attempt, output: Value::of(output, values) }
            }
            DomainEvent::TaskFailed { task, attempt, problem } => {
                Self::TaskFailed { task: *task, attempt: *attempt, problem: Box::new(Problem::of(problem, values)) }
            }
            DomainEvent::TaskLost { task, attempt } => Self::TaskLost { task: *task, attempt: *attempt },
            DomainEvent::TaskStopped { task } => Self::TaskStopped { task: *task },
            DomainEvent::TimerFired { timer } => Self::TimerFired { timer: timer.0 },
            DomainEvent::CancelRequested => Self::CancelRequested,
            DomainEvent::SuspendRequested => Self::SuspendRequested,
            DomainEvent::ResumeRequested => Self::ResumeRequested,
            DomainEvent::Recovered { from } => Self::Recovered { from: from.0 },
        }
    }

    fn into_event(self, values: &dyn ValueSource) -> Result<DomainEvent, CodecError> {
        Ok(match self {
            Self::Started { input, settings } => {
                DomainEvent::Started { input: input.into_value(values)?, settings: Box::new(settings.into_settings()) }
            }
            Self::TaskCompleted { task, attempt, output } => {
                DomainEvent::TaskCompleted { task, attempt, output: output.into_value(values)? }
            }
            Self::TaskFailed { task, attempt, problem } => {
                DomainEvent::TaskFailed { task, attempt, problem: Box::new(problem.into_problem(values)?) }
            }
            Self::TaskLost { task, attempt } => DomainEvent::TaskLost { task, attempt },
            Self::TaskStopped { task } => DomainEvent::TaskStopped { task },
            Self::TimerFired { timer } => DomainEvent::TimerFired { timer: TimerId(timer) },
            Self::CancelRequested => DomainEvent::CancelRequested,
            Self::SuspendRequested => DomainEvent::SuspendRequested,
            Self::ResumeRequested => DomainEvent::ResumeRequested,
            Self::Recovered { from } => DomainEvent::Recovered { from: Timestamp(from) },
        })
    }
}

impl Problem {
    fn of(problem: &DomainProblem, values: &mut Values) -> Self {
        let DomainProblem { kind, status, title, detail, instance, data, retryable } = problem.clone();
        let data = data.map(|data| Value::of(&data, values));
        Self { kind, status, title, detail, instance, data, retryable }
    }

    fn into_problem(self, values: &dyn ValueSource) -> Result<DomainProblem, CodecError> {
        let Self { kind, status, title, detail, instance, data, retryable } = self;
        let data = data.map(|data| data.into_value(values)).transpose()?;
        Ok(DomainProblem { kind, status, title, detail, instance, data, retryable })
    }
}

impl Settings {
    fn of(settings: &DomainSettings) -> Self {
        Self {
            semantics: settings.semantics,
            budget_ticks: settings.budget.ticks,
            budget_elements: settings.budget.elements,
            tasks_max: settings.tasks_max,
            open_tasks_max: settings.open_tasks_max,
            config_bytes_max: settings.config_bytes_max,
            attempts_max: settings.attempts.attempts_max,
            attempt_delay_ms: settings.attempts.delay_ms.0,
            attempt_factor: settings.attempts.factor,
            attempt_delay_max_ms: settings.attempts.delay_max_ms.0,
            losses_max: settings.losses_max,
            active_ms_max: settings.active_ms_max.0,
            runtime_version: settings.runtime_version.clone(),
            seed: settings.seed,
        }
    }

    fn into_settings(self) -> DomainSettings {
        let attempts = AttemptPolicy {
            attempts_max: self.attempts_max,
            delay_ms: Millis(self.attempt_delay_ms),
            factor: self.attempt_factor,
            delay_max_ms: Millis(self.attempt_delay_max_ms),
        };
        DomainSettings {
            semantics: self.semantics,
            budget: Budget { ticks: self.budget_ticks, elements: self.budget_elements },
            tasks_max: self.tasks_max,
            open_tasks_max: self.open_tasks_max,
            config_bytes_max: self.config_bytes_max,
            attempts,
            losses_max: self.losses_max,
            active_ms_max: Millis(self.active_ms_max),
            runtime_version: self.runtime_version,
            seed: self.seed,
        }
    }
}
