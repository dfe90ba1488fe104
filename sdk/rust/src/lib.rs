//! Write a Sandmill plugin as one function.
//!
//! A plugin is a Wasm component that does one task of a durable workflow. This crate turns an annotated function over
//! serde types into such a component: it fetches the config, decodes it, calls the function, encodes the output, and
//! describes the plugin with the JSON Schemas of both types. The contract below it stands in the repository's `wit/`
//! folder; to write a plugin, nobody needs to read it.
//!
//! ```
//! //! Greets somebody.
//! use sandmill_sdk::prelude::*;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Config { name: String }
//!
//! #[derive(Serialize, JsonSchema)]
//! struct Greeting { text: String }
//!
//! /// Greets somebody by name.
//! #[task]
//! fn greet(config: Config) -> Result<Greeting, Problem> {
//!     Ok(Greeting { text: format!("Hello, {}!", config.name) })
//! }
//! # fn main() {
//! # let greeting = sandmill_sdk::testing::Harness::new().config(json!({ "name": "Ada" })).run(greet).unwrap();
//! # assert_eq!(greeting.text, "Hello, Ada!");
//! # }
//! ```
//!
//! # Set-up
//!
//! The manifest asks for a component, and for the three crates that the function uses:
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib"]
//!
//! [dependencies]
//! sandmill-sdk = { path = "../sandmill/sdk/rust" } # in a clone of the repository
//! schemars = "1"
//! serde = { version = "1", features = ["derive"] }
//! ```
//!
//! `rustup target add wasm32-wasip2` once, and then `cargo build --release --target wasm32-wasip2` gives the component
//! `target/wasm32-wasip2/release/<name>.wasm`.
//!
//! # The function
//!
//! - The first parameter is the **config**: any type that derives `Deserialize` and `JsonSchema`. It arrives decoded; a
//!   config that does not decode ends the task with a problem of status 400 that names the place.
//! - The second parameter may be left out. [`&Context`](Context) reads the workflow: its shared context, the task's
//!   input, the item of a loop, the attempt, the idempotency key. Only what is asked for is copied.
//! - The function returns `Result<Output, Error>`. The **output** derives `Serialize` and `JsonSchema`. The **error**
//!   is a [`Problem`], or anything that turns into one: `?` works on every [`std::error::Error`].
//! - Its doc comment is the plugin's **summary**: the first paragraph is kept.
//!
//! # Retry safety
//!
//! A task runs **at least once**: the process that ran it may die before its completion was recorded. Whatever a task
//! does outside must carry [`Context::idempotency_key`], which is the same in every attempt.
//!
//! # Tests
//!
//! [`testing::Harness`] stands in for the host in plain `cargo test`, without Wasm.
//!
//! # Memory
//!
//! Each call runs in a fresh instance, so a plugin is fastest when its memory is large enough from the start. A build
//! script asks the linker for it; 2 MiB (1 MiB of it is the stack) suits most plugins:
//!
//! ```no_run
//! // build.rs
//! if std::env::var_os("CARGO_CFG_TARGET_FAMILY").is_some_and(|family| family == "wasm") {
//!     println!("cargo:rustc-link-arg-cdylib=--initial-memory={}", 2 << 20);
//! }
//! ```

// The derives and the attribute name this crate as a plugin does, so that its own tests can use them.
extern crate self as sandmill_sdk;

pub mod prelude;

pub mod config;
pub mod context;
pub mod log;
mod problem;

#[doc(hidden)]
pub mod glue;
mod json;

#[cfg(not(target_family = "wasm"))]
pub mod testing;

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod bindings;
mod host;

pub use context::Context;
pub use problem::Problem;
pub use sandmill_sdk_macros::task;
pub use serde_json_guest as serde_json;
