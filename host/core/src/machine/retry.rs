//! A `try`: its rounds, what it catches, and how long it waits before the next round.

use std::sync::Arc;

use crate::definition::{self, Backoff, ErrorFilter, Kind, RetryPolicy, Span};
use crate::machine::arguments::Arguments;
use crate::machine::frame::{Bindings, FrameId, State, Step, Surroundings, Try, TryPhase, bind};
use crate::machine::timers::{Purpose, timed_out};
use crate::machine::{Lifecycle, Machine};
use crate::problem::{Problem, same_type};
use crate::time::Millis;
use crate::value::Value;

impl Machine {
    /// Begins a round: new task executions, the same idempotency keys.
    pub(super) fn begin_round(
        &mut self,
        frame: FrameId,
        task: &definition::Try,
        round: u32,
    ) -> Result<(), Box<Problem>> {
        let limit = task.catch.retry.as_ref().and_then(|retry| retry.round_timeout.as_ref());
        let visit = &self.frames[&frame];
        let input = visit.input.clone();
        let limit = limit.map(|span| self.span(span, &input, &self.arguments(frame))).transpose()?;
        let began_at = match &visit.state {
            State::Try(state) => state.began_at,
            _ => self.now,
        };
        let around = Surroundings { round, ..self.surroundings(frame) };
        let timer = limit.map(|span| self.start_timer(self.now.after(span), Purpose::RoundTimeout(frame)));
        let run = self.begin_run(Some((frame, 0)), &task.body, input, around);
        if let Some(state) = self.state(frame) {
            *state = State::Try(Box::new(Try { round, began_at, phase: TryPhase::Body(run, timer) }));
        }
        Ok(())
    }

    /// A round has ended, or the handling of an error has.
    pub(super) fn round_ended(&mut self, frame: FrameId, result: Result<Value, Box<Problem>>) {
        let definition = Arc::clone(&self.definition);
        let Kind::Try(task) = &definition.node(self.frames[&frame].node).kind else { return };
        let Some(State::Try(state)) = self.state(frame) else { return };
        let TryPhase::Body(_, timer) = state.phase else {
            return self.steps.push_back(Step::Leave(frame, result, task.catch.then));
        };
        if let Some(timer) = timer {
            self.cancel_timer(timer);
        }
        match result {
            Ok(output) => self.complete(frame, output),
            Err(problem) => self.caught(frame, task, *problem).unwrap_or_else(|problem| self.fail(frame, *problem)),
        }
    }

    pub(super) fn round_timed_out(&mut self, frame: FrameId) {
        self.hand_up_interrupted(frame);
        self.stop_inside(frame);
        if self.frames.contains_key(&frame) {
            self.round_ended(frame, Err(Box::new(timed_out("a round of the `try`"))));
        }
    }

    pub(super) fn next_round(&mut self, frame: FrameId) {
        let Some(visit) = self.frames.get(&frame) else { return };
        let State::Try(state) = &visit.state else { return };
        let round = state.round + 1;
        let definition = Arc::clone(&self.definition);
        let Kind::Try(task) = &definition.node(visit.node).kind else { return };
        if let Err(problem) = self.begin_round(frame, task, round) {
            self.fail(frame, *problem);
        }
    }

    /// Tries again, handles the error, or lets it pass on.
    fn caught(&mut self, frame: FrameId, task: &definition::Try, problem: Problem) -> Result<(), Box<Problem>> {
        if !self.catches(frame, task, &problem)? {
            return Err(Box::new(problem));
        }
        if let Some(delay) = self.delay(frame, task, &problem)? {
            let timer = self.start_timer(self.now.after(delay), Purpose::Round(frame));
            if let Some(State::Try(state)) = self.state(frame) {
                state.phase = TryPhase::Backoff(timer);
            }
            let place = self.place(frame, self.definition.node(self.frames[&frame].node));
            self.publish(Lifecycle::TaskRetried(place));
            return Ok(());
        }
        self.handle(frame, task, &problem);
        Ok(())
    }

    fn handle(&mut self, frame: FrameId, task: &definition::Try, problem: &Problem) {
        let input = self.frames[&frame].input.clone();
        let Some(body) = &task.catch.body else {
            return self.steps.push_back(Step::Leave(frame, Ok(input), task.catch.then));
        };
        let around = Surroundings { bindings: self.with_error(frame, task, problem), ..self.surroundings(frame) };
        let run = self.begin_run(Some((frame, 1)), body, input, around);
        if let Some(State::Try(state)) = self.state(frame) {
            state.phase = TryPhase::Catch(run);
        }
    }

    /// True where the nearest `try` around a task that catches the problem would begin another round because of it.
    pub(super) fn is_retried_by_a_try(&self, task: FrameId, problem: &Problem) -> bool {
        let mut inner = task;
        while let Some(owner) = self.runs.get(&self.frames[&inner].run).and_then(|run| run.owner) {
            let visit = &self.frames[&owner];
            if let (Kind::Try(described), State::Try(state)) = (&self.definition.node(visit.node).kind, &visit.state) {
                let in_body = matches!(state.phase, TryPhase::Body(..));
                if in_body && self.catches(owner, described, problem).unwrap_or(false) {
                    return self.delay(owner, described, problem).is_ok_and(|delay| delay.is_some());
                }
            }
            inner = owner;
        }
        false
    }

    fn catches(&self, frame: FrameId, task: &definition::Try, problem: &Problem) -> Result<bool, Box<Problem>> {
        if !task.catch.errors.matches(problem) {
            return Ok(false);
        }
        let (when, except_when) = (task.catch.when.as_ref(), task.catch.except_when.as_ref());
        let bindings = self.with_error(frame, task, problem);
        self.holds(frame, when, except_when, &bindings)
    }

    fn holds(
        &self,
        frame: FrameId,
        when: Option<&crate::expression::Filter>,
        except_when: Option<&crate::expression::Filter>,
        bindings: &Bindings,
    ) -> Result<bool, Box<Problem>> {
        let input = &self.frames[&frame].input;
        let arguments = Arguments { bindings, ..self.arguments(frame) };
        if !self.test_or_true(when, input, &arguments)? {
            return Ok(false);
        }
        let excepted = except_when.map(|filter| self.test(filter, input, &arguments)).transpose()?;
        Ok(excepted != Some(true))
    }

    /// How long to wait before the next round; `None` where there is none.
    fn delay(&self, frame: FrameId, task: &definition::Try, problem: &Problem) -> Result<Option<Millis>, Box<Problem>> {
        let Some(policy) = &task.catch.retry else { return Ok(None) };
        let State::Try(state) = &self.frames[&frame].state else { return Ok(None) };
        let bindings = self.with_error(frame, task, problem);
        let holds = self.holds(frame, policy.when.as_ref(), policy.except_when.as_ref(), &bindings)?;
        if !holds || policy.retries_max.is_some_and(|retries_max| state.round > retries_max) {
            return Ok(None);
        }
        let span = |span: &Span| self.span(span, &self.frames[&frame].input, &self.arguments(frame));
        let base = span(&policy.delay)?;
        let jitter = match &policy.jitter {
            Some((from, to)) => self.jitter(frame, state.round, span(from)?, span(to)?),
            None => Millis(0),
        };
        let delay = Millis(policy.backed_off(base, state.round).0.saturating_add(jitter.0));
        let ends_at = policy.duration_max.as_ref().map(span).transpose()?.map(|longest| state.began_at.after(longest));
        Ok((ends_at.is_none_or(|end| self.now.after(delay) < end)).then_some(delay))
    }

    /// A number between two, from the seed of the journal: the same in every replay.
    fn jitter(&self, frame: FrameId, round: u32, from: Millis, to: Millis) -> Millis {
        let mut bits = self.settings.seed ^ (u64::from(frame) << 32 | u64::from(round));
        bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let width = to.0.saturating_sub(from.0).saturating_add(1);
        Millis(from.0 + (bits ^ (bits >> 31)) % width)
    }

    fn with_error(&self, frame: FrameId, task: &definition::Try, problem: &Problem) -> Bindings {
        let outer = &self.runs[&self.frames[&frame].run].around.bindings;
        bind(outer, &task.catch.variable, problem.to_value())
    }
}

impl RetryPolicy {
    /// The wait after the round with that number, without jitter.
    fn backed_off(&self, base: Millis, round: u32) -> Millis {
        let retries_before = round.saturating_sub(1);
        match self.backoff {
            Backoff::Constant => base,
            Backoff::Linear { increment } => {
                Millis(base.0.saturating_add(increment.unwrap_or(base).0.saturating_mul(retries_before.into())))
            }
            Backoff::Exponential { multiplier, delay_max } => {
                let factor = multiplier.powi(i32::try_from(retries_before).unwrap_or(i32::MAX));
                let grown = Millis((base.0 as f64 * factor) as u64);
                delay_max.map_or(grown, |longest| grown.min(longest))
            }
        }
    }
}

impl ErrorFilter {
    fn matches(&self, problem: &Problem) -> bool {
        let same =
            |wanted: &Option<Arc<str>>, is: Option<&str>| wanted.as_deref().is_none_or(|wanted| Some(wanted) == is);
        self.kind.as_deref().is_none_or(|wanted| same_type(wanted, &problem.kind))
            && self.status.is_none_or(|wanted| wanted == problem.status)
            && same(&self.instance, problem.instance.as_deref())
            && same(&self.title, Some(&problem.title))
            && same(&self.detail, problem.detail.as_deref())
    }
}
