//! The clock that reaches guests: one thread that raises the engine's epoch every millisecond while guests run.
//!
//! It parks itself when nothing has run for a while, so that an idle host does not wake a thousand times a second; the first call after that
//! wakes it, and no other call makes a system call for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use wasmtime::Engine;

/// How often a guest that computes is looked at.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Ticks without any call after which the thread parks.
const IDLE_TICKS: u32 = 200;

/// The thread, which ends with this.
pub(crate) struct Ticker {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    /// Calls in flight.
    live: AtomicU64,
    is_parked: AtomicBool,
    is_over: AtomicBool,
}

/// Keeps the ticks coming as long as it lives.
pub(crate) struct Ticking {
    state: Arc<State>,
}

impl Ticker {
    /// Starts the thread.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let state = Arc::new(State::default());
        let thread = thread::Builder::new().name("sandmill-ticker".into()).spawn({
            let (state, engine) = (Arc::clone(&state), engine.weak());
            move || {
                while !state.is_over.load(Ordering::Acquire) {
                    let Some(engine) = engine.upgrade() else { return };
                    state.tick_until_idle(&engine);
                }
            }
        })?;
        Ok(Self { state, thread: Some(thread) })
    }

    /// A call begins.
    pub(crate) fn begin(&self) -> Ticking {
        // Both are sequentially consistent, as in `park`: either the thread sees this call, or this call sees that the thread is parked.
        self.state.live.fetch_add(1, Ordering::SeqCst);
        if self.state.is_parked.load(Ordering::SeqCst) {
            self.unpark();
        }
        Ticking { state: Arc::clone(&self.state) }
    }

    fn unpark(&self) {
        self.thread.as_ref().map(JoinHandle::thread).into_iter().for_each(Thread::unpark);
    }
}

impl State {
    fn tick_until_idle(&self, engine: &Engine) {
        let mut idle = 0;
        while idle < IDLE_TICKS && !self.is_over.load(Ordering::Acquire) {
            thread::sleep(TICK);
            engine.increment_epoch();
            idle = if self.live.load(Ordering::Relaxed) == 0 { idle + 1 } else { 0 };
        }
        self.park();
    }

    fn park(&self) {
        self.is_parked.store(true, Ordering::SeqCst);
        while self.live.load(Ordering::SeqCst) == 0 && !self.is_over.load(Ordering::SeqCst) {
            thread::park();
        }
        self.is_parked.store(false, Ordering::SeqCst);
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.state.live.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        self.unpark();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended too.
            let _ = thread.join();
        }
    }
}
