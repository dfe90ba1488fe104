//! The built-in functions that expressions may use, and the counters.
//!
//! An allow-list: nothing that reads the environment, the clock, the terminal or the local time zone is on it. `now` is the moment of the
//! event that is being handled. Names that begin with `!` cannot be written in an expression; the rewriter puts them in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jaq_core::box_iter::box_once;
use jaq_core::native::{Filter, Fun, bome, v};
use jaq_core::{Exn, Native, RunPtr};
use jaq_json::{Num, Val};

use super::meter::{Language, multiply, text};
use crate::value::Value;

/// How a call of a built-in function is charged, before it runs and by what it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charge {
    /// It hands on what others yield.
    Nothing,
    /// By the length of its input.
    Size,
    /// By everything in its input and in its arguments.
    Weight,
}

/// Name, number of arguments, charge.
const ALLOWED: &[(&str, usize, Charge)] = &[
    ("error_empty", 0, Charge::Nothing),
    ("path", 1, Charge::Nothing),
    ("path_value", 1, Charge::Nothing),
    ("first", 1, Charge::Nothing),
    ("last", 1, Charge::Nothing),
    ("limit", 2, Charge::Nothing),
    ("skip", 2, Charge::Nothing),
    ("keys_unsorted", 0, Charge::Size),
    ("key_values", 0, Charge::Size),
    ("floor", 0, Charge::Nothing),
    ("round", 0, Charge::Nothing),
    ("ceil", 0, Charge::Nothing),
    ("utf8bytelength", 0, Charge::Size),
    ("explode", 0, Charge::Weight),
    ("implode", 0, Charge::Weight),
    ("ascii_downcase", 0, Charge::Size),
    ("ascii_upcase", 0, Charge::Size),
    ("reverse", 0, Charge::Size),
    ("sort", 0, Charge::Weight),
    ("sort_by", 1, Charge::Weight),
    ("group_by", 1, Charge::Weight),
    ("min_by_or_empty", 1, Charge::Weight),
    ("max_by_or_empty", 1, Charge::Weight),
    ("startswith", 1, Charge::Size),
    ("endswith", 1, Charge::Size),
    ("ltrimstr", 1, Charge::Size),
    ("rtrimstr", 1, Charge::Size),
    ("trim", 0, Charge::Size),
    ("ltrim", 0, Charge::Size),
    ("rtrim", 0, Charge::Size),
    ("escape_sh", 0, Charge::Size),
    ("escape_html", 0, Charge::Size),
    ("unescape_html", 0, Charge::Size),
    ("encode_uri", 0, Charge::Size),
    ("decode_uri", 0, Charge::Size),
    ("encode_base64", 0, Charge::Size),
    ("decode_base64", 0, Charge::Size),
    ("matches", 2, Charge::Weight),
    ("split_matches", 2, Charge::Weight),
    ("split_", 2, Charge::Weight),
    ("fromdateiso8601", 0, Charge::Nothing),
    ("todateiso8601", 0, Charge::Nothing),
    ("strftime", 1, Charge::Size),
    ("gmtime", 0, Charge::Nothing),
    ("strptime", 1, Charge::Size),
    ("mktime", 0, Charge::Nothing),
    ("tojson", 0, Charge::Weight),
    ("length", 0, Charge::Nothing),
    ("contains", 1, Charge::Weight),
    ("has", 1, Charge::Nothing),
    ("indices", 1, Charge::Weight),
    ("bsearch", 1, Charge::Weight),
    ("pow", 2, Charge::Nothing),
    ("log", 0, Charge::Nothing),
    ("log2", 0, Charge::Nothing),
    ("log10", 0, Charge::Nothing),
    ("exp", 0, Charge::Nothing),
    ("exp2", 0, Charge::Nothing),
    ("exp10", 0, Charge::Nothing),
    ("sqrt", 0, Charge::Nothing),
    ("trunc", 0, Charge::Nothing),
    ("fabs", 0, Charge::Nothing),
    ("ilogb", 0, Charge::Nothing),
];

/// Ours, in place of the engine's.
const OURS: &[(&str, usize, Charge)] =
    &[("range", 3, Charge::Nothing), ("fromjson", 0, Charge::Size), ("now", 0, Charge::Nothing)];

static CHARGES: LazyLock<BTreeMap<(&str, usize), Charge>> =
    LazyLock::new(|| ALLOWED.iter().chain(OURS).map(|(name, arity, charge)| ((*name, *arity), *charge)).collect());

/// Where the engine keeps its built-in functions: making all of them takes longer than compiling most filters.
const ENGINE: [fn() -> Vec<Fun<Language>>; 3] =
    [|| jaq_core::funs().collect(), || jaq_std::funs().collect(), || jaq_json::funs().collect()];

/// In which of those places each one stands.
static PLACES: LazyLock<BTreeMap<(&str, usize), usize>> = LazyLock::new(|| {
    let all = ENGINE.iter().enumerate().flat_map(|(place, all)| all().into_iter().map(move |native| (place, native)));
    let all = all.map(|(place, (name, arguments, _))| ((name, arguments.len()), place));
    all.filter(|(signature, _)| ALLOWED.iter().any(|(name, arity, _)| (*name, *arity) == *signature)).collect()
});

/// How a call of a built-in function is charged; `None` for what is none.
pub(super) fn charge(name: &str, arity: usize) -> Option<Charge> {
    CHARGES.get(&(name, arity)).copied()
}

/// Of these functions those that are built in, with ours and the counters.
pub(super) fn natives_for(signatures: &BTreeSet<(&str, usize)>) -> Vec<Fun<Language>> {
    let mut natives: Vec<_> = ours().into_iter().map(|native| jaq_core::native::run::<Language>(native)).collect();
    natives.extend(counters());
    for (place, all) in ENGINE.iter().enumerate() {
        let wanted: Vec<_> = signatures.iter().filter(|signature| PLACES.get(signature) == Some(&place)).collect();
        if !wanted.is_empty() {
            natives
                .extend(all().into_iter().filter(|(name, arguments, _)| wanted.contains(&&(*name, arguments.len()))));
        }
    }
    natives
}

fn ours() -> [Filter<RunPtr<Language>>; 5] {
    [
        ("range", v(3), |mut cv| {
            let (by, to, from) = (cv.0.pop_var(), cv.0.pop_var(), cv.0.pop_var());
            let metered = *cv.0.data();
            Box::new(range(from, to, by).map(move |next| {
                metered.meter.elements(1)?;
                next.map_err(Exn::from)
            }))
        }),
        ("fromjson", v(0), |cv| bome(from_json(&cv.1))),
        ("now", v(0), |cv| bome(Ok(Val::Num(Num::Float(cv.0.data().meter.now_ms as f64 / 1_000.0))))),
        ("!multiply", v(2), |mut cv| {
            let (right, left) = (cv.0.pop_var(), cv.0.pop_var());
            box_once(multiply(&cv.0.data().meter, left, right))
        }),
        // What is interpolated becomes text and is charged in one step, which costs no more than the engine's own.
        ("!text", v(0), |cv| box_once(text(&cv.0.data().meter, cv.1))),
    ]
}

/// What it costs to bind a value to a variable, in elements: it takes about as long as to yield so many.
const BIND_ELEMENTS: usize = 6;

/// Each counts its input and passes it on, also in paths and updates.
fn counters() -> [Fun<Language>; 5] {
    macro_rules! counter {
        ($name:literal, $count:expr) => {{
            let native = Native::<Language>::new(|cv| {
                let count: fn(&super::meter::Meter, &Val) -> Result<(), Exn<'static, Val>> = $count;
                box_once(count(&cv.0.data().meter, &cv.1).map(|()| cv.1))
            });
            let native = native.with_paths(|cv| {
                let count: fn(&super::meter::Meter, &Val) -> Result<(), Exn<'static, Val>> = $count;
                box_once(count(&cv.0.data().meter, &cv.1.0).map(|()| cv.1))
            });
            let native = native.with_update(|cv, update| {
                let count: fn(&super::meter::Meter, &Val) -> Result<(), Exn<'static, Val>> = $count;
                match count(&cv.0.data().meter, &cv.1) {
                    Ok(()) => update(cv.1),
                    Err(error) => box_once(Err(error)),
                }
            });
            ($name, v(0), native)
        }};
    }
    [
        counter!("!tick", |meter, _| meter.tick()),
        counter!("!element", |meter, _| meter.elements(1)),
        counter!("!bind", |meter, _| meter.elements(BIND_ELEMENTS)),
        counter!("!size", |meter, value| meter.size(value)),
        counter!("!weigh", |meter, value| meter.weigh(value)),
    ]
}

/// `range(from; to; by)` without end where `by` is 0, as in jq: it is counted.
fn range(mut from: Val, to: Val, by: Val) -> impl Iterator<Item = Result<Val, jaq_json::Error>> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let direction = by.partial_cmp(&Val::Num(Num::Int(0))).unwrap_or(Equal);
    let mut is_over = false;
    std::iter::from_fn(move || {
        let goes_on = match direction {
            Greater => from < to,
            Less => from > to,
            Equal => from != to,
        };
        if is_over || !goes_on {
            return None;
        }
        let current = from.clone();
        match from.clone() + by.clone() {
            Ok(next) => from = next,
            Err(error) => {
                is_over = true;
                return Some(Err(error));
            }
        }
        Some(Ok(current))
    })
}

fn from_json(text: &Val) -> Result<Val, jaq_json::Error> {
    let (Val::TStr(bytes) | Val::BStr(bytes)) = text else { return Err(jaq_core::Error::typ(text.clone(), "string")) };
    Value::from_json(bytes)
        .map(|value| value.0)
        .map_err(|error| jaq_core::Error::str(format_args!("cannot parse as JSON: {error}")))
}
