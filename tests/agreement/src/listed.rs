//! What the three may say differently, each with its reason.
//!
//! A difference is told by taking it out: each entry has a function that rewrites a document so that what it lists is gone. Where the two
//! agree on the rewritten document, the entry explains them; where they do not, something else is the matter.

use serde_json::{Map, Value, json};

/// Something that two judges say differently of.
pub(crate) struct Listed {
    /// What it is.
    pub(crate) name: &'static str,
    /// Why it stays.
    pub(crate) reason: &'static str,
    /// Takes it out of a document.
    pub(crate) remove: fn(&mut Value),
}

/// Between the specification's schema and the published one.
pub(crate) const SCHEMAS: &[Listed] = &[
    Listed {
        name: "an expression over several lines",
        reason: "the specification's pattern has a dot that does not match a line feed, and its text says nothing of lines",
        remove: one_line,
    },
    Listed {
        name: "an expression for `instance` or `time`, where formats are only noted",
        reason: "two alternatives of a `oneOf` then match, though the specification means the second one for expressions",
        remove: literal_formats,
    },
    Listed {
        name: "white space before the first colon of a URI, where formats are only noted",
        reason: "the specification's pattern lets it pass, and no URI has any",
        remove: no_space_in_schemes,
    },
];

/// What the compiler checks and no schema can, by the code of the finding.
pub(crate) const BEYOND: &[(&str, &str)] = &[
    ("wrong-expression", "a schema does not compile expressions"),
    ("wrong-schema", "a schema does not look into the schemas of a document"),
    ("unknown-task", "a schema does not know the tasks of a list by name"),
    ("unknown-reference", "a schema does not know what `use` defines"),
];

/// Between the specification's schema and the compiler.
pub(crate) const COMPILER: &[Listed] = &[
    Listed {
        name: "an expression over several lines",
        reason: "the specification's pattern has a dot that does not match a line feed, and its text says nothing of lines",
        remove: one_line,
    },
    Listed {
        name: "a duration or a number of retries that is negative or beyond reason",
        reason: "the schema takes every whole number; the compiler wants those that mean something",
        remove: reasonable_numbers,
    },
    Listed {
        name: "a second case without `when` in a `switch`",
        reason: "the specification's text has one default case, which its schema cannot count",
        remove: one_default,
    },
];

/// Calls a function for every text, with the name of the member that it is or is in.
fn each_text(value: &mut Value, name: &str, call: &mut dyn FnMut(&str, &mut String)) {
    match value {
        Value::String(text) => call(name, text),
        Value::Array(elements) => elements.iter_mut().for_each(|element| each_text(element, name, call)),
        Value::Object(members) => members.iter_mut().for_each(|(name, member)| each_text(member, name, call)),
        _ => {}
    }
}

fn is_expression(text: &str) -> bool {
    text.trim().starts_with("${") && text.trim().ends_with('}')
}

fn one_line(document: &mut Value) {
    each_text(document, "", &mut |_, text| {
        if is_expression(text) {
            *text = text.trim().replace('\n', " ");
        }
    });
}

fn literal_formats(document: &mut Value) {
    each_text(document, "", &mut |name, text| match name {
        "instance" if is_expression(text) => *text = "/do/0".into(),
        "time" if is_expression(text) => *text = "2026-01-31T12:00:00Z".into(),
        _ => {}
    });
}

fn no_space_in_schemes(document: &mut Value) {
    each_text(document, "", &mut |_, text| {
        if let Some((scheme, rest)) = text.split_once(':')
            && !is_expression(text)
            && !rest.contains(char::is_whitespace)
        {
            *text = format!("{}:{rest}", scheme.replace(char::is_whitespace, ""));
        }
    });
}

/// Calls a function for every object.
fn each_object(value: &mut Value, call: &mut dyn FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|element| each_object(element, call)),
        Value::Object(members) => {
            call(members);
            members.values_mut().for_each(|member| each_object(member, call));
        }
        _ => {}
    }
}

fn reasonable_numbers(document: &mut Value) {
    each_object(document, &mut |members| {
        for name in ["days", "hours", "minutes", "seconds", "milliseconds", "count"] {
            if let Some(number) = members.get_mut(name).filter(|number| number.as_f64().is_some_and(f64::is_finite)) {
                let is_whole = number.as_f64().is_some_and(|number| number.fract() == 0.0);
                *number = if is_whole { json!(1) } else { number.take() };
            }
        }
    });
}

fn one_default(document: &mut Value) {
    each_object(document, &mut |members| {
        let cases = members.get_mut("switch").and_then(Value::as_array_mut).into_iter().flatten();
        for case in cases.filter_map(Value::as_object_mut).flat_map(|item| item.values_mut()) {
            if let Some(case) = case.as_object_mut() {
                case.entry("when").or_insert_with(|| json!("true"));
            }
        }
    });
}
