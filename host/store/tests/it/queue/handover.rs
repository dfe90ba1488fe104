//! What every queue promises, checked against the one in memory and the one in Redis.

use std::pin::Pin;
use std::sync::Arc;

use sandmill_core::ids::WorkflowExecId;
use sandmill_core::problem::Problem;
use sandmill_engine::MemoryQueue;
use sandmill_engine::ports::{Deliveries, ExecutionKey, TaskQueue, TaskResult};
use sandmill_store::redis::queue::QueueOptions;

use super::stage::{
    attempt, completion, done, ended, id, message, next, nothing_comes, open_engine, open_worker, options, output,
    problem, settle, soon,
};
use crate::kit::{Server, tenant, wait};

/// Both ends.
#[derive(Clone)]
struct Ends {
    queue: Arc<dyn TaskQueue>,
    worker: Arc<dyn Deliveries>,
}

/// Runs a case against both, and against the one in Redis when it carries configs itself.
#[track_caller]
fn check(case: impl Fn(Ends) -> Pin<Box<dyn Future<Output = ()>>>) {
    let memory = Arc::new(MemoryQueue::default());
    wait(case(Ends { queue: memory.clone(), worker: memory }));
    for inlines_configs in [false, true] {
        let server = Server::start();
        wait(async {
            let options = QueueOptions { inlines_configs, ..options() };
            let engine = open_engine(&server.redis, "engine-1", options.clone()).await.unwrap();
            let worker = open_worker(&server.redis, "worker-1", 4, options).await;
            case(Ends { queue: engine.queue.clone(), worker }).await;
        });
    }
}

#[test]
fn a_task_goes_out_and_its_end_comes_back() {
    check(|Ends { queue, worker }| {
        Box::pin(async move {
            queue.enqueue(message(1)).await;
            let given = next(&*worker).await;
            let sent = message(1);
            assert_eq!((given.dispatch.id, given.dispatch.attempt), (sent.dispatch.id, 1));
            assert_eq!((given.tenant.clone(), given.config.clone()), (sent.tenant, sent.config));
            assert_eq!(given.dispatch.target, sent.dispatch.target);
            assert_eq!(given.dispatch.idempotency_key, sent.dispatch.idempotency_key);
            worker.complete(done(&given, "1")).await;
            let completion = completion(&*queue).await;
            assert_eq!((completion.tenant.clone(), completion.id, completion.attempt), (tenant("a"), id(1), 1));
            settle(&*queue, &completion);
            assert_eq!(output(completion), "1");
            assert_eq!(queue.depth(), 0);
        })
    });
}

#[test]
fn a_task_that_is_put_in_twice_comes_once() {
    check(|Ends { queue, worker }| {
        Box::pin(async move {
            for number in [1, 1, 2, 1] {
                queue.enqueue(message(number)).await;
            }
            assert_eq!(next(&*worker).await.dispatch.id, id(1));
            assert_eq!(next(&*worker).await.dispatch.id, id(2));
            nothing_comes(worker.next()).await;
        })
    });
}

#[test]
fn a_later_attempt_comes_after_the_first() {
    check(|Ends { queue, worker }| {
        Box::pin(async move {
            queue.enqueue(message(1)).await;
            let first = next(&*worker).await;
            worker.complete(ended(&first, TaskResult::Lost)).await;
            let lost = completion(&*queue).await;
            assert!(matches!(lost.result, TaskResult::Lost), "{lost:?}");
            settle(&*queue, &lost);
            queue.enqueue(attempt(1, 2)).await;
            let second = next(&*worker).await;
            assert_eq!(second.dispatch.attempt, 2);
            worker.complete(done(&second, "2")).await;
            let end = completion(&*queue).await;
            assert_eq!(end.attempt, 2);
            assert_eq!(output(end), "2");
        })
    });
}

#[test]
fn a_task_that_waits_is_cancelled_at_once() {
    check(|Ends { queue, worker }| {
        Box::pin(async move {
            worker.stop().await;
            queue.enqueue(message(1)).await;
            queue.enqueue(message(2)).await;
            queue.cancel(&tenant("b"), &[id(1)]).await;
            queue.cancel(&tenant("a"), &[id(2)]).await;
            let stopped = completion(&*queue).await;
            assert!(matches!(stopped.result, TaskResult::Stopped), "{stopped:?}");
            assert_eq!((stopped.id, stopped.attempt), (id(2), 1));
            nothing_comes(queue.completion()).await;
        })
    });
}

#[test]
fn the_worker_of_a_task_learns_that_it_is_cancelled() {
    check(|Ends { queue, worker }| {
        Box::pin(async move {
            queue.enqueue(message(1)).await;
            let given = next(&*worker).await;
            queue.cancel(&tenant("a"), &[id(1)]).await;
            assert_eq!(soon(worker.cancelled()).await, (tenant("a"), id(1)));
            worker.complete(ended(&given, TaskResult::Stopped)).await;
            assert!(matches!(completion(&*queue).await.result, TaskResult::Stopped));
        })
    });
}

#[test]
fn tasks_come_in_the_order_in_which_they_were_put_in() {
    check(|Ends { queue, worker }| {
        Box::pin(async move {
            for number in 0..200 {
                queue.enqueue(message(number)).await;
            }
            for number in 0..200 {
                let given = next(&*worker).await;
                assert_eq!(given.dispatch.id, id(number));
                worker.complete(done(&given, "1")).await;
                settle(&*queue, &completion(&*queue).await);
            }
        })
    });
}

#[test]
fn the_end_of_an_execution_is_nothing_to_another_one() {
    check(|Ends { queue, worker }| {
        Box::pin(async move {
            let mut other = message(1);
            Arc::make_mut(&mut other.dispatch).id.workflow = WorkflowExecId::from_random(8);
            queue.enqueue(other.clone()).await;
            queue.enqueue(message(2)).await;
            let first = next(&*worker).await;
            worker.complete(done(&first, "1")).await;
            settle(&*queue, &completion(&*queue).await);
            let ended = ExecutionKey { tenant: first.tenant, id: first.dispatch.id.workflow };
            queue.execution_ended(&ended);
            queue.execution_ended(&ended);
            let second = next(&*worker).await;
            assert_eq!(second.dispatch.id, id(2));
            let sent = format!("\"{}\"", "x".repeat(1_000));
            worker.complete(done(&second, &sent)).await;
            assert_eq!(output(completion(&*queue).await), sent);
        })
    });
}

#[test]
fn a_worker_that_stops_gets_no_more() {
    check(|Ends { queue, worker }| {
        Box::pin(async move {
            let asking = tokio::spawn({
                let worker = Arc::clone(&worker);
                async move { worker.next().await.is_none() }
            });
            worker.stop().await;
            assert!(soon(asking).await.unwrap());
            queue.enqueue(message(1)).await;
            drop(queue);
        })
    });
}

#[test]
fn outputs_of_all_sizes_come_back_as_they_were() {
    check(|Ends { queue, worker }| {
        Box::pin(async move {
            for (number, bytes) in [0, 200, 253, 254, 255, 256, 257, 5_000, 2_000_000].into_iter().enumerate() {
                queue.enqueue(message(number as u32)).await;
                let given = next(&*worker).await;
                let sent = format!("\"{}\"", "ä".repeat(bytes / 2) + &"x".repeat(bytes % 2));
                worker.complete(done(&given, &sent)).await;
                assert_eq!(output(completion(&*queue).await), sent, "{bytes} bytes");
            }
        })
    });
}

#[test]
fn problems_come_back_with_all_their_members() {
    check(|Ends { queue, worker }| {
        Box::pin(async move {
            for (number, data) in
                ["1".to_owned(), "null".to_owned(), format!("[{}]", "1,".repeat(500) + "2")].iter().enumerate()
            {
                queue.enqueue(message(number as u32)).await;
                let given = next(&*worker).await;
                let sent = Problem {
                    kind: "https://example.org/problems/none".into(),
                    status: 418,
                    title: "None".into(),
                    detail: Some("a detail".into()),
                    instance: Some("/do/0".into()),
                    data: Some(super::stage::json(data)),
                    retryable: number == 0,
                };
                worker.complete(ended(&given, TaskResult::Failed(Box::new(sent.clone())))).await;
                assert_eq!(problem(completion(&*queue).await), sent);
            }
        })
    });
}
