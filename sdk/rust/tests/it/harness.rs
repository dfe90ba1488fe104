//! The context, the log and the progress, through the harness.

use std::time::{Duration, SystemTime};

use sandmill_sdk::context::{Error, Workflow};
use sandmill_sdk::log::Level;
use sandmill_sdk::prelude::*;
use sandmill_sdk::testing::{Harness, LogLine, Progress};

/// Lets `look` look at the context of a task.
#[track_caller]
fn check(harness: Harness, look: impl Fn(&Context) -> Result<(), Problem>) {
    harness.run(|_: Value, context: &Context| look(context)).expect("no getter fails");
}

#[test]
fn getters_give_typed_values() {
    let harness = Harness::new()
        .context(json!({ "files": [{ "name": "a" }, { "name": "b" }], "nothing": null }))
        .input(json!([1, 2]))
        .var("a/b", "slash")
        .item(json!({ "name": "b" }))
        .index(1);
    check(harness, |context| {
        assert_eq!(context.get::<String>("context.files[1].name")?.as_deref(), Some("b"));
        assert_eq!(context.get::<String>("/context/files/2/name")?, None);
        assert_eq!(context.get::<Option<String>>("context.nothing")?, Some(None));
        assert_eq!(context.input::<Vec<u8>>()?, Some(vec![1, 2]));
        assert_eq!(context.var::<String>("a/b")?.as_deref(), Some("slash"));
        assert_eq!(context.item::<Value>()?, Some(json!({ "name": "b" })));
        assert_eq!(context.index()?, Some(1));
        assert_eq!(context.length("context.files")?, Some(2));
        assert_eq!(context.keys("context")?, Some(vec!["files".to_owned(), "nothing".to_owned()]));
        Ok(())
    });
}

#[test]
fn outside_of_a_loop_there_is_no_item() {
    check(Harness::new(), |context| {
        assert_eq!((context.item::<Value>()?, context.index()?), (None, None));
        let mut members = context.keys("")?.unwrap();
        members.sort();
        assert_eq!(members, ["context", "input", "vars", "workflow"]);
        assert_eq!(context.get::<Value>("")?, None);
        Ok(())
    });
}

#[test]
fn the_call_is_described() {
    let deadline = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let harness = Harness::new().attempt(2).round(3).idempotency_key("key").deadline(deadline).cancelled();
    check(harness.workflow_input(json!({ "a": 1 })), |context| {
        assert_eq!((context.attempt(), context.round()), (2, 3));
        assert_eq!((context.idempotency_key().as_str(), context.deadline()), ("key", deadline));
        assert!(context.is_cancelled());
        let workflow = Workflow { id: "test-execution".into(), name: "test".into(), version: "0.1.0".into() };
        assert_eq!(context.workflow()?, workflow);
        assert_eq!(context.get::<u8>("workflow.input.a")?, Some(1));
        Ok(())
    });
}

#[test]
fn reads_that_fail_say_what_and_where() {
    check(Harness::new().context(json!({ "size": { "width": "wide" } })), |context| {
        let mismatch = context.get::<std::collections::BTreeMap<String, u32>>("context.size").unwrap_err();
        assert_eq!(mismatch.to_string(), "context.size.width: invalid type: string \"wide\", expected u32");
        assert_eq!(Problem::from(mismatch).status, 422);
        let invalid = context.get::<Value>("context..size").unwrap_err();
        assert!(invalid.to_string().starts_with("the path `context..size` cannot be read: "), "{invalid}");
        assert_eq!(Problem::from(invalid).status, 400);
        let path = "context.size.width".to_owned();
        assert_eq!(context.keys(&path), Err(Error::WrongKind { path: path.clone() }));
        assert_eq!(context.length(&path), Err(Error::WrongKind { path }));
        Ok(())
    });
}

#[test]
fn a_read_may_have_ten_mebibytes_and_no_more() {
    let text = "a".repeat((10 << 20) - 2);
    let over = format!("{text}a");
    check(Harness::new().context(json!({ "fits": text, "over": over })), |context| {
        assert!(context.get::<String>("context.fits")?.is_some());
        let error = context.get::<String>("context.over").unwrap_err();
        assert_eq!(error, Error::TooLarge { path: "context.over".into(), bytes: (10 << 20) + 1 });
        assert_eq!(Problem::from(error).status, 413);
        Ok(())
    });
}

#[test]
fn a_context_that_cannot_be_reached_is_worth_another_attempt() {
    let task = |_: Value, _: &Context| Ok::<(), Problem>(());
    let problem = Harness::new().context_unavailable().run(task).unwrap_err();
    assert_eq!((problem.status, problem.retryable), (503, true));
}

#[test]
fn lines_and_reports_are_kept_in_order() {
    let harness = Harness::new();
    let task = |_: Value, context: &Context| {
        let path = "a.rs";
        log::info!("reading {path}");
        log::warn!(path = path, lines = 2 + 1; "{path} has {} lines", 3);
        context.progress(0.5, "half");
        context.progress(1.0, "");
        Ok::<(), Problem>(())
    };
    harness.run(task).unwrap();
    let fields = vec![("path".to_owned(), "a.rs".to_owned()), ("lines".to_owned(), "3".to_owned())];
    let lines = [
        LogLine { level: Level::Info, message: "reading a.rs".into(), fields: vec![] },
        LogLine { level: Level::Warn, message: "a.rs has 3 lines".into(), fields },
    ];
    assert_eq!(harness.log(), lines);
    let reports = [Progress { fraction: 0.5, message: Some("half".into()) }, Progress { fraction: 1.0, message: None }];
    assert_eq!(harness.progress(), reports);
}

#[test]
fn a_harness_inside_of_a_task_leaves_the_outer_one_in_place() {
    let harness = Harness::new().config("outer");
    let inner = |config: String| Ok::<_, Problem>(config);
    let outer = |config: String, context: &Context| {
        let nested = Harness::new().config("inner").run(inner)?;
        context.progress(0.0, &config);
        Ok::<_, Problem>(nested)
    };
    assert_eq!(harness.run(outer), Ok("inner".to_owned()));
    assert_eq!(harness.progress().len(), 1);
}

#[test]
fn outside_of_a_harness_the_log_goes_nowhere() {
    log::error!("nobody hears this");
}
