//! `try`: what is caught, how often it is tried again, and what is done in the end.

use std::sync::Arc;

use super::compiler::Compiler;
use super::expressions::{Moment, Sight};
use super::findings::Spot;
use super::report::WRONG_VALUE;
use super::task::Task;
use super::tree::Place;
use crate::definition::{Backoff, Catch, ErrorFilter, RetryPolicy, Span, Try};
use crate::time::Millis;

/// The variable of the error where a catch says nothing.
const ERROR: &str = "error";

/// How much a wait may grow from one retry to the next.
const MULTIPLIER_MAX: f64 = 1_000.0;

/// What the expressions of a retry policy see.
#[derive(Clone, Copy)]
struct RetrySight<'s> {
    /// Its conditions: the error too.
    conditions: Sight<'s>,
    /// Its durations.
    durations: Sight<'s>,
}

impl<'t> Compiler<'t, '_> {
    pub(super) fn attempt(&mut self, task: Task<'t, '_>) -> Option<Try> {
        let body = task.place.get("try")?;
        let body = self.list(body, "`try`", &task.scope.inside());
        let catch = self.required(task.place, "a `try` task", "catch")?;
        let catch = self.catch(catch, task)?;
        Some(Try { body, catch })
    }

    fn catch(&mut self, place: Place<'t>, task: Task<'t, '_>) -> Option<Catch> {
        let known = ["errors", "as", "when", "exceptWhen", "retry", "do", "then"];
        if !self.closed(place, "`catch`", &known) {
            return None;
        }
        let variable = self.variable(place, "as", ERROR);
        let scope = task.scope.inside().with(variable.clone());
        let sight = Sight::of(Moment::Task, &scope);
        let errors = self.error_filter(place);
        let when = self.expression_of(place, "when", sight);
        let except_when = self.expression_of(place, "exceptWhen", sight);
        let retry = RetrySight { conditions: sight, durations: task.sight() };
        let retry = place.get("retry").and_then(|policy| self.retry(policy, retry));
        let body = place.get("do").map(|list| self.list(list, "`do`", &scope));
        let then = self.then_of(place, task.siblings);
        Some(Catch { errors, variable, when, except_when, retry, body, then })
    }

    /// `errors.with`. A member that is no part of an error would never match, so it is refused.
    fn error_filter(&mut self, catch: Place<'t>) -> ErrorFilter {
        let Some(errors) = catch.get("errors").filter(|errors| self.open(*errors, "`errors`", &["with"])) else {
            return ErrorFilter::default();
        };
        let known = ["type", "status", "instance", "title", "detail"];
        let Some(with) = errors.get("with").filter(|with| self.open(*with, "an error filter", &known)) else {
            return ErrorFilter::default();
        };
        if with.children().len() == 0 {
            self.wrong_value(with, "an error filter needs a member".into(), "leave `errors` out to catch every error");
        }
        let status = with.get("status").and_then(|status| self.integer(status, "`status`"));
        let mut text = |name: &str| self.text_of(with, name).map(|text| Arc::from(&*text));
        ErrorFilter {
            kind: text("type"),
            // A status that no error can have matches none: the highest number is one of those.
            status: status.map(|status| u16::try_from(status).unwrap_or(u16::MAX)),
            instance: text("instance"),
            title: text("title"),
            detail: text("detail"),
        }
    }

    /// A policy of `use.retries`, as one sees it that no catch refers to.
    pub(super) fn unused_retry(&mut self, place: Place<'t>) {
        let variables = [Arc::from(ERROR)];
        let sight = Sight { moment: Moment::Task, variables: &variables };
        self.retry_policy(place, RetrySight { conditions: sight, durations: sight });
    }

    fn retry(&mut self, place: Place<'t>, sight: RetrySight<'_>) -> Option<RetryPolicy> {
        let described = match place.text() {
            Some(name) => self.reused(place, &name, "retries")?,
            None => place,
        };
        self.retry_policy(described, sight)
    }

    fn retry_policy(&mut self, place: Place<'t>, sight: RetrySight<'_>) -> Option<RetryPolicy> {
        let known = ["when", "exceptWhen", "delay", "backoff", "limit", "jitter"];
        if !self.closed(place, "a retry policy", &known) {
            return None;
        }
        let when = self.expression_of(place, "when", sight.conditions);
        let except_when = self.expression_of(place, "exceptWhen", sight.conditions);
        let delay = self.span_of(place, "delay", sight.durations).unwrap_or(Span::Fixed(Millis(0)));
        let backoff = place.get("backoff").and_then(|backoff| self.backoff(backoff)).unwrap_or(Backoff::Constant);
        let jitter = place.get("jitter").and_then(|jitter| self.jitter(jitter, sight.durations));
        let limit = place.get("limit").filter(|limit| self.closed(*limit, "`limit`", &["attempt", "duration"]));
        let duration_max = limit.and_then(|limit| self.span_of(limit, "duration", sight.durations));
        let attempt = limit.and_then(|limit| limit.get("attempt"));
        let attempt = attempt.filter(|attempt| self.closed(*attempt, "`attempt`", &["count", "duration"]));
        let round_timeout = attempt.and_then(|attempt| self.span_of(attempt, "duration", sight.durations));
        let retries_max = attempt.and_then(|attempt| attempt.get("count")).and_then(|count| self.retries(count));
        Some(RetryPolicy { when, except_when, delay, backoff, retries_max, round_timeout, duration_max, jitter })
    }

    fn retries(&mut self, place: Place<'t>) -> Option<u32> {
        let count = self.integer(place, "`count`")?;
        if count < 0 {
            self.refuse(Spot::Value(place), WRONG_VALUE, format!("`count` must not be negative, and is {count}"));
            return None;
        }
        Some(u32::try_from(count).unwrap_or(u32::MAX))
    }

    fn jitter(&mut self, place: Place<'t>, sight: Sight<'_>) -> Option<(Span, Span)> {
        if !self.closed(place, "`jitter`", &["from", "to"]) {
            return None;
        }
        self.required(place, "`jitter`", "from");
        self.required(place, "`jitter`", "to");
        let (from, to) = (self.span_of(place, "from", sight), self.span_of(place, "to", sight));
        if let (Some(Span::Fixed(shortest)), Some(Span::Fixed(longest))) = (&from, &to)
            && shortest > longest
        {
            let message = "`from` of a jitter must not be longer than `to`".into();
            self.wrong_value(place, message, "exchange the two");
        }
        from.zip(to)
    }

    fn backoff(&mut self, place: Place<'t>) -> Option<Backoff> {
        let kinds = ["constant", "exponential", "linear"];
        if !self.closed(place, "`backoff`", &kinds) {
            return None;
        }
        match self.one_of(place, "`backoff`", &kinds)? {
            ("exponential", member) => {
                self.open(member, "`exponential`", &["multiplier", "maxDelay"]);
                let multiplier = self.multiplier(member).unwrap_or(2.0);
                Some(Backoff::Exponential { multiplier, delay_max: self.duration_of(member, "maxDelay") })
            }
            ("linear", member) => {
                self.open(member, "`linear`", &["increment"]);
                Some(Backoff::Linear { increment: self.duration_of(member, "increment") })
            }
            (_, member) => {
                self.open(member, "`constant`", &[]);
                Some(Backoff::Constant)
            }
        }
    }

    fn multiplier(&mut self, place: Place<'t>) -> Option<f64> {
        let member = place.get("multiplier")?;
        let multiplier = member.value().as_f64().filter(|multiplier| (1.0..=MULTIPLIER_MAX).contains(multiplier));
        if multiplier.is_none() {
            let message =
                format!("`multiplier` must be a number from 1 to {MULTIPLIER_MAX}, and is {}", member.value());
            self.wrong_option(member, message, "write 2, so that each wait is twice as long as the one before");
        }
        multiplier
    }
}
