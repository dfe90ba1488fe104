//! Executions that cannot be taken further as they are: refused by the store, not to be read, not to be followed, or met by a mistake of ours.
//!
//! Whatever it is, it costs that execution and no other, its journal is left as it is, and what happened to it meanwhile is not lost.

use sandmill_core::machine::{Action, Event};
use sandmill_core::problem::{ErrorKind, Problem};
use sandmill_core::time::Millis;

use super::{Postponed, Shard, Wake, answer_all};
use crate::execution::{Incoming, NotDone, Outcome};
use crate::ports::{Batch, ExecutionKey, ExecutionRow, Residence, Status, StoreError, StoredValue};
use crate::recovery::LoadError;

/// How long to wait before the store is asked again.
const RETRY_AFTER: Millis = Millis(1_000);

impl Shard {
    /// Nothing was written, so the machine is ahead of what is durable: it is read again from the journal (rule 7). Those who wait for an answer are
    /// told; what happened whether or not somebody waits, such as the end of a task, happens to it again a moment later.
    pub(super) fn refused(&mut self, key: &ExecutionKey, outcome: Outcome, error: &StoreError) {
        let refusal = Err(NotDone::Store(error.clone()));
        outcome.answers.into_iter().for_each(|answer| drop(answer.send(refusal.clone())));
        let dropped = self.forget(key);
        self.shared.end_news.tell(key);
        let mut inbox = outcome.events.into_iter().map(|event| Incoming { event, answer: None }).collect::<Vec<_>>();
        if let Some(mut execution) = dropped {
            execution.answer_joined(&refusal);
            inbox.extend(execution.inbox);
        }
        if matches!(error, StoreError::Failed { .. }) {
            answer_all(inbox, &refusal);
            return self.shared.store_failed(error);
        }
        match self.loaded(key) {
            Ok((execution, _)) => {
                execution.inbox.extend(inbox);
                self.retry(key);
            }
            // Its start was what was refused.
            Err(LoadError::NotFound) => answer_all(inbox, &refusal),
            Err(error) => self.not_loaded(key, Postponed { wake: None, inbox: inbox.into() }, &error),
        }
    }

    /// Something happened to an execution that could not be brought back.
    pub(super) fn not_loaded(&mut self, key: &ExecutionKey, happened: Postponed, error: &LoadError) {
        match error {
            LoadError::NotFound | LoadError::Ended => {
                happened.inbox.iter().for_each(|incoming| self.settled(key, &incoming.event));
                // Its worker may have left a result.
                if happened.inbox.iter().any(|incoming| incoming.answer.is_none()) {
                    self.shared.queue.execution_ended(key);
                }
                answer_all(happened.inbox, &Err(NotDone::Gone));
            }
            LoadError::Held => self.told_while_held(key, happened),
            LoadError::Store(failed @ StoreError::Failed { .. }) => {
                answer_all(happened.inbox, &Err(NotDone::Store(failed.clone())));
                self.shared.store_failed(failed);
            }
            LoadError::Store(refused @ StoreError::Refused { .. }) => self.postpone(key, happened, refused),
            other => {
                if let Some(problem) = other.lasting() {
                    self.hold(key, &problem);
                }
                self.told_while_held(key, happened);
            }
        }
    }

    /// Those who wait for an answer can ask again; the rest happens once the store can be read.
    fn postpone(&mut self, key: &ExecutionKey, happened: Postponed, error: &StoreError) {
        let (asked, rest): (Vec<_>, Vec<_>) =
            happened.inbox.into_iter().partition(|incoming| incoming.answer.is_some());
        answer_all(asked, &Err(NotDone::Store(error.clone())));
        let postponed = self.postponed.entry(key.clone()).or_default();
        postponed.wake = postponed.wake.or(happened.wake);
        postponed.inbox.extend(rest);
        self.retry(key);
    }

    /// Brings an execution back that could not be read before, with what happened to it meanwhile.
    pub(super) fn try_again(&mut self, key: &ExecutionKey) {
        if !self.postponed.contains_key(key) {
            return;
        }
        match self.loaded(key) {
            Ok(_) => {
                self.runnable.push_back(key.clone());
                self.watch(key);
            }
            Err(error) => {
                let postponed = self.postponed.remove(key).unwrap_or_default();
                self.not_loaded(key, postponed, &error);
            }
        }
    }

    fn retry(&mut self, key: &ExecutionKey) {
        let at = self.shared.clock.now().after(RETRY_AFTER);
        if self.executions.contains_key(key) {
            self.look_again(key, Some(at));
        } else {
            self.timers.insert((at, key.clone()));
        }
    }

    /// Leaves an execution as it is, for another version of this program may be able to follow its journal, and says so in its row.
    fn hold(&mut self, key: &ExecutionKey, problem: &Problem) {
        let reason = problem.detail.clone().unwrap_or_default();
        tracing::error!(tenant = key.tenant.as_str(), execution = %key.id, reason, "an execution is held");
        self.held.insert(key.clone(), reason);
        let Ok(Some(row)) = self.shared.store.row(key) else { return };
        let result = Some(StoredValue::Inline(problem.to_value().to_json().into()));
        if row.status.is_ended() || (row.status == Status::Suspended && row.result == result) {
            return;
        }
        let mut batch = Batch::new(key.clone());
        batch.row = Some(ExecutionRow { status: Status::Suspended, result, ..row });
        self.append(key, vec![batch], Outcome::default());
    }

    /// Nothing can be done to an execution that is held but to end it.
    fn told_while_held(&mut self, key: &ExecutionKey, happened: Postponed) {
        for Incoming { event, answer } in happened.inbox {
            let Some(answer) = answer else { continue };
            match self.shared.store.row(key) {
                Ok(Some(row)) if event == Event::CancelRequested && !row.status.is_ended() => {
                    let mut batch = Batch::new(key.clone());
                    batch.row = Some(self.ended(row, Status::Cancelled, None));
                    batch.residence = Some((Some(Residence::Active), None));
                    let actions = vec![Action::Cancelled];
                    self.append(key, vec![batch], Outcome { actions, answers: vec![answer], events: Vec::new() });
                }
                _ => {
                    let reason = self.held.get(key).cloned().unwrap_or_default();
                    // The one who asked may be gone.
                    let _ = answer.send(Err(NotDone::Held(reason)));
                }
            }
        }
    }

    /// An execution that was parked and cannot be brought back must not come due for ever.
    pub(super) fn unparked(&mut self, key: &ExecutionKey, why: Wake, error: &LoadError) {
        let before = match why {
            Wake::Recovered => Residence::Active,
            Wake::Due(at) => Residence::Parked { due: Some(at) },
        };
        let after = match error {
            LoadError::NotFound | LoadError::Ended => None,
            LoadError::Store(StoreError::Refused { .. } | StoreError::Failed { .. }) => return,
            _ => Some(Residence::Active),
        };
        if after == Some(before) {
            return;
        }
        let mut batch = Batch::new(key.clone());
        batch.residence = Some((Some(before), after));
        self.append(key, vec![batch], Outcome::default());
    }

    /// A panic is a mistake of ours, and costs the execution that met it, and no other.
    pub(super) fn panicked(&mut self, key: &ExecutionKey) {
        tracing::error!(tenant = key.tenant.as_str(), execution = %key.id, "the interpreter panicked; the execution is faulted");
        let Some(execution) = self.forget(key) else { return };
        let problem = Problem::new(
            ErrorKind::Runtime,
            "the interpreter failed on this execution: please report it with its definition",
        );
        let mut actions = execution.interruptions();
        actions.push(Action::Fault { problem: Box::new(problem.clone()) });
        let mut batch = Batch::new(key.clone());
        batch.residence = Some((execution.residence(), None));
        let (row, inbox, answers) = execution.into_remains();
        let result = StoredValue::Inline(problem.to_value().to_json().into());
        batch.row = Some(self.ended(row, Status::Faulted, Some(result)));
        answer_all(inbox, &Err(NotDone::Gone));
        self.append(key, vec![batch], Outcome { actions, answers, ..Outcome::default() });
    }

    fn ended(&self, row: ExecutionRow, status: Status, result: Option<StoredValue>) -> ExecutionRow {
        let now = self.shared.clock.now();
        let expires_at = Some(now.after(self.shared.options.retention));
        ExecutionRow { status, result, ended_at: Some(now), expires_at, ..row }
    }
}
