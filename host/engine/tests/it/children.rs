//! Executions that start each other, and what restarts, cancellations and mistakes do to them.

use std::sync::Arc;

use sandmill_core::definition::Definition;
use sandmill_core::ids::TaskExecId;
use sandmill_core::time::Millis;
use sandmill_engine::ports::{ExecutionKey, Executions as _, Status};
use sandmill_engine::{Control, Engine, LifecycleEvent};

use crate::kit::{Failure, LaunchFailing as _, World, define, end, steps, tenant, value};

/// A workflow that runs another one.
fn parent(child: &Definition, rest: &str) -> Arc<Definition> {
    let name = &child.name.name;
    define(&format!(
        r#"[{{"run":{{"run":{{"workflow":{{"namespace":"test","name":"{name}","version":"latest","input":{{"n":"${{ .n }}"}}}}{rest}}}}}}}]"#
    ))
}

/// Puts the child on the shelf and starts the parent.
async fn start(world: &World, engine: &Engine, child: &Arc<Definition>, rest: &str) -> ExecutionKey {
    world.shelf.put(child);
    world.start(engine, &parent(child, rest), r#"{"n":5}"#).await
}

/// The execution that the first task of a parent started.
fn child_of(engine: &Engine, parent: &ExecutionKey) -> ExecutionKey {
    let page = engine.tasks(parent, None, 1).unwrap().unwrap();
    ExecutionKey { tenant: tenant(), id: page.items[0].child.expect("it runs a workflow") }
}

async fn begun(engine: &Engine, child: &ExecutionKey) {
    while engine.row(child).unwrap().is_none() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_child_gives_its_output_to_the_task_that_runs_it() {
    let world = World::new();
    let engine = world.launch();
    let key = start(&world, &engine, &steps(2, None), "").await;
    assert_eq!(end(&engine, &key).await, (Status::Completed, Some(value(r#"{"n":7}"#))));
    let child = child_of(&engine, &key);
    let row = engine.row(&child).unwrap().unwrap();
    assert_eq!(row.lineage.parent.map(|parent| parent.task), Some(TaskExecId { workflow: key.id, number: 0 }));
    engine.drain().await;
}

#[tokio::test]
async fn a_child_that_nobody_awaits_goes_on_alone() {
    let world = World::new();
    let engine = world.launch();
    world.runner.hold(true);
    let key = start(&world, &engine, &steps(1, None), r#","await":false"#).await;
    assert_eq!(end(&engine, &key).await, (Status::Completed, Some(value(r#"{"n":5}"#))));
    let child = child_of(&engine, &key);
    world.runner.hold(false);
    assert_eq!(end(&engine, &child).await, (Status::Completed, Some(value(r#"{"n":6}"#))));
    engine.drain().await;
}

#[tokio::test]
async fn the_fault_of_a_child_faults_its_parent_at_the_task() {
    let world = World::new();
    let engine = world.launch();
    let child = define(r#"[{"bad":{"call":"work","with":{"fail":"x"}}}]"#);
    let key = start(&world, &engine, &child, "").await;
    let (status, error) = end(&engine, &key).await;
    assert_eq!(status, Status::Faulted);
    assert_eq!(error.unwrap().get("instance"), Some(value(r#""/do/0/run""#)));
    engine.drain().await;
}

#[tokio::test]
async fn a_cancelled_parent_cancels_its_child_and_a_cancelled_child_faults_its_parent() {
    let world = World::new();
    let engine = world.launch();
    world.runner.hold(true);
    let key = start(&world, &engine, &steps(1, None), "").await;
    let child = child_of(&engine, &key);
    world.runner.begun(1).await;
    engine.control(&key, Control::Cancel).await.unwrap();
    assert_eq!(end(&engine, &child).await.0, Status::Cancelled);

    let other = engine.start(world.request(&parent(&steps(1, None), ""), r#"{"n":1}"#, "two")).await.unwrap();
    let key = ExecutionKey { tenant: tenant(), id: other };
    world.runner.begun(2).await;
    engine.control(&child_of(&engine, &key), Control::Cancel).await.unwrap();
    let (status, error) = end(&engine, &key).await;
    assert_eq!(status, Status::Faulted);
    assert!(error.unwrap().to_string().contains("was cancelled"));
    world.runner.hold(false);
    engine.drain().await;
}

#[tokio::test]
async fn a_parent_leaves_memory_while_its_child_waits_and_is_told_all_the_same() {
    let world = World::new();
    let engine = world.launch();
    let key = start(&world, &engine, &steps(2, Some(Millis(3_600_000))), "").await;
    world.parked().await;
    while engine.health().executions_in_memory > 0 {
        tokio::task::yield_now().await;
    }
    world.pass(Millis(3_600_000));
    assert_eq!(end(&engine, &key).await, (Status::Completed, Some(value(r#"{"n":7}"#))));
    engine.drain().await;
}

#[tokio::test]
async fn the_end_of_a_child_is_not_missed_whatever_is_the_last_thing_that_was_written() {
    for append in 1..16 {
        for failure in [Failure::FailsAt(append), Failure::LosesAcknowledgementAt(append)] {
            let world = World::new();
            let engine = world.launch_with(failure);
            let key = start(&world, &engine, &steps(3, None), "").await;
            tokio::select! {
                () = world.failed.notified() => {}
                _ = engine.ended(&key) => {}
            }
            drop(engine);
            let engine = world.launch();
            assert_eq!(end(&engine, &key).await, (Status::Completed, Some(value(r#"{"n":8}"#))), "{failure:?}");
            let runs = world.store.list(&tenant(), &Default::default(), None, 10).unwrap().items.len();
            assert_eq!(runs, 2, "a child is started once");
            engine.drain().await;
        }
    }
}

#[tokio::test]
async fn the_cancellation_of_a_child_is_not_lost_over_a_restart() {
    let world = World::new();
    // The start of the parent, that of the child, the cancellation of the parent; and not that of the child.
    let engine = world.launch_with(Failure::FailsAt(3));
    world.runner.hold(true);
    let key = start(&world, &engine, &steps(1, None), "").await;
    let child = child_of(&engine, &key);
    begun(&engine, &child).await;
    engine.control(&key, Control::Cancel).await.unwrap();
    world.failed.notified().await;
    drop(engine);
    let engine = world.launch();
    assert_eq!(end(&engine, &child).await.0, Status::Cancelled);
    world.runner.hold(false);
    engine.drain().await;
}

#[tokio::test]
async fn a_workflow_that_is_not_there_and_one_that_runs_itself_without_end_fault() {
    let world = World::new();
    let engine = world.launch();
    let missing = parent(&steps(9, None), "");
    let key = world.start(&engine, &missing, r#"{"n":5}"#).await;
    let (status, error) = end(&engine, &key).await;
    assert_eq!(status, Status::Faulted);
    assert!(error.unwrap().to_string().contains("deploy it before it is run"));

    let itself = r#"[{"again":{"run":{"workflow":{"namespace":"test","name":"NAME","version":"latest"}}}}]"#;
    let definition = crate::kit::define_named("itself", &itself.replace("NAME", "itself"));
    let id = engine.start(world.request(&definition, "{}", "two")).await.unwrap();
    let (status, error) = end(&engine, &ExecutionKey { tenant: tenant(), id }).await;
    assert_eq!(status, Status::Faulted);
    assert!(error.unwrap().to_string().contains("more than 50 workflows wait for each other"));
    engine.drain().await;
}

#[tokio::test]
async fn events_of_parent_and_child_are_each_their_own() {
    let world = World::new();
    let engine = world.launch();
    let key = start(&world, &engine, &steps(1, None), "").await;
    end(&engine, &key).await;
    let child = child_of(&engine, &key);
    let read = async |key: &ExecutionKey| {
        let (mut reader, mut events) = (engine.events(key, None), Vec::<LifecycleEvent>::new());
        while let Some(event) = reader.next().await.unwrap() {
            events.push(event);
        }
        events.len()
    };
    assert_eq!((read(&key).await, read(&child).await), (5, 5));
    engine.drain().await;
}
