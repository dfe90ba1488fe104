//! A shard: one task that owns the machines of its executions, so that nothing around a machine is ever locked.
//!
//! Everything that happens to an execution comes in through its shard's mailbox: requests, completions, timers, and the acknowledgements of
//! the journal writer. A shard goes round its executions slice by slice, so that a long loop of one does not hold up the others.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use sandmill_core::machine::{Action, Dispatch, Event};
use sandmill_core::problem::{ErrorKind, Problem};
use sandmill_core::time::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::execution::{Answer, Execution, Incoming, LoadError, Outcome, Turn};
use crate::ports::{Batch, Completion, ExecutionKey, Status, StoreError, StoredValue, TaskMessage, TaskResult};
use crate::shared::Shared;

/// What comes into a shard.
pub(crate) enum Mail {
    /// A new execution, with its first event in its inbox.
    Start(Box<Execution>),
    /// Something happened to an execution.
    Deliver(ExecutionKey, Event, Option<Answer>),
    /// An execution is to be brought back into memory: after a restart, or because its time has come.
    Wake(ExecutionKey, Wake),
    /// What was appended is durable, or is not.
    Appended(ExecutionKey, Outcome, Result<(), StoreError>),
    /// Nothing new is begun; answers once no append is on its way.
    Drain(oneshot::Sender<()>),
}

/// Why an execution is woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// The process that had it is gone.
    Recovered,
    /// A timer is due.
    Due,
}

/// The executions of one shard.
pub(crate) struct Shard {
    shared: Arc<Shared>,
    mail: mpsc::UnboundedReceiver<Mail>,
    myself: mpsc::UnboundedSender<Mail>,
    executions: HashMap<ExecutionKey, Execution>,
    /// Executions that have something to think about, in turn.
    runnable: VecDeque<ExecutionKey>,
    timers: BTreeSet<(Timestamp, ExecutionKey)>,
    draining: Option<oneshot::Sender<()>>,
}

impl Shard {
    /// A shard, and the way to its mailbox.
    pub(crate) fn new(shared: Arc<Shared>) -> (Self, mpsc::UnboundedSender<Mail>) {
        // Unbounded, for what comes in is bounded where it begins: starts by admission, completions by the slots of the workers.
        let (myself, mail) = mpsc::unbounded_channel();
        let shard = Self {
            shared,
            mail,
            myself: myself.clone(),
            executions: HashMap::new(),
            runnable: VecDeque::new(),
            timers: BTreeSet::new(),
            draining: None,
        };
        (shard, myself)
    }

    /// Works until it was drained.
    pub(crate) async fn run(mut self) {
        loop {
            while let Ok(mail) = self.mail.try_recv() {
                self.take(mail).await;
            }
            if self.is_drained() {
                return;
            }
            if let Some(key) = self.runnable.pop_front() {
                self.turn(&key);
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                mail = self.mail.recv() => match mail {
                    Some(mail) => self.take(mail).await,
                    None => return,
                },
                () = wait(&self.shared, self.timers.first().map(|(at, _)| *at)) => self.fire_timers(),
            }
        }
    }

    async fn take(&mut self, mail: Mail) {
        match mail {
            Mail::Start(execution) => self.start(*execution),
            Mail::Deliver(key, event, answer) => self.deliver(key, event, answer),
            Mail::Wake(key, why) => self.wake(key, why),
            Mail::Appended(key, outcome, Ok(())) => self.perform(key, outcome).await,
            Mail::Appended(key, outcome, Err(error)) => self.refused(&key, outcome, error),
            Mail::Drain(answer) => self.draining = Some(answer),
        }
    }

    /// Of two starts with the same key the first one counts, and the second learns when that is durable.
    fn start(&mut self, execution: Execution) {
        let key = execution.key.clone();
        if let Some(first) = self.executions.get_mut(&key) {
            return first.join(execution);
        }
        match self.shared.store.row(&key) {
            Ok(None) => {
                self.executions.insert(key.clone(), execution);
                self.runnable.push_back(key);
            }
            Ok(Some(_)) => execution.answer_all(&Ok(())),
            Err(error) => execution.answer_all(&Err(error)),
        }
    }

    fn deliver(&mut self, key: ExecutionKey, event: Event, answer: Option<Answer>) {
        match self.loaded(&key) {
            Ok(execution) => {
                execution.inbox.push_back(Incoming { event, answer });
                self.runnable.push_back(key);
            }
            Err(error) => {
                if let Some(answer) = answer {
                    // The one who asked may be gone.
                    let _ =
                        answer.send(Err(StoreError::Damaged { place: key.id.to_string(), reason: error.to_string() }));
                }
                self.give_up(&key, &error);
            }
        }
    }

    fn wake(&mut self, key: ExecutionKey, why: Wake) {
        match self.loaded(&key) {
            Ok(execution) => {
                if why == Wake::Recovered && execution.has_tasks_in_flight() {
                    let from = execution.last_moment();
                    execution.inbox.push_back(Incoming { event: Event::Recovered { from }, answer: None });
                }
                self.runnable.push_back(key.clone());
                self.watch(&key);
            }
            Err(error) => self.give_up(&key, &error),
        }
    }

    fn loaded(&mut self, key: &ExecutionKey) -> Result<&mut Execution, LoadError> {
        if !self.executions.contains_key(key) {
            let definitions = &self.shared.definitions;
            let definition = |digest| definitions.definition(&key.tenant, digest);
            let execution =
                Execution::load(key.clone(), &*self.shared.store, &definition, self.shared.options.retention)?;
            self.executions.insert(key.clone(), execution);
        }
        self.executions.get_mut(key).ok_or(LoadError::NotFound)
    }

    /// An execution that cannot be brought back is left as it is, for its journal may be read by another version; it stops nobody else.
    fn give_up(&mut self, key: &ExecutionKey, error: &LoadError) {
        self.executions.remove(key);
        if !matches!(error, LoadError::NotFound) {
            tracing::error!(tenant = key.tenant.as_str(), execution = %key.id, %error, "an execution cannot be loaded");
        }
    }

    fn turn(&mut self, key: &ExecutionKey) {
        let Some(execution) = self.executions.get_mut(key) else { return };
        let now = self.shared.clock.now();
        execution.fire_timers(now);
        match catch_unwind(AssertUnwindSafe(|| execution.turn(now))) {
            Ok(Turn::Unfinished) => self.runnable.push_back(key.clone()),
            Ok(Turn::Append(batches, outcome)) => self.append(key, batches, outcome),
            Ok(Turn::Idle) => self.rest(key),
            Err(_) => self.panicked(key),
        }
    }

    fn append(&self, key: &ExecutionKey, batches: Vec<Batch>, outcome: Outcome) {
        let (key, myself) = (key.clone(), self.myself.clone());
        let acknowledge = move |result| {
            // The shard is gone only when the process is going too.
            let _ = myself.send(Mail::Appended(key, outcome, result));
        };
        self.shared.writer.append(batches, Box::new(acknowledge));
    }

    /// Does what follows from events that are durable.
    async fn perform(&mut self, key: ExecutionKey, outcome: Outcome) {
        outcome.answers.into_iter().for_each(|answer| drop(answer.send(Ok(()))));
        for action in outcome.actions {
            match action {
                Action::DispatchTask(dispatch) => self.dispatch(&key, *dispatch).await,
                Action::CancelTask { id } => {
                    if self.shared.queue.withdraw(&key.tenant, id).await {
                        self.deliver(key.clone(), Event::TaskStopped { task: id.number }, None);
                    } else {
                        self.shared.runner.cancel(&key.tenant, id);
                    }
                }
                Action::Complete { .. } | Action::Fault { .. } | Action::Cancelled => self.shared.ended(&key),
                Action::SaveConfig { .. }
                | Action::StartTimer { .. }
                | Action::CancelTimer { .. }
                | Action::Publish(_) => {}
            }
        }
        if let Some(execution) = self.executions.get_mut(&key) {
            execution.appended();
            self.runnable.push_back(key.clone());
        }
        self.watch(&key);
    }

    async fn dispatch(&self, key: &ExecutionKey, dispatch: Dispatch) {
        let Some(config) = self.executions.get(key).and_then(|execution| execution.config(dispatch.id.number)) else {
            return;
        };
        self.shared
            .queue
            .enqueue(TaskMessage { tenant: key.tenant.clone(), dispatch: Arc::new(dispatch), config })
            .await;
    }

    /// Nothing was written, so the machine is ahead of what is durable: it is dropped, and read again when something happens to it (rule 7).
    fn refused(&mut self, key: &ExecutionKey, outcome: Outcome, error: StoreError) {
        if matches!(error, StoreError::Failed { .. }) {
            (self.shared.on_store_failure)(&error);
        }
        outcome.answers.into_iter().for_each(|answer| drop(answer.send(Err(error.clone()))));
        self.executions.remove(key);
        self.shared.ended(key);
    }

    /// A panic is a mistake of ours, and costs the execution that met it, and no other.
    fn panicked(&mut self, key: &ExecutionKey) {
        tracing::error!(tenant = key.tenant.as_str(), execution = %key.id, "the interpreter panicked; the execution is faulted");
        let Some(execution) = self.executions.remove(key) else { return };
        let problem = Problem::new(
            ErrorKind::Runtime,
            "the interpreter failed on this execution: please report it with its definition",
        );
        let now = self.shared.clock.now();
        let mut row = execution.row;
        row.status = Status::Faulted;
        row.ended_at = Some(now);
        row.expires_at = Some(now.after(self.shared.options.retention));
        row.result = Some(StoredValue::Inline(problem.to_value().to_json().into()));
        let mut batch = Batch::new(key.clone());
        batch.row = Some(row);
        self.append(key, vec![batch], Outcome { actions: vec![Action::Cancelled], answers: Vec::new() });
    }

    fn rest(&mut self, key: &ExecutionKey) {
        if self.executions.get(key).is_some_and(Execution::may_leave) {
            self.executions.remove(key);
            self.shared.look_for_due();
        }
    }

    fn watch(&mut self, key: &ExecutionKey) {
        if let Some(at) = self.executions.get(key).and_then(Execution::next_timer) {
            self.timers.insert((at, key.clone()));
        }
    }

    fn fire_timers(&mut self) {
        let now = self.shared.clock.now();
        while let Some((_, key)) = self.timers.first().filter(|(at, _)| *at <= now).cloned() {
            self.timers.pop_first();
            self.runnable.push_back(key);
        }
    }

    fn is_drained(&mut self) -> bool {
        let is_idle = self.runnable.is_empty() && !self.executions.values().any(|execution| execution.is_writing);
        match self.draining.take() {
            Some(answer) if is_idle => {
                // Whoever asked may have given up waiting.
                let _ = answer.send(());
                true
            }
            waiting => {
                self.draining = waiting;
                false
            }
        }
    }
}

async fn wait(shared: &Shared, at: Option<Timestamp>) {
    match at {
        Some(at) => shared.clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// What a completion means to a machine.
pub(crate) fn event_of(completion: Completion) -> Event {
    let (task, attempt) = (completion.id.number, completion.attempt);
    match completion.result {
        TaskResult::Completed(output) => Event::TaskCompleted { task, attempt, output },
        TaskResult::Failed(problem) => Event::TaskFailed { task, attempt, problem },
        TaskResult::Lost => Event::TaskLost { task, attempt },
        TaskResult::Stopped => Event::TaskStopped { task },
    }
}
