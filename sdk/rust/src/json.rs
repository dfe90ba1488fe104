//! Decoding with the place of a mistake.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::serde_json;

/// Text that is not the value it should be.
#[derive(Debug)]
pub(crate) struct Mismatch {
    /// Where: names and indexes from the value's root, empty at the root itself.
    pub(crate) path: String,
    /// What is wrong there.
    reason: String,
}

impl Mismatch {
    /// The mistake as seen from outside, where the whole value has a name.
    pub(crate) fn under(&self, name: &str) -> impl fmt::Display {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        format!("{name}{dot}{}: {}", self.path, self.reason)
    }
}

/// Reads one JSON value. The place of a mistake is searched only after one was found: good text pays nothing for it.
pub(crate) fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Mismatch> {
    serde_json::from_str(text).map_err(|error| locate::<T>(text, &error))
}

#[cold]
fn locate<T: DeserializeOwned>(text: &str, error: &serde_json::Error) -> Mismatch {
    let found = serde_path_to_error::deserialize::<_, T>(&mut serde_json::Deserializer::from_str(text)).err();
    let path = found.as_ref().map(|found| found.path().to_string()).unwrap_or_default();
    let reason = found.map_or_else(|| error.to_string(), |found| found.into_inner().to_string());
    // The text was made by a machine: line and column of it help nobody.
    let reason = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(reason, _)| reason).to_owned();
    Mismatch { path: if path == "." { String::new() } else { path }, reason }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only decoded")]
    struct Sizes {
        sizes: Vec<Size>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only decoded")]
    struct Size {
        width: u32,
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(decode::<Sizes>(text).unwrap_err().under("config").to_string(), expected);
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        check("{}", "config: missing field `sizes`");
        check("[]", "config: invalid length 0, expected struct Sizes with 1 element");
        check(r#"{"sizes":[{"width":1},{}]}"#, "config.sizes[1]: missing field `width`");
        check(r#"{"sizes":[{"width":-1}]}"#, "config.sizes[0].width: invalid value: integer `-1`, expected u32");
    }

    #[test]
    fn what_follows_the_value_is_a_mistake_too() {
        check(r#"{"sizes":[]} {}"#, "config: trailing characters");
    }
}
