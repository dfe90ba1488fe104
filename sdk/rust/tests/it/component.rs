//! A plugin as a component: what it exports, and what it asks of a host.

use std::path::{Path, PathBuf};
use std::process::Command;

use wit_component::DecodedWasm;
use wit_parser::WorldItem;

/// Builds a plugin of this repository as its author does, and gives the component's path.
fn build(plugin: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate lies two folders deep");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", "plugin", "--target", "wasm32-wasip2", "--package", plugin])
        .current_dir(root)
        .status();
    assert!(
        status.expect("cargo starts").success(),
        "the plugin does not build: is the target wasm32-wasip2 installed?"
    );
    root.join(target).join(format!("wasm32-wasip2/plugin/{plugin}.wasm"))
}

#[test]
fn a_plugin_exports_the_contract_and_imports_nothing_else_but_wasi() {
    let bytes = std::fs::read(build("greet")).unwrap();
    let DecodedWasm::Component(resolve, world) = wit_component::decode(&bytes).unwrap() else {
        panic!("a plugin is a component");
    };
    let world = &resolve.worlds[world];
    let exports: Vec<_> = world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
    assert_eq!(exports, ["run", "descriptor"]);
    for (key, item) in &world.imports {
        let import = resolve.name_world_key(key);
        let is_known = import.starts_with("sandmill:task/") || import.starts_with("wasi:");
        assert!(is_known || matches!(item, WorldItem::Type { .. }), "{import} is no import of the contract");
    }
}
