//! What is stored for the tasks of an execution, and goes when it has ended.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sandmill_core::ids::{Digest, TaskExecId, WorkflowExecId};
use sandmill_engine::ports::{Deliveries, ExecutionKey, TaskMessage, TaskQueue as _};
use sandmill_store::redis::{TaskRecord, TaskToSave};
use sandmill_testkit::Proxy;

use super::stage::{
    Counting, Engine, completion, connect, done, engine, handle, json, message, next, output, settle, soon, until,
    with, work, worker,
};
use crate::kit::{HOUR, Server, execution, text, wait};

/// A task of an execution, with a context that does not stand in its record.
fn task(key: &ExecutionKey, number: u32) -> TaskMessage {
    with(message(number), |dispatch| {
        dispatch.id = TaskExecId { workflow: key.id, number };
        dispatch.context = handle(json(&format!("{{\"large\":\"{}\"}}", "x".repeat(1_000))), json("true"));
    })
}

/// A text that is longer than what stands in a completion.
fn large() -> String {
    format!("\"{}\"", "y".repeat(2_000))
}

/// Takes a task through the queue, with a large output.
async fn run(engine: &Engine, worker: &dyn Deliveries, task: TaskMessage) {
    engine.queue.enqueue(task).await;
    worker.complete(done(&next(worker).await, &large())).await;
    let end = completion(&*engine.queue).await;
    settle(&*engine.queue, &end);
    assert_eq!(output(end), large());
}

/// The keys with the tag of an execution.
fn of(server: &Server, key: &ExecutionKey) -> Vec<String> {
    server.keys(&format!("{}}}", key.id))
}

#[test]
fn what_is_stored_for_an_execution_goes_when_it_has_ended() {
    let server = Server::start();
    let (ended, runs) = (execution("a", 1), execution("a", 2));
    wait(async {
        let engine = engine(&server.redis).await;
        let worker = worker(&server.redis, "worker-1").await;
        for number in 0..3 {
            run(&engine, &*worker, task(&ended, number)).await;
            run(&engine, &*worker, task(&runs, number)).await;
        }
        server.tidied().await;
        // Records and configs of three tasks, a context and a result that they share, and the list of all that.
        assert_eq!((of(&server, &ended).len(), of(&server, &runs).len()), (9, 9));
        engine.queue.execution_ended(&ended);
        until(|| of(&server, &ended).is_empty()).await;
        assert_eq!(of(&server, &runs).len(), 9, "one that runs keeps all");
        engine.queue.execution_ended(&runs);
        until(|| of(&server, &runs).is_empty()).await;
    });
}

#[test]
fn what_is_stored_goes_in_a_few_requests_however_much_it_is() {
    let server = Server::start();
    let key = execution("a", 1);
    wait(async {
        let engine = engine(&server.redis).await;
        let records = server.records();
        for numbers in [0..1_100, 1_100..2_200] {
            records.save(&numbers.map(|number| record(&key, number)).collect::<Vec<_>>()).await.unwrap();
        }
        assert_eq!(of(&server, &key).len(), 2_200 + 1 + 1);
        let before = server.redis.requests();
        engine.queue.execution_ended(&key);
        until(|| of(&server, &key).is_empty()).await;
        let asked = server.redis.requests() - before;
        assert!(asked < 60, "{asked} requests for 2,201 keys, with those of an engine that is idle");
    });
}

#[test]
fn a_task_takes_at_most_six_requests_with_the_end_of_its_execution() {
    const EXECUTIONS: u128 = 10;
    const TASKS: u32 = 50;
    let server = Server::start();
    let (near, far) = (connect(server.server.url()), connect(server.server.url()));
    wait(async {
        let engine = engine(&near).await;
        let worker = worker(&far, "worker-1").await;
        let working = work(&worker, &Arc::new(Counting::default()), 4);
        let before = near.requests() + far.requests();
        for number in 0..TASKS {
            for run in 0..EXECUTIONS {
                engine.queue.enqueue(task(&execution("a", run), number)).await;
            }
        }
        let mut left: HashMap<WorkflowExecId, u32> = HashMap::new();
        for _ in 0..EXECUTIONS * u128::from(TASKS) {
            let end = completion(&*engine.queue).await;
            settle(&*engine.queue, &end);
            let left = left.entry(end.id.workflow).or_insert(TASKS);
            *left -= 1;
            if *left == 0 {
                engine.queue.execution_ended(&ExecutionKey { tenant: end.tenant, id: end.id.workflow });
            }
        }
        until(|| server.keys(":names").is_empty()).await;
        let asked = near.requests() + far.requests() - before;
        assert!(asked <= 6 * EXECUTIONS as u64 * u64::from(TASKS), "{asked} requests");
        assert!(server.keys(":task:").is_empty() && server.keys(":body:").is_empty());
        working.abort();
    });
}

/// A task with a config that others have, too.
fn record(key: &ExecutionKey, number: u32) -> TaskToSave {
    let config = text("{}");
    let id = TaskExecId { workflow: key.id, number };
    let record = TaskRecord::new(key.tenant.clone(), id, Digest::of(&config), HOUR);
    TaskToSave { execution: key.clone(), record, bodies: vec![(Digest::of(&config), config)] }
}

#[test]
fn an_execution_that_ends_while_redis_is_away_is_forgotten_when_it_is_back() {
    let server = Server::start();
    let proxy = Proxy::start(server.server.port());
    let far = connect(proxy.url());
    let key = execution("a", 1);
    wait(async {
        let engine = engine(&far).await;
        let worker = worker(&server.redis, "worker-1").await;
        run(&engine, &*worker, task(&key, 1)).await;
        proxy.refuse(true);
        proxy.cut();
        engine.queue.execution_ended(&key);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!of(&server, &key).is_empty());
        proxy.refuse(false);
        until(|| of(&server, &key).is_empty()).await;
    });
}

#[test]
fn a_result_that_comes_after_the_end_goes_when_that_is_told_again() {
    let server = Server::start();
    let key = execution("a", 1);
    wait(async {
        let engine = engine(&server.redis).await;
        let worker = worker(&server.redis, "worker-1").await;
        engine.queue.enqueue(task(&key, 1)).await;
        let late = next(&*worker).await;
        engine.queue.execution_ended(&key);
        until(|| of(&server, &key).is_empty()).await;
        worker.complete(done(&late, &large())).await;
        let end = completion(&*engine.queue).await;
        assert_eq!(of(&server, &key).len(), 2, "the result, and the list of it");
        assert!(of(&server, &key).iter().all(|key| server.left(key) > 0), "which go by themselves in any case");
        settle(&*engine.queue, &end);
        engine.queue.execution_ended(&key);
        until(|| of(&server, &key).is_empty()).await;
        server.tidied().await;
    });
}

#[test]
fn an_execution_with_the_id_of_one_that_has_ended_runs_as_the_first_did() {
    let server = Server::start();
    let key = ExecutionKey { id: WorkflowExecId::from_random(7), ..execution("a", 0) };
    wait(async {
        let engine = engine(&server.redis).await;
        let worker = worker(&server.redis, "worker-1").await;
        for round in 0..3 {
            engine.queue.enqueue(task(&key, 1)).await;
            let given = next(&*worker).await;
            let context = &given.remote.as_ref().unwrap().context;
            assert_eq!(
                soon(context.member("context", Some("large"))).await.unwrap(),
                Some(json(&format!("\"{}\"", "x".repeat(1_000)))),
                "round {round}"
            );
            worker.complete(done(&given, &large())).await;
            settle(&*engine.queue, &completion(&*engine.queue).await);
            engine.queue.execution_ended(&key);
            until(|| of(&server, &key).is_empty()).await;
        }
    });
}
