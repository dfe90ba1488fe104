//! What a record looks like, and which are refused.

use serde_json::json;

use super::*;

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

fn id() -> TaskExecId {
    TaskExecId { workflow: WorkflowExecId::from_random(1), number: 7 }
}

fn value(text: &str) -> ValueRef {
    ValueRef::of(Bytes::copy_from_slice(text.as_bytes())).0
}

fn large() -> String {
    format!("\"{}\"", "a".repeat(INLINE_BYTES_MAX - 1))
}

fn full() -> TaskRecord {
    TaskRecord {
        context: Some(ContextRef::Members(vec![("a".into(), value(&large())), ("b".into(), value("1"))])),
        input: Some(value("{\"n\": 1.50}")),
        vars: vec![("limit".into(), value("10"))],
        workflow: Some(WorkflowRef {
            id: id().workflow,
            name: "demo/report".into(),
            version: "1.0.0".into(),
            input: value("null"),
        }),
        item: Some(value("3")),
        index: Some(4),
        limits: [("fuel".to_owned(), u64::MAX)].into(),
        capabilities: vec!["http".into()],
        idempotency_key: Some("k".into()),
        round: 2,
        deadline: Some(Timestamp(5)),
        engine: "e1".into(),
        ..TaskRecord::new(tenant("a"), id(), Digest::of(b"{}"), Millis(1_000))
    }
}

#[test]
fn a_record_reads_back_as_it_was_written() {
    for record in [full(), TaskRecord::new(tenant("a"), id(), Digest::of(b"{}"), Millis(0))] {
        assert_eq!(TaskRecord::decode(&record.encode(), &tenant("a"), id()), Ok(record));
    }
}

#[test]
fn a_small_record_is_a_short_text() {
    let digest = Digest::of(b"{}");
    let text = TaskRecord::new(tenant("a"), id(), digest, Millis(1)).encode();
    let expected = json!({
        "v": 1, "tenant": "a", "id": "00000000000000000000000000000001-7", "form": "json",
        "config": digest.to_string(), "round": 0, "ttl_ms": 1,
    });
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&text).unwrap(), expected);
}

#[test]
fn values_of_256_bytes_stand_in_the_record_and_longer_ones_do_not() {
    let text = |bytes: usize| Bytes::from(format!("\"{}\"", "a".repeat(bytes - 2)));
    assert!(matches!(ValueRef::of(text(INLINE_BYTES_MAX)), (ValueRef::Inline(_), None)));
    let over = text(INLINE_BYTES_MAX + 1);
    let digest = Digest::of(&over);
    assert_eq!(ValueRef::of(over.clone()), (ValueRef::Digest(digest), Some((digest, over))));
}

#[test]
fn the_digests_are_those_of_the_config_and_of_each_value_that_is_elsewhere() {
    let config = Digest::of(b"{}");
    assert_eq!(full().digests(), [config, Digest::of(large().as_bytes())]);
    let whole = TaskRecord { context: Some(ContextRef::Whole(value(&large()))), ..full() };
    assert_eq!(whole.digests(), [config, Digest::of(large().as_bytes())]);
}

#[track_caller]
fn refused(change: impl FnOnce(&mut serde_json::Value), expected: &str) {
    let mut text: serde_json::Value = serde_json::from_slice(&full().encode()).unwrap();
    change(&mut text);
    let text = serde_json::to_vec(&text).unwrap();
    match TaskRecord::decode(&text, &tenant("a"), id()) {
        Err(ConfigError::Damaged { reason }) => assert!(reason.contains(expected), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn records_that_this_version_cannot_read_are_refused_by_name() {
    refused(|record| record["v"] = json!(2), "version 2");
    refused(|record| record["form"] = json!("deferred"), "`deferred`");
    refused(|record| record["form"] = json!("xml"), "`xml`");
    refused(|record| record["tenant"] = json!("b"), "tenant b");
    refused(|record| record["id"] = json!("00000000000000000000000000000001-8"), "-8");
    refused(|record| drop(record.as_object_mut().unwrap().remove("config")), "config");
}

#[test]
fn a_text_that_is_cut_anywhere_is_refused() {
    let text = full().encode();
    for length in 0..text.len() {
        let read = TaskRecord::decode(&text[..length], &tenant("a"), id());
        assert!(matches!(read, Err(ConfigError::Damaged { .. })), "{length} bytes");
    }
}
