//! What an evaluation has used up, and the engine's view of it.

use std::cell::Cell;

use jaq_core::data::HasLut;
use jaq_core::{DataT, Exn, Lut, ValT as _, ValX};
use jaq_json::{Num, Val};

use super::Environment;

/// How deep a value may be nested that an expression builds: as deep as the reader of JSON allows.
const NESTING_MAX: usize = crate::value::NESTING_MAX;

/// The longest string that an expression makes.
const STRING_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Bytes of interpolated text that cost as much as an element: with the default budget, 32 MB in one evaluation.
const TEXT_BYTES_PER_ELEMENT: usize = 16;

/// The longest array and the largest object.
const LENGTH_MAX: usize = 1_000_000;

/// The longest whole number, in bits. Longer ones make every operation slow.
pub(super) const NUMBER_BITS_MAX: u64 = 4_096;

/// The engine's language over our values, with the meter at hand for the built-in functions.
pub(super) struct Language;

impl DataT for Language {
    type V<'a> = Val;
    type Data<'a> = &'a Metered<'a>;
}

/// What the built-in functions see. The engine copies what points to it at every step, so that is one word and no more.
pub(super) struct Metered<'a> {
    pub(super) table: &'a Lut<Language>,
    pub(super) meter: Meter,
}

impl<'a> HasLut<'a, Language> for &'a Metered<'a> {
    fn lut(&self) -> &'a Lut<Language> {
        self.table
    }
}

/// Counts down.
pub(super) struct Meter {
    ticks: Cell<u64>,
    elements: Cell<u64>,
    exceeded: Cell<Option<&'static str>>,
    pub(super) now_ms: i64,
}

impl Meter {
    pub(super) fn new(environment: &Environment) -> Self {
        Self {
            ticks: Cell::new(environment.budget.ticks),
            elements: Cell::new(environment.budget.elements),
            exceeded: Cell::new(None),
            now_ms: environment.now.0,
        }
    }

    /// What was used up, once something was. From then on every count fails, so that no `try` goes on for long.
    pub(super) fn exceeded(&self) -> Option<&'static str> {
        self.exceeded.get()
    }

    /// One call of a definition.
    pub(super) fn tick(&self) -> Result<(), Exn<'static, Val>> {
        self.take(&self.ticks, 1, "it repeats something too often, or without an end")
    }

    /// So many elements more.
    pub(super) fn elements(&self, count: usize) -> Result<(), Exn<'static, Val>> {
        self.take(&self.elements, count as u64, "it goes through too many elements, or copies too much")
    }

    /// What making a value of this size costs, however deep it is: its own length only.
    pub(super) fn size(&self, value: &Val) -> Result<(), Exn<'static, Val>> {
        match value {
            Val::TStr(text) | Val::BStr(text) if text.len() > STRING_BYTES_MAX => {
                self.exceed("it makes a string of more than 10 MiB")
            }
            Val::TStr(text) | Val::BStr(text) => self.elements(text.len() / 4_096),
            Val::Arr(items) => self.length(items.len()),
            Val::Obj(members) => self.length(members.len()),
            Val::Num(number) if bits(number) > NUMBER_BITS_MAX => {
                self.exceed("it makes a whole number of more than 4,096 bits")
            }
            Val::Null | Val::Bool(_) | Val::Num(_) => Ok(()),
        }
    }

    /// What going through the whole of a value costs.
    pub(super) fn weigh(&self, value: &Val) -> Result<(), Exn<'static, Val>> {
        self.weigh_at(value, 0)
    }

    fn weigh_at(&self, value: &Val, depth: usize) -> Result<(), Exn<'static, Val>> {
        if depth > NESTING_MAX {
            return self.exceed("it nests values too deep");
        }
        self.size(value)?;
        self.elements(1)?;
        match value {
            Val::Arr(items) => items.iter().try_for_each(|item| self.weigh_at(item, depth + 1)),
            Val::Obj(members) => members.values().try_for_each(|member| self.weigh_at(member, depth + 1)),
            _ => Ok(()),
        }
    }

    pub(super) fn exceed(&self, what: &'static str) -> Result<(), Exn<'static, Val>> {
        self.exceeded.set(self.exceeded.get().or(Some(what)));
        Err(Exn::from(jaq_core::Error::str(what)))
    }

    fn length(&self, length: usize) -> Result<(), Exn<'static, Val>> {
        if length > LENGTH_MAX {
            return self.exceed("it makes an array or an object of more than 1,000,000 elements");
        }
        self.elements(length / 64)
    }

    fn take(&self, left: &Cell<u64>, count: u64, what: &'static str) -> Result<(), Exn<'static, Val>> {
        match left.get().checked_sub(count) {
            Some(rest) if self.exceeded.get().is_none() => {
                left.set(rest);
                Ok(())
            }
            _ => self.exceed(what),
        }
    }
}

/// Multiplies within the bounds: a long string is refused before it is made.
pub(super) fn multiply<'a>(meter: &Meter, left: Val, right: Val) -> ValX<'a, Val> {
    let repeated = match (&left, &right) {
        (Val::TStr(text) | Val::BStr(text), Val::Num(times)) | (Val::Num(times), Val::TStr(text) | Val::BStr(text)) => {
            text.len() as f64 * as_float(times)
        }
        _ => 0.0,
    };
    if repeated > STRING_BYTES_MAX as f64 {
        meter.exceed("it makes a string of more than 10 MiB")?;
    }
    if let (Val::Num(left), Val::Num(right)) = (&left, &right)
        && bits(left) + bits(right) > NUMBER_BITS_MAX
    {
        meter.exceed("it makes a whole number of more than 4,096 bits")?;
    }
    let product = (left * right).map_err(Exn::from)?;
    meter.size(&product)?;
    Ok(product)
}

/// The text of a value, to be put into a string.
///
/// Its bytes are charged, so that all that is interpolated in one evaluation is bounded, in however many strings it ends up.
pub(super) fn text<'a>(meter: &Meter, value: Val) -> ValX<'a, Val> {
    meter.weigh(&value)?;
    let text = value.into_string();
    if let Val::TStr(bytes) | Val::BStr(bytes) = &text {
        meter.elements(bytes.len() / TEXT_BYTES_PER_ELEMENT)?;
    }
    Ok(text)
}

fn bits(number: &Num) -> u64 {
    match number {
        Num::Int(_) => 64,
        Num::BigInt(number) => number.bits(),
        Num::Float(_) => 0,
        Num::Dec(digits) => digits.len() as u64,
    }
}

fn as_float(number: &Num) -> f64 {
    match number {
        Num::Int(number) => *number as f64,
        Num::Float(number) => *number,
        Num::BigInt(_) => f64::INFINITY,
        Num::Dec(digits) => digits.parse().unwrap_or(f64::INFINITY),
    }
}

/// An error's text quotes the data it is about, which may be large.
pub(super) fn shortened(text: &str) -> String {
    const CHARACTERS_MAX: usize = 300;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}
