//! Journals as each version wrote them, which every later version must replay to the same actions.
//!
//! The files are never changed. When what is written changes, the version does, and another file is added beside it.

use super::kit::{World, value};
use crate::codec::Record;
use crate::ids::Digest;
use crate::machine::{Event, Machine, Phase, Settings};
use crate::problem::{ErrorKind, Problem};
use crate::time::Millis;

/// The journal of a version: a line for each record, and a line for each value that is stored beside them.
fn journal_of(version: u8) -> String {
    let file = format!("{}/src/machine/tests/journal-v{version}.txt", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"))
}

const TASKS: &str = r#"[
    {"prepare":{"set":{"items":[1,2,3],"text":"${ [range(100)] | tostring }"},"export":{"as":"${ . }"}}},
    {"each":{"for":{"in":"${ .items }"},"metadata":{"for":{"mode":"map","concurrency":2}},"do":[{"work":{"call":"work","with":{"n":"${ $item }"}}}]}},
    {"careful":{"try":[{"risky":{"call":"risky","with":{"failUntil":2,"text":"${ $context.text }"}}}],
                "catch":{"retry":{"delay":{"seconds":2},"jitter":{"from":{"seconds":0},"to":{"seconds":1}}}}}},
    {"both":{"fork":{"branches":[{"a":{"call":"a","with":{"hold":1}}},{"b":{"wait":{"minutes":1}}}]}}},
    {"choose":{"switch":[{"one":{"when":"${ length == 2 }","then":"last"}}]}},
    {"never":{"raise":{"error":{"type":"urn:never","status":500}}}},
    {"last":{"set":{"done":true}}}
]"#;

/// A story in which every kind of event happens.
fn story() -> World {
    let settings = Settings { runtime_version: "0.1.0".into(), seed: 7, ..Settings::default() };
    let mut world = World::start_with(TASKS, r#"{"from":"outside"}"#, settings);
    world.sleep();
    let hold = *world.open.keys().next().expect("a task is with a worker");
    let tell = |world: &mut World, event: Event| {
        world.open.clear();
        world.now = world.now.after(Millis(100));
        world.tell(event);
    };
    tell(&mut world, Event::TaskLost { task: hold, attempt: 1 });
    let problem = Problem { retryable: true, ..Problem::new(ErrorKind::Communication, "gone") };
    tell(&mut world, Event::TaskFailed { task: hold, attempt: 2, problem: Box::new(problem) });
    world.sleep();
    tell(&mut world, Event::SuspendRequested);
    tell(&mut world, Event::TaskStopped { task: 99 });
    tell(&mut world, Event::ResumeRequested);
    let from = world.now;
    tell(&mut world, Event::Recovered { from });
    tell(&mut world, Event::TaskCompleted { task: hold, attempt: 4, output: value(r#"{"a":1}"#) });
    world.sleep();
    tell(&mut world, Event::CancelRequested);
    world
}

#[track_caller]
fn check_replay(version: u8) {
    let world = story();
    assert_eq!(world.output(), value(r#"{"done":true}"#));
    let journal = journal_of(version);
    let lines: Vec<(&str, &str)> = journal.lines().map(|line| line.split_once(' ').unwrap()).collect();
    let of = |kind: &str| lines.iter().filter(|(name, _)| *name == kind).map(|(_, text)| *text).collect::<Vec<_>>();
    let values = of("value");
    let source =
        |digest| values.iter().find(|text| Digest::of(text.as_bytes()) == digest).map(|text| text.as_bytes().to_vec());
    let mut machine = Machine::new(world.id(), world.definition.clone());
    for (position, record) in of("record").iter().enumerate() {
        let record = Record::decode(&hex::decode(record).unwrap(), &source).unwrap();
        machine.replay_event(record.at, record.event, record.configs);
        assert!(!machine.work(record.transitions), "record {position}: more to do than was done");
        while machine.poll_action().is_some() {}
        assert_eq!(machine.checksum(), record.checksum, "record {position} leads to other actions");
    }
    assert_eq!(machine.phase(), Phase::Ended);
}

#[test]
fn a_journal_of_version_1_still_replays() {
    check_replay(1);
}

#[test]
fn a_journal_of_version_2_still_replays() {
    check_replay(2);
}

#[test]
fn what_is_written_is_what_version_2_wrote() {
    assert_eq!(story().journal_text(), journal_of(2), "what is written changed: that is a new version");
}
