//! What a guest writes, prints and reports.

use sandmill_engine::ports::LogLevel;

use crate::kit::{Bench, completed, options, task_id};

#[tokio::test]
async fn lines_arrive_with_their_task_and_their_level() {
    let bench = Bench::new(&options());
    completed(bench.behave(r#"{"do":"log","count":2,"text":"hello"}"#).await);
    let lines = bench.seen.lines();
    assert_eq!(bench.seen.messages(), ["hello", "hello"]);
    assert!(lines.iter().all(|line| line.task == task_id(0) && line.attempt == 2 && line.level == LogLevel::Warn));
}

#[tokio::test]
async fn a_long_message_is_cut_and_marked() {
    let bench = Bench::new(&options());
    completed(bench.behave(r#"{"do":"log-bytes","count":16384}"#).await);
    completed(bench.behave(r#"{"do":"log-bytes","count":16385}"#).await);
    let messages = bench.seen.messages();
    assert_eq!(messages[0], "x".repeat(16_384));
    assert_eq!(messages[1], format!("{}…", "x".repeat(16_384)));
}

#[tokio::test]
async fn many_fields_are_cut_and_marked() {
    let bench = Bench::new(&options());
    completed(bench.behave(r#"{"do":"log-fields","count":32,"text":"v"}"#).await);
    completed(bench.behave(r#"{"do":"log-fields","count":33,"text":"v"}"#).await);
    let lines = bench.seen.lines();
    assert_eq!(lines[0].fields.len(), 32);
    assert_eq!(lines[0].fields[31], ("f31".to_owned(), "v".to_owned()));
    assert_eq!(lines[1].fields.len(), 33);
    assert_eq!(lines[1].fields[32].1, "1 more fields were cut");
}

#[tokio::test]
async fn what_is_printed_becomes_lines() {
    let bench = Bench::new(&options());
    completed(bench.behave(r#"{"do":"print","text":"one\ntwo\n\nrest"}"#).await);
    let of = |level| bench.seen.lines().into_iter().filter(move |line| line.level == level).map(|line| line.message);
    let expected = ["one", "two", "", "rest"];
    assert_eq!(of(LogLevel::Info).collect::<Vec<_>>(), expected);
    assert_eq!(of(LogLevel::Warn).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_printed_line_that_is_too_long_becomes_several() {
    let bench = Bench::new(&options());
    let text = "y".repeat(16_385);
    completed(bench.behave(&format!(r#"{{"do":"print","text":"{text}"}}"#)).await);
    let mut lengths: Vec<_> = bench.seen.messages().iter().map(String::len).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [1, 1, 16_384, 16_384]);
}

#[tokio::test]
async fn printing_what_is_no_text_is_no_failure() {
    let bench = Bench::new(&options());
    completed(bench.behave(r#"{"do":"print-no-text"}"#).await);
    let mut messages = bench.seen.messages();
    messages.sort_unstable();
    assert_eq!(messages, ["a\u{fffd}\u{fffd}b", "a\u{fffd}\u{fffd}b", "\u{fffd}", "\u{fffd}"]);
}

#[tokio::test]
async fn progress_is_brought_into_its_range_and_its_message_cut() {
    let bench = Bench::new(&options());
    for (text, count) in [("0.5", 0), ("7", 1_024), ("-1", 1_025), ("NaN", 1)] {
        completed(bench.behave(&format!(r#"{{"do":"report","text":"{text}","count":{count}}}"#)).await);
    }
    let reports = bench.seen.progress();
    let fractions: Vec<_> = reports.iter().map(|report| report.fraction).collect();
    assert_eq!(fractions, [Some(0.5), Some(1.0), Some(0.0), None]);
    let messages: Vec<_> = reports.into_iter().map(|report| report.message.unwrap_or_default()).collect();
    assert_eq!(messages, [String::new(), "m".repeat(1_024), format!("{}…", "m".repeat(1_024)), "m".to_owned()]);
}
