//! What tasks say while they run.

use std::sync::{Arc, Condvar, Mutex};

use futures::FutureExt as _;
use sandmill_core::ids::{TaskExecId, WorkflowExecId};
use sandmill_core::time::Timestamp;
use sandmill_engine::Live;
use sandmill_engine::ports::{LogLevel, LogLine, Logs as _, Progress, TaskMessage, TaskObserver as _};
use sandmill_store::MemoryStore;

use crate::kit::{World, end, slow_logs, steps};

pub(crate) fn line(message: &str, workflow: WorkflowExecId, number: u32) -> LogLine {
    LogLine {
        at: Timestamp(1_000_000),
        task: TaskExecId { workflow, number },
        attempt: 1,
        level: LogLevel::Info,
        message: message.into(),
        fields: Vec::new(),
    }
}

/// The message of a task that runs.
async fn running_task(world: &World) -> TaskMessage {
    world.runner.begun(1).await;
    world.runner.last.lock().unwrap().clone().unwrap()
}

#[tokio::test]
async fn lines_reach_the_log_in_order_and_wake_whoever_follows_it() {
    let world = World::new();
    let engine = world.launch();
    world.runner.hold(true);
    let key = world.start(&engine, &steps(1, None), r#"{"n":0}"#).await;
    let message = running_task(&world).await;
    assert_eq!(engine.log_changed(&key, None).now_or_never().map(Result::unwrap), None, "there is nothing yet");
    let follower = engine.log_changed(&key, None);
    let talking = async {
        for n in 0..100 {
            engine.observer().log(&message, line(&n.to_string(), key.id, 0));
        }
    };
    let (has_more, ()) = futures::join!(follower, talking);
    assert!(has_more.unwrap());
    let (mut read, mut after) = (Vec::new(), None::<String>);
    while read.len() < 100 {
        assert!(engine.log_changed(&key, after.as_deref()).await.unwrap());
        let page = engine.logs(&key, after.as_deref(), 7).unwrap();
        read.extend(page.items.into_iter().map(|line| line.message));
        after = page.next;
    }
    assert_eq!(read, (0..100).map(|n| n.to_string()).collect::<Vec<_>>());
    world.runner.hold(false);
    end(&engine, &key).await;
    assert!(!engine.log_changed(&key, after.as_deref()).await.unwrap(), "it has ended, and everything was read");
    engine.drain().await;
}

#[tokio::test]
async fn the_last_line_of_a_task_is_seen_by_a_follower_who_waits_for_the_end() {
    let world = World::new();
    let engine = world.launch();
    world.runner.hold(true);
    let key = world.start(&engine, &steps(1, None), r#"{"n":0}"#).await;
    let message = running_task(&world).await;
    engine.observer().log(&message, line("last words", key.id, 0));
    world.runner.hold(false);
    end(&engine, &key).await;
    assert!(engine.log_changed(&key, None).await.unwrap());
    engine.drain().await;
}

#[tokio::test]
async fn progress_is_kept_while_the_task_runs() {
    let world = World::new();
    let engine = world.launch();
    world.runner.hold(true);
    let key = world.start(&engine, &steps(1, None), r#"{"n":0}"#).await;
    let message = running_task(&world).await;
    let progress = |fraction| Progress { fraction: Some(fraction), message: None };
    let (news, ()) = futures::join!(engine.progress_changed(&key), async {
        engine.observer().progress(&message, progress(0.25));
        engine.observer().progress(&message, progress(0.5));
    });
    let () = news;
    assert_eq!(engine.progress(&key).get(&0), Some(&progress(0.5)));
    world.runner.hold(false);
    end(&engine, &key).await;
    assert!(engine.progress(&key).is_empty());
    engine.drain().await;
}

/// Holds up whoever writes a log.
#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

impl Gate {
    fn pass(&self) {
        let is_open = self.0.lock().unwrap();
        drop(self.1.wait_while(is_open, |is_open| !*is_open).unwrap());
    }

    fn open(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }
}

#[tokio::test]
async fn a_task_that_talks_too_much_never_waits_and_its_log_says_what_is_missing() {
    let world = World::new();
    let engine = world.launch();
    world.runner.hold(true);
    let key = world.start(&engine, &steps(1, None), r#"{"n":0}"#).await;
    let message = running_task(&world).await;
    let (store, gate) = (Arc::new(MemoryStore::new()), Arc::new(Gate::default()));
    let held = Arc::clone(&gate);
    let live = Live::start(slow_logs(Arc::clone(&store), move || held.pass())).unwrap();
    const LINES: u64 = 40_000;
    for n in 0..LINES {
        live.log(&message, line(&n.to_string(), key.id, 0));
    }
    gate.open();
    live.flush().await;
    drop(live);
    let lines = store.logs(&key, None, usize::MAX).unwrap().items;
    let missing: u64 = lines.iter().flat_map(|line| &line.fields).map(|(_, count)| count.parse::<u64>().unwrap()).sum();
    let said = lines.iter().filter(|line| !line.fields.is_empty()).count() as u64;
    assert!(missing > 0 && said > 0);
    assert_eq!(lines.len() as u64 - said + missing, LINES, "every line is kept or counted");
    assert!(lines.iter().any(|line| line.level == LogLevel::Warn && line.message.contains("were dropped")));
    world.runner.hold(false);
    end(&engine, &key).await;
    engine.drain().await;
}
