//! A parallel map in batches over one large context, on the machine and the codec alone: what an item costs must not grow with their number.
//!
//! The same through the whole engine is `big-map` in `tests/load`. Here a driver of a few lines answers every call at once, and writes every
//! record and snapshot to nowhere.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::{Result, ensure};
use sandmill_core::codec::{EncodedSnapshot, RecordWriter, StoredValues};
use sandmill_core::definition::Definition;
use sandmill_core::ids::WorkflowExecId;
use sandmill_core::machine::{Action, Event, Machine, SLICE_TRANSITIONS};
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;
use sandmill_speed::allocator::Count;
use sandmill_speed::figures::{median, time_us};
use sandmill_speed::report::{Report, Target};

use crate::documents::compiled;

/// Bytes of the context that all items share.
const CONTEXT_BYTES: usize = 10_000_000;

/// Items of one map; the last against the first is the figure.
const ITEMS: [u64; 3] = [1_000, 10_000, 100_000];

/// Records between two snapshots at least, as in the engine.
const SNAPSHOT_EVENTS: u64 = 512;

/// Runs of which the median counts.
const RUNS: usize = 5;

/// Items that one call takes: the figure is of the first, and the second shows what a call costs.
const BATCHES: [u64; 2] = [100, 1];

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    for batch in BATCHES {
        let definition = compiled(&document(batch))?;
        let mut maps = Vec::new();
        for items in ITEMS {
            let map = measure(&definition, items, batch)?;
            report.row(
                &format!("{items} items, {batch} in a call, us each"),
                map.micros / items as f64,
                Target::Baseline,
            );
            report.row(
                &format!("{items} items, {batch} in a call, peak bytes each"),
                map.peak / items as f64,
                Target::Baseline,
            );
            maps.push(map);
        }
        let [small, middle, large] = maps.as_slice() else { continue };
        let further = |more: &Map, less: &Map| (more.micros - less.micros) / (more.items - less.items);
        // The context costs a small map most of its time: this leaves out what does not depend on the items.
        let growth = further(large, middle) / further(middle, small);
        report.row(
            &format!("{batch} in a call: each further item, at the end over at the beginning"),
            growth,
            Target::Baseline,
        );
        if batch == BATCHES[0] {
            let each = |of: fn(&Map) -> f64| of(large) / large.items / (of(small) / small.items);
            report.result("map_machine_time_ratio", each(|map| map.micros), Target::AtMost(1.2));
            report.result("map_machine_memory_ratio", each(|map| map.peak), Target::AtMost(1.2));
        }
    }
    Ok(())
}

/// What one map took.
struct Map {
    items: f64,
    micros: f64,
    peak: f64,
}

fn measure(definition: &Arc<Definition>, items: u64, batch: u64) -> Result<Map> {
    let input = input(items);
    let micros: Vec<f64> = (0..RUNS).map(|_| time_us(1, || drop(complete(definition, &input)))).collect();
    let counting = Count::begin();
    let outputs = complete(definition, &input);
    let peak = counting.peak_bytes() as f64;
    drop(counting);
    let calls = outputs.and_then(|outputs| outputs.length());
    ensure!(calls == Some(usize::try_from(items / batch)?), "outputs are missing");
    Ok(Map { items: items as f64, micros: median(&micros), peak })
}

fn document(batch: u64) -> String {
    format!(
        "document: {{ dsl: 1.0.3, namespace: bench, name: big-map, version: 1.0.0 }}
do:
  - share: {{ set: {{ n: '${{ .n }}' }}, export: {{ as: '${{ $workflow.input }}' }} }}
  - each:
      for: {{ in: '${{ [range(.n)] }}' }}
      do: [ {{ work: {{ call: 'echo:0.1.0@default', with: {{ numbers: '${{ $item }}' }} }} }} ]
      metadata: {{ for: {{ mode: map, concurrency: 50, batch: {batch} }} }}
"
    )
}

/// The number of items, with data of [`CONTEXT_BYTES`] beside it.
fn input(items: u64) -> Value {
    let file = |index: usize| {
        let text = "fn main() { println!(\"a line of code\"); } // ".repeat(21);
        Value::object([("path", Value::from(format!("part_{index:05}.rs"))), ("text", Value::from(text))])
    };
    let each = file(0).json_len() + 1;
    let files = Value::array((0..CONTEXT_BYTES.div_ceil(each)).map(file));
    Value::object([("files", files), ("n", Value::from(items))])
}

/// Runs one execution to its end, and gives its output.
fn complete(definition: &Arc<Definition>, input: &Value) -> Option<Value> {
    let mut driver = Driver {
        machine: Machine::new(WorkflowExecId::from_random(1), Arc::clone(definition)),
        stored: StoredValues::default(),
        inbox: VecDeque::from([Event::Started { input: input.clone(), settings: Box::default(), origin: None }]),
        events: 0,
        bytes: 0,
        snapshot_bytes: 0,
        output: None,
    };
    while let Some(event) = driver.inbox.pop_front() {
        driver.take(event);
    }
    driver.output
}

/// What the engine does around a machine, without a store.
struct Driver {
    machine: Machine,
    stored: StoredValues,
    inbox: VecDeque<Event>,
    events: u64,
    bytes: usize,
    snapshot_bytes: usize,
    output: Option<Value>,
}

impl Driver {
    fn take(&mut self, event: Event) {
        let mut record = RecordWriter::begin(Timestamp(0), &event, &mut self.stored);
        self.machine.handle_event(Timestamp(0), event);
        loop {
            let has_more = self.machine.work(SLICE_TRANSITIONS);
            while let Some(action) = self.machine.poll_action() {
                self.act(action, &mut record);
            }
            if !has_more {
                break;
            }
        }
        let encoded = record.finish(self.machine.transitions(), self.machine.checksum());
        self.events += 1;
        self.bytes += encoded.record.len() + encoded.values.iter().map(|(_, text)| text.len()).sum::<usize>();
        if self.events >= SNAPSHOT_EVENTS && self.bytes >= self.snapshot_bytes {
            self.take_snapshot();
        }
    }

    fn act(&mut self, action: Action, record: &mut RecordWriter) {
        match action {
            Action::SaveConfig { id, config } => drop(record.config(id.number, &config, &mut self.stored)),
            Action::DispatchTask(dispatch) => {
                let output = Value::object([("text", Value::from("x".repeat(189)))]);
                self.inbox.push_back(Event::TaskCompleted {
                    task: dispatch.id.number,
                    attempt: dispatch.attempt,
                    output,
                });
            }
            Action::Complete { output } => self.output = Some(output),
            _ => {}
        }
    }

    fn take_snapshot(&mut self) {
        let Some(taken) = EncodedSnapshot::of(&self.machine, [], &mut self.stored) else { return };
        let values = taken.values.iter().map(|(_, text)| text.len()).sum::<usize>();
        (self.events, self.bytes, self.snapshot_bytes) = (0, 0, taken.snapshot.len() + values);
    }
}
