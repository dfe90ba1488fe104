//! What a snapshot stores, and what it does with what it cannot read. That a machine comes back from each of them as it was is checked by every story.

use std::sync::Arc;

use proptest::prelude::*;

use super::definition::define;
use super::kit::World;
use crate::codec::{CodecError, EncodedSnapshot, Restored, StoredValues};
use crate::ids::WorkflowExecId;
use crate::machine::{Event, Machine, Settings};
use crate::value::Value;

/// A context with a large member that never changes and a small one that does.
const COUNTING: &str = r#"[
    {"begin":{"set":{"large":"${ [range(2000)] }","n":0},"export":{"as":"${ . }"}}},
    {"loop":{"for":{"in":"${ [range(20)] }"},"do":[
        {"count":{"call":"c","with":{"n":"${ $index }"},"export":{"as":"${ $context + {n: .n} }"}}}]}},
    {"hold":{"call":"h","with":{"hold":1}}}
]"#;

#[test]
fn a_member_of_the_context_that_did_not_change_is_stored_once() {
    let world = World::start(COUNTING, "{}");
    let (snapshot, stored) = world.last_snapshot();
    assert!(snapshot.len() < 1_000, "{} bytes", snapshot.len());
    let large = Value::array((0..2_000_i64).map(Value::from)).to_json().len();
    assert!(stored < 3 * large, "{stored} bytes are stored, and the large member has {large}");
}

#[test]
fn a_value_that_json_has_no_word_for_is_not_put_into_a_snapshot() {
    let definition = define(r#"[{"odd":{"set":"${ {n: nan} }"}},{"wait":{"wait":{"hours":1}}}]"#);
    let mut machine = Machine::new(WorkflowExecId::from_random(1), definition);
    let started = Event::Started { input: Value::null(), settings: Box::new(Settings::default()), origin: None };
    machine.handle_event(crate::time::Timestamp(0), started);
    while machine.work(100) {}
    while machine.poll_action().is_some() {}
    assert_eq!(EncodedSnapshot::of(&machine, [], &mut StoredValues::default()), None);
}

#[test]
fn a_snapshot_of_another_definition_or_version_is_refused() {
    let world = World::start(COUNTING, "{}");
    let (snapshot, _) = world.last_snapshot();
    let read = |snapshot: &[u8], definition: &Arc<_>| {
        let none = |_| None;
        let stored = &mut StoredValues::default();
        Restored::decode(snapshot, WorkflowExecId::from_random(1), definition, &none, stored).unwrap_err()
    };
    assert!(matches!(read(snapshot, &world.definition), CodecError::MissingValue { .. }));
    for found in [1, 3] {
        let other = [&[found], &snapshot[1..]].concat();
        assert!(matches!(read(&other, &world.definition), CodecError::Newer { found: named } if named == found));
    }
    assert!(matches!(read(&[], &world.definition), CodecError::Empty));
    let other = World::start(r#"[{"hold":{"call":"h","with":{"hold":1}}}]"#, "{}");
    let (snapshot, _) = other.last_snapshot();
    assert!(matches!(read(snapshot, &world.definition), CodecError::Malformed { .. }));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(place in 0_usize..2_000, byte in any::<u8>(), cut in 0_usize..2_000) {
        let world = World::start(r#"[{"t":{"try":[{"hold":{"call":"h","with":{"hold":1}}}],"catch":{}}}]"#, r#"{"a":1}"#);
        let mut snapshot = world.last_snapshot().0.to_vec();
        let place = place % snapshot.len();
        snapshot[place] ^= byte;
        snapshot.truncate(snapshot.len().max(cut));
        let none = |_| None;
        let stored = &mut StoredValues::default();
        let _ = Restored::decode(&snapshot, WorkflowExecId::from_random(1), &world.definition, &none, stored);
    }
}
