//! Executions that run as they should.

use sandmill_core::time::Millis;
use sandmill_core::value::Value;
use sandmill_engine::StartError;
use sandmill_engine::ports::Status;

use crate::kit::{Failure, LaunchFailing as _, World, end, map, steps, tenant, value};

#[tokio::test]
async fn ten_steps_come_to_their_output() {
    let world = World::new();
    let engine = world.launch();
    let key = world.start(&engine, &steps(10, None), r#"{"n":0}"#).await;
    assert_eq!(end(&engine, &key).await, (Status::Completed, Some(value(r#"{"n":10}"#))));
    assert_eq!(world.runner.effects.lock().unwrap().len(), 10);
    engine.drain().await;
}

#[tokio::test]
async fn a_wide_map_comes_to_its_outputs_in_order() {
    let world = World::new();
    let engine = world.launch();
    let items: Vec<String> = (0..2_000).map(|item| item.to_string()).collect();
    let key = world.start(&engine, &map(50), &format!(r#"{{"items":[{}]}}"#, items.join(","))).await;
    let (status, output) = end(&engine, &key).await;
    assert_eq!(status, Status::Completed);
    let expected = Value::array((0..2_000_i64).map(|n| Value::object([("n", Value::from(n))])));
    assert_eq!(output, Some(expected));
    engine.drain().await;
}

#[tokio::test]
async fn the_same_key_raced_starts_once_and_another_input_is_refused() {
    let world = World::new();
    let engine = world.launch();
    let definition = steps(1, None);
    let starts = (0..20).map(|_| engine.start(world.request(&definition, r#"{"n":0}"#, "key")));
    let ids: Vec<_> = futures::future::join_all(starts).await.into_iter().map(Result::unwrap).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    let key = sandmill_engine::ports::ExecutionKey { tenant: tenant(), id: ids[0] };
    end(&engine, &key).await;
    assert_eq!(world.runner.effects.lock().unwrap().len(), 1);
    let other = engine.start(world.request(&definition, r#"{"n":1}"#, "key")).await;
    assert!(matches!(other, Err(StartError::KeyReused(id)) if id == ids[0]));
    engine.drain().await;
}

#[tokio::test]
async fn an_execution_that_waits_for_long_leaves_memory_and_comes_back() {
    let world = World::new();
    let engine = world.launch();
    let key = world.start(&engine, &steps(2, Some(Millis(3_600_000))), r#"{"n":0}"#).await;
    world.parked().await;
    world.pass(Millis(3_600_000));
    assert_eq!(end(&engine, &key).await, (Status::Completed, Some(value(r#"{"n":2}"#))));
    let row = engine.row(&key).unwrap().unwrap();
    let lasted = row.ended_at.unwrap().since(row.started_at);
    assert!(lasted >= Millis(3_600_000), "{lasted:?}");
    engine.drain().await;
}

#[tokio::test]
async fn a_wait_goes_on_in_the_next_engine() {
    let world = World::new();
    let engine = world.launch();
    let key = world.start(&engine, &steps(2, Some(Millis(3_600_000))), r#"{"n":0}"#).await;
    world.parked().await;
    drop(engine);
    let engine = world.launch();
    world.pass(Millis(3_600_000));
    assert_eq!(end(&engine, &key).await, (Status::Completed, Some(value(r#"{"n":2}"#))));
    assert_eq!(world.runner.effects.lock().unwrap().len(), 2, "nothing ran twice");
    engine.drain().await;
}

#[tokio::test]
async fn a_start_that_the_store_refuses_is_told_so_and_the_next_one_is_taken() {
    let world = World::new();
    let engine = world.launch_with(Failure::RefusesAt(0));
    let definition = steps(3, None);
    let refused = engine.start(world.request(&definition, r#"{"n":0}"#, "key")).await;
    assert!(matches!(refused, Err(StartError::Store(_))), "{refused:?}");
    let key = world.start(&engine, &definition, r#"{"n":0}"#).await;
    assert_eq!(end(&engine, &key).await.0, Status::Completed);
    engine.drain().await;
}
