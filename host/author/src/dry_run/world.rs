//! The world around the interpreter in a dry run: a clock that jumps, and calls that mocks answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use sandmill_core::definition::Definition;
use sandmill_core::ids::WorkflowExecId;
use sandmill_core::machine::{Action, Dispatch, Event, Lifecycle, Machine, Settings, TaskPlace};
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;

use super::trace::{Ending, Place, Trace};
use super::{DryRun, End, Options, Stop};
use crate::mocks::{Answering, Call, Callee, Entry, NoAnswer, unknown_tasks};

pub(super) struct World<'m> {
    definition: Arc<Definition>,
    machine: Machine,
    mocks: Answering<'m>,
    /// What is wrong with the mocks, before anything has run.
    unknown_tasks: Vec<String>,
    options: Options,
    now: Timestamp,
    /// Answers on their way, in the order in which they arrive: by moment, then as they were given.
    answers: BTreeMap<(Timestamp, u64), Event>,
    answers_given: u64,
    transitions: u32,
    /// The number of the next task that begins.
    next_task: u32,
    /// When the timer that was started last is due.
    last_timer: Timestamp,
    trace: Trace,
    end: Option<End>,
}

impl<'m> World<'m> {
    pub(super) fn new(definition: &Arc<Definition>, mocks: Vec<&'m Entry>, options: Options) -> Self {
        // One id for all dry runs, so that what depends on it is the same in each.
        let mut machine = Machine::new(WorkflowExecId::from_random(0), Arc::clone(definition));
        machine.keep_resolved();
        Self {
            definition: Arc::clone(definition),
            machine,
            unknown_tasks: unknown_tasks(&mocks, definition),
            mocks: Answering::new(mocks),
            options,
            now: options.now,
            answers: BTreeMap::new(),
            answers_given: 0,
            transitions: 0,
            next_task: 0,
            last_timer: options.now,
            trace: Trace::new(Arc::clone(definition)),
            end: None,
        }
    }

    pub(super) fn run(mut self, input: Value) -> DryRun {
        if self.unknown_tasks.is_empty() {
            self.tell(Event::Started { input: input.clone(), settings: Box::new(Settings::default()), origin: None });
        } else {
            let unknown = std::mem::take(&mut self.unknown_tasks);
            self.stop(Stop::UnknownTasks(unknown));
        }
        let end = loop {
            match self.end.take() {
                Some(end) => break end,
                None => self.go_on(),
            }
        };
        DryRun {
            workflow: self.definition.name.clone(),
            input,
            started_at: self.options.now,
            ended_at: self.now,
            visits: self.trace.into_visits(),
            unused_mocks: if matches!(end, End::Stopped(_)) { Vec::new() } else { self.mocks.unused() },
            end,
        }
    }

    fn stop(&mut self, stop: Stop) {
        self.end.get_or_insert(End::Stopped(stop));
    }

    /// Jumps to the next moment at which something happens: an answer, then a timer of the same moment.
    fn go_on(&mut self) {
        let answer = self.answers.first_key_value().map(|((at, _), _)| *at);
        let timer = self.machine.poll_timeout();
        let at = answer.into_iter().chain(timer.map(|(at, _)| at)).min();
        let Some(at) = at else { return self.stop(Stop::Waits) };
        if at.since(self.options.now) > self.options.time_max {
            return self.stop(Stop::TooLong(self.options.time_max));
        }
        self.now = self.now.max(at);
        if answer == Some(at)
            && let Some((_, event)) = self.answers.pop_first()
        {
            self.note_answer(&event);
            return self.tell(event);
        }
        if let Some((_, timer)) = timer {
            self.tell(Event::TimerFired { timer });
        }
    }

    /// Tells the interpreter something, and does what follows from it transition by transition, while everything can still be looked at.
    fn tell(&mut self, event: Event) {
        self.machine.handle_event(self.now, event);
        loop {
            self.act();
            if self.end.is_some() {
                return;
            }
            if self.transitions == self.options.transitions_max {
                return self.stop(Stop::TooManyTransitions(self.options.transitions_max));
            }
            self.transitions += 1;
            let has_more = self.machine.work(1);
            self.look();
            if !has_more {
                return self.act();
            }
        }
    }

    /// Takes note of tasks that are about to begin: one that is skipped is gone when that is told.
    fn look(&mut self) {
        while let Some(view) = self.machine.view(self.next_task) {
            self.trace.place(self.next_task, Place { owner: view.owner, slot: view.slot });
            self.next_task += 1;
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.machine.poll_action() {
            match action {
                Action::SaveConfig { id, config } => self.trace.resolved(id.number, config),
                Action::DispatchTask(dispatch) => self.dispatch(&dispatch),
                Action::CancelTask { id } => self.cancel(id.number),
                Action::StartTimer { at, .. } => self.last_timer = at,
                // What is cancelled is cancelled on its own.
                Action::CancelTimer { .. } | Action::CancelGroup { .. } => {}
                Action::Publish(lifecycle) => self.publish(lifecycle),
                Action::Complete { output } => drop(self.end.get_or_insert(End::Completed(output))),
                Action::Fault { problem } => drop(self.end.get_or_insert(End::Faulted(problem))),
                Action::Cancelled => self.stop(Stop::Cancelled),
            }
        }
        for (task, value) in self.machine.take_resolved() {
            self.trace.resolved(task, value);
        }
    }

    fn dispatch(&mut self, dispatch: &Dispatch) {
        let Some((callee, _)) = Callee::at(&self.definition, &dispatch.pointer) else { return };
        let task = dispatch.id.number;
        self.trace.attempt(task, callee.clone(), dispatch.attempt, self.now);
        let config = self.trace.resolved_of(task);
        let call = Call { dispatch, config: &config, now: self.now };
        let reply = match self.mocks.answer(&self.definition, &call) {
            Ok(reply) => reply,
            Err(no_answer) => {
                let reason = match no_answer {
                    NoAnswer::Unknown => None,
                    NoAnswer::NoneLeft(key) => {
                        Some(format!("no answer is left for it under `{key}`: add one, or `times: always` to the last"))
                    }
                    NoAnswer::Broken(reason) => Some(format!("its mock cannot answer: {reason}")),
                };
                return self.stop(Stop::NoMock { task: dispatch.pointer.clone(), callee, config, reason });
            }
        };
        let attempt = dispatch.attempt;
        let event = match reply.result {
            Ok(output) => Event::TaskCompleted { task, attempt, output },
            Err(problem) => Event::TaskFailed { task, attempt, problem },
        };
        self.answer_at(self.now.after(reply.delay), event);
    }

    fn answer_at(&mut self, at: Timestamp, event: Event) {
        self.answers.insert((at, self.answers_given), event);
        self.answers_given += 1;
    }

    /// What a cancelled call would have answered never comes.
    fn cancel(&mut self, cancelled: u32) {
        self.answers.retain(|_, event| {
            !matches!(event,
            Event::TaskCompleted { task, .. } | Event::TaskFailed { task, .. } if *task == cancelled)
        });
        self.answer_at(self.now, Event::TaskStopped { task: cancelled });
    }

    fn note_answer(&mut self, event: &Event) {
        match event {
            Event::TaskCompleted { task, .. } => self.trace.attempt_ended(*task, self.now, None),
            Event::TaskFailed { task, problem, .. } => {
                self.trace.attempt_ended(*task, self.now, Some(problem.clone()));
            }
            _ => {}
        }
    }

    fn publish(&mut self, lifecycle: Lifecycle) {
        let now = self.now;
        match lifecycle {
            Lifecycle::TaskStarted(place) => self.begin(&place),
            Lifecycle::TaskRetried(place) => self.trace.retried(&place, self.last_timer),
            Lifecycle::TaskCancelled(place) => self.trace.end(&place, now, Ending::Cancelled),
            Lifecycle::TaskFaulted(place, problem) => self.trace.end(&place, now, Ending::Faulted(problem)),
            Lifecycle::TaskCompleted(place, output) => self.trace.end(&place, now, Ending::Completed(output)),
            Lifecycle::TaskSkipped(place) => {
                self.begin(&place);
                self.trace.end(&place, now, Ending::Skipped);
            }
            Lifecycle::TaskCreated(_)
            | Lifecycle::TaskSuspended(_)
            | Lifecycle::TaskResumed(_)
            | Lifecycle::WorkflowStarted
            | Lifecycle::WorkflowSuspended
            | Lifecycle::WorkflowResumed
            | Lifecycle::WorkflowCancelled
            | Lifecycle::WorkflowFaulted(_)
            | Lifecycle::WorkflowCompleted(_) => {}
        }
    }

    /// A task that was skipped is gone from the interpreter already, and has no input of its own.
    fn begin(&mut self, place: &TaskPlace) {
        let input = self.machine.view(place.id.number).map(|view| view.input.clone());
        self.trace.begin(place, self.now, input);
    }
}
