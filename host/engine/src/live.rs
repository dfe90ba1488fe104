//! What tasks say while they run: lines for their execution's log, and how far they have come.
//!
//! Outside of the durable record (rule 6): a crash may lose the last lines, and progress is gone with its task. The promise here is another
//! one: a task that talks too much never waits, and never makes the engine wait or grow. Lines go through a bounded channel to a thread
//! that writes them many at a time; what does not fit is dropped, counted, and the log says so at its place.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use sandmill_core::ids::{TaskExecId, TenantId};
use tokio::sync::watch;

use crate::metrics::LogMeters;
use crate::notices::Notices;
use crate::ports::{ExecutionKey, LogLevel, LogLine, Progress, SharedStore, TaskMessage, TaskObserver};

/// Lines that wait to be written at most.
const LINES_WAITING_MAX: usize = 8_192;

/// Bytes of lines that wait to be written at most: a tenth of what an idle host may use.
const BYTES_WAITING_MAX: usize = 8 * 1024 * 1024;

/// Lines that are written at a time. More at a time would hold up the journal, which writes through the same store.
const LINES_PER_WRITE: usize = 512;

/// Lines that come meanwhile share a write and its sync with those that follow, unless there is enough for a write of their own.
const WRITES_EVERY: Duration = Duration::from_millis(20);

/// What a line takes beside its text.
const LINE_OVERHEAD_BYTES: usize = 128;

/// The live side of all tasks of this process.
pub struct Live {
    board: Arc<Board>,
    /// Taken when this is dropped, which ends the thread.
    lines: Option<SyncSender<(ExecutionKey, LogLine)>>,
    thread: Option<JoinHandle<()>>,
    progress: DashMap<ExecutionKey, BTreeMap<u32, Progress>>,
    pub(crate) progress_news: Arc<Notices>,
}

/// What the thread and those who talk to it share.
struct Board {
    line_news: Arc<Notices>,
    bytes_waiting: AtomicUsize,
    lines_taken: AtomicU64,
    lines_written: watch::Sender<u64>,
    dropped: Mutex<HashMap<(ExecutionKey, TaskExecId), Dropped>>,
    meters: LogMeters,
}

/// Lines of a task that did not fit.
struct Dropped {
    count: u64,
    /// The last of them, without its text.
    last: LogLine,
}

impl Live {
    /// Starts the thread that writes. It ends, with everything written, when the last reference to this is gone.
    pub fn start(store: SharedStore) -> std::io::Result<Arc<Self>> {
        let (lines, incoming) = sync_channel(LINES_WAITING_MAX);
        let board = Arc::new(Board {
            line_news: Arc::default(),
            bytes_waiting: AtomicUsize::new(0),
            lines_taken: AtomicU64::new(0),
            lines_written: watch::channel(0).0,
            dropped: Mutex::default(),
            meters: LogMeters::new(),
        });
        let writer = Arc::clone(&board);
        let thread = thread::Builder::new().name("logs".into()).spawn(move || writer.write_all(&store, &incoming))?;
        Ok(Arc::new(Self {
            board,
            lines: Some(lines),
            thread: Some(thread),
            progress: DashMap::new(),
            progress_news: Arc::default(),
        }))
    }

    /// Returns once every line that was taken before is in the store, or was given up.
    pub async fn flush(&self) {
        let taken = self.board.lines_taken.load(Ordering::SeqCst);
        // The sender is ours, so this ends only when they are written.
        let _ = self.board.lines_written.subscribe().wait_for(|written| *written >= taken).await;
    }

    /// How far the tasks of an execution that run have come, by the number of the task, where they said so.
    #[must_use]
    pub fn progress_of(&self, key: &ExecutionKey) -> BTreeMap<u32, Progress> {
        self.progress.get(key).map(|tasks| tasks.clone()).unwrap_or_default()
    }

    /// News of lines.
    pub(crate) fn line_news(&self) -> &Arc<Notices> {
        &self.board.line_news
    }

    /// The task runs no more, and how far it came is of no more interest.
    pub(crate) fn task_ended(&self, tenant: &TenantId, id: TaskExecId) {
        let key = ExecutionKey { tenant: tenant.clone(), id: id.workflow };
        let is_last = self.progress.get_mut(&key).is_some_and(|mut tasks| {
            tasks.remove(&id.number);
            tasks.is_empty()
        });
        if is_last {
            self.progress.remove_if(&key, |_, tasks| tasks.is_empty());
        }
    }
}

impl TaskObserver for Live {
    fn log(&self, message: &TaskMessage, line: LogLine) {
        self.take_line(key_of(message), line);
    }

    fn progress(&self, message: &TaskMessage, progress: Progress) {
        self.take_progress(&key_of(message), message.dispatch.id.number, progress);
    }
}

impl Live {
    /// Takes a line of a task, wherever that runs.
    pub fn take_line(&self, key: ExecutionKey, line: LogLine) {
        let bytes = bytes_of(&line);
        let waiting = self.board.bytes_waiting.fetch_add(bytes, Ordering::SeqCst) + bytes;
        let Some(lines) = self.lines.as_ref().filter(|_| waiting <= BYTES_WAITING_MAX) else {
            return self.board.drop_line(key, line, bytes);
        };
        match lines.try_send((key, line)) {
            Ok(()) => {
                self.board.lines_taken.fetch_add(1, Ordering::SeqCst);
            }
            Err(TrySendError::Full((key, line)) | TrySendError::Disconnected((key, line))) => {
                self.board.drop_line(key, line, bytes);
            }
        }
    }

    /// Takes how far a task has come, wherever that runs.
    pub fn take_progress(&self, key: &ExecutionKey, task: u32, progress: Progress) {
        self.progress.entry(key.clone()).or_default().insert(task, progress);
        self.progress_news.tell(key);
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.lines = None;
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!(?panic, "the thread that writes logs panicked");
        }
    }
}

impl Board {
    fn drop_line(&self, key: ExecutionKey, line: LogLine, bytes: usize) {
        self.bytes_waiting.fetch_sub(bytes, Ordering::SeqCst);
        self.meters.dropped.increment(1);
        let last = LogLine { message: String::new(), fields: Vec::new(), ..line };
        let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        let count = dropped.get(&(key.clone(), last.task)).map_or(0, |dropped| dropped.count) + 1;
        dropped.insert((key, last.task), Dropped { count, last });
    }

    fn write_all(&self, store: &SharedStore, incoming: &Receiver<(ExecutionKey, LogLine)>) {
        while let Ok(first) = incoming.recv() {
            let began = Instant::now();
            let mut lines = Vec::new();
            let mut next = Some(first);
            while let Some((key, line)) = next {
                self.bytes_waiting.fetch_sub(bytes_of(&line), Ordering::SeqCst);
                lines.push((key, line));
                next = if lines.len() < LINES_PER_WRITE { incoming.try_recv().ok() } else { None };
            }
            let count = lines.len();
            self.say_what_was_dropped(&mut lines);
            self.write(store, lines);
            self.lines_written.send_modify(|written| *written += count as u64);
            if count < LINES_PER_WRITE {
                thread::sleep(WRITES_EVERY.saturating_sub(began.elapsed()));
            }
        }
    }

    fn say_what_was_dropped(&self, lines: &mut Vec<(ExecutionKey, LogLine)>) {
        let dropped = std::mem::take(&mut *self.dropped.lock().unwrap_or_else(PoisonError::into_inner));
        for ((key, _), Dropped { count, last }) in dropped {
            let message = format!("{count} lines of this task were dropped: it wrote faster than they can be kept");
            let fields = vec![("dropped".into(), count.to_string())];
            lines.push((key, LogLine { level: LogLevel::Warn, message, fields, ..last }));
        }
    }

    fn write(&self, store: &SharedStore, lines: Vec<(ExecutionKey, LogLine)>) {
        let count = lines.len() as u64;
        let keys: BTreeSet<ExecutionKey> = lines.iter().map(|(key, _)| key.clone()).collect();
        match store.append_logs(lines) {
            Ok(()) => self.meters.written.increment(count),
            Err(error) => {
                self.meters.dropped.increment(count);
                tracing::warn!(count, %error, "lines of logs were not kept");
            }
        }
        keys.iter().for_each(|key| self.line_news.tell(key));
    }
}

fn key_of(message: &TaskMessage) -> ExecutionKey {
    ExecutionKey { tenant: message.tenant.clone(), id: message.dispatch.id.workflow }
}

fn bytes_of(line: &LogLine) -> usize {
    let fields: usize = line.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    LINE_OVERHEAD_BYTES + line.message.len() + fields
}
