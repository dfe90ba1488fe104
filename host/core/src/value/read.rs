//! JSON text to values.
//!
//! Strict: what RFC 8259 says and nothing else. Numbers keep the digits that they are written with, whatever their size.

use std::borrow::Cow;
use std::fmt;

use jaq_json::{Map, Num, Val};
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::Value;

/// How deep arrays and objects may be nested: the reader's own bound, which keeps every walk over a value within its stack.
pub const NESTING_MAX: usize = 127;

/// What `serde_json` calls a number of any precision when it hands it over as a map with one member.
const NUMBER: &str = "$serde_json::private::Number";

/// Text that is not one JSON value.
#[derive(Debug, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct ValueError {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong there.
    pub reason: String,
}

impl Value {
    /// Reads one JSON value, nested at most [`NESTING_MAX`] deep.
    pub fn from_json(text: &[u8]) -> Result<Self, ValueError> {
        serde_json::from_slice(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let reason = error.to_string();
            let reason = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(reason, _)| reason).into();
            ValueError { line, column, reason }
        })
    }

    /// Takes over a value of another library.
    #[must_use]
    pub fn from_serde(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::null(),
            serde_json::Value::Bool(value) => Self::from(value),
            serde_json::Value::Number(number) => Self(Val::Num(number_of(&number.to_string()))),
            serde_json::Value::String(text) => Self::from(text),
            serde_json::Value::Array(items) => Self::array(items.into_iter().map(Self::from_serde)),
            serde_json::Value::Object(members) => {
                Self::object(members.into_iter().map(|(name, value)| (name, Self::from_serde(value))))
            }
        }
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        Self::from_serde(value)
    }
}

/// A number in JSON's notation. One with a fraction or an exponent keeps its digits where a float would lose some.
pub(super) fn number_of(text: &str) -> Num {
    if let Some(whole) = Num::from_str_radix(text, 10) {
        return whole;
    }
    match text.parse::<f64>() {
        Ok(float) if float.is_finite() && is_exact(text) => Num::Float(float),
        _ => Num::Dec(text.to_string().into()),
    }
}

/// The digits of a number as an expression writes it, in the way in which the number is shown once it was stored and read again: what an
/// expression makes must not change with that.
pub(crate) fn canonical_digits(literal: &str) -> Cow<'_, str> {
    if literal.bytes().all(|byte| byte.is_ascii_digit()) {
        return Cow::Borrowed(literal);
    }
    // jq allows zeros before the digits, and nothing before the point.
    let digits = literal.trim_start_matches('0');
    let zero = if digits.starts_with(|first: char| first.is_ascii_digit()) { "" } else { "0" };
    match format!("{zero}{digits}").parse::<serde_json::Number>() {
        Ok(number) => Cow::Owned(number_of(&number.to_string()).to_string()),
        Err(_) => Cow::Borrowed(literal),
    }
}

/// True where a float holds all the digits: fifteen significant ones always fit (IEEE 754, decimal64 round trip).
fn is_exact(text: &str) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    mantissa.bytes().filter(u8::is_ascii_digit).count() <= 15
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Seed.deserialize(deserializer).map(Self)
    }
}

#[derive(Clone, Copy)]
struct Seed;

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Val;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Val, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Val;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Val, E> {
        Ok(Val::Null)
    }

    fn visit_none<E>(self) -> Result<Val, E> {
        Ok(Val::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Val, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Val, E> {
        Ok(Val::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Val, E> {
        Ok(Val::Num(Num::from_integral(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Val, E> {
        Ok(Val::Num(Num::from_integral(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Val, E> {
        Ok(Val::Num(Num::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Val, E> {
        Ok(Val::utf8_str(value.as_bytes().to_vec()))
    }

    fn visit_string<E>(self, value: String) -> Result<Val, E> {
        Ok(Val::utf8_str(value.into_bytes()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Val, A::Error> {
        let mut array = Vec::with_capacity(items.size_hint().unwrap_or(0).min(1_024));
        while let Some(item) = items.next_element_seed(self)? {
            array.push(item);
        }
        Ok(Val::Arr(array.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Val, A::Error> {
        let mut object = Map::default();
        while let Some(name) = members.next_key::<String>()? {
            if name == NUMBER && object.is_empty() {
                return members.next_value::<String>().and_then(|digits| checked_number(&digits));
            }
            let value = members.next_value_seed(self)?;
            object.insert(Val::utf8_str(name.into_bytes()), value);
        }
        Ok(Val::obj(object))
    }
}

/// The digits come from the reader, or from data with a member of that name: those must be a number too.
fn checked_number<E: de::Error>(digits: &str) -> Result<Val, E> {
    match digits.parse::<serde_json::Number>() {
        Ok(_) => Ok(Val::Num(number_of(digits))),
        Err(_) => Err(E::custom(format!("a member is named `{NUMBER}`, which is reserved"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn round_trip(json: &str) {
        let value = Value::from_json(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"));
        assert_eq!(String::from_utf8(value.to_json()).unwrap(), json);
        assert_eq!(value.json_len(), json.len());
        assert_eq!(Value::from_serde(value.to_serde()), value, "{json}");
    }

    #[test]
    fn what_is_read_is_written_the_same() {
        for json in [
            "null",
            "true",
            "0",
            "-1",
            "1.5",
            "1.0",
            "9223372036854775807",
            "18446744073709551616",
            "0.1234567890123456789",
            "\"\"",
            "\"a\\\"\\\\\\n\u{e9}\"",
            "[]",
            "{}",
            "[1,[2,{\"a\":null}]]",
            "{\"b\":1,\"a\":2}",
        ] {
            round_trip(json);
        }
    }

    #[test]
    fn everything_that_is_no_json_is_refused_with_its_place() {
        for json in ["", "nul", "NaN", "01", "1.", "[1,]", "{a:1}", "'a'", "1 2", "# x\n1", "\"\\x\"", "{\"a\"}", "[1"]
        {
            assert!(Value::from_json(json.as_bytes()).is_err(), "{json}");
        }
        let error = Value::from_json(b"{\n  \"a\": x }").unwrap_err();
        assert_eq!((error.line, error.column), (2, 8));
    }

    #[test]
    fn nesting_is_read_up_to_its_limit_and_no_deeper() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Value::from_json(nested(NESTING_MAX).as_bytes()).is_ok());
        assert!(Value::from_json(nested(NESTING_MAX + 1).as_bytes()).is_err());
    }

    #[test]
    fn data_cannot_pass_for_a_number() {
        let json = format!("{{\"{NUMBER}\":\"1; drop\"}}");
        assert!(Value::from_json(json.as_bytes()).unwrap_err().to_string().contains("reserved"));
    }
}
