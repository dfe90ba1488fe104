//! A plugin that does wrong in every way that its config names.
//!
//! Owns the list of behaviours: the descriptor shows it, and a test of the runtime fails where one of them is not run. Written against the bare
//! contract, for the SDK would not let a plugin do most of this.
#![cfg(target_family = "wasm")]

mod behaviours;

use behaviours::BEHAVIOURS;
use bindings::sandmill::task::{config, log, progress};
use bindings::{Descriptor, Guest, Problem};
use serde::Deserialize;
use serde_json_guest::{self as serde_json, json};

/// What to do.
#[derive(Deserialize)]
struct Config {
    /// The name of a behaviour.
    #[serde(rename = "do")]
    behaviour: String,
    /// How often, how much, how long.
    #[serde(default)]
    count: u64,
    /// With what.
    #[serde(default)]
    text: String,
    /// Reports progress first, so that a test knows that the guest runs.
    #[serde(default)]
    announce: bool,
}

struct Guests;

#[expect(unsafe_code, reason = "generated: the memory of both sides meets here")]
mod bindings {
    use super::Guests;

    wit_bindgen::generate!({ path: "../../wit", world: "sandmill:task/task@0.1.0" });

    export!(Guests);
}

impl Guest for Guests {
    fn run(task_exec_id: String) -> Result<String, Problem> {
        let text = config::fetch(&task_exec_id).map_err(|error| problem(error.name()))?;
        let config: Config = serde_json::from_str(&text).map_err(|error| problem(&error.to_string()))?;
        if config.announce {
            progress::report(0.0, Some("running"));
        }
        let named = BEHAVIOURS.iter().find(|(name, _)| *name == config.behaviour);
        let (_, behave) = named.ok_or_else(|| problem(&format!("there is no behaviour `{}`", config.behaviour)))?;
        behave(&task_exec_id, config)
    }

    /// Shows what the imports answer while there is no task.
    fn descriptor() -> Descriptor {
        let names: Vec<_> = BEHAVIOURS.iter().map(|(name, _)| *name).collect();
        log::write(log::Level::Info, "a descriptor writes to nobody", &[]);
        progress::report(0.5, None);
        println!("a descriptor prints to nobody");
        let id = "00000000000000000000000000000007-0";
        let (fetched, opened) = (behaviours::fetched(id), behaviours::opened(id));
        Descriptor {
            summary: format!("config: {fetched}, context: {opened}, cancelled: {}", progress::is_cancelled()),
            config_schema: json!({ "properties": { "do": { "enum": names } } }).to_string(),
            output_schema: "true".to_owned(),
        }
    }
}

fn problem(detail: &str) -> Problem {
    Problem {
        type_: "https://example.com/guest".to_owned(),
        title: "A guest failed".to_owned(),
        detail: Some(detail.to_owned()),
        status: 422,
        retryable: false,
        data: None,
    }
}
