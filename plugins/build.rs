//! Gives a plugin all the memory that a normal task needs from the start.

/// 2 MiB: 1 MiB of stack, the data of the plugin, and about 900 KiB of heap. To grow in the middle of a task costs as
/// much as the rest of a small call.
const INITIAL_MEMORY_BYTES: u32 = 2 << 20;

fn main() {
    println!("cargo:rerun-if-changed=../build.rs");
    if std::env::var_os("CARGO_CFG_TARGET_FAMILY").is_some_and(|family| family == "wasm") {
        println!("cargo:rustc-link-arg-cdylib=--initial-memory={INITIAL_MEMORY_BYTES}");
    }
}
