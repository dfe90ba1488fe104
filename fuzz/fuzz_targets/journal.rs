//! Any bytes are read as a record or a snapshot, or refused; and what is read is written and read again as it is.
//!
//! The first byte says what the others are: a record, a snapshot, or a story, the snapshot of which is then damaged.

#![no_main]

mod story;

use libfuzzer_sys::fuzz_target;
use sandmill_core::codec::{EncodedSnapshot, Record, Restored, StoredValues};
use sandmill_core::ids::Digest;
use story::{DEFINITION, Story, id};

/// Bytes at the end of a story that say how its snapshot is damaged: of each three, two are a place, and the third is put there.
const DAMAGE_BYTES: usize = 6;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 3 {
        0 => record(bytes),
        1 => snapshot(bytes, &any_value),
        _ => {
            let (steps, damage) = bytes.split_at(bytes.len().saturating_sub(DAMAGE_BYTES));
            let story = Story::tell(steps);
            story.check();
            snapshot(&story.snapshot.0, &|digest| story.value(digest));
            snapshot(&damaged(&story.snapshot.0, damage), &|digest| story.value(digest));
        }
    }
});

/// A store that has something under half of all digests.
fn any_value(digest: Digest) -> Option<Vec<u8>> {
    let first = digest.as_bytes()[0];
    (first < 128).then(|| format!("{{\"n\":{first},\"text\":\"{}\"}}", "x".repeat(300)).into_bytes())
}

fn record(bytes: &[u8]) {
    let Ok(record) = Record::decode(bytes, &any_value) else { return };
    let written = record.encode();
    let source = |digest| written.values.iter().find(|(stored, _)| *stored == digest).map(|(_, text)| text.to_vec());
    assert_eq!(Record::decode(&written.record, &source).as_ref().ok(), Some(&record));
    assert_eq!(record.encode(), written);
}

fn snapshot(bytes: &[u8], source: &dyn Fn(Digest) -> Option<Vec<u8>>) {
    let mut stored = StoredValues::default();
    let Ok(restored) = Restored::decode(bytes, id(), &DEFINITION, &source, &mut stored) else { return };
    let written = written(&restored);
    let values = |digest| written.values.iter().find(|(stored, _)| *stored == digest).map(|(_, text)| text.to_vec());
    let again = Restored::decode(&written.snapshot, id(), &DEFINITION, &values, &mut StoredValues::default());
    assert_eq!(self::written(&again.expect("what was written is read")), written);
}

/// The snapshot as it is written where nothing is stored yet.
fn written(restored: &Restored) -> EncodedSnapshot {
    let configs = restored.configs.iter().map(|(task, text)| (*task, text));
    EncodedSnapshot::of(&restored.machine, configs, &mut StoredValues::default())
        .expect("a machine that was restored has no work")
}

fn damaged(snapshot: &[u8], damage: &[u8]) -> Vec<u8> {
    let mut bytes = snapshot.to_vec();
    for pair in damage.chunks_exact(3) {
        let place = (usize::from(pair[0]) << 8 | usize::from(pair[1])) % bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(place) {
            *byte = pair[2];
        }
    }
    bytes
}
