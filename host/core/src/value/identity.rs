//! Which value is which: two values of the same identity are the same data in the same place, so that what is known of one is known of the
//! other without looking inside.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use jaq_json::{Map, Val};

use super::Value;

/// The place of a value's data, and its length where other data may begin at the same place, as a part of a text does.
pub(crate) type Address = (usize, usize);

/// Keeps an address from being given to other data. An array or an object is not kept alive by it, only its address taken; a text is.
#[derive(Debug)]
pub(crate) enum Anchor {
    Array { place: Weak<Vec<Val>> },
    Object { place: Weak<Map> },
    Text { bytes: Bytes },
}

impl Anchor {
    /// True while some value has that data.
    pub(crate) fn is_alive(&self) -> bool {
        match self {
            Self::Array { place } => place.strong_count() > 0,
            Self::Object { place } => place.strong_count() > 0,
            Self::Text { bytes } => !bytes.is_unique(),
        }
    }
}

impl Value {
    /// Where its data lies; `None` for a value that is no more than a word or two.
    ///
    /// While an [`Anchor`] of it exists, no other value has that address: data that somebody changes moves to another place first.
    pub(crate) fn address(&self) -> Option<Address> {
        match &self.0 {
            Val::Arr(items) => Some((Arc::as_ptr(items).addr(), 0)),
            Val::Obj(members) => Some((Arc::as_ptr(members).addr(), 0)),
            Val::TStr(bytes) | Val::BStr(bytes) if !bytes.is_empty() => Some((bytes.as_ptr().addr(), bytes.len())),
            _ => None,
        }
    }

    /// Keeps the address of its data.
    pub(crate) fn anchor(&self) -> Option<(Address, Anchor)> {
        let anchor = match &self.0 {
            Val::Arr(items) => Anchor::Array { place: Arc::downgrade(items) },
            Val::Obj(members) => Anchor::Object { place: Arc::downgrade(members) },
            Val::TStr(bytes) | Val::BStr(bytes) => Anchor::Text { bytes: Bytes::clone(bytes) },
            _ => return None,
        };
        Some((self.address()?, anchor))
    }
}
