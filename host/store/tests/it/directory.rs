//! Tenants and keys.

use sandmill_core::time::Timestamp;
use sandmill_engine::ports::{KeyRow, KeyScope, StoreError, TaskDefaults, TenantRow};

use crate::kit::{check, digest, tenant};

fn tenant_row(name: &str, created_at: i64) -> TenantRow {
    TenantRow { id: tenant(name), created_at: Timestamp(created_at), defaults: TaskDefaults::default() }
}

fn key(id: &str, secret: &str, scope: KeyScope) -> KeyRow {
    KeyRow { id: id.into(), hash: digest(secret), label: format!("for {id}"), scope, created_at: Timestamp(5) }
}

#[test]
fn tenants_are_made_once_and_come_by_name() {
    check(|store| {
        for name in ["b", "ab", "a-b", "a"] {
            assert!(store.create_tenant(tenant_row(name, 1)).unwrap());
        }
        assert!(!store.create_tenant(tenant_row("a", 2)).unwrap());
        store.reopen();
        assert_eq!(store.tenants().unwrap(), ["a", "a-b", "ab", "b"].map(|name| tenant_row(name, 1)));
    });
}

#[test]
fn a_key_is_found_by_its_hash() {
    check(|store| {
        let operator = key("z", "secret z", KeyScope::Operator);
        let of_tenant = key("a", "secret a", KeyScope::Tenant(tenant("a")));
        store.put_key(operator.clone()).unwrap();
        store.put_key(of_tenant.clone()).unwrap();
        store.reopen();
        assert_eq!(store.key(digest("secret z")).unwrap(), Some(operator.clone()));
        assert_eq!(store.key(digest("secret a")).unwrap(), Some(of_tenant.clone()));
        assert_eq!(store.key(digest("secret b")).unwrap(), None);
        assert_eq!(store.keys().unwrap(), [of_tenant, operator]);
    });
}

#[test]
fn a_key_does_not_take_the_place_of_another() {
    check(|store| {
        let first = key("a", "secret", KeyScope::Tenant(tenant("a")));
        store.put_key(first.clone()).unwrap();
        store.put_key(first.clone()).unwrap();
        for other in [key("a", "other", KeyScope::Operator), key("b", "secret", KeyScope::Operator)] {
            let result = store.put_key(other);
            assert!(matches!(result, Err(StoreError::Invalid { .. })), "{result:?}");
        }
        assert_eq!(store.keys().unwrap(), std::slice::from_ref(&first));
        assert_eq!(store.key(digest("secret")).unwrap(), Some(first));
    });
}

#[test]
fn a_revoked_key_opens_nothing() {
    check(|store| {
        let first = key("a", "secret", KeyScope::Operator);
        store.put_key(first.clone()).unwrap();
        assert!(!store.remove_key("b").unwrap());
        assert!(store.remove_key("a").unwrap());
        assert!(!store.remove_key("a").unwrap());
        store.reopen();
        assert_eq!(store.key(first.hash).unwrap(), None);
        assert_eq!(store.keys().unwrap(), []);
        store.put_key(key("a", "another secret", KeyScope::Operator)).unwrap();
        assert_eq!(store.key(first.hash).unwrap(), None, "a new key of that id does not bring the old one back");
    });
}
