//! Executions to which everything happens at random: whatever it is, they end once, replay to the same actions, and leave nothing behind.

use proptest::prelude::*;

use super::kit::{World, problem, value};
use crate::machine::Event;
use crate::problem::{ErrorKind, Problem};
use crate::time::Millis;

/// Every kind of task inside another, each call waiting for the story.
const TASKS: &str = r#"[
    {"prepare":{"set":{"items":[1,2,3,4]},"export":{"as":"${ . }"}}},
    {"each":{"for":{"in":"${ .items }"},"metadata":{"for":{"mode":"map","concurrency":2,"strategy":"bestEffort"}},"do":[
        {"careful":{"try":[{"work":{"call":"work","with":{"hold":"${ $item }"},"timeout":{"after":{"seconds":9}}}}],
                    "catch":{"retry":{"delay":{"seconds":2},"backoff":{"exponential":{}},"jitter":{"from":{"seconds":0},"to":{"seconds":1}},
                             "limit":{"attempt":{"count":2}}},"do":[{"note":{"set":"${ $error.status }"}}]}}}]}},
    {"both":{"fork":{"branches":[{"a":{"call":"a","with":{"hold":1}}},{"b":{"do":[{"pause":{"wait":{"seconds":3}}},{"c":{"call":"c","with":{"hold":2}}}]}}]}}},
    {"race":{"fork":{"compete":true,"branches":[{"d":{"call":"d","with":{"hold":1}}},{"e":{"call":"e","with":{"hold":1}}}]}}},
    {"loop":{"for":{"in":"${ [1,2] }"},"do":[{"f":{"call":"f","with":{"hold":"${ $index + 1 }"}}}]}}
]"#;

/// One thing that happens, drawn from a number.
fn happen(world: &mut World, choice: u16) {
    let open: Vec<u32> = world.open.keys().copied().collect();
    let task = open.get(usize::from(choice / 16) % open.len().max(1)).copied();
    let attempt = task.map_or(0, |task| world.open[&task].attempt);
    let answered = |world: &mut World, event: Event| {
        world.open.remove(&task.unwrap_or_default());
        world.tell(event);
    };
    match (choice % 16, task) {
        (0..=6, Some(task)) => answered(world, Event::TaskCompleted { task, attempt, output: value("1") }),
        (7, Some(task)) => {
            let problem = Problem { retryable: choice % 32 > 16, ..problem(ErrorKind::Communication) };
            answered(world, Event::TaskFailed { task, attempt, problem: Box::new(problem) });
        }
        (8, Some(task)) => answered(world, Event::TaskLost { task, attempt }),
        (9, Some(task)) => {
            world.tell(Event::TaskCompleted { task, attempt: attempt.wrapping_sub(1), output: value("9") })
        }
        (10, _) => world.tell(Event::SuspendRequested),
        (11 | 12, _) => world.tell(Event::ResumeRequested),
        (13, _) => {
            let from = world.now;
            world.now = world.now.after(Millis(500));
            if choice % 32 > 16 {
                return world.tell(Event::Returned { from });
            }
            world.open.clear();
            world.tell(Event::Recovered { from });
        }
        (14, _) if choice > 60_000 => world.tell(Event::CancelRequested),
        _ if world.machine.poll_timeout().is_some() => {
            world.sleep();
        }
        _ => {}
    }
}

/// Lets an execution that is still going come to its end.
fn settle(world: &mut World) {
    world.tell(Event::ResumeRequested);
    for _ in 0..1_000 {
        if world.end.is_some() {
            return;
        }
        happen(world, if world.open.is_empty() { 15 } else { 0 });
    }
    panic!("the execution does not end: {:?} wait", world.open.keys());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_executions_end_once_and_replay(choices in proptest::collection::vec(any::<u16>(), 0..60)) {
        let mut world = World::start(TASKS, "{}");
        for choice in choices {
            happen(&mut world, choice);
        }
        settle(&mut world);
        world.end();
        let stopping: Vec<u32> = world.machine.tasks_in_flight().map(|id| id.number).collect();
        for task in stopping {
            world.tell(Event::TaskStopped { task });
        }
        prop_assert!(world.machine.is_parked());
        prop_assert_eq!(world.machine.poll_timeout(), None);
        world.check_replay();
    }
}
