//! What is stored reads back, and what was not written is told.

use super::*;

fn tenant_row() -> TenantRow {
    TenantRow { id: TenantId::new("acme").unwrap(), created_at: Timestamp(1) }
}

#[test]
fn the_bytes_of_version_1_stay_readable() {
    let bytes = b"\x01\x04acme\x02";
    assert_eq!(encode_tenant(&tenant_row()), bytes);
    assert_eq!(decode_tenant(bytes), Ok(tenant_row()));
}

#[test]
fn another_version_is_refused_by_its_number() {
    let mut bytes = encode_tenant(&tenant_row());
    bytes[0] = VERSION + 1;
    assert_eq!(decode_tenant(&bytes), Err(EncodingError::Newer { found: VERSION + 1 }));
    bytes[0] = 0;
    assert!(matches!(decode_tenant(&bytes), Err(EncodingError::Malformed(_))));
    assert_eq!(decode_tenant(b""), Err(EncodingError::Empty));
}

#[test]
fn bytes_that_are_no_row_are_refused() {
    let id = WorkflowExecId::from_random(7);
    let row = ExecutionRow {
        id,
        workflow: "demo/report:1.0.0".into(),
        definition: Digest::of(b"definition"),
        status: sandmill_engine::ports::Status::Faulted,
        started_at: Timestamp(-5),
        ended_at: Some(Timestamp(6)),
        expires_at: Some(Timestamp(7)),
        input: Digest::of(b"input"),
        result: Some(StoredValue::Inline(Bytes::from_static(b"{}"))),
    };
    let bytes = encode_execution(&row);
    assert_eq!(decode_execution(id, &bytes), Ok(row));
    for length in 1..bytes.len() {
        assert!(decode_execution(id, &bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
    }
    let status_at = 1 + 1 + "demo/report:1.0.0".len() + 32;
    let mut wrong = bytes;
    wrong[status_at] = 7;
    assert!(matches!(decode_execution(id, &wrong), Err(EncodingError::Malformed(_))), "there are seven statuses");
}
