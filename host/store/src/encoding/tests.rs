//! What is stored reads back, and what was not written is told.

use super::*;

fn tenant_row() -> TenantRow {
    TenantRow { id: TenantId::new("acme").unwrap(), created_at: Timestamp(1), defaults: TaskDefaults::default() }
}

fn execution_row() -> ExecutionRow {
    ExecutionRow {
        id: WorkflowExecId::from_random(7),
        workflow: "demo/report:1.0.0".into(),
        definition: Digest::of(b"definition"),
        status: sandmill_engine::ports::Status::Faulted,
        started_at: Timestamp(-5),
        ended_at: Some(Timestamp(6)),
        expires_at: Some(Timestamp(7)),
        input: Digest::of(b"input"),
        result: Some(StoredValue::Inline(Bytes::from_static(b"{}"))),
        lineage: Lineage::default(),
    }
}

#[test]
fn the_bytes_of_version_1_stay_readable() {
    assert_eq!(decode_tenant(b"\x01\x04acme\x02"), Ok(tenant_row()));
}

#[test]
fn the_bytes_of_version_2_stay_readable() {
    let bytes = b"\x02\x04acme\x02\x01\xe8\x07\x01\x05\x0a\x02\x14";
    let retry = AttemptPolicy { attempts_max: 5, delay_ms: Millis(10), factor: 2, delay_max_ms: Millis(20) };
    let defaults = TaskDefaults { timeout: Some(Millis(1_000)), retry: Some(retry) };
    let row = TenantRow { defaults, ..tenant_row() };
    assert_eq!(encode_tenant(&row), bytes);
    assert_eq!(decode_tenant(bytes), Ok(row));
}

#[test]
fn what_the_second_version_has_reads_back() {
    let task = TaskExecId { workflow: WorkflowExecId::from_random(8), number: 3 };
    let lineage = Lineage {
        rerun_of: Some(WorkflowExecId::from_random(9)),
        parent: Some(Parent { task, attempt: 2, is_awaited: true, depth: 4 }),
    };
    let row = ExecutionRow { lineage, ..execution_row() };
    assert_eq!(decode_execution(row.id, &encode_execution(&row)), Ok(row));
    let row = DefinitionRow {
        name: "demo/report".into(),
        version: "1.0.0".into(),
        digest: Digest::of(b"document"),
        plugins: Vec::new(),
        functions: vec![FunctionRow {
            catalog: "https://example.com".into(),
            name: "log".into(),
            version: "1.0.0".into(),
            document: Bytes::from_static(b"set: {}"),
        }],
        created_at: Timestamp(1),
    };
    let versioned = Versioned { row, is_removed: false };
    assert_eq!(decode_definition(&encode_definition(&versioned)), Ok(versioned));
}

#[test]
fn another_version_is_refused_by_its_number() {
    let mut bytes = encode_tenant(&tenant_row());
    bytes[0] = NEWEST + 1;
    assert_eq!(decode_tenant(&bytes), Err(EncodingError::Newer { found: NEWEST + 1 }));
    bytes[0] = 0;
    assert!(matches!(decode_tenant(&bytes), Err(EncodingError::Malformed(_))));
    assert_eq!(decode_tenant(b""), Err(EncodingError::Empty));
}

#[test]
fn bytes_that_are_no_row_are_refused() {
    let row = execution_row();
    let id = row.id;
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
