//! `try`, `catch`, `retry`, and the attempts that the platform makes by itself.

use super::kit::{World, check, value};
use crate::machine::Event;
use crate::problem::ErrorKind;

fn attempt(with: &str, catch: &str) -> String {
    format!(r#"[{{"t":{{"try":[{{"c":{{"call":"c","with":{with}}}}}],"catch":{catch}}}}}]"#)
}

const HANDLED: &str = r#""do":[{"h":{"set":{"was":"${ $error.status }"}}}]"#;

#[test]
fn what_goes_well_is_not_caught() {
    check(&attempt(r#"{"n":1}"#, &format!("{{{HANDLED}}}")), "0", r#"{"n":1}"#);
}

#[test]
fn an_error_is_handled_with_the_error_bound() {
    check(&attempt(r#"{"fail":"x"}"#, &format!("{{{HANDLED}}}")), "0", r#"{"was":500}"#);
}

#[test]
fn without_anything_to_do_the_input_passes_on() {
    check(&attempt(r#"{"fail":"x"}"#, "{}"), "7", "7");
}

#[test]
fn only_what_matches_is_caught() {
    let kind = r#""errors":{"with":{"type":"https://serverlessworkflow.io/dsl/errors/types/communication"}}"#;
    check(&attempt(r#"{"fail":"x"}"#, &format!("{{{kind},{HANDLED}}}")), "0", r#"{"was":500}"#);
    for other in
        [r#""errors":{"with":{"status":404}}"#, r#""when":"${ $error.status == 404 }""#, r#""exceptWhen":"${ true }""#]
    {
        let world = World::start(&attempt(r#"{"fail":"x"}"#, &format!("{{{other},{HANDLED}}}")), "0");
        assert_eq!(world.fault().instance.as_deref(), Some("/do/0/t/try/0/c"), "{other}");
    }
}

#[test]
fn catch_then_chooses_the_way_after_an_error() {
    let tasks = r#"[{"t":{"try":[{"r":{"raise":{"error":{"type":"about:blank","status":500}}}}],"catch":{"then":"end"}}},{"n":{"set":"never"}}]"#;
    check(tasks, r#""in""#, r#""in""#);
}

#[test]
fn a_round_has_new_ids_and_keeps_its_idempotency_keys() {
    let retry = r#"{"retry":{"delay":{"seconds":1},"limit":{"attempt":{"count":5}}}}"#;
    let mut world = World::start(&attempt(r#"{"failUntil":3}"#, retry), "0");
    assert_eq!(world.sleep_until_end(), [1_000, 1_000]);
    assert_eq!(world.output(), value(r#"{"failUntil":3}"#));
    let rounds: Vec<_> = world.dispatched.iter().map(|(dispatch, _)| (dispatch.round, dispatch.attempt)).collect();
    assert_eq!(rounds, [(1, 1), (2, 1), (3, 1)]);
    let (first, last) = (&world.dispatched[0].0, &world.dispatched[2].0);
    assert_ne!(first.id, last.id);
    assert_eq!(first.idempotency_key, last.idempotency_key);
}

#[track_caller]
fn check_waits(policy: &str, waits: &[u64]) {
    let mut world = World::start(&attempt(r#"{"fail":"x"}"#, &format!(r#"{{"retry":{policy},{HANDLED}}}"#)), "0");
    assert_eq!(world.sleep_until_end(), waits, "{policy}");
    assert_eq!(world.output(), value(r#"{"was":500}"#));
}

#[test]
fn waits_grow_as_the_backoff_says() {
    let count = r#""limit":{"attempt":{"count":4}}"#;
    check_waits(&format!(r#"{{"delay":{{"seconds":1}},{count}}}"#), &[1_000; 4]);
    check_waits(&format!(r#"{{"delay":{{"seconds":1}},"backoff":{{"constant":{{}}}},{count}}}"#), &[1_000; 4]);
    check_waits(
        &format!(r#"{{"delay":{{"seconds":1}},"backoff":{{"linear":{{}}}},{count}}}"#),
        &[1_000, 2_000, 3_000, 4_000],
    );
    check_waits(
        &format!(r#"{{"delay":{{"seconds":1}},"backoff":{{"linear":{{"increment":{{"seconds":5}}}}}},{count}}}"#),
        &[1_000, 6_000, 11_000, 16_000],
    );
    check_waits(
        &format!(r#"{{"delay":{{"seconds":1}},"backoff":{{"exponential":{{}}}},{count}}}"#),
        &[1_000, 2_000, 4_000, 8_000],
    );
    check_waits(
        &format!(
            r#"{{"delay":{{"seconds":1}},"backoff":{{"exponential":{{"multiplier":3,"maxDelay":{{"seconds":5}}}}}},{count}}}"#
        ),
        &[1_000, 3_000, 5_000, 5_000],
    );
}

#[test]
fn no_round_begins_after_the_time_for_all_is_over() {
    check_waits(r#"{"delay":{"seconds":2},"limit":{"duration":{"seconds":5}}}"#, &[2_000, 2_000]);
}

#[test]
fn jitter_lies_in_its_range_and_replays_the_same() {
    let retry = r#"{"retry":{"delay":{"seconds":1},"jitter":{"from":{"milliseconds":10},"to":{"milliseconds":20}},"limit":{"attempt":{"count":9}}}}"#;
    let mut world = World::start(&attempt(r#"{"fail":"x"}"#, retry), "0");
    let waits = world.sleep_until_end();
    assert!(waits.iter().all(|wait| (1_010..=1_020).contains(wait)), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait != waits[0]), "{waits:?}");
    world.output();
}

#[test]
fn a_round_that_takes_too_long_is_cancelled_and_tried_again() {
    let retry = r#"{"retry":{"delay":{"seconds":1},"limit":{"attempt":{"count":1,"duration":{"seconds":10}}}},"do":[{"h":{"set":"${ $error.status }"}}]}"#;
    let mut world = World::start(&attempt(r#"{"hold":1}"#, retry), "0");
    assert_eq!(world.sleep_until_end(), [10_000, 1_000, 10_000]);
    assert_eq!(world.output(), value("408"));
    assert_eq!(world.cancelled_tasks.len(), 2);
}

#[test]
fn a_problem_that_may_pass_has_more_attempts_under_the_same_id() {
    let mut world = World::start(r#"[{"c":{"call":"c","with":{"fail":"retryable"}}}]"#, "0");
    assert_eq!(world.sleep_until_end(), [1_000, 2_000]);
    assert!(world.fault().is(ErrorKind::Communication));
    let attempts: Vec<_> =
        world.dispatched.iter().map(|(dispatch, _)| (dispatch.id.number, dispatch.attempt)).collect();
    assert_eq!(attempts, [(0, 1), (0, 2), (0, 3)]);
}

#[test]
fn a_try_that_retries_is_asked_before_the_platform() {
    let retry = r#"{"retry":{"delay":{"seconds":7},"limit":{"attempt":{"count":1}}}}"#;
    let mut world = World::start(&attempt(r#"{"fail":"retryable"}"#, retry), "0");
    assert_eq!(
        world.sleep_until_end(),
        [7_000, 1_000, 2_000],
        "once the rounds are used up, the platform has its attempts"
    );
    world.output();
}

#[test]
fn a_lost_worker_uses_up_no_attempt_and_the_fifth_is_the_last() {
    let mut world = World::start(r#"[{"c":{"call":"c","with":{"hold":1}}}]"#, "0");
    for attempt in 1..=5 {
        assert_eq!(world.end, None);
        assert_eq!(world.open.pop_first().map(|(_, dispatch)| dispatch.attempt), Some(attempt));
        world.tell(Event::TaskLost { task: 0, attempt });
    }
    assert!(world.fault().is(ErrorKind::WorkerLost));
}

#[test]
fn the_result_of_an_earlier_attempt_is_ignored() {
    let mut world = World::start(r#"[{"c":{"call":"c","with":{"hold":1}}}]"#, "0");
    world.tell(Event::TaskLost { task: 0, attempt: 1 });
    world.tell(Event::TaskCompleted { task: 0, attempt: 1, output: value("1") });
    assert_eq!(world.end, None);
    world.tell(Event::TaskCompleted { task: 0, attempt: 2, output: value("2") });
    assert_eq!(world.output(), value("2"));
}

#[test]
fn what_was_exported_before_a_timeout_is_seen_by_the_catch() {
    let slow = r#"{"outer":{"do":[{"keep":{"set":"${ 1 }","export":{"as":"{ kept: . }"}}},{"slow":{"wait":{"hours":1}}}]TIMEOUT}}"#;
    let task = |timeout: &str, retry: &str| {
        let slow = slow.replace("TIMEOUT", timeout);
        format!(r#"[{{"t":{{"try":[{slow}],"catch":{{{retry}"do":[{{"look":{{"set":"${{ $context }}"}}}}]}}}}}}]"#)
    };
    let of_task = task(r#","timeout":{"after":{"seconds":1}}"#, "");
    let of_round = task("", r#""retry":{"limit":{"attempt":{"count":0,"duration":{"seconds":1}}}},"#);
    for tasks in [of_task, of_round] {
        let mut world = World::start(&tasks, "0");
        world.sleep_until_end();
        assert_eq!(world.output(), value(r#"{"kept":1}"#), "{tasks}");
    }
}
