//! Functions, catalogs and extensions: what is compiled, and what is refused.

use super::kit::{Catalog, HEAD, check, compiled, found, line};
use crate::definition::{Kind, PinnedFunction, PinnedPlugin, PluginSource, compile};

/// The catalog of the tests, with a catalog of functions at `https://example.com/catalog`.
struct WithFunctions;

impl PluginSource for WithFunctions {
    fn plugin(&self, name: &str, version: Option<&str>) -> Option<PinnedPlugin> {
        Catalog.plugin(name, version)
    }

    fn function(&self, catalog: &str, name: &str, version: &str) -> Result<PinnedFunction, String> {
        let document: &[u8] = match (catalog, name) {
            ("https://example.com/catalog", "log") => b"call: greet\nwith: { text: '${ .message }' }\n",
            ("https://example.com/catalog", "broken") => b"sett: { x: 1 }\n",
            ("https://example.com/catalog", "foreign") => {
                b"call: http\nwith: { method: get, endpoint: 'https://a.b' }\n"
            }
            _ => return Err("there is none".into()),
        };
        Ok(PinnedFunction {
            catalog: catalog.into(),
            name: name.into(),
            version: version.into(),
            document: document.into(),
        })
    }
}

fn with_catalog(call: &str) -> String {
    format!(
        "{HEAD}use: {{ catalogs: {{ c: {{ endpoint: 'https://example.com/catalog/' }} }} }}\ndo:\n  - a: {{ call: '{call}' }}\n"
    )
}

#[track_caller]
fn check_call(call: &str, finding: &str) {
    let report = compile(with_catalog(call).as_bytes(), &WithFunctions).map(drop).expect_err("it is refused");
    let lines: Vec<String> = report.findings.iter().map(|finding| line(finding, 5)).collect();
    assert_eq!(lines, [finding], "{report}");
}

#[test]
fn a_function_is_compiled_once_however_often_it_is_called() {
    let definition = compiled(
        "use: { functions: { f: { set: { x: 1 } } } }\ndo:\n  - a: { call: f }\n  - b: { do: [ { c: { call: f, with: { y: 2 } } } ] }\n",
    );
    assert_eq!(definition.nodes.len(), 4);
    assert!(definition.find("/use/functions/f").is_some());
}

#[test]
fn a_function_of_a_catalog_is_compiled_into_the_definition_and_pinned() {
    for call in ["log:1.0.0@c", "https://example.com/catalog/functions/log/1.0.0/function.yaml"] {
        let definition =
            compile(with_catalog(call).as_bytes(), &WithFunctions).unwrap_or_else(|report| panic!("{report}"));
        let Kind::Function(function) = &definition.node(definition.body[0]).kind else { panic!("{call}") };
        let node = definition.node(function.body[0]);
        assert_eq!(node.pointer.as_str(), "/use/catalogs/https:~1~1example.com~1catalog/log:1.0.0");
        assert_eq!((&*node.name, &*definition.plugins[0].name), ("log", "greet"));
        assert_eq!((definition.functions.len(), &*definition.functions[0].name), (1, "log"));
    }
}

#[test]
fn what_is_wrong_with_a_function_of_a_catalog_is_said_where_it_is_called() {
    let at = "3:16 /do/0/a/call not deployable:";
    check_call("log:1@c", &format!("{at} `log:1` is no name and version of a function: write it like `log:1.0.0`"));
    check_call("log@c", &format!("{at} `log` names no version of the function"));
    check_call("gone:1.0.0@c", &format!("{at} there is none"));
    check_call(
        "../x:1.0.0@c",
        &format!("{at} `../x:1.0.0` is no name and version of a function: write it like `log:1.0.0`"),
    );
    check_call(
        "broken:1.0.0@c",
        &format!(
            "{at} the function `broken:1.0.0` of `https://example.com/catalog`, line 1, column 1: `sett` is no property of a task"
        ),
    );
    check_call(
        "foreign:1.0.0@c",
        &format!(
            "{at} the function `foreign:1.0.0` of `https://example.com/catalog`, line 1, column 7: this host does not support `call: http` yet"
        ),
    );
}

#[test]
fn a_catalog_is_a_folder_of_the_host_and_nothing_else() {
    check(
        "use: { catalogs: { c: { endpoint: { uri: 'https://a.b', authentication: { basic: { username: u, password: p } } } } } }\ndo:\n  - a: { call: 'log:1.0.0@c' }\n",
        &[
            "1:57 /use/catalogs/c/endpoint/authentication not deployable: catalogs are folders of this host, to which no authentication applies",
            "3:16 /do/0/a/call not deployable: this host knows no catalog `https://a.b`: its operator names the folder of each with `--catalog`",
        ],
    );
    check("use: { catalogs: { c: { endpoint: 'https://a.b' } } }\ndo: []\n", &[]);
}

#[test]
fn an_extension_extends_the_kinds_that_it_names() {
    let definition = compiled(
        "use:\n  extensions:\n    - one: { extend: call, before: [ { x: { set: { a: 1 } } } ] }\n    - two: { extend: all, after: [] }\n    - three: { extend: composite, before: [] }\ndo:\n  - a: { call: greet }\n  - b: { do: [] }\n  - c: { set: { x: 1 } }\n",
    );
    let extensions = |pointer: &str| definition.node(definition.find(pointer).unwrap()).extensions.to_vec();
    assert_eq!(extensions("/do/0/a"), [0, 1]);
    assert_eq!(extensions("/do/1/b"), [1, 2]);
    assert_eq!(extensions("/do/2/c"), [1]);
    assert_eq!(definition.extensions.len(), 3);
    check(
        "use: { extensions: [ { e: { extend: cal, before: [] } } ] }\ndo: []\n",
        &[
            "1:37 /use/extensions/0/e/extend invalid: `extend` must be `call`, `composite`, `emit`, `for`, `listen`, `raise`, `run`, `set`, `switch`, `try`, `wait` or `all`, and is `cal`",
        ],
    );
}

#[test]
fn nothing_exports_in_a_parallel_map_however_it_got_there() {
    let map = |task: &str| {
        format!("do:\n  - m: {{ for: {{ in: .x }}, metadata: {{ for: {{ mode: map }} }}, do: [ {{ a: {task} }} ] }}\n")
    };
    let exporting = "{ set: { x: 1 }, export: { as: . } }";
    for (used, task) in [
        (format!("functions: {{ f: {exporting} }}"), "{ call: f }"),
        (format!("functions: {{ f: {{ do: [ {{ g: {{ call: g }} }} ] }}, g: {exporting} }}"), "{ call: f }"),
        (format!("extensions: [ {{ e: {{ extend: set, before: [ {{ b: {exporting} }} ] }} }} ]"), "{ set: { y: 1 } }"),
        (
            format!(
                "functions: {{ f: {{ set: {{ y: 1 }} }} }}, extensions: [ {{ e: {{ extend: set, after: [ {{ b: {exporting} }} ] }} }} ]"
            ),
            "{ call: f }",
        ),
    ] {
        let report = found(&format!("use: {{ {used} }}\n{}", map(task)));
        let refused = report.findings.iter().any(|finding| finding.message.contains("run in a parallel map"));
        assert!(refused, "{used}: {report}");
        let outside = found(&format!("use: {{ {used} }}\ndo:\n  - a: {task}\n"));
        assert!(outside.is_deployable(), "{used}: {outside}");
    }
}

#[test]
fn a_workflow_is_run_by_name_and_version() {
    let run = |workflow: &str, rest: &str| format!("do:\n  - a: {{ run: {{ workflow: {{ {workflow} }}{rest} }} }}\n");
    check(&run("namespace: n, name: w, version: latest", ", await: false"), &[]);
    check(
        &run("namespace: n, name: w, version: 1.0.0", ", return: all"),
        &[
            "2:70 /do/0/a/run/return not deployable: a workflow has one output and no streams, so `return` chooses nothing here",
        ],
    );
    check(
        &run("namespace: n, name: '${ .w }', version: 1.0.0", ""),
        &["2:49 /do/0/a/run/workflow/name not deployable: this host does not support expressions in `name`"],
    );
}
