//! Version 1 of the journal's records, as postcard writes them.
//!
//! Not written any more. Never changed: neither the order of variants nor that of fields. Whatever is new is a version of its own.

use serde::{Deserialize, Serialize};

use super::stored::{Form, New, Reading, StoredValues, Unread};
use super::{CodecError, Record as Domain};
use crate::definition::AttemptPolicy;
use crate::expression::Budget;
use crate::ids::Digest;
use crate::machine::{Event as DomainEvent, Settings as DomainSettings, TimerId};
use crate::problem::Problem as DomainProblem;
use crate::time::{Millis, Timestamp};
use crate::value::Value as DomainValue;

/// A record, as it is read whole. It is written in two parts: [`Head`], then [`Tail`].
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    head: Head,
    tail: Tail,
}

/// What happened.
#[derive(Serialize, Deserialize)]
pub(super) struct Head {
    at: i64,
    event: Event,
}

/// What it led to.
#[derive(Serialize, Deserialize)]
pub(super) struct Tail {
    pub(super) configs: Vec<(u32, Value)>,
    pub(super) transitions: u32,
    pub(super) checksum: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Value {
    Inline(Vec<u8>),
    Digest([u8; 32]),
}

/// Where values go that do not fit into a record.
pub(super) struct Writing<'a> {
    pub(super) stored: &'a mut StoredValues,
    pub(super) new: &'a mut New,
}

#[derive(Serialize, Deserialize)]
pub(super) enum Event {
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
pub(super) struct Problem {
    kind: String,
    status: u16,
    title: String,
    detail: Option<String>,
    instance: Option<String>,
    data: Option<Value>,
    retryable: bool,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Settings {
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
    pub(super) fn read(bytes: &[u8]) -> Result<Self, CodecError> {
        super::read_whole(bytes)
    }

    pub(super) fn into_record(self, reading: &mut Reading<'_>) -> Result<Domain<Unread>, CodecError> {
        let Self { head, tail } = self;
        let event = head.event.into_event(reading)?;
        Ok(tail.into_record(head.at, event, reading))
    }
}

impl Tail {
    pub(super) fn into_record(self, at: i64, event: DomainEvent, reading: &mut Reading<'_>) -> Domain<Unread> {
        let configs = self.configs.into_iter().map(|(task, config)| (task, reading.unread(config.into())));
        Domain {
            at: Timestamp(at),
            event,
            configs: configs.collect(),
            transitions: self.transitions,
            checksum: self.checksum,
        }
    }
}

impl From<Form> for Value {
    fn from(form: Form) -> Self {
        match form {
            Form::Inline(text) => Self::Inline(text),
            Form::Digest(digest) => Self::Digest(*digest.as_bytes()),
        }
    }
}

impl From<Value> for Form {
    fn from(value: Value) -> Self {
        match value {
            Value::Inline(text) => Self::Inline(text),
            Value::Digest(bytes) => Self::Digest(Digest::from_bytes(bytes)),
        }
    }
}

impl Value {
    pub(super) fn of(value: &DomainValue, writing: &mut Writing<'_>) -> Self {
        writing.stored.form(value, writing.new).into()
    }
}

impl Event {
    pub(super) fn of(event: &DomainEvent, writing: &mut Writing<'_>) -> Self {
        match event {
            DomainEvent::Started { input, settings, .. } => {
                Self::Started { input: Value::of(input, writing), settings: Box::new(Settings::of(settings)) }
            }
            DomainEvent::TaskCompleted { task, attempt, output } => {
                Self::TaskCompleted { task: *task, attempt: *attempt, output: Value::of(output, writing) }
            }
            DomainEvent::TaskFailed { task, attempt, problem } => {
                Self::TaskFailed { task: *task, attempt: *attempt, problem: Box::new(Problem::of(problem, writing)) }
            }
            DomainEvent::TaskLost { task, attempt } => Self::TaskLost { task: *task, attempt: *attempt },
            DomainEvent::TaskStopped { task } => Self::TaskStopped { task: *task },
            DomainEvent::TimerFired { timer } => Self::TimerFired { timer: timer.0 },
            DomainEvent::CancelRequested => Self::CancelRequested,
            DomainEvent::SuspendRequested => Self::SuspendRequested,
            DomainEvent::ResumeRequested => Self::ResumeRequested,
            DomainEvent::Recovered { from } => Self::Recovered { from: from.0 },
            DomainEvent::Returned { .. } => unreachable!("version 2 has a word of its own for it"),
        }
    }

    pub(super) fn into_event(self, reading: &mut Reading<'_>) -> Result<DomainEvent, CodecError> {
        Ok(match self {
            Self::Started { input, settings } => DomainEvent::Started {
                input: reading.value(input.into())?,
                settings: Box::new(settings.into_settings()),
                origin: None,
            },
            Self::TaskCompleted { task, attempt, output } => {
                DomainEvent::TaskCompleted { task, attempt, output: reading.value(output.into())? }
            }
            Self::TaskFailed { task, attempt, problem } => {
                DomainEvent::TaskFailed { task, attempt, problem: Box::new(problem.into_problem(reading)?) }
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
    fn of(problem: &DomainProblem, writing: &mut Writing<'_>) -> Self {
        let DomainProblem { kind, status, title, detail, instance, data, retryable } = problem.clone();
        let data = data.map(|data| Value::of(&data, writing));
        Self { kind, status, title, detail, instance, data, retryable }
    }

    fn into_problem(self, reading: &mut Reading<'_>) -> Result<DomainProblem, CodecError> {
        let Self { kind, status, title, detail, instance, data, retryable } = self;
        let data = data.map(|data| reading.value(data.into())).transpose()?;
        Ok(DomainProblem { kind, status, title, detail, instance, data, retryable })
    }
}

impl Settings {
    pub(crate) fn of(settings: &DomainSettings) -> Self {
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

    pub(crate) fn into_settings(self) -> DomainSettings {
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
            task_timeout: None,
            runtime_version: self.runtime_version,
            seed: self.seed,
        }
    }
}
