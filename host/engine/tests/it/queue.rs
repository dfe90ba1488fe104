//! What a queue is told of executions that end, so that it can forget what it stores for them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sandmill_core::ids::{TaskExecId, TenantId};
use sandmill_core::time::Millis;
use sandmill_core::value::Value;
use sandmill_engine::ports::{
    Completion, Deliveries, ExecutionKey, Runner, Status, TaskMessage, TaskQueue, TaskResult,
};
use sandmill_engine::{Control, Engine, LocalWorker, MemoryQueue, Options, Parts, Workers};
use sandmill_testkit::NoFaults;

use crate::kit::{World, end, steps, tenant};

/// What a queue was told.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Settled(u32),
    Ended(ExecutionKey),
}

/// The queue in memory, which writes down what it is told.
#[derive(Default)]
struct Listening {
    queue: Arc<MemoryQueue>,
    told: Mutex<Vec<Told>>,
}

#[async_trait]
impl TaskQueue for Listening {
    async fn enqueue(&self, message: TaskMessage) {
        self.queue.enqueue(message).await;
    }

    async fn cancel(&self, tenant: &TenantId, ids: &[TaskExecId]) {
        self.queue.cancel(tenant, ids).await;
    }

    async fn completion(&self) -> Option<Completion> {
        self.queue.completion().await
    }

    fn settled(&self, _: &TenantId, id: TaskExecId, _: Option<u32>) {
        self.told.lock().unwrap().push(Told::Settled(id.number));
    }

    fn execution_ended(&self, execution: &ExecutionKey) {
        self.told.lock().unwrap().push(Told::Ended(execution.clone()));
    }

    fn depth(&self) -> usize {
        self.queue.depth()
    }

    fn outlives_engine(&self) -> bool {
        false
    }

    async fn close(&self) {
        self.queue.close().await;
    }
}

impl Listening {
    fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    async fn has_told(&self, count: usize) {
        while self.told().len() < count {
            tokio::task::yield_now().await;
        }
    }

    fn launch(self: &Arc<Self>, world: &World) -> Engine {
        let deliveries: Arc<dyn Deliveries> = self.queue.clone();
        let local = Some(LocalWorker { deliveries, runner: Arc::clone(&world.runner) as Arc<dyn Runner> });
        let workers = Workers { queue: self.clone(), local };
        let options = Options { shards: 1, slots: 4, ..Options::default() };
        Engine::launch(Parts { workers, ..world.parts(Arc::new(NoFaults)) }, options).unwrap()
    }
}

#[tokio::test]
async fn the_end_of_an_execution_is_told_once_and_not_while_it_waits() {
    let (world, queue) = (World::new(), Arc::new(Listening::default()));
    let engine = queue.launch(&world);
    let key = world.start(&engine, &steps(2, Some(Millis(60_000))), r#"{"n":0}"#).await;
    world.parked().await;
    queue.has_told(1).await;
    assert_eq!(queue.told(), [Told::Settled(0)], "one that is parked has not ended");
    world.pass(Millis(60_000));
    assert_eq!(end(&engine, &key).await.0, Status::Completed);
    engine.drain().await;
    let told = queue.told();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told.last(), Some(&Told::Ended(key)));
}

#[tokio::test]
async fn a_cancelled_execution_has_ended_once_its_task_has_stopped() {
    let (world, queue) = (World::new(), Arc::new(Listening::default()));
    let engine = queue.launch(&world);
    world.runner.hold(true);
    let key = world.start(&engine, &steps(1, None), r#"{"n":0}"#).await;
    world.runner.begun(1).await;
    engine.control(&key, Control::Cancel).await.unwrap();
    engine.drain().await;
    assert_eq!(queue.told(), [Told::Settled(0), Told::Ended(key)]);
}

#[tokio::test]
async fn what_a_worker_brings_back_after_the_end_is_told_as_another_end() {
    let (world, queue) = (World::new(), Arc::new(Listening::default()));
    let engine = queue.launch(&world);
    let key = world.start(&engine, &steps(1, None), r#"{"n":0}"#).await;
    assert_eq!(end(&engine, &key).await.0, Status::Completed);
    queue.has_told(2).await;
    let late = Completion {
        tenant: tenant(),
        id: TaskExecId { workflow: key.id, number: 0 },
        attempt: 1,
        epoch: 2,
        result: TaskResult::Completed(Value::null()),
    };
    queue.queue.complete(late).await;
    queue.has_told(4).await;
    engine.drain().await;
    let ended = Told::Ended(key);
    assert_eq!(queue.told(), [Told::Settled(0), ended.clone(), Told::Settled(0), ended]);
}
