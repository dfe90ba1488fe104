//! A `call`: its config, its attempts, and what comes back.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::definition::Kind;
use crate::expression::Template;
use crate::machine::frame::{Call, CallPhase, Frame, FrameId, State, Step};
use crate::machine::run::first_half;
use crate::machine::timers::Purpose;
use crate::machine::{
    Action, ChildWorkflow, ContextHandle, Dispatch, IdempotencyKey, Lifecycle, Machine, Phase, SharedContext, Target,
};
use crate::problem::{ErrorKind, Problem};
use crate::value::Value;

impl Machine {
    /// Resolves the arguments, unless the journal holds them, and asks for a turn. What came of it in the execution that this one runs again stands for
    /// doing it.
    pub(super) fn begin_call(&mut self, frame: FrameId, with: &Template) -> Result<(), Box<Problem>> {
        if let Some(output) = self.recorded_output(frame) {
            self.complete(frame, output);
            return Ok(());
        }
        let config = match self.recorded.remove(&frame) {
            Some(config) => config,
            None => self.resolve(frame, with)?,
        };
        self.act(Action::SaveConfig { id: self.task_id(frame), config });
        if let Some(state) = self.state(frame) {
            *state = State::Call(Call { attempt: 1, losses: 0, phase: CallPhase::Queued });
        }
        self.steps.push_back(Step::Dispatch(frame));
        Ok(())
    }

    fn resolve(&self, frame: FrameId, with: &Template) -> Result<Value, Box<Problem>> {
        let config = self.evaluate(with, &self.frames[&frame].input, &self.arguments(frame))?;
        let bytes = config.json_len();
        let bytes_max = self.settings.config_bytes_max as usize;
        if bytes <= bytes_max {
            return Ok(config);
        }
        let detail = format!(
            "the task's arguments have {bytes} bytes, and {bytes_max} are allowed: let the task read its context instead"
        );
        Err(Box::new(Problem::new(ErrorKind::Validation, detail)))
    }

    /// Hands a call to the workers, or puts it into the queue where too many are with them or none may be.
    pub(super) fn dispatch(&mut self, frame: FrameId) {
        let has_room = self.open.len() + self.stopping.len() < self.settings.open_tasks_max as usize;
        let Some(State::Call(call)) = self.state(frame) else { return self.dispatch_next() };
        call.phase = CallPhase::Queued;
        if !has_room || self.phase != Phase::Running {
            return self.queued.push_back(frame);
        }
        let Some(State::Call(call)) = self.state(frame) else { return };
        call.phase = CallPhase::Dispatched;
        let attempt = call.attempt;
        self.open.insert(frame);
        if self.is_child(frame) {
            self.children.insert(frame);
        }
        let dispatch = self.describe_dispatch(frame, attempt);
        self.act(Action::DispatchTask(Box::new(dispatch)));
    }

    pub(super) fn describe_dispatch(&self, frame: FrameId, attempt: u32) -> Dispatch {
        let visit = &self.frames[&frame];
        let node = self.definition.node(visit.node);
        let target = match &node.kind {
            Kind::Call(call) => Target::Plugin(self.definition.plugins[call.plugin as usize].digest),
            Kind::Subflow(subflow) => Target::Workflow(Box::new(ChildWorkflow {
                namespace: Arc::clone(&subflow.namespace),
                name: Arc::clone(&subflow.name),
                version: subflow.version.clone(),
                is_awaited: subflow.is_awaited,
            })),
            _ => unreachable!("only what works outside is dispatched"),
        };
        let around = &self.runs[&visit.run].around;
        let (item, index) = around.item.clone().unwrap_or_default();
        let shared = SharedContext {
            workflow: Arc::clone(&self.workflow),
            context: around.context.clone(),
            input: visit.input.clone(),
            variables: around.bindings.clone(),
            has_item: around.item.is_some(),
        };
        Dispatch {
            id: self.task_id(frame),
            attempt,
            round: around.round,
            pointer: node.pointer.clone(),
            target,
            idempotency_key: self.idempotency_key(visit),
            context: ContextHandle::new(Arc::new(shared), item, index),
            deadline: visit.timeout.and_then(|timer| self.timers.at(timer)),
            delivery: self.delivery(visit),
        }
    }

    /// Of the execution, the task, and the iterations and visits that led to it: neither attempts nor rounds have a part in it.
    fn idempotency_key(&self, visit: &Frame) -> IdempotencyKey {
        let mut hash = Sha256::new();
        hash.update(self.workflow.id.to_bytes());
        hash.update(visit.path.to_be_bytes());
        hash.update(self.definition.node(visit.node).pointer.as_str().as_bytes());
        IdempotencyKey(first_half(hash))
    }

    fn is_child(&self, frame: FrameId) -> bool {
        let node = self.frames.get(&frame).map(|visit| self.definition.node(visit.node));
        node.is_some_and(|node| matches!(node.kind, Kind::Subflow(_)))
    }

    pub(super) fn task_completed(&mut self, task: FrameId, attempt: u32, output: Value) {
        if self.take_from_worker(task, attempt).is_none() {
            return;
        }
        let visit = &self.frames[&task];
        let output = match &self.definition.node(visit.node).kind {
            Kind::Subflow(subflow) if !subflow.is_awaited => visit.input.clone(),
            _ => output,
        };
        self.note_visit(task, &output);
        self.complete(task, output);
    }

    /// A problem that may pass has another attempt, unless a `try` of the workflow will see to that.
    pub(super) fn task_failed(&mut self, task: FrameId, attempt: u32, problem: Box<Problem>) {
        let Some(call) = self.take_from_worker(task, attempt) else { return };
        let definition = Arc::clone(&self.definition);
        let node = definition.node(self.frames[&task].node);
        let own = if let Kind::Call(described) = &node.kind { described.options.retry } else { None };
        let policy = own.unwrap_or(self.settings.attempts);
        let delay = policy.delay_after(attempt - call.losses).filter(|_| problem.retryable);
        match delay.filter(|_| !self.is_retried_by_a_try(task, &problem)) {
            Some(delay) => {
                let timer = self.start_timer(self.now.after(delay), Purpose::Attempt(task));
                self.set_call(task, Call { attempt: attempt + 1, phase: CallPhase::Backoff(timer), ..call });
                let place = self.place(task, node);
                self.publish(Lifecycle::TaskRetried(place));
            }
            None => self.fail(task, *problem),
        }
    }

    /// A worker that died costs the task nothing but time, up to a point.
    pub(super) fn task_lost(&mut self, task: FrameId, attempt: u32) {
        if self.stopping.contains(&task) {
            return self.task_stopped(task);
        }
        let Some(call) = self.take_from_worker(task, attempt) else { return };
        let losses = call.losses + 1;
        if losses >= self.settings.losses_max {
            let detail = format!("{losses} workers died while they ran this task: it may be what kills them");
            return self.fail(task, Problem::new(ErrorKind::WorkerLost, detail));
        }
        self.set_call(task, Call { attempt: attempt + 1, losses, phase: CallPhase::Queued });
        self.steps.push_back(Step::Dispatch(task));
    }

    pub(super) fn next_attempt(&mut self, task: FrameId) {
        self.steps.push_back(Step::Dispatch(task));
    }

    /// The call of a task that was with a worker in that very attempt; `None` for one that nobody waits for any more.
    fn take_from_worker(&mut self, task: FrameId, attempt: u32) -> Option<Call> {
        if self.stopping.contains(&task) {
            self.task_stopped(task);
        }
        let Some(State::Call(call)) = self.state(task) else { return None };
        let call = *call;
        if call.phase != CallPhase::Dispatched || call.attempt != attempt {
            return None;
        }
        self.give_back(task);
        Some(call)
    }

    /// A worker has room again: the next call in the queue takes it.
    pub(super) fn give_back(&mut self, task: FrameId) {
        self.open.remove(&task);
        self.children.remove(&task);
        self.dispatch_next();
    }

    pub(super) fn dispatch_next(&mut self) {
        if let Some(next) = self.queued.pop_front() {
            self.steps.push_back(Step::Dispatch(next));
        }
    }

    /// The guest of a cancelled task is gone, and what it held is free.
    pub(super) fn task_stopped(&mut self, task: FrameId) {
        if self.stopping.remove(&task) {
            self.children.remove(&task);
            self.dispatch_next();
        }
    }

    fn set_call(&mut self, task: FrameId, call: Call) {
        if let Some(state) = self.state(task) {
            *state = State::Call(call);
        }
    }
}
