//! The journal writer: one thread that makes events durable, many at a time.
//!
//! Whatever waits when the thread comes round goes into one append and one sync (group commit): under load the price of a sync is shared by
//! all that wait for it, and alone an event waits for nobody. Nothing is acknowledged before the sync (rule 6).
//!
//! It is a thread and no task, because a sync blocks for as long as the disk likes.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::metrics::CommitMeters;
use crate::ports::{Batch, Journal, StoreError};

/// Steps that share a sync at most. Past about fifty a bigger group gains nothing, and makes everybody in it wait for its size.
const GROUP_MAX: usize = 64;

/// Appends that may wait for the writer before those who bring more have to wait too.
const WAITING_MAX: usize = 4_096;

/// Called once the batches are durable, or were refused.
pub(crate) type Acknowledge = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Batches of one execution that belong together, and who wants to know.
struct Append {
    batches: Vec<Batch>,
    acknowledge: Acknowledge,
}

/// The way to the writer. The thread ends, with everything written, once the last of these is gone.
#[derive(Clone)]
pub(crate) struct Writer {
    appends: SyncSender<Append>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(journal: Arc<dyn Journal>) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (appends, incoming) = sync_channel(WAITING_MAX);
        let thread = thread::Builder::new().name("journal".into()).spawn(move || write_all(&*journal, &incoming))?;
        Ok((Self { appends }, thread))
    }

    /// Makes batches durable, all of them or none.
    pub(crate) fn append(&self, batches: Vec<Batch>, acknowledge: Acknowledge) {
        if let Err(refused) = self.appends.send(Append { batches, acknowledge }) {
            let reason = "the journal writer has ended".into();
            (refused.0.acknowledge)(Err(StoreError::Failed { reason }));
        }
    }
}

fn write_all(journal: &dyn Journal, incoming: &Receiver<Append>) {
    let meters = CommitMeters::new();
    while let Ok(first) = incoming.recv() {
        let mut group = vec![first];
        let mut steps = group[0].batches.len();
        while steps < GROUP_MAX {
            let Ok(next) = incoming.try_recv() else { break };
            steps += next.batches.len();
            group.push(next);
        }
        let began = Instant::now();
        write_group(journal, group);
        meters.committed(began.elapsed(), steps);
    }
}

/// An append that was not written is nobody else's fault: each of the group is then tried alone, so that only what is in the way fails.
fn write_group(journal: &dyn Journal, group: Vec<Append>) {
    let batches = group.iter().flat_map(|append| append.batches.iter().cloned()).collect();
    match journal.append(batches) {
        Err(error) if !matches!(error, StoreError::Failed { .. }) && group.len() > 1 => {
            for append in group {
                (append.acknowledge)(journal.append(append.batches));
            }
        }
        result => group.into_iter().for_each(|append| (append.acknowledge)(result.clone())),
    }
}
