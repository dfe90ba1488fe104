//! Plays the world around a machine, on virtual time, and checks at every end that the journal replays to the same actions.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::codec::{EncodedSnapshot, Record, RecordWriter, Restored, StoredValues};
use crate::definition::Definition;
use crate::ids::{Digest, GroupId, TenantId, WorkflowExecId};
use crate::machine::{Action, Dispatch, Event, Lifecycle, Machine, Origin, Phase, Settings};
use crate::problem::{ErrorKind, Problem};
use crate::time::Timestamp;
use crate::value::Value;

use super::definition::{define, define_document};

/// What a plugin does with its config.
pub(super) enum Reply {
    Output(Value),
    Problem(Problem),
    /// Nothing, until the story says otherwise.
    Silence,
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    Completed(Value),
    Faulted(Box<Problem>),
    Cancelled,
}

pub(super) type Plugin = fn(&Value, &Dispatch) -> Reply;

/// An execution with its world.
pub(super) struct World {
    pub(super) machine: Machine,
    pub(super) definition: Arc<Definition>,
    plugin: Plugin,
    pub(super) now: Timestamp,
    configs: BTreeMap<u32, Value>,
    /// Dispatches that were not answered yet, by task.
    pub(super) open: BTreeMap<u32, Dispatch>,
    pub(super) dispatched: Vec<(Dispatch, Value)>,
    pub(super) cancelled_tasks: Vec<u32>,
    pub(super) cancelled_groups: Vec<GroupId>,
    pub(super) lifecycle: Vec<Lifecycle>,
    pub(super) end: Option<End>,
    journal: Vec<Vec<u8>>,
    /// Where each snapshot stands in the journal: it includes so many records.
    snapshots: Vec<(usize, Vec<u8>)>,
    stored: StoredValues,
    values: BTreeMap<Digest, Bytes>,
}

pub(super) fn value(json: &str) -> Value {
    Value::from_json(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

pub(super) fn problem(kind: ErrorKind) -> Problem {
    Problem::new(kind, "as the story wants it")
}

/// A plugin that gives its config back, or what the config asks for: `{"fail": ...}`, `{"hold": true}`.
pub(super) fn obedient(config: &Value, dispatch: &Dispatch) -> Reply {
    if config.get("hold").is_some_and(|hold| !hold.is_null()) {
        return Reply::Silence;
    }
    match config.get("failUntil").and_then(|round| round.as_u64()) {
        Some(round) if u64::from(dispatch.round) < round => return Reply::Problem(problem(ErrorKind::Communication)),
        _ => {}
    }
    match config.get("fail").and_then(|kind| kind.as_str().map(|kind| kind.into_owned())) {
        Some(kind) if kind == "retryable" => {
            Reply::Problem(Problem { retryable: true, ..problem(ErrorKind::Communication) })
        }
        Some(_) => Reply::Problem(problem(ErrorKind::Communication)),
        None => Reply::Output(config.clone()),
    }
}

impl World {
    /// Starts an execution and lets it run for as long as nothing but time or the story can move it.
    pub(super) fn start(tasks: &str, input: &str) -> Self {
        Self::start_with(tasks, input, Settings::default())
    }

    pub(super) fn start_with(tasks: &str, input: &str, settings: Settings) -> Self {
        Self::of(define(tasks), obedient, input, settings)
    }

    /// Starts an execution of a whole document, in a world with a plugin of its own.
    pub(super) fn start_document(document: &str, plugin: Plugin, input: &str) -> Self {
        Self::of(define_document(document), plugin, input, Settings::default())
    }

    /// Starts an execution of tasks that use what a document defines once, such as `{"functions": {}}`.
    pub(super) fn start_using(used: &str, tasks: &str, input: &str) -> Self {
        let head = r#"{"dsl":"1.0.3","namespace":"test","name":"test","version":"1.0.0"}"#;
        Self::start_document(&format!(r#"{{"document":{head},"use":{used},"do":{tasks}}}"#), obedient, input)
    }

    /// Starts an execution that keeps what comes of its visits.
    pub(super) fn start_keeping_visits(tasks: &str, input: &str) -> Self {
        let mut world = Self::new(define(tasks), obedient);
        world.machine.keep_visits();
        world.begin(input, Settings::default(), None)
    }

    /// Starts an execution that does not begin afresh.
    pub(super) fn start_again(tasks: &str, input: &str, origin: Origin) -> Self {
        Self::new(define(tasks), obedient).begin(input, Settings::default(), Some(Box::new(origin)))
    }

    fn of(definition: Arc<Definition>, plugin: Plugin, input: &str, settings: Settings) -> Self {
        Self::new(definition, plugin).begin(input, settings, None)
    }

    fn begin(mut self, input: &str, settings: Settings, origin: Option<Box<Origin>>) -> Self {
        self.tell(Event::Started { input: value(input), settings: Box::new(settings), origin });
        self
    }

    fn new(definition: Arc<Definition>, plugin: Plugin) -> Self {
        let id = WorkflowExecId::from_idempotency_key(&TenantId::new("test").unwrap(), "test", "1");
        Self {
            machine: Machine::new(id, Arc::clone(&definition)),
            definition,
            plugin,
            now: Timestamp(1_000_000),
            configs: BTreeMap::new(),
            open: BTreeMap::new(),
            dispatched: Vec::new(),
            cancelled_tasks: Vec::new(),
            cancelled_groups: Vec::new(),
            lifecycle: Vec::new(),
            end: None,
            journal: Vec::new(),
            snapshots: Vec::new(),
            stored: StoredValues::default(),
            values: BTreeMap::new(),
        }
    }

    /// Tells the machine something, and everything that follows from it without time passing.
    pub(super) fn tell(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            self.handle(event);
            events.extend(self.answers());
        }
    }

    fn handle(&mut self, event: Event) {
        let mut record = RecordWriter::begin(self.now, &event, &mut self.stored);
        self.machine.handle_event(self.now, event);
        while self.machine.work(7) {}
        while let Some(action) = self.machine.poll_action() {
            match action {
                Action::SaveConfig { id, config } => {
                    record.config(id.number, &config, &mut self.stored);
                    self.configs.insert(id.number, config);
                }
                Action::DispatchTask(dispatch) => {
                    self.dispatched.push(((*dispatch).clone(), self.configs[&dispatch.id.number].clone()));
                    self.open.insert(dispatch.id.number, *dispatch);
                }
                Action::CancelGroup { id } => self.cancelled_groups.push(id),
                Action::CancelTask { id } => {
                    self.cancelled_tasks.push(id.number);
                    self.open.remove(&id.number);
                }
                Action::Publish(lifecycle) => self.lifecycle.push(lifecycle),
                Action::Complete { output } => self.ended(End::Completed(output)),
                Action::Fault { problem } => self.ended(End::Faulted(problem)),
                Action::Cancelled => self.ended(End::Cancelled),
                Action::StartTimer { .. } | Action::CancelTimer { .. } => {}
            }
        }
        let encoded = record.finish(self.machine.transitions(), self.machine.checksum());
        self.store(encoded.values);
        self.journal.push(encoded.record);
        self.take_snapshot();
    }

    fn store(&mut self, values: Vec<(Digest, Bytes)>) {
        // What a snapshot has let go of may come again, and is then the same row.
        self.values.extend(values);
    }

    /// Takes a snapshot, which must read back to a machine of which the same snapshot is taken.
    fn take_snapshot(&mut self) {
        let configs: Vec<_> =
            self.configs.iter().map(|(task, config)| (*task, Bytes::from(config.to_json()))).collect();
        let needed =
            || configs.iter().filter(|(task, _)| self.machine.needs_config(*task)).map(|(task, text)| (*task, text));
        let taken = EncodedSnapshot::of(&self.machine, needed(), &mut self.stored).expect("no work is left");
        self.store(taken.values);
        let mut stored = StoredValues::default();
        let restored = self.restore(&taken.snapshot, &mut stored);
        let configs: Vec<_> = restored.configs;
        let again = configs.iter().map(|(task, text)| (*task, text));
        let again = EncodedSnapshot::of(&restored.machine, again, &mut stored).expect("no work is left");
        assert_eq!((again.snapshot, again.values), (taken.snapshot.clone(), Vec::new()));
        self.snapshots.push((self.journal.len(), taken.snapshot));
    }

    fn restore(&self, snapshot: &[u8], stored: &mut StoredValues) -> Restored {
        let source = |digest| self.values.get(&digest).map(|text| text.to_vec());
        Restored::decode(snapshot, self.id(), &self.definition, &source, stored).unwrap()
    }

    /// The last snapshot, and how many bytes of values were stored so far beside records and snapshots.
    pub(super) fn last_snapshot(&self) -> (&[u8], usize) {
        let (_, snapshot) = self.snapshots.last().expect("one is taken after each event");
        (snapshot, self.values.values().map(Bytes::len).sum())
    }

    /// The journal as text: a line for each record, and a line for each value that is stored beside them.
    pub(super) fn journal_text(&self) -> String {
        let records = self.journal.iter().map(|record| format!("record {}\n", hex::encode(record)));
        let values = self.values.values().map(|text| format!("value {}\n", String::from_utf8_lossy(text)));
        records.chain(values).collect()
    }

    pub(super) fn id(&self) -> WorkflowExecId {
        WorkflowExecId::from_idempotency_key(&TenantId::new("test").unwrap(), "test", "1")
    }

    fn ended(&mut self, end: End) {
        assert_eq!(self.end, None, "an execution ends once");
        self.end = Some(end);
    }

    fn answers(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for (task, dispatch) in std::mem::take(&mut self.open) {
            let attempt = dispatch.attempt;
            match (self.plugin)(&self.configs[&task], &dispatch) {
                Reply::Output(output) => events.push(Event::TaskCompleted { task, attempt, output }),
                Reply::Problem(problem) => events.push(Event::TaskFailed { task, attempt, problem: Box::new(problem) }),
                Reply::Silence => {
                    self.open.insert(task, dispatch);
                }
            }
        }
        // The last one is told first; the story wants them in the order of their dispatch.
        events.reverse();
        events
    }

    /// Lets time pass up to the next timer and fires it; tells how long that took.
    pub(super) fn sleep(&mut self) -> u64 {
        let (at, timer) = self.machine.poll_timeout().expect("a timer is running");
        let slept = at.since(self.now).0;
        self.now = self.now.max(at);
        self.tell(Event::TimerFired { timer });
        slept
    }

    /// Sleeps until the execution ends, and tells how long each sleep took.
    pub(super) fn sleep_until_end(&mut self) -> Vec<u64> {
        let mut slept = Vec::new();
        while self.end.is_none() {
            slept.push(self.sleep());
        }
        slept
    }

    /// The end, after checking that the journal leads there again.
    #[track_caller]
    pub(super) fn end(&self) -> End {
        self.check_replay();
        self.end.clone().unwrap_or_else(|| panic!("the execution has not ended: {:?} wait", self.open.keys()))
    }

    #[track_caller]
    pub(super) fn output(&self) -> Value {
        match self.end() {
            End::Completed(output) => output,
            other => panic!("the execution did not complete: {other:?}"),
        }
    }

    #[track_caller]
    pub(super) fn fault(&self) -> Problem {
        match self.end() {
            End::Faulted(problem) => *problem,
            other => panic!("the execution did not fault: {other:?}"),
        }
    }

    /// Replays the journal, and the rest of it after snapshots: every event must lead to the same actions.
    #[track_caller]
    pub(super) fn check_replay(&self) {
        self.replay(Machine::new(self.id(), Arc::clone(&self.definition)), 0);
        for (included, snapshot) in self.snapshots.iter().step_by(1 + self.snapshots.len() / 5) {
            self.replay(self.restore(snapshot, &mut StoredValues::default()).machine, *included);
        }
    }

    #[track_caller]
    fn replay(&self, mut machine: Machine, from: usize) {
        let source = |digest| self.values.get(&digest).map(|text| text.to_vec());
        for (position, record) in self.journal.iter().enumerate().skip(from) {
            let record = Record::decode(record, &source).unwrap();
            machine.replay_event(record.at, record.event, record.configs);
            assert!(!machine.work(record.transitions), "record {position}: more to do than was done");
            while machine.poll_action().is_some() {}
            assert_eq!(machine.checksum(), record.checksum, "from {from}, record {position} leads to other actions");
        }
        assert_eq!(machine.phase() == Phase::Ended, self.end.is_some());
        assert_eq!(machine.poll_timeout(), self.machine.poll_timeout());
    }

    /// The last tokens of the pointers of all dispatches, in order.
    pub(super) fn calls(&self) -> Vec<String> {
        let name = |pointer: &str| pointer.rsplit('/').next().unwrap_or_default().to_string();
        self.dispatched.iter().map(|(dispatch, _)| name(dispatch.pointer.as_str())).collect()
    }
}

/// Runs tasks to their end without letting time pass, and compares the output.
#[track_caller]
pub(super) fn check(tasks: &str, input: &str, output: &str) {
    assert_eq!(World::start(tasks, input).output(), value(output));
}

/// Runs tasks to their end, and compares where and how they faulted.
#[track_caller]
pub(super) fn check_fault(tasks: &str, input: &str, kind: ErrorKind, instance: &str) {
    let problem = World::start(tasks, input).fault();
    assert!(problem.is(kind), "{problem:?}");
    assert_eq!(problem.instance.as_deref(), Some(instance), "{problem:?}");
}
