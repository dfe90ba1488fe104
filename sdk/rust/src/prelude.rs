//! What nearly every plugin uses: `use sandmill_sdk::prelude::*;`.

pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};

pub use crate as sandmill;
pub use crate::serde_json::{Value, json};
pub use crate::{Context, Problem, log, task};
