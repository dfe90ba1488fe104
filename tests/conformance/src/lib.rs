//! Scenarios as they are written: shared by the program that runs them and by the simulation that takes them through crashes.

pub mod features;

/// What a definition is called that has no name of its own.
const DOCUMENT: &str = "document: { dsl: '1.0.3', namespace: scenarios, name: under-test, version: '1.0.0' }\n";

/// A definition with the `document` that it gets where a scenario leaves it out.
#[must_use]
pub fn whole(definition: &str) -> String {
    let is_whole =
        definition.trim_start().starts_with('{') || definition.lines().any(|line| line.starts_with("document:"));
    if is_whole { definition.to_owned() } else { format!("{DOCUMENT}{definition}") }
}
