//! One seed, played: some executions, an engine that comes and goes, and what happens to them.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt as _;
use sandmill_core::definition::Definition;
use sandmill_core::ids::WorkflowExecId;
use sandmill_core::machine::Settings;
use sandmill_core::time::{Millis, Timestamp};
use sandmill_core::value::Value;
use sandmill_engine::ports::{Clock as _, ExecutionKey, Executions as _, SharedStore, Status};
use sandmill_engine::{Control, Engine, Live, Options, Parts, Snapshots, StartError, Workers, Writing};
use sandmill_testkit::{FaultyStore, NoFaults, Random, World, tenant};

use super::checks::{Outside, check_replay};
use super::workflows;

/// Things that happen before the world becomes calm.
const EVENTS: u64 = 60;

/// Rounds after which an execution that has not ended is lost.
const ROUNDS_MAX: u32 = 3_000;

/// How an execution ended, with its output or error.
type End = (Status, Option<Value>);

struct Played {
    definition: Arc<Definition>,
    id: Option<WorkflowExecId>,
    was_cancelled: bool,
    is_racing: bool,
}

pub(super) struct Play {
    seed: u64,
    random: Arc<Random>,
    world: World,
    outside: Arc<Outside>,
    has_died: Arc<AtomicBool>,
    executions: Vec<Played>,
}

impl Play {
    pub(super) fn new(seed: u64) -> Self {
        let random = Arc::new(Random::new(seed));
        let world = World::default();
        let outside = Arc::new(Outside::new(Arc::clone(&random), Arc::clone(&world.store)));
        let is_racing = random.per_mille(300);
        let played = |_| {
            let definition = workflows::make(&random, is_racing);
            world.shelf.put(&definition);
            Played { definition, id: None, was_cancelled: false, is_racing }
        };
        let executions = (0..=random.below(3)).map(played).collect();
        Self { seed, random, world, outside, has_died: Arc::default(), executions }
    }

    pub(super) async fn run(mut self) {
        let mut engine = self.launch();
        for _ in 0..EVENTS {
            self.happen(&engine).await;
            self.let_run(self.random.below(30)).await;
            let dies = self.random.per_mille(15);
            if self.has_died.swap(false, Ordering::SeqCst) || dies {
                // What the old process was about to do is not done.
                drop(engine);
                self.let_run(3).await;
                engine = self.launch();
            }
            self.check_rows();
        }
        drop(engine);
        self.let_run(3).await;
        self.outside.calm();
        let engine = self.launch();
        self.settle(&engine).await;
        let ends = self.ends(&engine);
        engine.drain().await;
        self.check_ends(ends).await;
    }

    /// How each execution ended.
    fn ends(&self, engine: &Engine) -> Vec<End> {
        let end = |played: &Played| {
            let key = Self::key(played.id.expect("all were started"));
            let row = engine.row(&key).unwrap().expect("it has ended");
            let result = engine.result(&key, &row).unwrap();
            (row.status, result)
        };
        self.executions.iter().map(end).collect()
    }

    fn launch(&self) -> Engine {
        let world = &self.world;
        let has_died = Arc::clone(&self.has_died);
        let store = FaultyStore::new(Arc::clone(&world.store), Arc::clone(&self.outside) as _);
        let store: SharedStore = Arc::new(store);
        let parts = Parts {
            live: Live::start(Arc::clone(&store)).unwrap(),
            store,
            definitions: Arc::clone(&world.shelf) as _,
            workers: Workers::here(Arc::clone(&self.outside) as _),
            clock: Arc::clone(&world.clock) as _,
            on_store_failure: Arc::new(move |_| has_died.store(true, Ordering::SeqCst)),
        };
        Engine::launch(parts, self.options(Writing::Task(Arc::clone(&self.outside) as _))).unwrap()
    }

    fn options(&self, writing: Writing) -> Options {
        Options {
            shards: 2,
            slots: 4,
            // Workers die often here and the clock runs wild, and neither must decide how an execution ends.
            settings: Settings { losses_max: 1_000_000, active_ms_max: Millis(1 << 50), ..Settings::default() },
            snapshots: Snapshots { events: 1 + self.seed % 5, events_parked: 1 },
            writing,
            ..Options::default()
        }
    }

    async fn let_run(&self, turns: u64) {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }

    async fn happen(&mut self, engine: &Engine) {
        let index = usize::try_from(self.random.below(self.executions.len() as u64)).unwrap();
        match self.random.below(100) {
            0..=29 => self.start(engine, index).await,
            30..=32 => self.control(engine, index, Control::Cancel).await,
            33..=39 => self.control(engine, index, Control::Suspend).await,
            40..=49 => self.control(engine, index, Control::Resume).await,
            50..=52 => self.world.clock.set(Timestamp(self.world.clock.now().0 - 20_000)),
            53..=55 => self.world.pass(Millis(3_600_000)),
            _ => self.pass(),
        }
    }

    /// Up to the next moment that somebody waits for.
    fn pass(&self) {
        if let Some(at) = self.world.clock.next() {
            self.world.clock.set(at.max(self.world.clock.now()));
        }
    }

    fn key(id: WorkflowExecId) -> ExecutionKey {
        ExecutionKey { tenant: tenant(), id }
    }

    /// Starts an execution, or asks again whether it was.
    async fn start(&mut self, engine: &Engine, index: usize) {
        let played = &self.executions[index];
        let request = self.world.request(&played.definition, "{}", &format!("key-{index}"));
        match self.patiently(engine.start(request)).await {
            Some(Ok(id)) => {
                assert!(self.world.store.row(&Self::key(id)).unwrap().is_some(), "what was acknowledged is durable");
                assert!(played.id.is_none_or(|first| first == id), "the same key is the same execution");
                self.executions[index].id = Some(id);
            }
            Some(Err(StartError::KeyReused(id))) => panic!("{id} has another input"),
            // The engine died, the store refused, or we went away: whoever asked asks again.
            Some(Err(_)) | None => {}
        }
    }

    async fn control(&mut self, engine: &Engine, index: usize, control: Control) {
        let Some(id) = self.executions[index].id else { return };
        // It may come to pass although nobody was told so.
        self.executions[index].was_cancelled |= control == Control::Cancel;
        let _ = self.patiently(engine.control(&Self::key(id), control)).await;
    }

    /// The output of a future, unless it takes too long: callers go away.
    async fn patiently<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        for _ in 0..self.random.below(200) {
            if let Some(output) = future.as_mut().now_or_never() {
                return Some(output);
            }
            tokio::task::yield_now().await;
        }
        None
    }

    /// Lets everything come to its end, without faults.
    async fn settle(&mut self, engine: &Engine) {
        for index in 0..self.executions.len() {
            let played = &self.executions[index];
            let request = self.world.request(&played.definition, "{}", &format!("key-{index}"));
            let id = engine.start(request).await.unwrap();
            self.executions[index].id = Some(id);
            // It may have ended.
            let _ = engine.control(&Self::key(id), Control::Resume).await;
        }
        for _ in 0..ROUNDS_MAX {
            self.let_run(20).await;
            if self.rows().all(|status| status.is_some_and(Status::is_ended)) {
                return;
            }
            self.pass();
        }
        panic!("executions are lost: {:?}", self.rows().collect::<Vec<_>>());
    }

    fn rows(&self) -> impl Iterator<Item = Option<Status>> {
        self.executions.iter().map(|played| {
            let row = played.id.and_then(|id| self.world.store.row(&Self::key(id)).unwrap());
            row.map(|row| row.status)
        })
    }

    fn check_rows(&self) {
        for played in self.executions.iter().filter(|played| played.id.is_some()) {
            let row = played.id.and_then(|id| self.world.store.row(&Self::key(id)).unwrap());
            assert!(row.is_some(), "an execution is gone");
        }
    }

    async fn check_ends(&self, ends: Vec<End>) {
        for (index, (played, end)) in self.executions.iter().zip(ends).enumerate() {
            check_replay(&self.world.store, &Self::key(played.id.expect("all were started")), &played.definition);
            if !played.was_cancelled && !played.is_racing {
                assert_eq!(end, self.undisturbed(index).await, "execution {index} has another outcome");
            }
        }
    }

    /// How the execution ends in a world where nothing happens to it.
    async fn undisturbed(&self, index: usize) -> End {
        let calm = World::default();
        let outside = Arc::new(Outside::new(Arc::clone(&self.random), Arc::clone(&calm.store)));
        outside.calm();
        let options = self.options(Writing::Task(outside));
        let engine = Engine::launch(calm.parts(Arc::new(NoFaults)), options).unwrap();
        let definition = &self.executions[index].definition;
        let id = engine.start(calm.request(definition, "{}", &format!("key-{index}"))).await.unwrap();
        let key = Self::key(id);
        for _ in 0..ROUNDS_MAX {
            self.let_run(20).await;
            let row = engine.row(&key).unwrap().expect("it was started");
            if row.status.is_ended() {
                return (row.status, engine.result(&key, &row).unwrap());
            }
            if let Some(at) = calm.clock.next() {
                calm.clock.set(at.max(calm.clock.now()));
            }
        }
        panic!("execution {index} does not end by itself");
    }
}
