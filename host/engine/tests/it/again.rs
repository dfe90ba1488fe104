//! Running again, and starting in the middle.

use sandmill_core::machine::Origin;
use sandmill_engine::ports::{ExecutionKey, Status};
use sandmill_engine::{Again, AgainError, Engine, Start, StartError};

use crate::kit::{World, define, end, steps, tenant, value};

async fn run_again(engine: &Engine, again: Again, key: &str) -> ExecutionKey {
    let start = Start {
        tenant: tenant(),
        definition: again.definition,
        input: again.input,
        idempotency_key: Some(key.into()),
        random: 0,
        origin: Some(Box::new(again.origin)),
    };
    ExecutionKey { tenant: tenant(), id: engine.start(start).await.unwrap() }
}

fn effects(world: &World) -> usize {
    world.runner.effects.lock().unwrap().len()
}

/// Four items, of which one fails.
const MAP: &str = r#"[{"first":{"call":"work","with":{"items":"${ .items }"}}},
    {"each":{"for":{"in":"${ .items }"},"metadata":{"for":{"mode":"map","strategy":"waitAll"}},
             "do":[{"work":{"call":"work","with":{"n":"${ $item }","fail":"${ if $item == 3 then \"x\" else null end }"}}}]}}]"#;

#[tokio::test]
async fn only_the_failed_items_of_a_map_are_done_again_also_after_restarts() {
    let world = World::new();
    let engine = world.launch();
    let key = world.start(&engine, &define(MAP), r#"{"items":[1,2,3,4]}"#).await;
    assert_eq!(end(&engine, &key).await.0, Status::Faulted);
    assert_eq!(effects(&world), 5);
    drop(engine);
    let engine = world.launch();
    let again = engine.again(&key, None).unwrap().unwrap();
    let second = run_again(&engine, again, "two").await;
    assert_eq!(end(&engine, &second).await.0, Status::Faulted);
    assert_eq!(effects(&world), 6, "the item that failed, and nothing else");
    assert_eq!(engine.row(&second).unwrap().unwrap().lineage.rerun_of, Some(key.id));
    let again = engine.again(&second, None).unwrap().unwrap();
    let third = run_again(&engine, again, "three").await;
    end(&engine, &third).await;
    assert_eq!(effects(&world), 7, "what was taken over once is taken over again");
    engine.drain().await;
}

#[tokio::test]
async fn everything_from_a_named_task_on_is_done_again() {
    let world = World::new();
    let engine = world.launch();
    let key = world.start(&engine, &steps(4, None), r#"{"n":0}"#).await;
    end(&engine, &key).await;
    for (from, done) in [("step2", 2), ("/do/3/step3", 1), ("step0", 4)] {
        let before = effects(&world);
        let again = engine.again(&key, Some(from)).unwrap().unwrap();
        let second = run_again(&engine, again, from).await;
        assert_eq!(end(&engine, &second).await, (Status::Completed, Some(value(r#"{"n":4}"#))));
        assert_eq!(effects(&world) - before, done, "{from}");
    }
    let error = engine.again(&key, Some("step9")).unwrap_err();
    assert!(matches!(error, AgainError::NeverReached { .. }), "{error}");
    engine.drain().await;
}

#[tokio::test]
async fn what_has_not_ended_is_not_run_again() {
    let world = World::new();
    let engine = world.launch();
    world.runner.hold(true);
    let key = world.start(&engine, &steps(1, None), r#"{"n":0}"#).await;
    assert!(matches!(engine.again(&key, None), Err(AgainError::NotEnded(id)) if id == key.id));
    world.runner.hold(false);
    end(&engine, &key).await;
    engine.drain().await;
}

#[tokio::test]
async fn an_execution_starts_at_a_task_of_the_workflows_own_list() {
    let world = World::new();
    let engine = world.launch();
    let at = |name: &str, key: &str| Start {
        origin: Some(Box::new(Origin { start_at: Some(name.into()), ..Origin::default() })),
        ..world.request(&steps(3, None), r#"{"n":10}"#, key)
    };
    let id = engine.start(at("step2", "one")).await.unwrap();
    let key = ExecutionKey { tenant: tenant(), id };
    assert_eq!(end(&engine, &key).await, (Status::Completed, Some(value(r#"{"n":11}"#))));
    let again = engine.again(&key, None).unwrap().unwrap();
    let second = run_again(&engine, again, "two").await;
    assert_eq!(end(&engine, &second).await.1, Some(value(r#"{"n":11}"#)), "it begins where the first one did");
    assert!(matches!(engine.start(at("step9", "three")).await, Err(StartError::NoSuchTask(_))));
    engine.drain().await;
}
