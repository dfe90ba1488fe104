//! Properties of keys: no prefix of one tenant, execution or name takes in a row of another, and keys sort as what they are made of.

use proptest::prelude::*;

use super::*;

fn tenants() -> impl Strategy<Value = TenantId> {
    // Short names over few letters, so that one is often the beginning of another.
    "[a-b0]([a-b0-]{0,3}[a-b0])?".prop_map(|name| TenantId::new(&name).unwrap())
}

fn ids() -> impl Strategy<Value = WorkflowExecId> {
    prop_oneof![Just(0), Just(u128::MAX), Just(u128::MAX << 8), any::<u128>()].prop_map(WorkflowExecId::from_random)
}

fn executions() -> impl Strategy<Value = ExecutionKey> {
    (tenants(), ids()).prop_map(|(tenant, id)| ExecutionKey { tenant, id })
}

fn times() -> impl Strategy<Value = Timestamp> {
    prop_oneof![Just(i64::MIN), Just(-1), Just(0), Just(i64::MAX), any::<i64>()].prop_map(Timestamp)
}

fn positions() -> impl Strategy<Value = Position> {
    (times(), ids()).prop_map(|(started_at, id)| Position { started_at, id })
}

/// Every kind of row that an execution has under its prefix.
fn rows_of(key: &ExecutionKey, number: u32) -> [Key; 4] {
    [
        execution::record(key, number.into()),
        execution::snapshot(key),
        execution::value(key, Digest::of(&number.to_be_bytes())),
        execution::config(key, number),
    ]
}

proptest! {
    #[test]
    fn a_row_lies_under_the_prefix_of_its_own_execution_alone(a in executions(), b in executions(), number: u32) {
        for row in rows_of(&a, number) {
            prop_assert!(execution::all(&a).contains(&row));
            prop_assert_eq!(execution::all(&b).contains(&row), a == b);
        }
    }

    #[test]
    fn a_list_holds_rows_of_its_own_tenant_alone(a in tenants(), b in tenants(), position in positions(), name: String) {
        for status in STATUSES {
            let key = index::status(&a, status, position);
            prop_assert_eq!(index::status_after(&b, status, None).contains(&key), a == b);
        }
        let key = index::workflow(&a, &name, position);
        prop_assert_eq!(index::workflow_after(&b, &name, None).contains(&key), a == b);
        let key = catalog::plugin(&a, &name, "1.0.0");
        prop_assert_eq!(catalog::plugins(&b, None).contains(&key), a == b);
        prop_assert_eq!(catalog::plugins(&b, Some(&name)).contains(&key), a == b);
        let key = catalog::definition(&a, &name, "1.0.0");
        prop_assert_eq!(catalog::definitions(&b, None).contains(&key), a == b);
    }

    #[test]
    fn a_name_is_no_prefix_of_another(tenant in tenants(), a: String, b: String, position in positions()) {
        let key = index::workflow(&tenant, &a, position);
        prop_assert_eq!(index::workflow_after(&tenant, &b, None).contains(&key), a == b);
        let key = catalog::plugin(&tenant, &a, &b);
        prop_assert_eq!(catalog::plugins(&tenant, Some(&b)).contains(&key), a == b);
    }

    #[test]
    fn lists_sort_the_newest_first_and_go_on_after_a_position(tenant in tenants(), a in positions(), b in positions()) {
        let key = |position| index::status(&tenant, Status::Running, position);
        prop_assert_eq!(key(a).cmp(&key(b)), b.cmp(&a));
        prop_assert_eq!(index::position(&key(a)), Some(a));
        prop_assert_eq!(index::status_after(&tenant, Status::Running, Some(a)).contains(&key(b)), b < a);
    }

    #[test]
    fn executions_sort_as_their_keys_do(a in executions(), b in executions()) {
        prop_assert_eq!(index::active(&a).cmp(&index::active(&b)), a.cmp(&b));
        prop_assert_eq!(index::execution(&index::active(&a)), Some(a.clone()));
        prop_assert_eq!(index::active_after(Some(&a)).contains(&index::active(&b)), b > a);
    }

    #[test]
    fn times_sort_first(a in times(), b in times(), x in executions(), y in executions()) {
        let by_time = |time, execution: &ExecutionKey| index::due(time, execution);
        prop_assert_eq!(by_time(a, &x).cmp(&by_time(b, &y)), (a, &x).cmp(&(b, &y)));
        prop_assert_eq!(index::time_and_execution(&by_time(a, &x)), Some((a, x.clone())));
        prop_assert_eq!(index::due_until(b).contains(&by_time(a, &x)), a <= b);
        prop_assert_eq!(index::expired_until(b).contains(&index::expiry(a, &x)), a <= b);
    }

    #[test]
    fn records_sort_by_position(key in executions(), a: u64, b: u64) {
        prop_assert_eq!(execution::record(&key, a).cmp(&execution::record(&key, b)), a.cmp(&b));
        prop_assert_eq!(execution::records_from(&key, b).contains(&execution::record(&key, a)), a >= b);
        prop_assert_eq!(execution::record_position(&execution::record(&key, a)), Some(a));
    }
}

#[test]
fn a_key_that_names_no_execution_is_told() {
    assert_eq!(index::execution(b"a"), None);
    assert_eq!(index::execution(b"aTenant\0aaaaaaaaaaaaaaaa"), None, "no tenant has that name");
    assert_eq!(index::time_and_execution(b"d1234"), None);
    assert_eq!(index::position(b"short"), None);
}
