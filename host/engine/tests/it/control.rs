//! Cancelling, suspending, draining.

use sandmill_engine::ports::{Executions as _, Status};
use sandmill_engine::{Control, ControlError};

use crate::kit::{World, end, steps, value};

#[tokio::test]
async fn a_cancel_reaches_the_task_that_runs() {
    let world = World::new();
    let engine = world.launch();
    world.runner.hold(true);
    let key = world.start(&engine, &steps(2, None), r#"{"n":0}"#).await;
    world.runner.begun(1).await;
    engine.control(&key, Control::Cancel).await.unwrap();
    assert_eq!(end(&engine, &key).await, (Status::Cancelled, None));
    let again = engine.control(&key, Control::Cancel).await;
    assert!(matches!(again, Err(ControlError::Ended { status: Status::Cancelled, .. })), "{again:?}");
    // The slot is free only once the guest has stopped: a drain that returns says that it has.
    engine.drain().await;
}

#[tokio::test]
async fn a_suspended_execution_dispatches_nothing_until_it_is_resumed_even_by_another_engine() {
    let world = World::new();
    let engine = world.launch();
    world.runner.hold(true);
    let key = world.start(&engine, &steps(3, None), r#"{"n":0}"#).await;
    world.runner.begun(1).await;
    engine.control(&key, Control::Suspend).await.unwrap();
    assert_eq!(engine.row(&key).unwrap().unwrap().status, Status::Suspended);
    world.runner.hold(false);
    engine.drain().await;
    let engine = world.launch();
    assert_eq!(world.runner.effects.lock().unwrap().len(), 1);
    engine.control(&key, Control::Resume).await.unwrap();
    assert_eq!(end(&engine, &key).await, (Status::Completed, Some(value(r#"{"n":3}"#))));
    assert_eq!(world.runner.effects.lock().unwrap().len(), 3);
    engine.drain().await;
}

#[tokio::test]
async fn what_was_running_when_the_engine_was_drained_is_not_run_again() {
    let world = World::new();
    let engine = world.launch();
    world.runner.hold(true);
    let key = world.start(&engine, &steps(2, None), r#"{"n":0}"#).await;
    world.runner.begun(1).await;
    let drain = tokio::spawn(engine.drain());
    tokio::task::yield_now().await;
    world.runner.hold(false);
    drain.await.unwrap();
    assert!(!world.store.row(&key).unwrap().unwrap().status.is_ended());
    let engine = world.launch();
    assert_eq!(end(&engine, &key).await, (Status::Completed, Some(value(r#"{"n":2}"#))));
    let effects = world.runner.effects.lock().unwrap().clone();
    assert_eq!(effects.iter().filter(|(id, ..)| id.number == 0).count(), 1);
    engine.drain().await;
}

#[tokio::test]
async fn what_is_unknown_is_not_found() {
    let world = World::new();
    let engine = world.launch();
    let id = sandmill_core::ids::WorkflowExecId::from_random(7);
    let key = sandmill_engine::ports::ExecutionKey { tenant: crate::kit::tenant(), id };
    assert!(
        matches!(engine.control(&key, Control::Cancel).await, Err(ControlError::NotFound(unknown)) if unknown == id)
    );
    assert_eq!(engine.ended(&key).await.unwrap(), None);
    engine.drain().await;
}
