//! The one value type, from the journal to the expressions to what a task reads.
//!
//! A [`Value`] is JSON data behind one pointer: cloning it is counting a reference, however large it is, and it may cross threads. It is a
//! newtype over the value of the expression engine, so nothing is ever converted to evaluate an expression.
//!
//! Owns how values are read and written as JSON, and what keeps them from growing without bound. Knows nothing of workflows.

mod digests;
mod identity;
mod read;
mod write;

use std::borrow::Cow;
use std::fmt;

use jaq_json::{Num, Val};

use crate::ids::Digest;

pub(crate) use digests::KnownDigests;
pub use digests::{DigestMemo, MEMO_VALUES_MAX};
pub(crate) use identity::{Address, Anchor};
pub(crate) use read::canonical_digits;
pub use read::{NESTING_MAX, ValueError};

/// JSON data, shared.
#[derive(Clone, Default, PartialEq)]
#[repr(transparent)]
pub struct Value(pub(crate) Val);

/// What makes handles and frames small: two words, whatever it holds.
const _: () = assert!(size_of::<Value>() == 16);

impl Value {
    /// JSON `null`.
    #[must_use]
    pub const fn null() -> Self {
        Self(Val::Null)
    }

    /// An array of these.
    #[must_use]
    pub fn array(items: impl IntoIterator<Item = Self>) -> Self {
        Self(items.into_iter().map(|item| item.0).collect())
    }

    /// An object of these, in this order; of two with the same name the later one counts.
    #[must_use]
    pub fn object<Name: AsRef<str>>(members: impl IntoIterator<Item = (Name, Self)>) -> Self {
        let members = members.into_iter().map(|(name, value)| (key(name.as_ref()), value.0));
        Self(Val::obj(members.collect()))
    }

    /// The same object with one member set to another value. Anything but an object becomes one with that member alone.
    #[must_use]
    pub fn with_member(&self, name: &str, value: Self) -> Self {
        let mut members = match &self.0 {
            Val::Obj(members) => (**members).clone(),
            _ => jaq_json::Map::default(),
        };
        members.insert(key(name), value.0);
        Self(Val::obj(members))
    }

    /// True for `null`.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self.0, Val::Null)
    }

    /// True for everything but `null` and `false`, as in jq.
    #[must_use]
    pub const fn is_truthy(&self) -> bool {
        !matches!(self.0, Val::Null | Val::Bool(false))
    }

    /// The word for what it is: `null`, `boolean`, `number`, `string`, `array` or `object`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.0 {
            Val::Null => "null",
            Val::Bool(_) => "boolean",
            Val::Num(_) => "number",
            Val::BStr(_) | Val::TStr(_) => "string",
            Val::Arr(_) => "array",
            Val::Obj(_) => "object",
        }
    }

    /// The boolean that it is.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self.0 {
            Val::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The whole number that it is, where it fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Val::Num(number) => number.as_isize().map(|number| number as i64),
            _ => None,
        }
    }

    /// The whole number that it is, where it fits and is not negative.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        self.as_i64().and_then(|number| u64::try_from(number).ok())
    }

    /// The number that it is, as near as can be.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match &self.0 {
            Val::Num(Num::Int(number)) => Some(*number as f64),
            Val::Num(Num::Float(number)) => Some(*number),
            Val::Num(number) => number.to_string().parse().ok(),
            _ => None,
        }
    }

    /// The text that it is.
    #[must_use]
    pub fn as_str(&self) -> Option<Cow<'_, str>> {
        match &self.0 {
            Val::TStr(bytes) | Val::BStr(bytes) => Some(String::from_utf8_lossy(bytes)),
            _ => None,
        }
    }

    /// The member of an object.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Self> {
        match &self.0 {
            Val::Obj(members) => members.get(&key(name)).cloned().map(Self),
            _ => None,
        }
    }

    /// The element of an array.
    #[must_use]
    pub fn index(&self, index: usize) -> Option<Self> {
        match &self.0 {
            Val::Arr(items) => items.get(index).cloned().map(Self),
            _ => None,
        }
    }

    /// How many elements or members it has; `None` for what has neither.
    #[must_use]
    pub fn length(&self) -> Option<usize> {
        match &self.0 {
            Val::Arr(items) => Some(items.len()),
            Val::Obj(members) => Some(members.len()),
            _ => None,
        }
    }

    /// The elements of an array.
    #[must_use]
    pub fn iter_array(&self) -> Option<impl ExactSizeIterator<Item = Self> + '_> {
        match &self.0 {
            Val::Arr(items) => Some(items.iter().cloned().map(Self)),
            _ => None,
        }
    }

    /// The members of an object, in its order.
    #[must_use]
    pub fn entries(&self) -> Option<impl ExactSizeIterator<Item = (Cow<'_, str>, Self)> + '_> {
        match &self.0 {
            Val::Obj(members) => Some(members.iter().map(|(name, value)| (write::key_text(name), Self(value.clone())))),
            _ => None,
        }
    }

    /// The names of an object's members, in its order.
    #[must_use]
    pub fn keys(&self) -> Option<Vec<String>> {
        self.entries().map(|entries| entries.map(|(name, _)| name.into_owned()).collect())
    }

    /// What stands at a JSON Pointer (RFC 6901).
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<Self> {
        if pointer.is_empty() {
            return Some(self.clone());
        }
        let mut place = self.clone();
        for token in pointer.strip_prefix('/')?.split('/') {
            place = place.child(&token.replace("~1", "/").replace("~0", "~"))?;
        }
        Some(place)
    }

    /// The member of that name, or the element with that number.
    #[must_use]
    pub fn child(&self, token: &str) -> Option<Self> {
        match &self.0 {
            Val::Obj(_) => self.get(token),
            Val::Arr(_) => {
                let is_index = token == "0" || !token.starts_with(['0', '+']);
                token.parse().ok().filter(|_| is_index).and_then(|index: usize| self.index(index))
            }
            _ => None,
        }
    }

    /// The digest of its JSON text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_json())
    }
}

fn key(name: &str) -> Val {
    Val::utf8_str(name.as_bytes().to_vec())
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self(Val::Bool(value))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self(Val::Num(Num::from_integral(value)))
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self(Val::Num(Num::from_integral(value)))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self(key(value))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self(Val::utf8_str(value.into_bytes()))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(&self.to_json()))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Value {
        Value::from_json(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    #[test]
    fn a_pointer_finds_members_and_elements() {
        let document = value(r#"{"a":[{"b/c":1,"~":2}],"":3}"#);
        assert_eq!(document.pointer("/a/0/b~1c"), Some(Value::from(1_i64)));
        assert_eq!(document.pointer("/a/0/~0"), Some(Value::from(2_i64)));
        assert_eq!(document.pointer("/"), Some(Value::from(3_i64)));
        assert_eq!(document.pointer(""), Some(document.clone()));
        for nowhere in ["a", "/b", "/a/1", "/a/00", "/a/-", "/a/0/b~1c/x"] {
            assert_eq!(document.pointer(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn a_member_is_set_without_changing_the_original() {
        let before = value(r#"{"a":1,"b":2}"#);
        assert_eq!(before.with_member("a", Value::from(3_i64)), value(r#"{"a":3,"b":2}"#));
        assert_eq!(before, value(r#"{"a":1,"b":2}"#));
        assert_eq!(Value::null().with_member("a", Value::null()), value(r#"{"a":null}"#));
    }

    #[test]
    fn numbers_are_whole_where_they_are_written_so() {
        assert_eq!(value("7").as_i64(), Some(7));
        assert_eq!(value("-7").as_u64(), None);
        assert_eq!(value("1.5").as_i64(), None);
        assert_eq!(value("1.5").as_f64(), Some(1.5));
        assert_eq!(value("18446744073709551616").as_f64(), Some(18_446_744_073_709_551_616.0));
    }
}
