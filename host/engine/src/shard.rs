//! A shard: one task that owns the machines of its executions, so that nothing around a machine is ever locked.
//!
//! Everything that happens to an execution comes in through its shard's mailbox: requests, completions, timers, and the acknowledgements of
//! the journal writer. A shard goes round its executions slice by slice, so that a long loop of one does not hold up the others.
//!
//! What becomes of an execution that cannot be taken further is decided in `trouble`, and how executions start each other stands in `children`.

mod children;
mod trouble;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use sandmill_core::ids::TaskExecId;
use sandmill_core::machine::{Action, Dispatch, Event, Target};
use sandmill_core::time::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::execution::{Answer, Execution, Incoming, NotDone, Outcome, Turn};
use crate::ports::{Batch, Completion, ExecutionKey, Status, StoreError, TaskMessage, TaskResult};
use crate::recovery::LoadError;
use crate::shared::Shared;
use children::ChildEnd;
pub(crate) use children::child_of;

/// Turns between two looks at the mailbox and at the other tasks of the thread.
const TURNS_PER_ROUND: usize = 16;

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
    /// It was parked until that moment.
    Due(Timestamp),
}

/// What waits until an execution can be read.
#[derive(Default)]
struct Postponed {
    wake: Option<Wake>,
    inbox: VecDeque<Incoming>,
}

/// The executions of one shard.
pub(crate) struct Shard {
    shared: Arc<Shared>,
    mail: mpsc::UnboundedReceiver<Mail>,
    myself: mpsc::UnboundedSender<Mail>,
    executions: HashMap<ExecutionKey, Execution>,
    /// Executions that have something to think about, in turn.
    runnable: VecDeque<ExecutionKey>,
    /// When executions want to be looked at: one moment for each.
    timers: BTreeSet<(Timestamp, ExecutionKey)>,
    /// Executions that cannot be brought back, and why.
    held: HashMap<ExecutionKey, String>,
    /// What happened to executions that could not be read just then.
    postponed: HashMap<ExecutionKey, Postponed>,
    appends_on_their_way: usize,
    draining: Option<oneshot::Sender<()>>,
    /// How many executions it had in memory, and how many of them were runnable, when it said so last.
    load: (usize, usize),
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
            held: HashMap::new(),
            postponed: HashMap::new(),
            appends_on_their_way: 0,
            draining: None,
            load: (0, 0),
        };
        (shard, myself)
    }

    /// Works until it was drained.
    pub(crate) async fn run(mut self) {
        loop {
            while let Ok(mail) = self.mail.try_recv() {
                self.take(mail).await;
            }
            self.report_load();
            if self.is_drained() {
                return;
            }
            if self.runnable.is_empty() {
                tokio::select! {
                    biased;
                    mail = self.mail.recv() => match mail {
                        Some(mail) => self.take(mail).await,
                        None => return,
                    },
                    () = wait(&self.shared, self.timers.first().map(|(at, _)| *at)) => self.fire_timers(),
                }
                continue;
            }
            for key in self.next_round() {
                self.turn(&key);
            }
            tokio::task::yield_now().await;
        }
    }

    fn next_round(&mut self) -> Vec<ExecutionKey> {
        let count = self.runnable.len().min(TURNS_PER_ROUND);
        self.runnable.drain(..count).collect()
    }

    fn report_load(&mut self) {
        let load = (self.executions.len(), self.runnable.len());
        if load.0 != self.load.0 {
            self.shared.count_in_memory(self.load.0, load.0);
        }
        if load.1 != self.load.1 {
            self.shared.meters.runnable.increment(load.1 as f64 - self.load.1 as f64);
        }
        self.load = load;
    }

    async fn take(&mut self, mail: Mail) {
        match mail {
            Mail::Start(execution) => self.start(*execution),
            Mail::Deliver(key, event, answer) => self.deliver(key, Incoming { event, answer }),
            Mail::Wake(key, why) => self.wake(key, why),
            Mail::Appended(key, outcome, result) => {
                self.appends_on_their_way -= 1;
                match result {
                    Ok(()) => self.perform(key, outcome).await,
                    Err(error) => self.refused(&key, outcome, &error),
                }
            }
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
            Ok(Some(_)) => answer_all(execution.inbox, &Ok(())),
            Err(error) => answer_all(execution.inbox, &Err(NotDone::Store(error))),
        }
    }

    fn deliver(&mut self, key: ExecutionKey, incoming: Incoming) {
        match self.loaded(&key) {
            Ok((execution, _)) => {
                execution.inbox.push_back(incoming);
                self.runnable.push_back(key);
            }
            Err(error) => self.not_loaded(&key, Postponed { wake: None, inbox: [incoming].into() }, &error),
        }
    }

    fn wake(&mut self, key: ExecutionKey, why: Wake) {
        let absence = self.shared.absence();
        match self.loaded(&key) {
            Ok((execution, is_fresh)) => {
                if is_fresh {
                    execution.woken(why, absence);
                }
                self.runnable.push_back(key.clone());
                self.watch(&key);
            }
            Err(error) => {
                self.not_loaded(&key, Postponed { wake: Some(why), inbox: VecDeque::new() }, &error);
                self.unparked(&key, why, &error);
            }
        }
    }

    /// The execution, and whether it was brought back for this.
    fn loaded(&mut self, key: &ExecutionKey) -> Result<(&mut Execution, bool), LoadError> {
        let is_fresh = !self.executions.contains_key(key);
        if is_fresh {
            if self.held.contains_key(key) {
                return Err(LoadError::Held);
            }
            let Shared { store, definitions, options, .. } = &*self.shared;
            let mut execution = Execution::load(key, &**store, &**definitions, options)?;
            let absence = self.shared.absence();
            execution.was_away(self.shared.launched_at, absence);
            if let Some(postponed) = self.postponed.remove(key) {
                postponed.wake.into_iter().for_each(|why| execution.woken(why, absence));
                execution.inbox.extend(postponed.inbox);
            }
            self.executions.insert(key.clone(), execution);
        }
        self.executions.get_mut(key).map(|execution| (execution, is_fresh)).ok_or(LoadError::NotFound)
    }

    fn turn(&mut self, key: &ExecutionKey) {
        let Some(execution) = self.executions.get_mut(key) else { return self.try_again(key) };
        let now = self.shared.clock.now();
        execution.fire_timers(now);
        match catch_unwind(AssertUnwindSafe(|| execution.turn(now))) {
            Ok(Turn::Unfinished) => self.runnable.push_back(key.clone()),
            Ok(Turn::Append(batches, outcome)) => self.append(key, batches, outcome),
            Ok(Turn::Idle) => self.rest(key),
            Err(_) => self.panicked(key),
        }
    }

    fn append(&mut self, key: &ExecutionKey, batches: Vec<Batch>, outcome: Outcome) {
        self.appends_on_their_way += 1;
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
        outcome.events.iter().for_each(|event| self.settled(&key, event));
        self.shared.appended(&key);
        let mut never_queued = Vec::new();
        let mut cancelled = Vec::new();
        for action in outcome.actions {
            match action {
                // What workers had while the engine was away is dispatched again, and may have ended by the very same batch.
                Action::DispatchTask(dispatch) if has_ended(&outcome.events, &dispatch) => {}
                Action::DispatchTask(dispatch) => {
                    let id = dispatch.id;
                    if !self.dispatch(&key, *dispatch).await {
                        never_queued.push(id);
                    }
                }
                Action::CancelTask { id } if self.is_child(&key, id) => self.cancel_child(&key, id),
                Action::CancelTask { id } => {
                    if never_queued.contains(&id) {
                        let event = Event::TaskStopped { task: id.number };
                        self.deliver(key.clone(), Incoming { event, answer: None });
                    } else {
                        cancelled.push(id);
                    }
                }
                Action::CancelGroup { id } => self.shared.queue.cancel_group(&key.tenant, id),
                Action::Complete { output } => self.tell_end(&key, Status::Completed, ChildEnd::Completed(output)),
                Action::Fault { problem } => self.tell_end(&key, Status::Faulted, ChildEnd::Faulted(problem)),
                Action::Cancelled => self.tell_end(&key, Status::Cancelled, ChildEnd::Cancelled),
                Action::SaveConfig { .. }
                | Action::StartTimer { .. }
                | Action::CancelTimer { .. }
                | Action::Publish(_) => {}
            }
        }
        if !cancelled.is_empty() {
            self.shared.queue.cancel(&key.tenant, &cancelled).await;
        }
        if let Some(execution) = self.executions.get_mut(&key) {
            execution.appended();
            self.watch(&key);
            self.runnable.push_back(key);
        }
    }

    /// Tells everybody that an execution has ended. Where it is in memory, its queue learns that when it leaves it, for then its tasks have ended too.
    fn tell_end(&mut self, key: &ExecutionKey, status: Status, end: ChildEnd) {
        self.shared.ended(key, status);
        if !self.executions.contains_key(key) {
            self.shared.queue.execution_ended(key);
        }
        self.tell_parent(key, end);
    }

    /// The end of a task is durable, or nobody is there who wants to know: its queue may forget it.
    fn settled(&self, key: &ExecutionKey, event: &Event) {
        let (number, attempt) = match event {
            Event::TaskCompleted { task, attempt, .. }
            | Event::TaskFailed { task, attempt, .. }
            | Event::TaskLost { task, attempt } => (*task, Some(*attempt)),
            Event::TaskStopped { task } => (*task, None),
            _ => return,
        };
        self.shared.queue.settled(&key.tenant, TaskExecId { workflow: key.id, number }, attempt);
    }

    /// False for a task that the very event which dispatched it has cancelled with its execution: its config is gone, and nobody will run it.
    async fn dispatch(&self, key: &ExecutionKey, dispatch: Dispatch) -> bool {
        let Some(config) = self.executions.get(key).and_then(|execution| execution.config(dispatch.id.number)) else {
            return false;
        };
        self.shared.meters.dispatched.increment(1);
        if let Target::Workflow(child) = &dispatch.target {
            self.begin_child(key, &dispatch, child, &config);
            return true;
        }
        self.shared.queue.enqueue(TaskMessage::new(key.tenant.clone(), Arc::new(dispatch), config)).await;
        true
    }

    fn rest(&mut self, key: &ExecutionKey) {
        let Some(execution) = self.executions.get(key).filter(|execution| execution.may_leave()) else { return };
        // What has ended is never due: only what is parked may be due before all others.
        let is_parked = execution.residence().is_some();
        self.forget(key);
        if is_parked {
            self.shared.look_for_due();
        } else {
            self.shared.queue.execution_ended(key);
        }
    }

    /// Takes an execution out of memory.
    fn forget(&mut self, key: &ExecutionKey) -> Option<Execution> {
        let execution = self.executions.remove(key)?;
        if let Some(at) = execution.watched {
            self.timers.remove(&(at, key.clone()));
        }
        Some(execution)
    }

    fn watch(&mut self, key: &ExecutionKey) {
        let at = self.executions.get(key).and_then(Execution::next_timer);
        self.look_again(key, at);
    }

    /// Looks at an execution at that moment, and at no other that was named before.
    fn look_again(&mut self, key: &ExecutionKey, at: Option<Timestamp>) {
        let Some(execution) = self.executions.get_mut(key).filter(|execution| execution.watched != at) else { return };
        if let Some(before) = std::mem::replace(&mut execution.watched, at) {
            self.timers.remove(&(before, key.clone()));
        }
        if let Some(at) = at {
            self.timers.insert((at, key.clone()));
        }
    }

    fn fire_timers(&mut self) {
        let now = self.shared.clock.now();
        while self.timers.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, key)) = self.timers.pop_first() else { break };
            if let Some(execution) = self.executions.get_mut(&key) {
                execution.watched = None;
            }
            self.runnable.push_back(key);
        }
    }

    fn is_drained(&mut self) -> bool {
        if self.draining.is_none() || !self.runnable.is_empty() || self.appends_on_their_way > 0 {
            return false;
        }
        if let Some(answer) = self.draining.take() {
            // Whoever asked may have given up waiting.
            let _ = answer.send(());
        }
        true
    }
}

async fn wait(shared: &Shared, at: Option<Timestamp>) {
    match at {
        Some(at) => shared.clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// True where one of these events ends the attempt of a dispatch.
fn has_ended(events: &[Event], dispatch: &Dispatch) -> bool {
    events.iter().any(|event| match event {
        Event::TaskCompleted { task, attempt, .. }
        | Event::TaskFailed { task, attempt, .. }
        | Event::TaskLost { task, attempt } => *task == dispatch.id.number && *attempt >= dispatch.attempt,
        _ => false,
    })
}

/// Answers everybody who waits for something that happened.
fn answer_all(inbox: impl IntoIterator<Item = Incoming>, result: &Result<(), NotDone>) {
    inbox
        .into_iter()
        .filter_map(|incoming| incoming.answer)
        // The one who asked may be gone.
        .for_each(|answer| drop(answer.send(result.clone())));
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
