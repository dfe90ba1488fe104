//! What a component must be to be a plugin, found out without running it: the right kind of file, exports that are there, imports that are known.
//!
//! Owns the words of each refusal: what is wrong, and what to do about it.

use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::engine;
use crate::limits::TaskLimits;

/// The package whose functions a plugin may import.
const PACKAGE: &str = "sandmill:task";

/// Its version that this host links.
const VERSION: &str = "0.1.0";

/// The interfaces of that package.
const INTERFACES: [&str; 5] = ["config", "context", "log", "progress", "types"];

/// The packages of WASI that are linked, in any release of 0.2.
const WASI_PACKAGES: [&str; 6] = ["cli", "clocks", "filesystem", "io", "random", "sockets"];

/// The functions that a plugin must export.
const EXPORTS: [&str; 2] = ["run", "descriptor"];

/// Every Wasm binary begins with this.
const WASM_MAGIC: &[u8] = b"\0asm";

/// What follows in a core module, and in a component.
const MODULE_VERSION: [u8; 4] = [1, 0, 0, 0];
const COMPONENT_VERSION: [u8; 4] = [0x0d, 0, 1, 0];

/// Checks that these are the bytes of a component at all.
pub(crate) fn check_bytes(bytes: &[u8]) -> Result<(), String> {
    const HINT: &str = "a plugin is a Wasm component: for Rust, build it with `--target wasm32-wasip2`";
    if bytes.is_empty() {
        return Err(format!("the file is empty; {HINT}"));
    }
    let Some(after) = bytes.strip_prefix(WASM_MAGIC) else {
        let kind = if bytes.trim_ascii_start().starts_with(b"(") { "the text form of Wasm" } else { "no Wasm" };
        return Err(format!("the file is {kind}; {HINT}"));
    };
    match after.first_chunk() {
        Some(&COMPONENT_VERSION) => Ok(()),
        Some(&MODULE_VERSION) => Err(format!("the file is a core Wasm module and no component; {HINT}")),
        Some(_) => Err(format!("the file is in a version of Wasm that this host does not know; {HINT}")),
        None => Err(format!("the file ends after {} bytes; {HINT}", bytes.len())),
    }
}

/// Checks that a component exports what the contract asks for and imports nothing else than what this host gives.
pub(crate) fn check(component: &Component) -> Result<(), String> {
    let engine = component.engine();
    let component_type = component.component_type();
    for (name, _) in component_type.imports(engine) {
        check_import(name)?;
    }
    let is_function = |name: &str| {
        component_type
            .get_export(engine, name)
            .is_some_and(|export| matches!(export.ty, ComponentItem::ComponentFunc(_)))
    };
    let missing: Vec<_> =
        EXPORTS.into_iter().filter(|name| !is_function(name)).map(|name| format!("`{name}`")).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the component does not export {}, which the world `{PACKAGE}/task@{VERSION}` asks for: build it with an SDK of Sandmill or against that world",
        missing.join(" and ")
    ))
}

fn check_import(name: &str) -> Result<(), String> {
    let (interface, version) = name.rsplit_once('@').unwrap_or((name, ""));
    if let Some(of_ours) = interface.strip_prefix(PACKAGE).and_then(|rest| rest.strip_prefix('/')) {
        return match (version == VERSION, INTERFACES.contains(&of_ours)) {
            (true, true) => Ok(()),
            (true, false) => {
                Err(format!("the component imports `{name}`, and `{PACKAGE}@{VERSION}` has no such interface"))
            }
            (false, _) => Err(format!(
                "the component imports `{name}`, and this host knows version {VERSION} of `{PACKAGE}`: build it for that version, or run a newer host"
            )),
        };
    }
    let wasi = interface.strip_prefix("wasi:").and_then(|rest| rest.split_once('/'));
    match wasi {
        Some((package, _)) if WASI_PACKAGES.contains(&package) && version.starts_with("0.2.") => Ok(()),
        _ => Err(format!(
            "the component imports `{name}`, which this host does not give: a plugin may import `{PACKAGE}@{VERSION}` and WASI 0.2 ({})",
            WASI_PACKAGES.join(", ")
        )),
    }
}

/// Why a component whose imports and exports have the right names does not fit.
pub(crate) fn explain(error: &wasmtime::Error) -> String {
    format!("the component does not match the world `{PACKAGE}/task@{VERSION}`: {error:#}")
}

/// Why bytes that look like a component do not compile.
pub(crate) fn explain_compile(error: &wasmtime::Error, limits: &TaskLimits) -> String {
    let reason = format!("{error:#}");
    let is_size = ["exceeds", "exceeding"].iter().any(|word| reason.contains(word));
    let hint = if is_size { format!(" ({})", engine::describe_size(limits)) } else { String::new() };
    format!("the component cannot be compiled: {reason}{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(result: Result<(), String>, expected: &str) {
        let reason = result.unwrap_err();
        assert!(reason.contains(expected), "{reason}");
    }

    #[test]
    fn a_file_that_is_no_component_is_called_by_its_name() {
        refused(check_bytes(b""), "the file is empty");
        refused(check_bytes(b"#!/bin/sh"), "the file is no Wasm");
        refused(check_bytes(b"  (component)"), "the text form of Wasm");
        refused(check_bytes(b"\0asm\x01\0\0\0"), "a core Wasm module");
        refused(check_bytes(b"\0asm\x07\0\0\0"), "a version of Wasm");
        refused(check_bytes(b"\0asm\x0d"), "ends after 5 bytes");
        assert_eq!(check_bytes(b"\0asm\x0d\0\x01\0"), Ok(()));
    }

    #[test]
    fn imports_are_ours_or_of_wasi() {
        for name in ["sandmill:task/config@0.1.0", "sandmill:task/types@0.1.0", "wasi:cli/stdout@0.2.6"] {
            assert_eq!(check_import(name), Ok(()), "{name}");
        }
        refused(check_import("sandmill:task/config@0.2.0"), "this host knows version 0.1.0");
        refused(check_import("sandmill:task/secrets@0.1.0"), "has no such interface");
        refused(check_import("wasi:http/outgoing-handler@0.2.3"), "does not give");
        refused(check_import("wasi:cli/stdout@0.3.0"), "does not give");
        refused(check_import("env"), "imports `env`");
    }
}
