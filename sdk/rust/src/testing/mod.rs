//! A host for tests: give a config and a context, run the function, look at what it did. Needs no Wasm.
//!
//! ```
//! use sandmill_sdk::prelude::*;
//! use sandmill_sdk::testing::Harness;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Config { name: String }
//!
//! fn greet(config: Config, context: &Context) -> Result<String, Problem> {
//!     let greeting: Option<String> = context.get("context.greeting")?;
//!     log::info!("greeting {}", config.name);
//!     Ok(format!("{}, {}!", greeting.unwrap_or("Hello".into()), config.name))
//! }
//!
//! let harness = Harness::new().config(json!({ "name": "Ada" })).context(json!({ "greeting": "Good day" }));
//! assert_eq!(harness.run(greet).unwrap(), "Good day, Ada!");
//! assert_eq!(harness.log()[0].message, "greeting Ada");
//!
//! let problem = Harness::new().config(json!({ "name": 7 })).run(greet).unwrap_err();
//! assert_eq!(problem.status, 400);
//! assert_eq!(problem.detail.unwrap(), "config.name: invalid type: integer `7`, expected a string");
//! ```

mod harness;
pub(crate) mod path;
pub(crate) mod stage;

pub use crate::glue::Task;
pub use harness::{Harness, Schemas};
pub use stage::{LogLine, Progress};
