//! Records read back as they were written, in this version and in every one before.

use proptest::prelude::*;

use super::*;
use crate::ids::WorkflowExecId;
use crate::machine::{Origin, Settings, TimerId, VisitKey};
use crate::problem::{ErrorKind, Problem};
use crate::time::Millis;

fn record(event: Event) -> Record {
    Record { at: Timestamp(1_700_000_000_000), event, configs: Vec::new(), transitions: 3, checksum: 7 }
}

fn text_of(bytes: usize) -> Value {
    Value::from("x".repeat(bytes - 2))
}

#[track_caller]
fn round_trip(record: &Record) {
    let Encoded { record: bytes, values } = record.encode();
    let source = |digest| values.iter().find(|(stored, _)| *stored == digest).map(|(_, text)| text.to_vec());
    assert_eq!(&Record::decode(&bytes, &source).unwrap(), record);
}

fn every_event() -> Vec<Event> {
    let problem = Problem::new(ErrorKind::Communication, "gone").with_data(text_of(300));
    vec![
        Event::Started { input: text_of(300), settings: Box::default(), origin: None },
        Event::TaskCompleted { task: 1, attempt: 2, output: text_of(10) },
        Event::TaskFailed { task: 1, attempt: 1, problem: Box::new(problem) },
        Event::TaskLost { task: 1, attempt: 1 },
        Event::TaskStopped { task: 1 },
        Event::TimerFired { timer: TimerId(4) },
        Event::CancelRequested,
        Event::SuspendRequested,
        Event::ResumeRequested,
        Event::Recovered { from: Timestamp(-1) },
        Event::Returned { from: Timestamp(-1) },
    ]
}

#[test]
fn every_event_reads_back_as_it_was_written() {
    for event in every_event() {
        round_trip(&Record { configs: vec![(0, text_of(5)), (9, text_of(1_000))], ..record(event) });
    }
}

#[test]
fn values_stand_inline_up_to_the_threshold() {
    let values =
        |bytes| record(Event::TaskCompleted { task: 0, attempt: 1, output: text_of(bytes) }).encode().values.len();
    assert_eq!(values(INLINE_BYTES_MAX), 0);
    assert_eq!(values(INLINE_BYTES_MAX + 1), 1);
}

#[test]
fn the_same_value_is_stored_once() {
    let twice = Record { configs: vec![(0, text_of(500)), (1, text_of(500))], ..record(Event::CancelRequested) };
    assert_eq!(twice.encode().values.len(), 1);
    round_trip(&twice);
}

#[test]
fn a_record_is_skimmed_without_its_configs() {
    let configs = vec![(0, text_of(5)), (9, text_of(1_000))];
    let Encoded { record: bytes, values } = Record { configs, ..record(Event::CancelRequested) }.encode();
    let nothing_is_read = |digest| panic!("{digest} is read");
    let skimmed = Record::skim(&bytes, &nothing_is_read, &mut StoredValues::default()).unwrap();
    let [(0, small), (9, large)] = skimmed.configs.as_slice() else { panic!("two tasks have configs") };
    assert_eq!(small.clone().text(&nothing_is_read).unwrap(), text_of(5).to_json());
    assert_eq!(large.clone().text(&|digest| (digest == values[0].0).then(|| b"text".to_vec())).unwrap(), "text");
    assert!(matches!(large.clone().text(&|_| None), Err(CodecError::MissingValue { .. })));
}

#[test]
fn what_cannot_be_read_is_named() {
    let none = |_| None;
    let decode = |bytes: &[u8]| Record::decode(bytes, &none).unwrap_err().to_string();
    assert_eq!(decode(&[]), "the record is empty");
    assert!(decode(&[3, 0]).contains("codec version 3"));
    assert!(decode(&[1, 0]).contains("cannot be read"));
    let mut long = record(Event::CancelRequested).encode().record;
    long.push(0);
    assert!(decode(&long).contains("1 bytes follow its end"));
    let large = record(Event::TaskCompleted { task: 0, attempt: 1, output: text_of(500) }).encode();
    assert!(decode(&large.record).contains("is not stored"));
}

/// The bytes of version 1, as the first release wrote them. They must be read for ever: never change this test, add another.
#[test]
fn a_record_of_version_1_is_still_read() {
    const BYTES: &str = "0180a0abfef9620000013101c09a0c80897ac0843de8078080800503e80702e0d40305c0ee6d05302e312e300501020004747275650307";
    let settings = Settings { semantics: 1, runtime_version: "0.1.0".into(), seed: 5, ..Settings::default() };
    let written = Record {
        configs: vec![(2, Value::from(true))],
        ..record(Event::Started { input: Value::from(1_i64), settings: Box::new(settings), origin: None })
    };
    let none = |_| None;
    assert_eq!(Record::decode(&hex::decode(BYTES).unwrap(), &none).unwrap(), written);
}

/// The bytes of version 2. They must be read for ever: never change this test, add another.
#[test]
fn a_record_of_version_2_is_still_read() {
    const BYTES: &str = "0280a0abfef9620000013102c09a0c80897ac0843de8078080800503e80702e0d40305c0ee6d05302e312e300501e0d40301010000000000000000000000000000000901067365636f6e6401000722676976656e22010700013101020004747275650307";
    let settings = Settings {
        runtime_version: "0.1.0".into(),
        seed: 5,
        task_timeout: Some(Millis(60_000)),
        ..Settings::default()
    };
    let origin = Origin {
        execution: Some(WorkflowExecId::from_random(9)),
        start_at: Some("second".into()),
        context: Some(Value::from("given")),
        outputs: [(VisitKey(7), Value::from(1_i64))].into(),
    };
    let started =
        Event::Started { input: Value::from(1_i64), settings: Box::new(settings), origin: Some(Box::new(origin)) };
    let written = Record { configs: vec![(2, Value::from(true))], ..record(started) };
    let none = |_| None;
    assert_eq!(hex::encode(written.encode().record), BYTES, "what is written changed: that is a new version");
    assert_eq!(Record::decode(&hex::decode(BYTES).unwrap(), &none).unwrap(), written);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let none = |_| None;
        let _ = Record::decode(&bytes, &none);
        let versioned = [&[VERSION], bytes.as_slice()].concat();
        let _ = Record::decode(&versioned, &none);
    }
}

/// The bytes of a return, which came to version 2 later. They must be read for ever: never change this test, add another.
#[test]
fn a_record_of_a_return_is_still_read() {
    const BYTES: &str = "0280a0abfef962020b000307";
    let written = record(Event::Returned { from: Timestamp(-6) });
    assert_eq!(hex::encode(written.encode().record), BYTES);
    assert_eq!(Record::decode(&hex::decode(BYTES).unwrap(), &|_| None).unwrap(), written);
}
