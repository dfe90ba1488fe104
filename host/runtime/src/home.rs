//! Where what lies in another process is fetched: by the threads of whoever asked for the call.
//!
//! Those have sockets and timers, and may be busy for a while with what they read. The threads of guests have no sockets, and a guest's CPU time
//! is charged there.

use std::future::Future;

use sandmill_engine::ports::TaskMessage;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

/// The threads that a call came from.
#[derive(Clone)]
pub(crate) struct Home(Option<Handle>);

impl Home {
    /// Those of this moment, for a task that another process dispatched. One of this process fetches nothing, and pays nothing for it.
    pub(crate) fn of(message: &TaskMessage) -> Self {
        Self(message.remote.as_ref().and_then(|_| Handle::try_current().ok()))
    }

    /// Does work there, which ends when nobody waits for it any more. An error says that it panicked, or that these threads are gone.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, String> {
        match &self.0 {
            Some(threads) => AbortOnDropHandle::new(threads.spawn(work)).await.map_err(|error| {
                if error.is_panic() {
                    "the host panicked while it fetched what the task needs"
                } else {
                    "the host is stopping"
                }
                .to_owned()
            }),
            None => Ok(work.await),
        }
    }
}
