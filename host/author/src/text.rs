//! How parts of documents are shown to people: expressions without their braces, lengths of time, and long text cut short.

use std::time::Duration;

use sandmill_core::definition::Span;
use sandmill_core::expression::parse_expression;
use sandmill_core::time::Millis;
use sandmill_core::value::Value;

/// What stands in a document, as one line: the source of an expression, text as it is, everything else as JSON.
pub(crate) fn written(value: &Value) -> String {
    let text = match value.as_str() {
        Some(text) => parse_expression(&text).unwrap_or(&text).to_owned(),
        None => value.to_string(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The beginning of a text that has more than so many characters.
pub(crate) fn shortened(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A length of time, such as `1m 30s`.
pub(crate) fn duration(millis: Millis) -> String {
    humantime::format_duration(Duration::from_millis(millis.0)).to_string()
}

/// A length of time of a document; `source` is what stands there.
pub(crate) fn span(span: &Span, source: Option<Value>) -> String {
    match (span, source) {
        (Span::Fixed(millis), _) => duration(*millis),
        (Span::Expression(_), Some(source)) => written(&source),
        (Span::Expression(_), None) => "as an expression says".into(),
    }
}
