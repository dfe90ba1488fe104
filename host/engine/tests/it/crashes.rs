//! Engines that die at every append, in every way: no execution is lost, each comes to the right output, and nothing runs again whose
//! completion was durable.

use std::collections::HashMap;

use sandmill_core::codec::Record;
use sandmill_core::machine::Event;
use sandmill_engine::ports::{ExecutionKey, Journal as _, Status, Values as _};

use crate::kit::{Effect, Failure, LaunchFailing as _, World, end, steps, tenant, value};

const EXECUTIONS: usize = 4;
const STEPS: u32 = 5;

/// Starts executions on engines that die, one after the other, and lets the last one finish.
async fn survive(failures: &[Failure]) {
    let world = World::new();
    let definition = steps(STEPS, None);
    let mut durable: Vec<(Effect, usize)> = Vec::new();
    for failure in failures {
        let engine = world.launch_with(*failure);
        let failed = world.failed.notified();
        let starts =
            (0..EXECUTIONS).map(|n| engine.start(world.request(&definition, r#"{"n":0}"#, &format!("key-{n}"))));
        // Some are refused, for the engine dies under them: whoever asked asks again, with the same key.
        let started = futures::future::join_all(starts).await;
        let ends = started.iter().flatten().map(|id| ExecutionKey { tenant: tenant(), id: *id }).collect::<Vec<_>>();
        tokio::select! {
            () = failed => {}
            _ = futures::future::join_all(ends.iter().map(|key| engine.ended(key))), if ends.len() == EXECUTIONS => {}
        }
        drop(engine);
        let so_far = world.runner.effects.lock().unwrap().clone();
        let completed = completed_tasks(&world, &ends);
        durable.extend(so_far.iter().filter(|(id, ..)| completed.contains(id)).map(|effect| (*effect, so_far.len())));
    }
    let engine = world.launch();
    for n in 0..EXECUTIONS {
        let id = engine.start(world.request(&definition, r#"{"n":0}"#, &format!("key-{n}"))).await.unwrap();
        let key = ExecutionKey { tenant: tenant(), id };
        assert_eq!(end(&engine, &key).await, (Status::Completed, Some(value(r#"{"n":5}"#))), "{failures:?}");
    }
    engine.drain().await;
    check_effects(&world.runner.effects.lock().unwrap(), &durable, failures);
}

/// The tasks whose completion is in the journal.
fn completed_tasks(world: &World, executions: &[ExecutionKey]) -> Vec<sandmill_core::ids::TaskExecId> {
    let mut completed = Vec::new();
    for key in executions {
        let values = |digest| world.store.value(key, digest).unwrap().map(|text| text.to_vec());
        for entry in world.store.records(key, 0, usize::MAX).unwrap() {
            if let Event::TaskCompleted { task, .. } = Record::decode(&entry.record, &values).unwrap().event {
                completed.push(sandmill_core::ids::TaskExecId { workflow: key.id, number: task });
            }
        }
    }
    completed
}

fn check_effects(effects: &[Effect], durable: &[(Effect, usize)], failures: &[Failure]) {
    let mut keys = HashMap::new();
    for (id, attempt, key) in effects {
        assert_eq!(
            keys.entry(*id).or_insert(*key),
            key,
            "{failures:?}: {id} attempt {attempt} has another idempotency key"
        );
    }
    assert_eq!(keys.len(), EXECUTIONS * STEPS as usize, "{failures:?}: every step had its effect");
    for ((id, ..), seen) in durable {
        let again = effects[*seen..].iter().find(|(later, ..)| later == id);
        assert_eq!(again, None, "{failures:?}: {id} ran again after its completion was durable");
    }
}

#[tokio::test]
async fn an_engine_may_die_before_any_append() {
    for at in 0..30 {
        survive(&[Failure::FailsAt(at)]).await;
    }
}

#[tokio::test]
async fn an_engine_may_die_after_any_append_before_anybody_was_told() {
    for at in 0..30 {
        survive(&[Failure::LosesAcknowledgementAt(at)]).await;
    }
}

#[tokio::test]
async fn engines_may_die_again_and_again() {
    for seed in 0..40_u64 {
        let failure = |turn: u64| {
            let at = (seed * 7 + turn * 13) % 11;
            if (seed + turn).is_multiple_of(2) { Failure::FailsAt(at) } else { Failure::LosesAcknowledgementAt(at) }
        };
        // Four deaths at most: the fifth loss of one task is the last that it may have.
        survive(&(0..4).map(failure).collect::<Vec<_>>()).await;
    }
}
