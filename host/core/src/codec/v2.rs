//! Version 2 of the journal's records: what version 1 has, and a start that says where it begins and what it takes over.
//!
//! Never changed, like every version, but for kinds of events that are added at the end, which leave all that was written before as it is. What is as
//! it was stands in `v1`.

use serde::{Deserialize, Serialize};

use super::stored::{Reading, Unread};
use super::v1::{self, Value, Writing};
use super::{CodecError, Record as Domain};
use crate::ids::WorkflowExecId;
use crate::machine::{Event as DomainEvent, Origin as DomainOrigin, Settings as DomainSettings, VisitKey};
use crate::time::{Millis, Timestamp};

/// A record, as it is read whole. It is written in two parts: [`Head`], then [`v1::Tail`].
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    head: Head,
    tail: v1::Tail,
}

/// What happened.
#[derive(Serialize, Deserialize)]
pub(super) struct Head {
    at: i64,
    event: Event,
}

#[derive(Serialize, Deserialize)]
enum Event {
    Started { input: Value, settings: Box<Settings>, origin: Option<Box<Origin>> },
    Other(v1::Event),
    Returned { from: i64 },
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Settings {
    first: v1::Settings,
    task_timeout_ms: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Origin {
    execution: Option<[u8; 16]>,
    start_at: Option<String>,
    context: Option<Value>,
    outputs: Vec<(u128, Value)>,
}

impl Head {
    pub(super) fn of(at: Timestamp, event: &DomainEvent, writing: &mut Writing<'_>) -> Self {
        Self { at: at.0, event: Event::of(event, writing) }
    }
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

impl Event {
    fn of(event: &DomainEvent, writing: &mut Writing<'_>) -> Self {
        match event {
            DomainEvent::Started { input, settings, origin } => Self::Started {
                input: Value::of(input, writing),
                settings: Box::new(Settings::of(settings)),
                origin: origin.as_deref().map(|origin| Box::new(Origin::of(origin, writing))),
            },
            DomainEvent::Returned { from } => Self::Returned { from: from.0 },
            other => Self::Other(v1::Event::of(other, writing)),
        }
    }

    fn into_event(self, reading: &mut Reading<'_>) -> Result<DomainEvent, CodecError> {
        match self {
            Self::Started { input, settings, origin } => Ok(DomainEvent::Started {
                input: reading.value(input.into())?,
                settings: Box::new(settings.into_settings()),
                origin: origin.map(|origin| origin.into_origin(reading).map(Box::new)).transpose()?,
            }),
            Self::Other(event) => event.into_event(reading),
            Self::Returned { from } => Ok(DomainEvent::Returned { from: Timestamp(from) }),
        }
    }
}

impl Settings {
    pub(crate) fn of(settings: &DomainSettings) -> Self {
        Self { first: v1::Settings::of(settings), task_timeout_ms: settings.task_timeout.map(|timeout| timeout.0) }
    }

    pub(crate) fn into_settings(self) -> DomainSettings {
        DomainSettings { task_timeout: self.task_timeout_ms.map(Millis), ..self.first.into_settings() }
    }
}

impl Origin {
    fn of(origin: &DomainOrigin, writing: &mut Writing<'_>) -> Self {
        let DomainOrigin { execution, start_at, context, outputs } = origin;
        Self {
            execution: execution.map(WorkflowExecId::to_bytes),
            start_at: start_at.as_deref().map(Into::into),
            context: context.as_ref().map(|context| Value::of(context, writing)),
            outputs: outputs.iter().map(|(visit, output)| (visit.0, Value::of(output, writing))).collect(),
        }
    }

    fn into_origin(self, reading: &mut Reading<'_>) -> Result<DomainOrigin, CodecError> {
        let outputs = self.outputs.into_iter();
        let outputs = outputs.map(|(visit, output)| Ok((VisitKey(visit), reading.value(output.into())?)));
        let outputs = outputs.collect::<Result<_, CodecError>>()?;
        Ok(DomainOrigin {
            execution: self.execution.map(WorkflowExecId::from_bytes),
            start_at: self.start_at.map(Into::into),
            context: self.context.map(|context| reading.value(context.into())).transpose()?,
            outputs,
        })
    }
}
