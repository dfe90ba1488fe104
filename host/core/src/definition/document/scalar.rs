//! Plain scalars of YAML 1.2, core schema (section 10.3.2): what is a number, a boolean or nothing, and what is text.
//!
//! `yes`, `no`, `on` and `off` are text, as are dates. Numbers keep every digit.

use crate::value::Value;

/// The value of a plain scalar; an error where it is a number that JSON has nothing for.
pub(super) fn resolve(text: &str) -> Result<Value, &'static str> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::null(),
        "true" | "True" | "TRUE" => Value::from(true),
        "false" | "False" | "FALSE" => Value::from(false),
        _ => match number(text)? {
            Some(number) => number,
            None => Value::from(text),
        },
    })
}

fn number(text: &str) -> Result<Option<Value>, &'static str> {
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return Ok(None);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return in_radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return in_radix(digits, 8);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err("JSON has no number for this");
    }
    Ok(decimal(text.starts_with('-'), unsigned).and_then(|json| Value::from_json(json.as_bytes()).ok()))
}

fn in_radix(digits: &str, radix: u32) -> Result<Option<Value>, &'static str> {
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Ok(None);
    }
    let number = u64::from_str_radix(digits, radix).map_err(|_| "the number does not fit into 64 bits")?;
    Ok(Some(Value::from(number)))
}

/// A decimal number as JSON writes it: no plus sign, no zeros before, a digit on both sides of the point.
fn decimal(is_negative: bool, text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_digits = !whole.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty());
    let exponent_digits = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    let is_number = has_digits
        && are_digits(whole)
        && fraction.is_none_or(are_digits)
        && exponent_digits.is_none_or(|digits| !digits.is_empty() && are_digits(digits));
    if !is_number {
        return None;
    }
    let sign = if is_negative { "-" } else { "" };
    let whole = whole.trim_start_matches('0');
    let mut json = format!("{sign}{}", if whole.is_empty() { "0" } else { whole });
    if let Some(fraction) = fraction {
        json.push('.');
        json.push_str(if fraction.is_empty() { "0" } else { fraction });
    }
    if let Some(exponent) = exponent {
        json.push('e');
        json.push_str(exponent);
    }
    Some(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, json: &str) {
        assert_eq!(resolve(text).unwrap(), Value::from_json(json.as_bytes()).unwrap(), "{text}");
    }

    #[test]
    fn numbers_are_exact() {
        for (text, json) in [
            ("0", "0"),
            ("007", "7"),
            ("+12", "12"),
            ("-12", "-12"),
            ("9007199254740993", "9007199254740993"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("1.5", "1.5"),
            ("0.1234567890123456789", "0.1234567890123456789"),
            ("1.", "1.0"),
            (".5", "0.5"),
            ("-1.5e+3", "-1.5e+3"),
            ("0x1F", "31"),
            ("0o17", "15"),
        ] {
            check(text, json);
        }
    }

    #[test]
    fn words_that_other_readers_take_for_booleans_are_text() {
        for text in [
            "on",
            "off",
            "yes",
            "no",
            "y",
            "n",
            "On",
            "1_000",
            "0b1",
            "1.0.3",
            "2026-01-31",
            "12:30",
            "-",
            ".",
            "1e",
            "+",
        ] {
            check(text, &format!("{text:?}"));
        }
        for (text, json) in [("true", "true"), ("False", "false"), ("~", "null"), ("", "null"), ("NULL", "null")] {
            check(text, json);
        }
    }

    #[test]
    fn what_json_has_nothing_for_is_refused() {
        for text in [".inf", "-.INF", ".nan", "0x10000000000000000"] {
            assert!(resolve(text).is_err(), "{text}");
        }
    }
}
