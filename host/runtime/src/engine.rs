//! The one wasmtime engine of a host and how it is set.
//!
//! Owns every setting with its reason. The pool is sized so that it never runs out: a semaphore of ours bounds the calls in flight first, and each
//! call takes as many slots as its component needs.

use std::fs;

use wasmtime::component::Component;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::limits::TaskLimits;
use crate::options::RuntimeOptions;

/// Memories and tables that one slot stands for. Most components have one memory and three or four tables; memories beyond the first are room for
/// images that stay warm between calls.
const MEMORIES_PER_SLOT: u32 = 4;
const TABLES_PER_SLOT: u32 = 4;

/// Memories and tables of one component at most. Each takes a share of the slots.
const MEMORIES_MAX: u32 = 64;
const TABLES_MAX: u32 = 256;

/// Bytes of a memory that are cleaned and kept after a call: by asking the kernel which pages were touched, or else by clearing them all.
const KEEP_RESIDENT_SCANNED: usize = 16 << 20;
const KEEP_RESIDENT_CLEARED: usize = 1 << 20;
const TABLE_KEEP_RESIDENT: usize = 64 << 10;

/// The stack of a call: the guest's part, and what host functions need on top of it.
const HOST_STACK_BYTES: u64 = 1536 << 10;

/// The description of a module's instance in memory. The largest interpreter that was measured needs half of it.
const INSTANCE_BYTES_MAX: usize = 1 << 20;

/// The engine for these options.
pub(crate) fn engine(options: &RuntimeOptions) -> wasmtime::Result<Engine> {
    let limits = &options.limits;
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(options)))
        .memory_init_cow(true)
        // A smaller reservation would cost half of the guest's speed, for every access would be checked.
        .memory_reservation(4 << 30)
        .cranelift_opt_level(OptLevel::Speed)
        .epoch_interruption(true)
        .max_wasm_stack(bytes(limits.stack_bytes))
        .async_stack_size(bytes(limits.stack_bytes.saturating_add(HOST_STACK_BYTES)))
        .async_stack_zeroing(false)
        // The contract's exports are synchronous; without this a call is a third faster.
        .concurrency_support(false);
    Engine::new(&config)
}

fn pool(options: &RuntimeOptions) -> PoolingAllocationConfig {
    let live = options.live_tasks_max.max(1);
    let limits = &options.limits;
    let instances = u32::try_from(limits.instances).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(live)
        .total_core_instances(live.saturating_mul(instances))
        .total_memories(live.saturating_mul(MEMORIES_PER_SLOT))
        .total_tables(live.saturating_mul(TABLES_PER_SLOT))
        .total_stacks(live)
        .total_gc_heaps(live)
        .max_core_instances_per_component(instances)
        .max_memories_per_component(MEMORIES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .max_tables_per_module(TABLES_MAX)
        .max_memories_per_module(MEMORIES_MAX)
        .max_core_instance_size(INSTANCE_BYTES_MAX)
        .max_component_instance_size(INSTANCE_BYTES_MAX)
        .max_memory_size(bytes(limits.memory_bytes))
        .table_elements(bytes(limits.table_elements))
        .table_keep_resident(TABLE_KEEP_RESIDENT)
        .max_unused_warm_slots(live.saturating_mul(MEMORIES_PER_SLOT));
    if may_scan_pages() {
        pool.pagemap_scan(Enabled::Yes).linear_memory_keep_resident(KEEP_RESIDENT_SCANNED);
    } else {
        pool.pagemap_scan(Enabled::No).linear_memory_keep_resident(KEEP_RESIDENT_CLEARED);
    }
    pool
}

/// Whether the kernel can be asked which pages a guest touched (Linux 6.7), and its answer can be trusted: a page that was swapped out is missing
/// from it (wasmtime, issue 14357), and the next guest in that slot could read what the last one wrote.
fn may_scan_pages() -> bool {
    let has_swap = fs::read_to_string("/proc/swaps").map_or(true, |swaps| swaps.lines().count() > 1);
    !has_swap && PoolingAllocationConfig::is_pagemap_scan_available()
}

/// How many slots a call of this component takes.
pub(crate) fn slots(component: &Component) -> u32 {
    let Some(needs) = component.resources_required() else {
        // A component that imports modules cannot say what it needs; nothing of ours gives it one.
        return 1;
    };
    needs.num_memories.max(needs.num_tables.div_ceil(TABLES_PER_SLOT)).max(1)
}

/// What a component may hold beside its instances, as the words of a refusal.
pub(crate) fn describe_size(limits: &TaskLimits) -> String {
    format!(
        "a component has at most {} core instances, {MEMORIES_MAX} memories with {} bytes together, and {TABLES_MAX} tables with {} elements together",
        limits.instances, limits.memory_bytes, limits.table_elements
    )
}

fn bytes(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
