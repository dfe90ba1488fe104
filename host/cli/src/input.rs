//! The input of an execution, as it is typed: JSON text, a file with it, or standard input.

use std::io::Read as _;

use crate::failure::{Failure, Outcome};

/// What a workflow gets where no input is given.
const EMPTY: &str = "{}";

/// The JSON text that was meant. It is checked to be JSON, and stays as it was written.
pub(crate) fn read(given: Option<&str>) -> Result<String, Failure> {
    let (place, text): (String, String) = match given {
        None => return Ok(EMPTY.into()),
        Some("-") => ("standard input".into(), from_stdin()?),
        Some(text) if looks_like_json(text) => ("--input".into(), text.into()),
        Some(path) => (path.into(), from_file(path)?),
    };
    match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Failure::new(Outcome::Refused, format!("{place} is no JSON: {error}"))),
    }
}

fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[', '"']) || serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Failure::new(Outcome::Refused, format!("standard input cannot be read: {error}")))?;
    Ok(text)
}

fn from_file(path: &str) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        let reason = format!("the input `{path}` is neither JSON text nor a file that can be read: {error}");
        Failure::new(Outcome::Refused, reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_text_and_files_are_told_apart() {
        assert_eq!(read(None).unwrap(), "{}");
        assert_eq!(read(Some(r#"{"a": 1}"#)).unwrap(), r#"{"a": 1}"#);
        assert_eq!(read(Some("12345678901234567890")).unwrap(), "12345678901234567890");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[1]").unwrap();
        assert_eq!(read(file.path().to_str()).unwrap(), "[1]");
    }

    #[test]
    fn what_is_neither_is_refused() {
        let failure = read(Some("{ a: 1 }")).unwrap_err();
        assert!(failure.to_string().starts_with("--input is no JSON: key must be a string at line 1"), "{failure}");
        assert!(read(Some("nowhere.json")).unwrap_err().to_string().contains("neither JSON text nor a file"));
    }
}
