//! Executions that cannot be taken further as they are: they cost nobody else anything, are seen, and nothing that happened to them is lost.

use std::sync::Arc;

use sandmill_core::machine::Settings;
use sandmill_core::time::Millis;
use sandmill_engine::ports::{Executions as _, Journal as _, Status};
use sandmill_engine::{Control, ControlError, Options, Snapshots};
use sandmill_testkit::NoFaults;

use crate::kit::{Failure, LaunchFailing as _, World, define, end, steps, tenant, value};

/// Starts something, and leaves its engine while a task runs.
async fn left_alone(
    world: &World,
    definition: &Arc<sandmill_core::definition::Definition>,
) -> sandmill_engine::ports::ExecutionKey {
    let engine = world.launch();
    world.runner.hold(true);
    let key = world.start(&engine, definition, r#"{"n":0}"#).await;
    world.runner.begun(1).await;
    drop(engine);
    tokio::task::yield_now().await;
    world.runner.hold(false);
    key
}

/// Waits until the row of an execution has a status.
async fn has_status(world: &World, key: &sandmill_engine::ports::ExecutionKey, status: Status) {
    while world.store.row(key).unwrap().unwrap().status != status {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_journal_that_leads_elsewhere_holds_its_execution_and_no_other() {
    let world = World::new();
    let definition = steps(3, None);
    let key = left_alone(&world, &definition).await;
    let journal = world.store.records(&key, 0, 100).unwrap();
    // The same document is understood in another way.
    world.shelf.put_as(definition.digest, &define(r#"[{"other":{"call":"work","with":{"n":1}}}]"#));
    let engine = world.launch();
    has_status(&world, &key, Status::Suspended).await;
    let row = engine.row(&key).unwrap().unwrap();
    let problem = engine.result(&key, &row).unwrap().unwrap();
    assert!(problem.get("type").unwrap().as_str().unwrap().ends_with("/journal-diverged"), "{problem}");
    assert_eq!(world.store.records(&key, 0, 100).unwrap(), journal, "the journal is left as it is");
    let resumed = engine.control(&key, Control::Resume).await;
    assert!(matches!(&resumed, Err(ControlError::Held { reason, .. }) if reason.contains("record 0")), "{resumed:?}");
    let other = steps(2, None);
    let id = engine.start(world.request(&other, r#"{"n":0}"#, "other")).await.unwrap();
    let other = sandmill_engine::ports::ExecutionKey { tenant: tenant(), id };
    assert_eq!(end(&engine, &other).await.0, Status::Completed);
    engine.drain().await;
    // With the program that wrote it, it goes on as if nothing had been.
    world.shelf.put(&definition);
    let engine = world.launch();
    assert_eq!(end(&engine, &key).await, (Status::Completed, Some(value(r#"{"n":3}"#))));
    engine.drain().await;
}

#[tokio::test]
async fn an_execution_that_is_held_can_be_cancelled() {
    let world = World::new();
    let definition = steps(3, None);
    let key = left_alone(&world, &definition).await;
    world.shelf.remove(definition.digest);
    let engine = world.launch();
    has_status(&world, &key, Status::Suspended).await;
    engine.control(&key, Control::Cancel).await.unwrap();
    assert_eq!(end(&engine, &key).await, (Status::Cancelled, None));
    engine.drain().await;
    assert_eq!(world.store.active(None, 10).unwrap(), [], "nobody looks for it any more");
}

#[tokio::test]
async fn a_completion_that_the_store_refuses_is_not_lost() {
    for at in 1..8 {
        let world = World::new();
        // Time runs as fast as it can here, and must not use up the execution's own.
        let settings = Settings { active_ms_max: Millis(1 << 50), ..Settings::default() };
        let engine = world.launch_as(Failure::RefusesAt(at), Options { settings, ..Options::default() });
        let key = world.start(&engine, &steps(3, None), r#"{"n":0}"#).await;
        let ended = async {
            loop {
                world.pass(Millis(1_000));
                tokio::task::yield_now().await;
            }
        };
        let outcome = tokio::select! {
            outcome = end(&engine, &key) => outcome,
            () = ended => unreachable!("time never ends"),
        };
        assert_eq!(outcome, (Status::Completed, Some(value(r#"{"n":3}"#))), "refused at {at}");
        assert_eq!(world.runner.effects.lock().unwrap().len(), 3, "refused at {at}: nothing ran twice");
        engine.drain().await;
    }
}

#[tokio::test]
async fn what_is_parked_or_suspended_is_cancelled_where_it_lies() {
    for suspended in [false, true] {
        let world = World::new();
        let engine = world.launch();
        let key = world.start(&engine, &steps(2, Some(Millis(3_600_000))), r#"{"n":0}"#).await;
        has_status(&world, &key, Status::Waiting).await;
        if suspended {
            engine.control(&key, Control::Suspend).await.unwrap();
            has_status(&world, &key, Status::Suspended).await;
            assert_eq!(world.store.next_due().unwrap(), None, "nothing comes due while it is suspended");
        }
        engine.control(&key, Control::Cancel).await.unwrap();
        assert_eq!(end(&engine, &key).await, (Status::Cancelled, None));
        assert_eq!(world.store.next_due().unwrap(), None);
        engine.drain().await;
    }
}

#[tokio::test]
async fn an_execution_comes_back_from_a_snapshot_and_from_a_broken_one_too() {
    for is_broken in [false, true] {
        let world = World::new();
        let options = Options { snapshots: Snapshots { events: 2, events_parked: 1 }, shards: 1, ..Options::default() };
        let engine = world.launch_over(Arc::new(NoFaults), options);
        let key = world.start(&engine, &steps(6, Some(Millis(3_600_000))), r#"{"n":0}"#).await;
        world.parked().await;
        drop(engine);
        let mut snapshot = world.store.snapshot(&key).unwrap().expect("one was taken when it was parked");
        if is_broken {
            snapshot.machine = vec![1, 2, 3].into();
            let mut batch = sandmill_engine::ports::Batch::new(key.clone());
            batch.snapshot = Some(snapshot);
            world.store.append(vec![batch]).unwrap();
        }
        let engine = world.launch();
        world.pass(Millis(3_600_000));
        assert_eq!(end(&engine, &key).await, (Status::Completed, Some(value(r#"{"n":6}"#))));
        assert_eq!(world.runner.effects.lock().unwrap().len(), 6, "nothing ran twice");
        engine.drain().await;
    }
}
