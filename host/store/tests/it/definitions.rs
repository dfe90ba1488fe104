//! Definitions in a catalog: deployed on plugins, pinned by executions, and readable as long as one may need them.

use sandmill_core::time::Timestamp;
use sandmill_engine::ports::{CatalogError, DefinitionRow, ExecutionRow, Status, StoreError};
use sandmill_store::PINS_NAMED_MAX;

use crate::kit::{check, definition, digest, ended_row, execution, pinned_to, plugin, row, tenant, text, with_row};

#[test]
fn a_definition_reads_back_with_its_document() {
    check(|store| {
        let echo = plugin("echo", "1.0.0", "one");
        store.put_plugin(&tenant("a"), echo.clone(), text("one")).unwrap();
        let report = pinned_to(definition("demo/report", "1.0.0", "document"), &echo);
        store.put_definition(&tenant("a"), report.clone(), text("document")).unwrap();
        store.reopen();
        assert_eq!(store.definitions(&tenant("a"), None).unwrap(), std::slice::from_ref(&report));
        assert_eq!(store.document(&tenant("a"), report.digest).unwrap(), Some((report.clone(), text("document"))));
        assert_eq!(store.document(&tenant("a"), digest("other")).unwrap(), None);
        assert_eq!(store.definitions(&tenant("b"), None).unwrap(), [], "another tenant");
        assert_eq!(store.document(&tenant("b"), report.digest).unwrap(), None, "another tenant");
    });
}

#[test]
fn definitions_come_by_name_then_by_version() {
    check(|store| {
        let sorted = [("demo/a", "2.0.0"), ("demo/b", "0.9.0"), ("demo/b", "0.10.0"), ("other/a", "1.0.0")];
        for (name, version) in sorted.iter().rev() {
            let document = format!("{name}:{version}");
            store.put_definition(&tenant("a"), definition(name, version, &document), text(&document)).unwrap();
        }
        let names = |rows: Vec<DefinitionRow>| rows.into_iter().map(|row| (row.name, row.version)).collect::<Vec<_>>();
        let expected = sorted.map(|(name, version)| (name.to_owned(), version.to_owned()));
        assert_eq!(names(store.definitions(&tenant("a"), None).unwrap()), expected);
        assert_eq!(names(store.definitions(&tenant("a"), Some("demo/b")).unwrap()), expected[1..3]);
    });
}

#[test]
fn the_same_bytes_again_change_nothing_and_others_are_refused() {
    check(|store| {
        let report = definition("demo/report", "1.0.0", "one");
        store.put_definition(&tenant("a"), report.clone(), text("one")).unwrap();
        let again = DefinitionRow { created_at: Timestamp(99), ..report.clone() };
        store.put_definition(&tenant("a"), again, text("one")).unwrap();
        let result = store.put_definition(&tenant("a"), definition("demo/report", "1.0.0", "two"), text("two"));
        assert!(
            matches!(&result, Err(CatalogError::Conflict { name, digest: stored })
            if name == "demo/report:1.0.0" && *stored == digest("one")),
            "{result:?}"
        );
        store.reopen();
        assert_eq!(store.definitions(&tenant("a"), None).unwrap(), [report]);
        assert_eq!(store.document(&tenant("a"), digest("two")).unwrap(), None);
    });
}

#[test]
fn a_definition_is_deployed_on_plugins_that_are_there() {
    check(|store| {
        let echo = plugin("echo", "1.0.0", "one");
        let report = pinned_to(definition("demo/report", "1.0.0", "document"), &echo);
        let deploy = || store.put_definition(&tenant("a"), report.clone(), text("document"));
        let assert_refused = || {
            let result = deploy();
            assert!(
                matches!(&result, Err(CatalogError::Store(StoreError::Invalid { reason }))
                if reason.contains("echo:1.0.0")),
                "{result:?}"
            );
        };
        assert_refused();
        store.put_plugin(&tenant("a"), echo.clone(), text("one")).unwrap();
        store.remove_plugin(&tenant("a"), "echo", "1.0.0").unwrap();
        assert_refused();
        assert_eq!(store.definitions(&tenant("a"), None).unwrap(), []);
        store.put_plugin(&tenant("a"), echo.clone(), text("one")).unwrap();
        deploy().unwrap();
    });
}

#[test]
fn a_version_stays_taken_and_its_document_readable_after_it_was_removed() {
    check(|store| {
        let report = definition("demo/report", "1.0.0", "one");
        store.put_definition(&tenant("a"), report.clone(), text("one")).unwrap();
        assert!(store.remove_definition(&tenant("a"), "demo/report", "1.0.0").unwrap());
        assert!(!store.remove_definition(&tenant("a"), "demo/report", "1.0.0").unwrap());
        store.reopen();
        assert_eq!(store.definitions(&tenant("a"), None).unwrap(), []);
        assert_eq!(store.document(&tenant("a"), report.digest).unwrap(), Some((report.clone(), text("one"))));
        let result = store.put_definition(&tenant("a"), definition("demo/report", "1.0.0", "two"), text("two"));
        assert!(matches!(result, Err(CatalogError::Conflict { .. })), "{result:?}");
        store.put_definition(&tenant("a"), report.clone(), text("one")).unwrap();
        assert_eq!(store.definitions(&tenant("a"), None).unwrap(), [report], "the same bytes may come back");
    });
}

#[test]
fn what_is_not_there_is_not_removed() {
    check(|store| {
        store.put_definition(&tenant("a"), definition("demo/report", "1.0.0", "one"), text("one")).unwrap();
        assert!(!store.remove_definition(&tenant("a"), "demo/report", "1.0.1").unwrap());
        assert!(!store.remove_definition(&tenant("a"), "demo/rep", "1.0.0").unwrap());
        assert!(!store.remove_definition(&tenant("b"), "demo/report", "1.0.0").unwrap());
    });
}

#[test]
fn a_definition_with_executions_in_flight_stays() {
    check(|store| {
        let report = definition("demo/report", "1.0.0", "definition");
        store.put_definition(&tenant("a"), report.clone(), text("definition")).unwrap();
        let key = execution("a", 1);
        for status in [Status::Pending, Status::Running, Status::Waiting, Status::Suspended] {
            store.append(vec![with_row(&key, ExecutionRow { status, ..row(&key) })]).unwrap();
            let result = store.remove_definition(&tenant("a"), "demo/report", "1.0.0");
            assert!(
                matches!(&result, Err(CatalogError::Pinned { name, pins })
                if name == "demo/report:1.0.0" && *pins == [key.id.to_string()]),
                "{status:?}: {result:?}"
            );
        }
        store.append(vec![with_row(&key, ended_row(&key))]).unwrap();
        assert!(store.remove_definition(&tenant("a"), "demo/report", "1.0.0").unwrap());
    });
}

#[test]
fn executions_of_others_pin_nothing() {
    check(|store| {
        let report = definition("demo/report", "1.0.0", "definition");
        store.put_definition(&tenant("a"), report, text("definition")).unwrap();
        let (other_tenant, other_definition) = (execution("b", 1), execution("a", 2));
        let elsewhere = ExecutionRow { definition: digest("another"), ..row(&other_definition) };
        store
            .append(vec![with_row(&other_tenant, row(&other_tenant)), with_row(&other_definition, elsewhere)])
            .unwrap();
        assert!(store.remove_definition(&tenant("a"), "demo/report", "1.0.0").unwrap());
    });
}

#[test]
fn an_error_names_a_few_pins() {
    for (executions, named) in [(PINS_NAMED_MAX, PINS_NAMED_MAX), (PINS_NAMED_MAX + 1, PINS_NAMED_MAX)] {
        check(|store| {
            let report = definition("demo/report", "1.0.0", "definition");
            store.put_definition(&tenant("a"), report, text("definition")).unwrap();
            let keys = (0..executions as u128).map(|number| execution("a", number));
            store.append(keys.map(|key| with_row(&key, row(&key))).collect()).unwrap();
            match store.remove_definition(&tenant("a"), "demo/report", "1.0.0") {
                Err(CatalogError::Pinned { pins, .. }) => assert_eq!(pins.len(), named),
                other => panic!("{other:?}"),
            }
        });
    }
}
