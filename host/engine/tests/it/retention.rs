//! Ended executions go when their time is over, with everything that was theirs.

use sandmill_core::time::Millis;
use sandmill_engine::ports::{ExecutionFilter, Executions as _, Journal as _, Logs as _, Status};

use crate::kit::{World, end, steps, tenant};
use crate::live::line;

const DAY: Millis = Millis(24 * 60 * 60 * 1_000);

#[tokio::test]
async fn an_ended_execution_is_removed_a_week_later_with_its_log_and_one_that_runs_is_not() {
    let world = World::new();
    let engine = world.launch();
    let gone = world.start(&engine, &steps(200, None), r#"{"n":0}"#).await;
    assert_eq!(end(&engine, &gone).await.0, Status::Completed);
    world.store.append_logs(vec![(gone.clone(), line("a line", gone.id, 0))]).unwrap();
    let stays = world.start(&engine, &steps(3, Some(Millis(30 * DAY.0))), r#"{"n":0}"#).await;
    world.parked().await;
    for _ in 0..6 {
        world.pass(DAY);
    }
    assert!(engine.row(&gone).unwrap().is_some(), "a week is not over");
    world.pass(DAY);
    world.pass(Millis(120_000));
    while engine.row(&gone).unwrap().is_some() {
        tokio::task::yield_now().await;
    }
    assert!(world.store.records(&gone, 0, 10).unwrap().is_empty());
    assert!(world.store.logs(&gone, None, 10).unwrap().items.is_empty());
    assert!(engine.row(&stays).unwrap().is_some());
    let listed = world.store.list(&tenant(), &ExecutionFilter::default(), None, 10).unwrap();
    assert_eq!(listed.items.iter().map(|row| row.id).collect::<Vec<_>>(), [stays.id]);
    engine.drain().await;
}

#[tokio::test]
async fn what_expired_while_no_engine_ran_goes_when_the_next_one_starts() {
    let world = World::new();
    let engine = world.launch();
    let key = world.start(&engine, &steps(1, None), r#"{"n":0}"#).await;
    end(&engine, &key).await;
    engine.drain().await;
    world.pass(Millis(8 * DAY.0));
    let engine = world.launch();
    while engine.row(&key).unwrap().is_some() {
        tokio::task::yield_now().await;
    }
    engine.drain().await;
}
