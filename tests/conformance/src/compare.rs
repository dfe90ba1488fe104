//! Values: how they are written in a scenario, and what tells two of them apart.

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value};
use similar::TextDiff;

/// The value of a text in JSON or YAML.
pub(crate) fn parse(text: &str) -> Result<Value> {
    // JSON first: its numbers keep every digit.
    let yaml = serde_saphyr::options! { strict_booleans: true };
    serde_json::from_str(text)
        .or_else(|_| serde_saphyr::from_str_with_options(text, yaml))
        .with_context(|| format!("this is neither JSON nor YAML: {text}"))
}

/// An error that shows both where they differ.
pub(crate) fn same(what: &str, expected: &Value, got: &Value) -> Result<()> {
    same_texts(what, &pretty(expected), &pretty(got))
        .or_else(|error| if equal(expected, got) { Ok(()) } else { Err(error) })
}

/// The same for texts, line by line.
pub(crate) fn same_texts(what: &str, expected: &str, got: &str) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    let difference = TextDiff::from_lines(expected, got);
    bail!("{what} is not as expected (-) but otherwise (+):\n{}", difference.unified_diff().context_radius(20))
}

/// Numbers are compared by what they are and objects without regard to order.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let is_whole = |number: &str| number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
            let (one, other) = (one.to_string(), other.to_string());
            one == other || !(is_whole(&one) && is_whole(&other)) && one.parse::<f64>() == other.parse::<f64>()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| equal(value, other)))
        }
        _ => one == other,
    }
}

/// The parts of a value that another one has too, so that only those are compared.
pub(crate) fn projected(value: &Value, onto: &Value) -> Value {
    match (value, onto) {
        (Value::Object(members), Value::Object(wanted)) => {
            let both =
                members.iter().filter_map(|(name, value)| Some((name.clone(), projected(value, wanted.get(name)?))));
            Value::Object(both.collect())
        }
        _ => value.clone(),
    }
}

/// What stands at a path such as `content.items.0.id`.
pub(crate) fn property<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => value.get(part),
    })
}

fn pretty(value: &Value) -> String {
    format!("{:#}\n", sorted(value))
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            Value::Object(names.into_iter().map(|name| (name.clone(), sorted(&members[name]))).collect::<Map<_, _>>())
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: &str, got: &str, is_same: bool) {
        let (expected, got) = (parse(expected).unwrap(), parse(got).unwrap());
        assert_eq!(same("it", &expected, &got).is_ok(), is_same, "{expected} {got}");
    }

    #[test]
    fn values_are_compared_by_what_they_are() {
        check("a: 1\nb: [x, true]", r#"{ "b": ["x", true], "a": 1 }"#, true);
        check("1.0", "1", true);
        check("9007199254740993", "9007199254740992", false);
        check("123456789012345678901234567890", "123456789012345678901234567891", false);
        check("[1, 2]", "[2, 1]", false);
        check("null", "{}", false);
        check("on: yes", r#"{ "on": "yes" }"#, true);
    }

    #[test]
    fn a_difference_is_shown_line_by_line() {
        let error = same("the output", &parse("a: 1").unwrap(), &parse("a: 2").unwrap()).unwrap_err().to_string();
        assert!(error.contains("-  \"a\": 1") && error.contains("+  \"a\": 2"), "{error}");
    }

    #[test]
    fn a_path_leads_through_objects_and_arrays() {
        let value = parse("a: [{ b: 1 }]").unwrap();
        assert_eq!(property(&value, "a.0.b"), Some(&Value::from(1)));
        assert_eq!(property(&value, "a.1.b"), None);
    }

    #[test]
    fn a_projection_keeps_what_the_other_has() {
        let value = parse("a: 1\nb: { c: 2, d: 3 }").unwrap();
        assert_eq!(projected(&value, &parse("b: { c: 0 }").unwrap()), parse("b: { c: 2 }").unwrap());
    }
}
