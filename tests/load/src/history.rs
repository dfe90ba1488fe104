//! How many bytes journal and queue hold of an execution, with configs by id and with configs inlined in event and envelope.
//!
//! A driver of a few lines takes each workflow to its end on the machine and the codec of the journal, both ways: with the inline threshold of the
//! engine, and with none. What goes into the queue is the envelope with the fields beside it, and in the other way the config too. Outputs are small,
//! so that configs alone make the difference. What is stored once beside the journal is told apart.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use sandmill_core::codec::{INLINE_BYTES_MAX, RecordWriter, StoredValues};
use sandmill_core::definition::Definition;
use sandmill_core::ids::{Digest, WorkflowExecId};
use sandmill_core::machine::{Action, Dispatch, Event, Machine, Phase, SLICE_TRANSITIONS, Target as Runs};
use sandmill_core::problem::{ErrorKind, Problem};
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;
use sandmill_speed::report::{Report, Target};
use sandmill_store::redis::queue::{ENVELOPE_VERSION, Envelope, Kind, traceparent};

use crate::stage::tenant;
use crate::workflow::compiled;

/// Bytes of a config, and of that of an item of a collection.
const CONFIG_BYTES: usize = 7_168;
const ITEM_BYTES: usize = 4_608;

/// The moment at which every execution starts, in milliseconds since 1970.
const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Tasks of each kind in the larger workflow.
const TEN: usize = 10;

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let (mut ids, mut inlined, mut least) = (0, 0, f64::INFINITY);
    for tasks in [1, TEN] {
        for (kind, task) in kinds() {
            let by_id = Held::by(&task, tasks, INLINE_BYTES_MAX).with_context(|| kind)?;
            let beside = by_id.beside;
            let (by_id, with_configs) = (by_id.total(), Held::by(&task, tasks, usize::MAX)?.total());
            let reduction = reduction_pct(by_id, with_configs);
            report.row(&format!("{kind}, {tasks}: by id, bytes"), by_id as f64, Target::Baseline);
            report.row(&format!("{kind}, {tasks}: inlined, bytes"), with_configs as f64, Target::Baseline);
            report.row(&format!("{kind}, {tasks}: stored once beside, bytes"), beside as f64, Target::Baseline);
            report.row(&format!("{kind}, {tasks}: less, %"), reduction, Target::AtLeast(90.0));
            (ids, inlined, least) = (ids + by_id, inlined + with_configs, reduction.min(least));
        }
    }
    report.result("history_reduction_pct", reduction_pct(ids, inlined), Target::AtLeast(93.0));
    report.result("history_reduction_min_pct", least, Target::AtLeast(90.0));
    Ok(())
}

fn reduction_pct(by_id: usize, inlined: usize) -> f64 {
    100.0 * (1.0 - by_id as f64 / inlined as f64)
}

/// Every kind of task that runs, with the calls that it holds or needs: `NAME` stands for its number.
fn kinds() -> Vec<(&'static str, String)> {
    let call = |name: &str, bytes: usize| format!("{name}NAME: {}", call(bytes));
    let [basic, first, second, third] = ["basic", "first", "second", "third"].map(|name| call(name, CONFIG_BYTES));
    let item = call("item", ITEM_BYTES);
    let tasks = [
        ("basic (call)", format!("{{ {basic} }}")),
        (
            "router (switch)",
            format!(
                "{{ routeNAME: {{ do: [ {{ choose: {{ switch: [ {{ one: {{ when: '${{ true }}', then: firstNAME }} }} ] }} }}, {{ {second} }}, {{ {first} }} ] }} }}"
            ),
        ),
        (
            "parallel (fork of three, and one)",
            format!(
                "{{ groupNAME: {{ do: [ {{ split: {{ fork: {{ branches: [ {{ {first} }}, {{ {second} }}, {{ {third} }} ] }} }} }}, {{ {basic} }} ] }} }}"
            ),
        ),
        (
            "collection (map of ten)",
            format!(
                "{{ eachNAME: {{ metadata: {{ for: {{ mode: map, concurrency: 10 }} }}, for: {{ in: '${{ [range(10)] }}' }}, do: [ {{ {item} }} ] }} }}"
            ),
        ),
        (
            "collection (loop of ten)",
            format!("{{ eachNAME: {{ for: {{ in: '${{ [range(10)] }}' }}, do: [ {{ {item} }} ] }} }}"),
        ),
        ("composite (do)", format!("{{ wholeNAME: {{ do: [ {{ {first} }}, {{ {second} }} ] }} }}")),
        (
            "aggregate (set)",
            format!(
                "{{ wholeNAME: {{ do: [ {{ {first} }}, {{ sum: {{ set: {{ text: '${{ {} }}' }}, output: {{ as: '${{ null }}' }} }} }} ] }} }}",
                text(CONFIG_BYTES)
            ),
        ),
        ("wait", format!("{{ wholeNAME: {{ do: [ {{ {first} }}, {{ pause: {{ wait: {{ seconds: 5 }} }} }} ] }} }}")),
        (
            "error (try)",
            format!(
                "{{ wholeNAME: {{ try: [ {{ firstNAME: {{ call: 'fails:1.0.0@default', with: {{ text: '${{ {} }}' }} }} }} ], catch: {{ do: [ {{ {second} }} ] }} }} }}",
                text(CONFIG_BYTES)
            ),
        ),
        (
            "sub-workflow (run)",
            format!(
                "{{ childNAME: {{ run: {{ workflow: {{ namespace: bench, name: child, version: 1.0.0, input: {{ text: '${{ {} }}' }} }} }} }} }}",
                text(CONFIG_BYTES)
            ),
        ),
    ];
    tasks.into()
}

/// An expression for text of that size.
fn text(bytes: usize) -> String {
    format!("\"Write what you found in one line. \" * {}", bytes / 34)
}

fn call(bytes: usize) -> String {
    format!("{{ call: 'echo:0.1.0@default', with: {{ text: '${{ {} }}' }} }}", text(bytes))
}

/// What journal and queue hold of an execution and of those that it starts, in bytes.
#[derive(Default)]
struct Held {
    journal: usize,
    queue: usize,
    /// Stored once, under its digest.
    beside: usize,
}

impl Held {
    const fn total(&self) -> usize {
        self.journal + self.queue
    }

    /// A workflow with so many of such a task.
    fn by(task: &str, tasks: usize, inline_bytes_max: usize) -> Result<Self> {
        let head = "document: { dsl: 1.0.3, namespace: bench, name: history, version: 1.0.0 }\ndo:\n";
        let tasks = (0..tasks).map(|number| format!("  - {}\n", task.replace("NAME", &number.to_string())));
        let definition = compiled(&std::iter::once(head.to_owned()).chain(tasks).collect::<String>(), plugin())?;
        let mut held = Self::default();
        held.run(&definition, Value::null(), inline_bytes_max)?;
        Ok(held)
    }

    /// Takes an execution to its end, and those that it starts.
    fn run(&mut self, definition: &Arc<Definition>, input: Value, inline_bytes_max: usize) -> Result<()> {
        let mut driver = Driver {
            machine: Machine::new(WorkflowExecId::from_random(7), Arc::clone(definition)),
            stored: StoredValues::inlining(inline_bytes_max),
            inlines: inline_bytes_max == usize::MAX,
            configs: BTreeMap::new(),
            inbox: VecDeque::from([Event::Started { input, settings: Box::default(), origin: None }]),
            now: NOW,
        };
        while let Some(event) = driver.next() {
            driver.take(event, self)?;
        }
        ensure!(driver.machine.phase() == Phase::Ended, "the execution does not end");
        Ok(())
    }
}

fn plugin() -> Digest {
    Digest::of(b"no component is run")
}

/// What the engine does around a machine, without a store and without workers.
struct Driver {
    machine: Machine,
    stored: StoredValues,
    inlines: bool,
    configs: BTreeMap<u32, (Value, Bytes)>,
    inbox: VecDeque<Event>,
    now: Timestamp,
}

impl Driver {
    /// The next event; time passes where nothing else happens.
    fn next(&mut self) -> Option<Event> {
        self.inbox.pop_front().or_else(|| {
            let (at, timer) = self.machine.poll_timeout()?;
            self.now = at;
            Some(Event::TimerFired { timer })
        })
    }

    fn take(&mut self, event: Event, held: &mut Held) -> Result<()> {
        let mut record = RecordWriter::begin(self.now, &event, &mut self.stored);
        self.machine.handle_event(self.now, event);
        while self.machine.work(SLICE_TRANSITIONS) {}
        while let Some(action) = self.machine.poll_action() {
            match action {
                Action::SaveConfig { id, config } => {
                    let text = record.config(id.number, &config, &mut self.stored);
                    self.configs.insert(id.number, (config, text));
                }
                Action::DispatchTask(dispatch) => self.dispatch(&dispatch, held)?,
                Action::Fault { problem } => bail!("the execution faults: {problem:?}"),
                _ => {}
            }
        }
        let encoded = record.finish(self.machine.transitions(), self.machine.checksum());
        held.journal += encoded.record.len();
        held.beside += encoded.values.iter().map(|(_, text)| text.len()).sum::<usize>();
        Ok(())
    }

    /// Counts what goes into the queue, and answers at once. A child runs here, and has a journal and a queue too.
    fn dispatch(&mut self, dispatch: &Dispatch, held: &mut Held) -> Result<()> {
        let (config, text) = self.configs[&dispatch.id.number].clone();
        let (task, attempt) = (dispatch.id.number, dispatch.attempt);
        let threshold = if self.inlines { usize::MAX } else { INLINE_BYTES_MAX };
        match &dispatch.target {
            Runs::Workflow(_) => held.run(&child()?, config, threshold)?,
            Runs::Plugin(_) => {
                held.queue += message_bytes(dispatch) + if self.inlines { text.len() } else { 0 };
            }
        }
        let is_first = attempt == 1 && dispatch.pointer.as_str().contains("/try/");
        self.inbox.push_back(if is_first {
            let problem = Box::new(Problem::new(ErrorKind::Runtime, "it does not work"));
            Event::TaskFailed { task, attempt, problem }
        } else {
            Event::TaskCompleted { task, attempt, output: Value::from("done") }
        });
        Ok(())
    }
}

/// What a child does: one call, with its input as the config.
fn child() -> Result<Arc<Definition>> {
    let document = "document: { dsl: 1.0.3, namespace: bench, name: child, version: 1.0.0 }
do: [ { work: { call: 'echo:0.1.0@default', with: { text: '${ .text }' } } } ]
";
    compiled(document, plugin())
}

/// A message of the queue: the envelope, and the fields beside it.
fn message_bytes(dispatch: &Dispatch) -> usize {
    let envelope = Envelope {
        v: ENVELOPE_VERSION,
        kind: Kind::Call,
        task_exec_id: dispatch.id,
        tenant: tenant(),
        component: plugin(),
        group_id: dispatch.delivery.group,
        attempt: dispatch.attempt,
        engine: "engine-7f3a90c1d2e4".into(),
        created_at: NOW,
        deadline: dispatch.deadline,
        traceparent: Some(traceparent(dispatch.id)),
    };
    let group = envelope.group_id.map(|group| ("group", group.to_string()));
    let fields = [
        ("task_exec_id", envelope.task_exec_id.to_string()),
        ("tenant", envelope.tenant.to_string()),
        ("engine", envelope.engine.clone()),
        ("attempt", envelope.attempt.to_string()),
        ("envelope", envelope.to_json()),
    ];
    fields.iter().chain(group.iter()).map(|(name, value)| name.len() + value.len()).sum()
}
