//! The journal writer: one thread that makes events durable, many at a time.
//!
//! Whatever waits when the thread comes round goes into one append and one sync (group commit): under load the price of a sync is shared by
//! all that wait for it, and alone an event waits for nobody. Nothing is acknowledged before the sync (rule 6).
//!
//! It is a thread and no task, because a sync blocks for as long as the disk likes. Only a simulation has it as a task: its store never blocks, and
//! what happens there must happen in the same order each time.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use async_trait::async_trait;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle as TaskHandle;

use crate::metrics::CommitMeters;
use crate::ports::{Batch, Journal, StoreError};

/// Steps that share a sync at most. Past about fifty a bigger group gains nothing, and makes everybody in it wait for its size.
const GROUP_MAX: usize = 64;

/// Called once the batches are durable, or were refused.
pub(crate) type Acknowledge = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Batches of one execution that belong together, and who wants to know.
struct Append {
    batches: Vec<Batch>,
    acknowledge: Acknowledge,
}

/// Where the writer runs.
#[derive(Clone, Default)]
pub enum Writing {
    /// On a thread of its own.
    #[default]
    Thread,
    /// In a task of the runtime, which waits before each append for as long as the disk of a simulation would.
    Task(Arc<dyn Disk>),
}

impl std::fmt::Debug for Writing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Thread => "Thread",
            Self::Task(_) => "Task",
        })
    }
}

/// The disk of a simulation.
#[async_trait]
pub trait Disk: Send + Sync {
    /// Returns when the next append may begin.
    async fn ready(&self);
}

/// The writer at work: it ends, with everything written, once the last [`Writer`] is gone.
pub(crate) enum WriterHandle {
    Thread(JoinHandle<()>),
    Task(TaskHandle<()>),
}

/// The way to the writer.
#[derive(Clone)]
pub(crate) struct Writer {
    // Unbounded, for no execution has more than one append on its way.
    appends: UnboundedSender<Append>,
}

impl Writer {
    /// Starts it.
    pub(crate) fn start(journal: Arc<dyn Journal>, writing: &Writing) -> std::io::Result<(Self, WriterHandle)> {
        let (appends, mut incoming) = unbounded_channel();
        let handle = match writing {
            Writing::Thread => {
                let thread = thread::Builder::new().name("journal".into());
                WriterHandle::Thread(thread.spawn(move || write_all(&*journal, &mut incoming))?)
            }
            Writing::Task(disk) => {
                let disk = Arc::clone(disk);
                WriterHandle::Task(tokio::spawn(async move {
                    while let Some(first) = incoming.recv().await {
                        disk.ready().await;
                        write_group(&*journal, group(first, &mut incoming));
                    }
                }))
            }
        };
        Ok((Self { appends }, handle))
    }

    /// Makes batches durable, all of them or none.
    pub(crate) fn append(&self, batches: Vec<Batch>, acknowledge: Acknowledge) {
        if let Err(refused) = self.appends.send(Append { batches, acknowledge }) {
            let reason = "the journal writer has ended".into();
            (refused.0.acknowledge)(Err(StoreError::Failed { reason }));
        }
    }
}

fn write_all(journal: &dyn Journal, incoming: &mut UnboundedReceiver<Append>) {
    let meters = CommitMeters::new();
    while let Some(first) = incoming.blocking_recv() {
        let group = group(first, incoming);
        let steps = group.iter().map(|append| append.batches.len()).sum();
        let began = Instant::now();
        write_group(journal, group);
        meters.committed(began.elapsed(), steps);
    }
}

/// What waits already goes with the first one.
fn group(first: Append, incoming: &mut UnboundedReceiver<Append>) -> Vec<Append> {
    let mut steps = first.batches.len();
    let mut group = vec![first];
    while steps < GROUP_MAX {
        let Ok(next) = incoming.try_recv() else { break };
        steps += next.batches.len();
        group.push(next);
    }
    group
}

/// An append that was not written is nobody else's fault: each of the group is then tried alone, so that only what is in the way fails.
fn write_group(journal: &dyn Journal, group: Vec<Append>) {
    if let [_] = &*group {
        return group.into_iter().for_each(|append| (append.acknowledge)(journal.append(append.batches)));
    }
    let batches = group.iter().flat_map(|append| append.batches.iter().cloned()).collect();
    match journal.append(batches) {
        Err(error) if !matches!(error, StoreError::Failed { .. }) => {
            for append in group {
                (append.acknowledge)(journal.append(append.batches));
            }
        }
        result => group.into_iter().for_each(|append| (append.acknowledge)(result.clone())),
    }
}
