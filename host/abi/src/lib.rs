//! The host's side of `wit/`, generated: one module per version of the contract.
//!
//! Owns nothing but the bindings, so that the one crate that takes long to expand and to check is rebuilt only when the
//! contract changes. Knows no limit, no task and no store: `sandmill-runtime` gives the imports their meaning.
//!
//! Imports are synchronous but for those that read a value of the context, which may lie in another process; any import may
//! end the guest by returning an error. Exports are asynchronous, because a guest yields its thread on epoch ticks.

#[expect(missing_docs, reason = "generated: the documentation stands in `wit/`, and not every item has its own")]
pub mod v0_1 {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "sandmill:task/task",
        imports: {
            "sandmill:task/context.[method]snapshot.get": async | trappable,
            "sandmill:task/context.[method]snapshot.keys": async | trappable,
            "sandmill:task/context.[method]snapshot.length": async | trappable,
            default: trappable,
        },
        exports: { default: async },
    });
}
