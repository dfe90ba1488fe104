//! Plugins in a catalog: versions that never change, and components that stay as long as they are needed.

use sandmill_core::time::Timestamp;
use sandmill_engine::ports::{CatalogError, ExecutionRow, PluginRow, Store};

use crate::kit::{check, definition, digest, ended_row, execution, pinned_to, plugin, row, tenant, text, with_row};

#[track_caller]
fn put(store: &dyn Store, row: &PluginRow, component: &str) {
    store.put_plugin(&tenant("a"), row.clone(), text(component)).unwrap();
}

#[track_caller]
fn assert_conflict(result: Result<(), CatalogError>) {
    match result {
        Err(CatalogError::Conflict { name, digest: stored }) => {
            assert_eq!((name.as_str(), stored), ("echo:1.0.0", digest("one")));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_plugin_reads_back_with_its_component() {
    check(|store| {
        let echo = plugin("echo", "1.0.0", "one");
        put(&**store, &echo, "one");
        store.reopen();
        assert_eq!(store.plugins(&tenant("a"), None).unwrap(), [echo]);
        assert_eq!(store.component(&tenant("a"), digest("one")).unwrap(), Some(text("one")));
        assert_eq!(store.component(&tenant("a"), digest("two")).unwrap(), None);
        assert_eq!(store.plugins(&tenant("b"), None).unwrap(), [], "another tenant");
        assert_eq!(store.component(&tenant("b"), digest("one")).unwrap(), None, "another tenant");
    });
}

#[test]
fn plugins_come_by_name_then_by_version() {
    check(|store| {
        let sorted =
            [("a", "1.0.0"), ("b", "0.9.0"), ("b", "1.0.0-rc.1"), ("b", "1.0.0"), ("b", "1.2.0"), ("b", "1.10.0")];
        for (name, version) in sorted.iter().rev() {
            put(&**store, &plugin(name, version, "c"), "c");
        }
        let names = |rows: Vec<PluginRow>| rows.into_iter().map(|row| (row.name, row.version)).collect::<Vec<_>>();
        let expected = sorted.map(|(name, version)| (name.to_owned(), version.to_owned()));
        assert_eq!(names(store.plugins(&tenant("a"), None).unwrap()), expected);
        assert_eq!(names(store.plugins(&tenant("a"), Some("b")).unwrap()), expected[1..]);
        assert_eq!(names(store.plugins(&tenant("a"), Some("c")).unwrap()), []);
    });
}

#[test]
fn the_same_bytes_again_change_nothing_and_others_are_refused() {
    check(|store| {
        let echo = plugin("echo", "1.0.0", "one");
        put(&**store, &echo, "one");
        put(&**store, &PluginRow { created_at: Timestamp(99), summary: "Later.".into(), ..echo.clone() }, "one");
        assert_conflict(store.put_plugin(&tenant("a"), plugin("echo", "1.0.0", "two"), text("two")));
        store.reopen();
        assert_eq!(store.plugins(&tenant("a"), None).unwrap(), [echo]);
        assert_eq!(store.component(&tenant("a"), digest("two")).unwrap(), None);
        store.put_plugin(&tenant("b"), plugin("echo", "1.0.0", "two"), text("two")).unwrap();
    });
}

#[test]
fn a_version_stays_taken_after_it_was_removed() {
    check(|store| {
        let echo = plugin("echo", "1.0.0", "one");
        put(&**store, &echo, "one");
        assert!(store.remove_plugin(&tenant("a"), "echo", "1.0.0").unwrap());
        assert!(!store.remove_plugin(&tenant("a"), "echo", "1.0.0").unwrap());
        store.reopen();
        assert_eq!(store.plugins(&tenant("a"), None).unwrap(), []);
        assert_eq!(store.component(&tenant("a"), digest("one")).unwrap(), None);
        assert_conflict(store.put_plugin(&tenant("a"), plugin("echo", "1.0.0", "two"), text("two")));
        put(&**store, &echo, "one");
        assert_eq!(store.plugins(&tenant("a"), None).unwrap(), [echo], "the same bytes may come back");
        assert_eq!(store.component(&tenant("a"), digest("one")).unwrap(), Some(text("one")));
    });
}

#[test]
fn what_is_not_there_is_not_removed() {
    check(|store| {
        put(&**store, &plugin("echo", "1.0.0", "one"), "one");
        for (name, version) in [("echo", "1.0.1"), ("ech", "1.0.0"), ("", "")] {
            assert!(!store.remove_plugin(&tenant("a"), name, version).unwrap());
        }
        assert!(!store.remove_plugin(&tenant("b"), "echo", "1.0.0").unwrap());
    });
}

#[test]
fn a_component_stays_as_long_as_a_plugin_has_it() {
    check(|store| {
        put(&**store, &plugin("echo", "1.0.0", "one"), "one");
        put(&**store, &plugin("copy", "2.0.0", "one"), "one");
        assert!(store.remove_plugin(&tenant("a"), "echo", "1.0.0").unwrap());
        assert_eq!(store.component(&tenant("a"), digest("one")).unwrap(), Some(text("one")));
        assert!(store.remove_plugin(&tenant("a"), "copy", "2.0.0").unwrap());
        assert_eq!(store.component(&tenant("a"), digest("one")).unwrap(), None);
    });
}

#[test]
fn a_plugin_that_is_pinned_stays_and_its_pins_are_named() {
    check(|store| {
        let echo = plugin("echo", "1.0.0", "one");
        put(&**store, &echo, "one");
        put(&**store, &plugin("echo", "1.1.0", "two"), "two");
        for name in ["demo/b", "demo/a"] {
            let definition = pinned_to(definition(name, "1.0.0", name), &echo);
            store.put_definition(&tenant("a"), definition, text(name)).unwrap();
        }
        store.reopen();
        match store.remove_plugin(&tenant("a"), "echo", "1.0.0") {
            Err(CatalogError::Pinned { name, pins }) => {
                assert_eq!(
                    (name.as_str(), pins),
                    ("echo:1.0.0", vec!["demo/a:1.0.0".into(), "demo/b:1.0.0".to_owned()])
                );
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(store.component(&tenant("a"), digest("one")).unwrap(), Some(text("one")));
        assert!(store.remove_plugin(&tenant("a"), "echo", "1.1.0").unwrap(), "another version is not pinned");
        for name in ["demo/a", "demo/b"] {
            assert!(store.remove_definition(&tenant("a"), name, "1.0.0").unwrap());
        }
        assert!(store.remove_plugin(&tenant("a"), "echo", "1.0.0").unwrap());
    });
}

#[test]
fn a_removed_definition_pins_its_plugins_while_an_execution_runs_on_it() {
    check(|store| {
        let echo = plugin("echo", "1.0.0", "one");
        put(&**store, &echo, "one");
        let definition = pinned_to(definition("demo/report", "1.0.0", "document"), &echo);
        let digest = definition.digest;
        store.put_definition(&tenant("a"), definition, text("document")).unwrap();
        assert!(store.remove_definition(&tenant("a"), "demo/report", "1.0.0").unwrap());
        // It was resolved before the removal, and started after it.
        let key = execution("a", 1);
        store.append(vec![with_row(&key, ExecutionRow { definition: digest, ..row(&key) })]).unwrap();
        let result = store.remove_plugin(&tenant("a"), "echo", "1.0.0");
        assert!(
            matches!(&result, Err(CatalogError::Pinned { pins, .. }) if *pins == [key.id.to_string()]),
            "{result:?}"
        );
        store.append(vec![with_row(&key, ExecutionRow { definition: digest, ..ended_row(&key) })]).unwrap();
        assert!(store.remove_plugin(&tenant("a"), "echo", "1.0.0").unwrap());
    });
}

#[test]
fn a_component_of_megabytes_comes_back_whole() {
    check(|store| {
        let component: bytes::Bytes = (0..5 << 20).map(|index: u32| (index % 241) as u8).collect::<Vec<_>>().into();
        let row = PluginRow { digest: sandmill_core::ids::Digest::of(&component), ..plugin("large", "1.0.0", "") };
        store.put_plugin(&tenant("a"), row.clone(), component.clone()).unwrap();
        store.reopen();
        assert!(store.component(&tenant("a"), row.digest).unwrap() == Some(component));
    });
}
