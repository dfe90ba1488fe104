//! The digests of values that were hashed before, so that none is hashed twice.
//!
//! Knows values by the place of their data. How many are known is bounded by whoever asks: a [`DigestMemo`] by their number.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::{Address, Anchor, Value};
use crate::ids::Digest;

/// Values that a [`DigestMemo`] knows: the members of one execution's `$context` and more, at some hundred bytes each.
pub const MEMO_VALUES_MAX: usize = 1_024;

/// Digests of values, by the place of their data.
#[derive(Debug, Default)]
pub(crate) struct KnownDigests(BTreeMap<Address, (Anchor, Digest)>);

impl KnownDigests {
    /// The digest of a value, where it is known without looking at it.
    pub(crate) fn get(&self, value: &Value) -> Option<Digest> {
        self.0.get(&value.address()?).map(|(_, digest)| *digest)
    }

    /// Takes note of the digest of a value, and gives its place where it has one.
    pub(crate) fn note(&mut self, value: &Value, digest: Digest) -> Option<Address> {
        let (address, anchor) = value.anchor()?;
        self.0.insert(address, (anchor, digest));
        Some(address)
    }

    /// Forgets the values that nobody has any more, and those with other digests than are to be kept.
    pub(crate) fn keep(&mut self, is_kept: impl Fn(&Digest) -> bool) {
        self.0.retain(|_, (anchor, digest)| anchor.is_alive() && is_kept(digest));
    }

    fn is_alive(&self, address: Address) -> bool {
        self.0.get(&address).is_some_and(|(anchor, _)| anchor.is_alive())
    }

    fn forget(&mut self, address: Address) {
        self.0.remove(&address);
    }
}

/// The digests of the values that it was asked for last, [`MEMO_VALUES_MAX`] at most: the oldest make room for new ones.
#[derive(Debug, Default)]
pub struct DigestMemo {
    known: KnownDigests,
    /// The places that are known, the oldest first.
    order: VecDeque<Address>,
}

impl DigestMemo {
    /// The digest of a value's JSON text, as [`Value::digest`] gives it. The text itself comes with it where it had to be written.
    ///
    /// A clone of a value is known with it. What is no more than a number or a word is never known, and costs nothing to write.
    pub fn digest_of(&mut self, value: &Value) -> (Digest, Option<Bytes>) {
        if let Some(digest) = self.known.get(value) {
            return (digest, None);
        }
        let text = Bytes::from(value.to_json());
        let digest = Digest::of(&text);
        // A text that is not Unicode may share its place with one that is written otherwise.
        if let Some(address) = value.is_json().then(|| self.known.note(value, digest)).flatten() {
            self.order.push_back(address);
            self.make_room();
        }
        (digest, Some(text))
    }

    /// Lets go of the oldest, as long as there are too many or nobody has them any more.
    fn make_room(&mut self) {
        while let Some(oldest) = self.order.front().copied() {
            if self.order.len() <= MEMO_VALUES_MAX && self.known.is_alive(oldest) {
                return;
            }
            self.known.forget(oldest);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Value {
        Value::from_json(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    #[track_caller]
    fn check(memo: &mut DigestMemo, value: &Value, is_known: bool) {
        let (digest, text) = memo.digest_of(value);
        assert_eq!(digest, value.digest());
        assert_eq!(text.is_none(), is_known);
        assert!(text.is_none_or(|text| text == value.to_json()));
    }

    #[test]
    fn what_did_not_change_is_not_hashed_again() {
        let mut memo = DigestMemo::default();
        for json in [r#"{"a":[1]}"#, "[1]", r#""text""#] {
            let value = value(json);
            check(&mut memo, &value, false);
            check(&mut memo, &value.clone(), true);
        }
        let context = value(r#"{"large":[1,2],"other":{}}"#);
        check(&mut memo, &context.get("large").unwrap(), false);
        let changed = context.with_member("other", Value::null());
        check(&mut memo, &changed.get("large").unwrap(), true);
        for json in ["1", "null", "true", r#""""#] {
            check(&mut memo, &value(json), false);
            check(&mut memo, &value(json), false);
        }
    }

    #[test]
    fn a_place_that_is_given_to_another_value_is_not_taken_for_the_first() {
        let mut memo = DigestMemo::default();
        for number in 0..10_000_i64 {
            check(&mut memo, &Value::array([Value::from(number)]), false);
            check(&mut memo, &Value::from(format!("text {number:05}")), false);
        }
        assert!(memo.order.len() <= 2, "what nobody has any more is let go of");
    }

    #[test]
    fn so_many_are_known_and_the_oldest_is_let_go_of() {
        let mut memo = DigestMemo::default();
        let values: Vec<_> = (0..=MEMO_VALUES_MAX as i64).map(|number| Value::array([Value::from(number)])).collect();
        let (last, first) = values.split_last().unwrap();
        first.iter().for_each(|value| check(&mut memo, value, false));
        first.iter().for_each(|value| check(&mut memo, value, true));
        check(&mut memo, last, false);
        assert_eq!((memo.order.len(), memo.known.0.len()), (MEMO_VALUES_MAX, MEMO_VALUES_MAX));
        values[1..].iter().for_each(|value| check(&mut memo, value, true));
        check(&mut memo, &values[0], false);
    }
}
