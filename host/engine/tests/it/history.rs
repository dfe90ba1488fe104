//! Events and tasks, read from the journal.

use std::sync::Arc;

use futures::FutureExt as _;
use sandmill_core::machine::Lifecycle;
use sandmill_core::time::Millis;
use sandmill_engine::ports::{ExecutionKey, Journal as _, Progress, Status};
use sandmill_engine::{Control, Engine, EventId, LifecycleEvent, ReadError, TaskStatus};

use crate::kit::{Failure, LaunchFailing as _, World, end, map, steps, value};

/// All events of an execution, once it has ended.
async fn read_all(engine: &Engine, key: &ExecutionKey, after: Option<EventId>) -> Vec<LifecycleEvent> {
    let (mut reader, mut events) = (engine.events(key, after), Vec::new());
    while let Some(event) = reader.next().await.unwrap() {
        events.push(event);
    }
    events
}

/// An event in a word or two.
fn name(event: &LifecycleEvent) -> String {
    match &event.lifecycle {
        Lifecycle::WorkflowStarted => "started".into(),
        Lifecycle::WorkflowSuspended => "suspended".into(),
        Lifecycle::WorkflowResumed => "resumed".into(),
        Lifecycle::WorkflowCancelled => "cancelled".into(),
        Lifecycle::WorkflowFaulted(_) => "faulted".into(),
        Lifecycle::WorkflowCompleted(output) => format!("completed {output}"),
        Lifecycle::TaskCreated(place) => format!("created {}", place.id.number),
        Lifecycle::TaskStarted(place) => format!("started {}", place.id.number),
        Lifecycle::TaskSuspended(place) => format!("suspended {}", place.id.number),
        Lifecycle::TaskResumed(place) => format!("resumed {}", place.id.number),
        Lifecycle::TaskRetried(place) => format!("retried {}", place.id.number),
        Lifecycle::TaskCancelled(place) => format!("cancelled {}", place.id.number),
        Lifecycle::TaskFaulted(place, _) => format!("faulted {}", place.id.number),
        Lifecycle::TaskCompleted(place, output) => format!("completed {} {output}", place.id.number),
        Lifecycle::TaskSkipped(place) => format!("skipped {}", place.id.number),
    }
}

#[tokio::test]
async fn events_come_in_order_and_read_on_from_any_of_them() {
    let world = World::new();
    let engine = world.launch();
    let key = world.start(&engine, &steps(2, None), r#"{"n":0}"#).await;
    end(&engine, &key).await;
    let events = read_all(&engine, &key, None).await;
    let names: Vec<_> = events.iter().map(|event| format!("{} {}", event.id, name(event))).collect();
    assert_eq!(
        names,
        [
            "0-0 started",
            "0-1 created 0",
            "0-2 started 0",
            r#"1-0 completed 0 {"n":1}"#,
            "1-1 created 1",
            "1-2 started 1",
            r#"2-0 completed 1 {"n":2}"#,
            r#"2-1 completed {"n":2}"#,
        ]
    );
    for (place, event) in events.iter().enumerate() {
        assert_eq!(read_all(&engine, &key, Some(event.id)).await, events[place + 1..], "after {}", event.id);
    }
    engine.drain().await;
}

#[tokio::test]
async fn a_follower_sees_each_event_once_as_it_becomes_durable_and_then_the_end() {
    let world = World::new();
    let engine = Arc::new(world.launch());
    world.runner.hold(true);
    let key = world.start(&engine, &steps(50, None), r#"{"n":0}"#).await;
    let mut reader = engine.events(&key, None);
    assert_eq!(name(&reader.next().await.unwrap().unwrap()), "started");
    assert_eq!(name(&reader.next().await.unwrap().unwrap()), "created 0");
    assert_eq!(name(&reader.next().await.unwrap().unwrap()), "started 0");
    assert!(reader.next().now_or_never().is_none(), "there is nothing more yet");
    let followers = (0..5).map(|_| {
        let (engine, key) = (Arc::clone(&engine), key.clone());
        tokio::spawn(async move { read_all(&engine, &key, None).await })
    });
    let followers: Vec<_> = followers.collect();
    world.runner.hold(false);
    end(&engine, &key).await;
    let events = read_all(&engine, &key, None).await;
    assert_eq!(events.len(), 152);
    for follower in followers {
        assert_eq!(follower.await.unwrap(), events);
    }
    let mut rest = 0;
    while reader.next().await.unwrap().is_some() {
        rest += 1;
    }
    assert_eq!(rest, 149);
    assert_eq!(reader.next().await.unwrap(), None);
    engine.stop().await;
}

#[tokio::test]
async fn event_ids_are_the_same_over_engines_that_die() {
    let world = World::new();
    let definition = steps(12, None);
    let mut seen = Vec::new();
    for turn in 0..4 {
        let engine = world.launch_with(Failure::FailsAt(2 + turn % 2));
        let failed = world.failed.notified();
        let started = engine.start(world.request(&definition, r#"{"n":0}"#, "one")).await;
        let key = started.ok().map(|id| ExecutionKey { tenant: crate::kit::tenant(), id });
        failed.await;
        let Some(key) = key else { continue };
        let mut reader = engine.events(&key, seen.last().map(|event: &LifecycleEvent| event.id));
        drop(engine);
        loop {
            match reader.next().await {
                Ok(Some(event)) => seen.push(event),
                Ok(None) => break,
                Err(error) => {
                    assert!(matches!(error, ReadError::Stopped), "{error}");
                    break;
                }
            }
        }
    }
    let engine = world.launch();
    let key = world.start(&engine, &definition, r#"{"n":0}"#).await;
    assert_eq!(end(&engine, &key).await.0, Status::Completed);
    let after = seen.last().map(|event| event.id);
    seen.extend(read_all(&engine, &key, after).await);
    assert_eq!(seen, read_all(&engine, &key, None).await, "none is lost, and none comes twice");
    engine.drain().await;
}

#[tokio::test]
async fn what_cannot_be_read_says_why() {
    let world = World::new();
    let engine = world.launch();
    let id = sandmill_core::ids::WorkflowExecId::from_random(7);
    let key = ExecutionKey { tenant: crate::kit::tenant(), id };
    let error = engine.events(&key, None).next().await.unwrap_err();
    assert!(matches!(error, ReadError::NotFound(unknown) if unknown == id), "{error}");
    assert_eq!(engine.tasks(&key, None, 10).unwrap(), None);
    engine.drain().await;
}

#[tokio::test]
async fn control_is_seen_as_events() {
    let world = World::new();
    let engine = world.launch();
    world.runner.hold(true);
    let key = world.start(&engine, &steps(1, None), r#"{"n":0}"#).await;
    world.runner.begun(1).await;
    for control in [Control::Suspend, Control::Resume, Control::Cancel] {
        engine.control(&key, control).await.unwrap();
    }
    let names: Vec<_> = read_all(&engine, &key, None).await.iter().map(name).collect();
    let told = ["suspended", "suspended 0", "resumed", "resumed 0", "cancelled 0", "cancelled"];
    assert_eq!(names, [&["started", "created 0", "started 0"], &told[..]].concat());
    engine.drain().await;
}

#[tokio::test]
async fn tasks_show_what_they_were_given_and_what_came_of_it() {
    let world = World::new();
    let engine = world.launch();
    let key = world.start(&engine, &steps(2, Some(Millis(3_600_000))), r#"{"n":0}"#).await;
    world.parked().await;
    let page = engine.tasks(&key, None, 10).unwrap().unwrap();
    let [first, pause] = &page.items[..] else { panic!("{page:?}") };
    assert_eq!((first.name.as_str(), first.pointer.as_str()), ("step0", "/do/0/step0"));
    assert_eq!((first.status, first.attempt, first.round), (TaskStatus::Completed, 1, Some(1)));
    assert_eq!((first.config.clone(), first.output.clone()), (Some(value(r#"{"n":1}"#)), Some(value(r#"{"n":1}"#))));
    assert_eq!((pause.status, pause.attempt, pause.ended_at), (TaskStatus::Waiting, 0, None));
    assert_eq!(pause.config, Some(value(r#"{"milliseconds":3600000}"#)), "made again, for it is not stored");
    assert_eq!(page.next, None);
    world.pass(Millis(3_600_000));
    end(&engine, &key).await;
    let page = engine.tasks(&key, Some(0), 10).unwrap().unwrap();
    let [pause, last] = &page.items[..] else { panic!("{page:?}") };
    assert_eq!(pause.status, TaskStatus::Completed);
    assert_eq!(pause.ended_at.unwrap().since(pause.started_at), Millis(3_600_000));
    assert_eq!((last.status, last.id.number), (TaskStatus::Completed, 2));
    engine.drain().await;
}

#[tokio::test]
async fn a_task_that_runs_shows_how_far_it_has_come() {
    let world = World::new();
    let engine = world.launch();
    world.runner.hold(true);
    let key = world.start(&engine, &steps(1, None), r#"{"n":0}"#).await;
    world.runner.begun(1).await;
    let message = world.runner.last.lock().unwrap().clone().unwrap();
    let progress = Progress { fraction: Some(0.5), message: Some("half".into()) };
    engine.observer().progress(&message, progress.clone());
    let page = engine.tasks(&key, None, 10).unwrap().unwrap();
    assert_eq!((page.items[0].status, page.items[0].progress.clone()), (TaskStatus::Running, Some(progress)));
    world.runner.hold(false);
    end(&engine, &key).await;
    assert_eq!(engine.tasks(&key, None, 10).unwrap().unwrap().items[0].progress, None);
    engine.drain().await;
}

#[tokio::test]
async fn a_wide_map_is_read_page_by_page() {
    let world = World::new();
    let engine = world.launch();
    let items: Vec<String> = (0..300).map(|item| item.to_string()).collect();
    let key = world.start(&engine, &map(20), &format!(r#"{{"items":[{}]}}"#, items.join(","))).await;
    end(&engine, &key).await;
    let (mut numbers, mut after) = (Vec::new(), None);
    loop {
        let page = engine.tasks(&key, after, 64).unwrap().unwrap();
        assert!(page.items.len() <= 64);
        assert!(page.items.iter().all(|task| task.status == TaskStatus::Completed && task.output.is_some()));
        numbers.extend(page.items.iter().map(|task| task.id.number));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(numbers, (0..301).collect::<Vec<_>>());
    assert_eq!(world.store.records(&key, 0, usize::MAX).unwrap().len(), 301);
    engine.drain().await;
}
