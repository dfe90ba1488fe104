//! Forms of text that the specification asks for: URIs, moments, pointers and names of hosts.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value as Json, json};

/// A URI reference (RFC 3986) or a URI template (RFC 6570).
pub(super) fn is_uri(text: &str) -> bool {
    static URI: LazyLock<Validator> = LazyLock::new(|| any_of(&["uri-reference", "uri-template"]));
    !text.is_empty() && !text.contains(char::is_whitespace) && !text.starts_with("${") && has(&URI, text)
}

/// A URI template (RFC 6570).
pub(super) fn is_uri_template(text: &str) -> bool {
    static TEMPLATE: LazyLock<Validator> = LazyLock::new(|| any_of(&["uri-template"]));
    has(&TEMPLATE, text)
}

/// A moment with its time zone (RFC 3339).
pub(super) fn is_moment(text: &str) -> bool {
    static MOMENT: LazyLock<Validator> = LazyLock::new(|| any_of(&["date-time"]));
    has(&MOMENT, text)
}

/// A JSON Pointer (RFC 6901).
pub(super) fn is_pointer(text: &str) -> bool {
    static POINTER: LazyLock<Validator> = LazyLock::new(|| any_of(&["json-pointer"]));
    has(&POINTER, text)
}

/// The name or the number of a host, of 1 to 63 characters.
pub(super) fn is_host(text: &str) -> bool {
    let is_end = |character: Option<char>| character.is_some_and(|character| character.is_ascii_alphanumeric());
    let is_inner = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.');
    text.len() <= 63 && is_end(text.chars().next()) && is_end(text.chars().last()) && text.chars().all(is_inner)
}

fn any_of(formats: &[&str]) -> Validator {
    let choices: Vec<Json> = formats.iter().map(|format| json!({ "format": format })).collect();
    let options = jsonschema::options().offline().should_validate_formats(true);
    options.build(&json!({ "anyOf": choices })).expect("formats that the crate knows make a schema")
}

fn has(format: &Validator, text: &str) -> bool {
    format.is_valid(&Json::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(has_form: fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(has_form(text), "{text}");
        }
        for text in bad {
            assert!(!has_form(text), "{text}");
        }
    }

    #[test]
    fn addresses_have_a_form() {
        let good = ["https://example.com/pets?name=a#b", "/relative", "https://example.com/{id}", "urn:a:b'c"];
        check(is_uri, &good, &["", "two words", "https://example.com/{id", "a|b", "${ .uri }"]);
        check(is_uri_template, &["", "/oauth2/{tenant}"], &["/oauth2/{tenant", "two words"]);
    }

    #[test]
    fn moments_pointers_and_hosts_have_a_form() {
        check(is_moment, &["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5+01:00"], &["", "2026-01-31", "noon"]);
        check(is_pointer, &["", "/do/0/a~1b"], &["do", "/a~2", "#/do"]);
        let longest = "a".repeat(63);
        check(
            is_host,
            &["localhost", "10.0.0.1", "a.b-c.example", &longest],
            &["", "-a", "a.", "a b", "a:1", &format!("{longest}a")],
        );
    }
}
