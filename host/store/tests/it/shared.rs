//! Values and components that are found by digest: in memory and in Redis.

use bytes::Bytes;
use sandmill_core::ids::Digest;
use sandmill_engine::ports::{ComponentBytes, SharedValues};
use sandmill_store::MemoryShared;

use crate::kit::{HOUR, Server, execution, tenant, text, wait};

fn check_values(case: impl Fn(&dyn SharedValues)) {
    case(&MemoryShared::new());
    case(&Server::start().values());
}

fn check_components(case: impl Fn(&dyn ComponentBytes)) {
    case(&MemoryShared::new());
    case(&Server::start().components());
}

fn bodies() -> Vec<(Digest, Bytes)> {
    let noise: Vec<u8> = (0..100_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    let bodies = [text(""), text("null"), Bytes::from("\"a\"".repeat(50_000)), Bytes::from(noise)];
    bodies.map(|body| (Digest::of(&body), body)).into()
}

#[test]
fn a_value_is_found_by_the_execution_that_it_was_stored_for_alone() {
    check_values(|values| {
        let (key, stored) = (execution("a", 1), bodies());
        wait(values.put(&key, &stored, HOUR)).unwrap();
        wait(values.put(&key, &stored, HOUR)).unwrap();
        wait(values.put(&key, &[], HOUR)).unwrap();
        for (digest, value) in stored {
            assert_eq!(wait(values.get(&key, digest)), Ok(Some(value)));
            assert_eq!(wait(values.get(&execution("a", 2), digest)), Ok(None), "another execution");
            assert_eq!(wait(values.get(&execution("b", 1), digest)), Ok(None), "another tenant");
        }
        assert_eq!(wait(values.get(&key, Digest::of(b"other"))), Ok(None));
    });
}

#[test]
fn a_component_is_found_by_the_tenant_that_it_was_stored_for_alone() {
    check_components(|components| {
        for (digest, component) in bodies() {
            assert_eq!(wait(components.get(&tenant("a"), digest)), Ok(None));
            wait(components.put(&tenant("a"), digest, component.clone())).unwrap();
            wait(components.put(&tenant("a"), digest, component.clone())).unwrap();
            assert_eq!(wait(components.get(&tenant("a"), digest)), Ok(Some(component)));
            assert_eq!(wait(components.get(&tenant("b"), digest)), Ok(None), "another tenant");
        }
    });
}
