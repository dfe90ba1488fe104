//! Durations of the language: an object of units, or ISO 8601 text.
//!
//! Years and months have no fixed length, so they count as 365 and 30 days: a workflow must not take another time in February.

use crate::time::Millis;
use crate::value::Value;

/// The longest duration, a hundred years: past that a number is a mistake, and arithmetic on moments stays far from its end.
const MILLIS_MAX: f64 = 100.0 * 365.0 * DAY;

const SECOND: f64 = 1_000.0;
const MINUTE: f64 = 60.0 * SECOND;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

/// A duration that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text} is no duration: write ISO 8601 text such as `PT1M30S`, or an object such as `{{ minutes: 1, seconds: 30 }}`, of 100 years at most"
)]
pub struct DurationError {
    /// What stood there.
    pub text: String,
}

/// Reads a duration: text such as `PT1M30S`, or an object with `days`, `hours`, `minutes`, `seconds` and `milliseconds`.
pub fn parse_duration(value: &Value) -> Result<Millis, DurationError> {
    let millis = match value.as_str() {
        Some(text) => iso_8601(&text),
        None => units(value),
    };
    millis
        .filter(|millis| (0.0..=MILLIS_MAX).contains(millis))
        .map(|millis| Millis(millis.round() as u64))
        .ok_or_else(|| DurationError { text: value.to_string() })
}

fn units(value: &Value) -> Option<f64> {
    let mut millis = 0.0;
    let mut any = false;
    for (unit, number) in value.entries()? {
        let length = match &*unit {
            "days" => DAY,
            "hours" => HOUR,
            "minutes" => MINUTE,
            "seconds" => SECOND,
            "milliseconds" => 1.0,
            _ => return None,
        };
        millis += number.as_f64()? * length;
        any = true;
    }
    any.then_some(millis)
}

/// `PnYnMnWnDTnHnMnS`, each part once and in that order, at least one of them.
fn iso_8601(text: &str) -> Option<f64> {
    let (date, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (&text[1..], ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let date = parts(date, &[('Y', 365.0 * DAY), ('M', 30.0 * DAY), ('W', 7.0 * DAY), ('D', DAY)])?;
    Some(date + parts(time, &[('H', HOUR), ('M', MINUTE), ('S', SECOND)])?)
}

fn parts(mut text: &str, units: &[(char, f64)]) -> Option<f64> {
    let mut millis = 0.0;
    let mut units = units.iter();
    while !text.is_empty() {
        let end = text.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, rest) = text.split_at(end);
        let letter = rest.chars().next()?;
        let (_, length) = units.find(|(unit, _)| *unit == letter)?;
        let is_number =
            number.starts_with(|c: char| c.is_ascii_digit()) && number.ends_with(|c: char| c.is_ascii_digit());
        millis += is_number.then(|| number.parse::<f64>().ok()).flatten()? * length;
        text = &rest[1..];
    }
    Some(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, millis: Option<u64>) {
        let value = Value::from_json(json.as_bytes()).unwrap();
        assert_eq!(parse_duration(&value).ok(), millis.map(Millis), "{json}");
    }

    #[test]
    fn text_and_units_are_read() {
        check(r#""PT1M30S""#, Some(90_000));
        check(r#""P1DT0.5S""#, Some(86_400_500));
        check(r#""P1Y2M3W4D""#, Some((365 + 60 + 21 + 4) * 86_400_000));
        check(r#"{ "minutes": 1, "seconds": 30 }"#, Some(90_000));
        check(r#"{ "milliseconds": 0 }"#, Some(0));
    }

    #[test]
    fn everything_else_is_refused() {
        for json in [
            r#""""#,
            r#""P""#,
            r#""PT""#,
            r#""P1S""#,
            r#""PT1S1M""#,
            r#""PT.S""#,
            r#""PT1.S""#,
            r#""1m""#,
            "{}",
            "[]",
            "5",
            "null",
        ] {
            check(json, None);
        }
        check(r#"{ "weeks": 1 }"#, None);
        check(r#"{ "seconds": -1 }"#, None);
        check(r#"{ "seconds": "1" }"#, None);
    }

    #[test]
    fn a_hundred_years_and_no_more() {
        check(r#""P100Y""#, Some(100 * 365 * 86_400_000));
        check(r#""P100YT0.001S""#, None);
    }
}
