//! What is refused and with which answer, how the engine says how it is, and how it stops.

use sandmill_core::time::Millis;
use sandmill_engine::ports::{Status, StoreError};
use sandmill_engine::{Options, StartError};

use crate::kit::{Failure, LaunchFailing as _, World, end, steps, value};

#[tokio::test]
async fn starts_are_refused_while_as_many_executions_as_allowed_are_in_memory() {
    let world = World::new();
    let options = Options { shards: 1, executions_in_memory_max: 2, ..Options::default() };
    let engine = world.launch_as(Failure::Never, options);
    world.runner.hold(true);
    let definition = steps(1, None);
    let start = |n: u32| engine.start(world.request(&definition, r#"{"n":0}"#, &format!("key-{n}")));
    start(0).await.unwrap();
    start(1).await.unwrap();
    world.runner.begun(2).await;
    let refused = start(2).await.unwrap_err();
    assert!(matches!(refused, StartError::Busy), "{refused}");
    assert_eq!(refused.retry_after(), Some(Millis(1_000)));
    assert_eq!(engine.health().executions_in_memory, 2);
    let known = start(0).await;
    assert!(known.is_ok(), "what was taken before is answered: {known:?}");
    world.runner.hold(false);
    while engine.health().executions_in_memory > 0 {
        tokio::task::yield_now().await;
    }
    let key = world.start(&engine, &definition, r#"{"n":0}"#).await;
    assert_eq!(end(&engine, &key).await, (Status::Completed, Some(value(r#"{"n":1}"#))));
    engine.drain().await;
}

#[tokio::test]
async fn a_start_that_finds_no_room_on_the_disk_says_when_to_come_again() {
    let world = World::new();
    let engine = world.launch_with(Failure::RefusesAt(0));
    let refused = engine.start(world.request(&steps(1, None), r#"{"n":0}"#, "key")).await.unwrap_err();
    assert!(matches!(refused, StartError::Store(StoreError::Refused { .. })), "{refused}");
    assert_eq!(refused.retry_after(), Some(Millis(60_000)));
    assert!(engine.health().reasons_not_ready().is_empty(), "what runs goes on");
    engine.drain().await;
}

#[tokio::test]
async fn an_engine_whose_store_failed_is_not_ready_and_says_why() {
    let world = World::new();
    let engine = world.launch_with(Failure::FailsAt(0));
    engine.start(world.request(&steps(1, None), r#"{"n":0}"#, "key")).await.unwrap_err();
    let reasons = engine.health().reasons_not_ready();
    assert_eq!(reasons, ["the store failed: the test wants it so"]);
}

#[tokio::test]
async fn a_drain_waits_for_tasks_as_long_as_it_may_and_leaves_them_to_the_journal() {
    let world = World::new();
    let options = Options { shards: 2, slots: 64, drain: Millis(0), ..Options::default() };
    let engine = world.launch_as(Failure::Never, options);
    world.runner.hold(true);
    let key = world.start(&engine, &steps(2, None), r#"{"n":0}"#).await;
    world.runner.begun(1).await;
    engine.stop().await;
    assert_eq!(engine.health().reasons_not_ready(), ["the engine is about to stop"]);
    let late = engine.start(world.request(&steps(2, None), r#"{"n":0}"#, "late")).await.unwrap_err();
    assert!(matches!(late, StartError::Draining), "{late}");
    engine.drain().await;
    world.runner.hold(false);
    let engine = world.launch();
    assert_eq!(end(&engine, &key).await, (Status::Completed, Some(value(r#"{"n":2}"#))));
    let effects = world.runner.effects.lock().unwrap().clone();
    let attempts: Vec<_> = effects.iter().filter(|(id, ..)| id.number == 0).map(|(_, attempt, _)| *attempt).collect();
    assert_eq!(attempts, [1, 2], "the task that was left is begun again");
    engine.drain().await;
}
