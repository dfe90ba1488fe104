//! What is printed: tables for people, JSON for programs.

use std::io::{IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use crate::failure::Failure;

/// How a command prints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// JSON, and nothing else, on standard output.
    pub(crate) json: bool,
}

impl Output {
    /// One value: as JSON, or as people read it.
    pub(crate) fn value(self, value: &Value, for_people: impl FnOnce(&Value) -> String) {
        if self.json { self.line(&pretty(value)) } else { self.line(&for_people(value)) }
    }

    /// A line on standard output. That nobody reads it any more, as behind `| head`, ends the program quietly.
    pub(crate) fn line(self, text: &str) {
        if writeln!(std::io::stdout(), "{text}").is_err() {
            std::process::exit(0);
        }
    }

    /// Something beside the result, on standard error.
    pub(crate) fn note(self, text: &str) {
        if !self.json {
            eprintln!("{text}");
        }
    }

    pub(crate) fn failure(self, failure: &Failure) {
        if self.json {
            let error = serde_json::json!({ "error": failure.to_string(), "exit_code": failure.outcome as u8 });
            eprintln!("{error}");
        } else {
            eprintln!("error: {failure}");
        }
    }

    /// True where somebody looks at what is printed beside the result.
    pub(crate) fn is_watched(self) -> bool {
        !self.json && std::io::stderr().is_terminal()
    }
}

/// JSON, indented.
pub(crate) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a JSON value can be written")
}

/// A table of objects: a header for each column, and the member that it shows.
pub(crate) fn table(columns: &[(&str, &str)], items: &Value) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns.iter().map(|(header, _)| *header));
    for item in items.as_array().into_iter().flatten() {
        table.add_row(columns.iter().map(|(_, member)| cell(item, member)));
    }
    table.trim_fmt()
}

/// A member, named by a path such as `progress.message`, as text in a cell.
pub(crate) fn cell(item: &Value, path: &str) -> String {
    match path.split('.').try_fold(item, |value, name| value.get(name)) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_shows_members_and_leaves_what_is_missing_empty() {
        let items = json!([{ "name": "a", "size": { "bytes": 5 } }, { "name": "b" }]);
        let lines: Vec<String> = table(&[("NAME", "name"), ("BYTES", "size.bytes")], &items)
            .lines()
            .map(|line| line.trim().to_owned())
            .collect();
        assert_eq!(lines, ["NAME  BYTES", "a     5", "b"]);
    }
}
