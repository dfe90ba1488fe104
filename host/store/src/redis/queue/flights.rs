//! Which tasks are on their way to Redis right now.
//!
//! A task may end while it is sent once more, by a scan or after a restart. What Redis knows of its end must stay there until that message has
//! come, for it is what refuses it: without it the task would run again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sandmill_core::ids::{TaskExecId, TenantId};
use sandmill_engine::ports::TaskMessage;

use super::engine::Shared;

type TaskKey = (TenantId, TaskExecId);

/// How many messages of each task are on their way.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<TaskKey, usize>>);

/// Tasks on their way, until this is dropped.
pub(super) struct Flight<'a> {
    shared: &'a Shared,
    keys: Vec<TaskKey>,
}

impl Flights {
    /// True while a message of that task is on its way.
    pub(super) fn has(&self, tenant: &TenantId, id: TaskExecId) -> bool {
        self.flying().contains_key(&(tenant.clone(), id))
    }

    fn flying(&self) -> MutexGuard<'_, HashMap<TaskKey, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Flight<'a> {
    /// Sends those of the tasks on their way that are still waited for as that attempt, and gives them.
    pub(super) fn depart(shared: &'a Shared, messages: &[TaskMessage]) -> (Self, Vec<TaskMessage>) {
        // Under the lock of the table: a task that ends from here on is in flight already.
        let table = shared.table();
        let attempt = |message: &TaskMessage| table.attempt(&message.tenant, message.dispatch.id);
        let wanted = messages.iter().filter(|message| attempt(message) == Some(message.dispatch.attempt));
        let wanted: Vec<TaskMessage> = wanted.cloned().collect();
        let keys: Vec<TaskKey> = wanted.iter().map(|message| (message.tenant.clone(), message.dispatch.id)).collect();
        let mut flying = shared.flights.flying();
        keys.iter().for_each(|key| *flying.entry(key.clone()).or_default() += 1);
        drop(flying);
        drop(table);
        (Self { shared, keys }, wanted)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut flying = self.shared.flights.flying();
        for key in &self.keys {
            let Some(count) = flying.get_mut(key) else { continue };
            *count -= 1;
            if *count == 0 {
                flying.remove(key);
            }
        }
        drop(flying);
        // Ends that waited for this.
        self.shared.has_errands.notify_one();
    }
}
