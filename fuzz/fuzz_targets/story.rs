//! An execution to which bytes happen, on time that passes when they say so, with its journal and its values.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use sandmill_core::codec::{EncodedSnapshot, Record, RecordWriter, Restored, StoredValues};
use sandmill_core::definition::{Definition, PinnedPlugin, PluginSource, compile};
use sandmill_core::ids::{Digest, WorkflowExecId};
use sandmill_core::machine::{Action, Event, Machine, Phase};
use sandmill_core::problem::{ErrorKind, Problem};
use sandmill_core::time::{Millis, Timestamp};
use sandmill_core::value::Value;

/// What happens at most.
const STEPS_MAX: usize = 60;

/// The workflow.
pub(crate) static DEFINITION: LazyLock<Arc<Definition>> = LazyLock::new(|| {
    let compiled = compile(include_bytes!("story.yaml"), &Catalog);
    Arc::new(compiled.unwrap_or_else(|report| panic!("{report}")))
});

struct Catalog;

impl PluginSource for Catalog {
    fn plugin(&self, name: &str, _: Option<&str>) -> Option<PinnedPlugin> {
        Some(PinnedPlugin { name: name.into(), version: "1.0.0".into(), digest: Digest::of(name.as_bytes()) })
    }
}

/// The execution.
pub(crate) fn id() -> WorkflowExecId {
    WorkflowExecId::from_random(7)
}

/// An execution with its world.
pub(crate) struct Story {
    machine: Machine,
    now: Timestamp,
    /// The attempts that are with a worker, by task.
    open: BTreeMap<u32, u32>,
    configs: BTreeMap<u32, Bytes>,
    stored: StoredValues,
    pub(crate) values: BTreeMap<Digest, Bytes>,
    pub(crate) journal: Vec<Vec<u8>>,
    /// The snapshot that was taken halfway, and how many records it includes.
    pub(crate) snapshot: (Vec<u8>, usize),
}

impl Story {
    /// Tells the story that some bytes are.
    pub(crate) fn tell(bytes: &[u8]) -> Self {
        let mut story = Self {
            machine: Machine::new(id(), Arc::clone(&DEFINITION)),
            now: Timestamp(1_000_000),
            open: BTreeMap::new(),
            configs: BTreeMap::new(),
            stored: StoredValues::default(),
            values: BTreeMap::new(),
            journal: Vec::new(),
            snapshot: (Vec::new(), 0),
        };
        story.handle(Event::Started {
            input: Value::object([("from", Value::from("outside"))]),
            settings: Box::default(),
            origin: None,
        });
        let bytes = &bytes[..bytes.len().min(STEPS_MAX)];
        let (before, after) = bytes.split_at(bytes.len() / 2);
        before.iter().for_each(|byte| story.happen(*byte));
        story.take_snapshot();
        after.iter().for_each(|byte| story.happen(*byte));
        story
    }

    /// One thing that happens: the lower half of the byte says what, the upper half to whom.
    fn happen(&mut self, byte: u8) {
        let chosen = self.open.iter().nth(usize::from(byte >> 4) % self.open.len().max(1));
        let (task, attempt) = chosen.map_or((u32::from(byte >> 4), 1), |(task, attempt)| (*task, *attempt));
        let event = match byte & 15 {
            0..=3 => Event::TaskCompleted { task, attempt, output: output(byte) },
            4 | 5 => {
                let problem = Problem { retryable: byte & 1 == 0, ..Problem::new(ErrorKind::Communication, "gone") };
                Event::TaskFailed { task, attempt, problem: Box::new(problem.with_data(output(byte))) }
            }
            6 => Event::TaskLost { task, attempt },
            7 => Event::TaskStopped { task },
            8 => Event::TaskCompleted { task, attempt: attempt.wrapping_sub(1), output: output(byte) },
            9 => Event::SuspendRequested,
            10 => Event::ResumeRequested,
            11 => {
                let from = Timestamp(self.now.0 - i64::from(byte));
                if byte & 32 == 0 {
                    self.open.clear();
                    Event::Recovered { from }
                } else {
                    Event::Returned { from }
                }
            }
            12 if byte == 0xfc => Event::CancelRequested,
            _ => match self.machine.poll_timeout() {
                Some((at, timer)) => {
                    self.now = self.now.max(at);
                    Event::TimerFired { timer }
                }
                None => {
                    self.now = self.now.after(Millis(u64::from(byte)));
                    return;
                }
            },
        };
        self.handle(event);
    }

    fn handle(&mut self, event: Event) {
        if let Event::TaskCompleted { task, .. } | Event::TaskFailed { task, .. } | Event::TaskLost { task, .. } =
            &event
        {
            self.open.remove(task);
        }
        let mut record = RecordWriter::begin(self.now, &event, &mut self.stored);
        let kept = event.clone();
        self.machine.handle_event(self.now, event);
        while self.machine.work(7) {}
        while let Some(action) = self.machine.poll_action() {
            match action {
                Action::SaveConfig { id, config } => {
                    self.configs.insert(id.number, record.config(id.number, &config, &mut self.stored));
                }
                Action::DispatchTask(dispatch) => drop(self.open.insert(dispatch.id.number, dispatch.attempt)),
                Action::CancelTask { id } => drop(self.open.remove(&id.number)),
                _ => {}
            }
        }
        let encoded = record.finish(self.machine.transitions(), self.machine.checksum());
        self.values.extend(encoded.values);
        let read = Record::decode(&encoded.record, &|digest| self.value(digest)).expect("what was written is read");
        assert_eq!(read.event, kept);
        self.journal.push(encoded.record);
    }

    fn take_snapshot(&mut self) {
        let needed = self.configs.iter().filter(|(task, _)| self.machine.needs_config(**task));
        let needed: Vec<_> = needed.map(|(task, text)| (*task, text.clone())).collect();
        let configs = needed.iter().map(|(task, text)| (*task, text));
        let taken = EncodedSnapshot::of(&self.machine, configs, &mut self.stored).expect("no work is left");
        self.values.extend(taken.values);
        self.snapshot = (taken.snapshot, self.journal.len());
    }

    /// The JSON text under a digest.
    pub(crate) fn value(&self, digest: Digest) -> Option<Vec<u8>> {
        self.values.get(&digest).map(|text| text.to_vec())
    }

    /// The journal leads to the same actions again, from its start and from its snapshot.
    pub(crate) fn check(&self) {
        let (snapshot, included) = &self.snapshot;
        self.replay(Machine::new(id(), Arc::clone(&DEFINITION)), 0);
        let mut stored = StoredValues::default();
        let restored = Restored::decode(snapshot, id(), &DEFINITION, &|digest| self.value(digest), &mut stored);
        self.replay(restored.expect("what was written is read").machine, *included);
    }

    fn replay(&self, mut machine: Machine, from: usize) {
        for record in &self.journal[from..] {
            let record = Record::decode(record, &|digest| self.value(digest)).expect("what was written is read");
            machine.replay_event(record.at, record.event, record.configs);
            assert!(!machine.work(record.transitions), "there is more to do than was done");
            while machine.poll_action().is_some() {}
            assert_eq!(machine.checksum(), record.checksum, "a record leads to other actions");
        }
        assert_eq!(machine.phase() == Phase::Ended, self.machine.phase() == Phase::Ended);
        assert_eq!(machine.poll_timeout(), self.machine.poll_timeout());
    }
}

/// Small for some, and too large to stand in a record for others.
fn output(byte: u8) -> Value {
    let text = "x".repeat(if byte & 32 == 0 { 5 } else { 300 + usize::from(byte) });
    Value::object([("text", Value::from(text)), ("n", Value::from(i64::from(byte)))])
}
