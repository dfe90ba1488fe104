//! Groups: once one is cancelled, nothing of it is begun any more, wherever it waits.

use sandmill_core::ids::GroupId;
use sandmill_engine::ports::{TaskMessage, TaskQueue as _, TaskResult};

use super::stage::{completion, engine, id, message, next, nothing_comes, settle, until, with, worker};
use crate::kit::{Server, tenant, wait};

/// A task of a group.
fn of_group(number: u32, group: u32) -> TaskMessage {
    let group = GroupId { workflow: id(number).workflow, number: group };
    with(message(number), |dispatch| dispatch.delivery.group = Some(group))
}

fn group(number: u32) -> GroupId {
    GroupId { workflow: id(0).workflow, number }
}

#[test]
fn nothing_of_a_cancelled_group_is_begun() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        let worker = worker(&server.redis, "worker-1").await;
        for (number, group) in [(0, 7), (1, 7), (2, 8)] {
            engine.queue.enqueue(of_group(number, group)).await;
        }
        assert_eq!(next(&*worker).await.dispatch.id, id(0));
        until(|| worker.in_hand() == 3).await;
        engine.queue.cancel_group(&tenant("a"), group(7));
        let end = completion(&*engine.queue).await;
        settle(&*engine.queue, &end);
        assert_eq!((end.id, matches!(end.result, TaskResult::Stopped)), (id(1), true), "it was claimed and not begun");
        nothing_comes(engine.queue.completion()).await;
        // One that comes to Redis after that is not handed out at all.
        engine.queue.enqueue(of_group(3, 7)).await;
        let end = completion(&*engine.queue).await;
        settle(&*engine.queue, &end);
        assert_eq!((end.id, matches!(end.result, TaskResult::Stopped)), (id(3), true));
        assert_eq!(next(&*worker).await.dispatch.id, id(2), "another group goes on");
    });
}
