//! Counts the bytes that this process has allocated, while somebody wants to know.
//!
//! The system's allocator does the work. Counting costs two atomic operations for each allocation, so it is off where time is measured.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static IS_ON: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

struct Counting;

/// Counting, from now on until this is dropped. What was allocated before and is freed meanwhile counts as less than nothing, so compare only
/// what is made and kept within.
pub struct Count(());

impl Count {
    /// Begins to count.
    pub fn begin() -> Self {
        LIVE.store(0, Ordering::SeqCst);
        PEAK.store(0, Ordering::SeqCst);
        IS_ON.store(true, Ordering::SeqCst);
        Self(())
    }

    /// Bytes that are allocated now and were not at the beginning.
    pub fn live_bytes(&self) -> i64 {
        LIVE.load(Ordering::SeqCst)
    }

    /// The most that it ever was.
    pub fn peak_bytes(&self) -> i64 {
        PEAK.load(Ordering::SeqCst)
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        IS_ON.store(false, Ordering::SeqCst);
    }
}

fn add(bytes: usize) {
    if IS_ON.load(Ordering::Relaxed) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let live = LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
        PEAK.fetch_max(live, Ordering::Relaxed);
    }
}

fn subtract(bytes: usize) {
    if IS_ON.load(Ordering::Relaxed) {
        LIVE.fetch_sub(i64::try_from(bytes).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}

#[expect(unsafe_code, reason = "an allocator is unsafe by its nature; this one hands everything on as it is")]
// SAFETY: every call goes to the system's allocator with the arguments that it came with.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        subtract(layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        add(new_size);
        subtract(layout.size());
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}
