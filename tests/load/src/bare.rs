//! The same calls on bare wasmtime: the settings of the pool are those of our runtime, and so is the way to a guest's thread and back. No limits, no
//! cancellation, no catalog: what a program would do that calls this one component and nothing else.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use sandmill_abi::v0_1::TaskPre;
use sandmill_abi::v0_1::sandmill::task::config::{self, ConfigError};
use sandmill_abi::v0_1::sandmill::task::context::{self, ContextError, HostSnapshot, Snapshot};
use sandmill_abi::v0_1::sandmill::task::{log, progress};
use wasmtime::component::{Component, HasSelf, Linker, Resource, ResourceTable};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// Calls in flight that the pool has room for, and what each may need: as in our runtime.
const LIVE_MAX: u32 = 256;
const INSTANCES_MAX: u32 = 256;
const MEMORY_BYTES_MAX: usize = 128 << 20;
const TABLE_ELEMENTS_MAX: usize = 100_000;

/// What a guest asks for.
pub(crate) struct Answers {
    pub(crate) id: String,
    pub(crate) config: String,
    pub(crate) context: String,
}

/// The data of one call.
struct Guest {
    answers: Arc<Answers>,
    wasi: Option<Box<(WasiCtx, ResourceTable)>>,
}

/// Calls one component.
pub(crate) struct Bare {
    component: TaskPre<Guest>,
    guests: Option<tokio::runtime::Runtime>,
}

impl Bare {
    /// Compiles the component. The threads of guests are as many as our runtime has.
    pub(crate) fn new(component: &[u8]) -> Result<Self> {
        let engine = Engine::new(&settings()).map_err(|error| anyhow!("{error:#}"))?;
        let component = prepare(&engine, component).map_err(|error| anyhow!("{error:#}"))?;
        let threads = std::thread::available_parallelism()?.get();
        let guests = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_time().build()?;
        Ok(Self { component, guests: Some(guests) })
    }

    /// Runs one call to its output.
    pub(crate) async fn call(&self, answers: &Arc<Answers>) -> Result<String> {
        let (component, answers) = (self.component.clone(), Arc::clone(answers));
        let guests = self.guests.as_ref().ok_or_else(|| anyhow!("the threads are gone"))?;
        let call = guests.spawn(async move { run(&component, answers).await });
        call.await?.map_err(|error| anyhow!("{error:#}"))
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        if let Some(guests) = self.guests.take() {
            guests.shutdown_background();
        }
    }
}

async fn run(component: &TaskPre<Guest>, answers: Arc<Answers>) -> wasmtime::Result<String> {
    let mut store = Store::new(component.engine(), Guest { answers: Arc::clone(&answers), wasi: None });
    // The code looks at the epoch, as in our runtime; here nobody ever raises it.
    store.set_epoch_deadline(1);
    let task = component.instantiate_async(&mut store).await?;
    let output = task.call_run(&mut store, &answers.id).await?;
    output.map_err(|problem| wasmtime::Error::msg(problem.title))
}

fn prepare(engine: &Engine, component: &[u8]) -> wasmtime::Result<TaskPre<Guest>> {
    let mut linker = Linker::<Guest>::new(engine);
    config::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    context::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    log::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    progress::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    TaskPre::new(linker.instantiate_pre(&Component::from_binary(engine, component)?)?)
}

fn settings() -> Config {
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool()))
        .memory_init_cow(true)
        .memory_reservation(4 << 30)
        .cranelift_opt_level(OptLevel::Speed)
        .epoch_interruption(true)
        .max_wasm_stack(512 << 10)
        .async_stack_size(2 << 20)
        .async_stack_zeroing(false)
        .concurrency_support(false);
    config
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(LIVE_MAX)
        .total_core_instances(LIVE_MAX * INSTANCES_MAX)
        .total_memories(LIVE_MAX * 4)
        .total_tables(LIVE_MAX * 4)
        .total_stacks(LIVE_MAX)
        .total_gc_heaps(LIVE_MAX)
        .max_core_instances_per_component(INSTANCES_MAX)
        .max_memories_per_component(64)
        .max_tables_per_component(256)
        .max_tables_per_module(256)
        .max_memories_per_module(64)
        .max_core_instance_size(1 << 20)
        .max_component_instance_size(1 << 20)
        .max_memory_size(MEMORY_BYTES_MAX)
        .table_elements(TABLE_ELEMENTS_MAX)
        .table_keep_resident(64 << 10)
        .max_unused_warm_slots(LIVE_MAX * 4);
    if scans_pages() {
        pool.pagemap_scan(Enabled::Yes).linear_memory_keep_resident(16 << 20);
    } else {
        pool.pagemap_scan(Enabled::No).linear_memory_keep_resident(1 << 20);
    }
    pool
}

/// As our runtime decides it.
fn scans_pages() -> bool {
    let has_swap = std::fs::read_to_string("/proc/swaps").map_or(true, |swaps| swaps.lines().count() > 1);
    !has_swap && PoolingAllocationConfig::is_pagemap_scan_available()
}

impl config::Host for Guest {
    fn fetch(&mut self, _: String) -> wasmtime::Result<Result<String, ConfigError>> {
        Ok(Ok(self.answers.config.clone()))
    }
}

impl context::Host for Guest {
    fn open(&mut self, _: String) -> wasmtime::Result<Result<Resource<Snapshot>, ContextError>> {
        Ok(Ok(Resource::new_own(0)))
    }
}

impl HostSnapshot for Guest {
    async fn get(
        &mut self,
        _: Resource<Snapshot>,
        _: String,
    ) -> wasmtime::Result<Result<Option<String>, ContextError>> {
        Ok(Ok(Some(self.answers.context.clone())))
    }

    async fn keys(
        &mut self,
        _: Resource<Snapshot>,
        _: String,
    ) -> wasmtime::Result<Result<Option<Vec<String>>, ContextError>> {
        Ok(Ok(None))
    }

    async fn length(
        &mut self,
        _: Resource<Snapshot>,
        _: String,
    ) -> wasmtime::Result<Result<Option<u32>, ContextError>> {
        Ok(Ok(None))
    }

    fn attempt(&mut self, _: Resource<Snapshot>) -> wasmtime::Result<u32> {
        Ok(1)
    }

    fn round(&mut self, _: Resource<Snapshot>) -> wasmtime::Result<u32> {
        Ok(1)
    }

    fn idempotency_key(&mut self, _: Resource<Snapshot>) -> wasmtime::Result<String> {
        Ok(String::new())
    }

    fn deadline(&mut self, _: Resource<Snapshot>) -> wasmtime::Result<u64> {
        Ok(0)
    }

    fn drop(&mut self, _: Resource<Snapshot>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl log::Host for Guest {
    fn write(&mut self, _: log::Level, _: String, _: Vec<log::Field>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl progress::Host for Guest {
    fn report(&mut self, _: f64, _: Option<String>) -> wasmtime::Result<()> {
        Ok(())
    }

    fn is_cancelled(&mut self) -> wasmtime::Result<bool> {
        Ok(false)
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let made = self.wasi.get_or_insert_with(|| Box::new((WasiCtx::builder().build(), ResourceTable::new())));
        WasiCtxView { ctx: &mut made.0, table: &mut made.1 }
    }
}
