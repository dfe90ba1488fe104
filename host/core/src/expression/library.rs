//! The definitions of jq's library, with counters, parsed once per process.
//!
//! A filter is compiled with those that it uses, directly or through others, and with the built-in functions that these use, and no more: all
//! of them would cost more than most filters do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jaq_core::load::parse::Def;
use jaq_core::native::Fun;

use super::meter::Language;
use super::natives;
use super::rewrite::{Signature, rewrite_library};

/// What reads or writes something outside of the expression.
const LEFT_OUT: &[&str] = &["stderr", "debug", "halt", "halt_error", "input_line_number"];

struct Entry {
    definition: Def<&'static str>,
    calls: BTreeSet<Signature<'static>>,
}

struct Library {
    /// In the order of the library, where each one calls only those before it.
    entries: Vec<Entry>,
    /// The last definition of each function.
    by_signature: BTreeMap<Signature<'static>, usize>,
}

static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    let mut library = Library { entries: Vec::new(), by_signature: BTreeMap::new() };
    let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    for definition in definitions.filter(|definition| !LEFT_OUT.contains(&definition.name)) {
        let signature = (definition.name, definition.args.len());
        let (definition, calls) = rewrite_library(definition);
        library.by_signature.insert(signature, library.entries.len());
        library.entries.push(Entry { definition, calls });
    }
    library
});

/// What some calls need.
pub(super) struct Needed<'s> {
    /// The definitions, in the order in which they must stand.
    pub(super) definitions: Vec<Def<&'s str>>,
    /// The built-in functions.
    pub(super) natives: Vec<Fun<Language>>,
}

/// What these calls need, directly or through others. A call of what is not there needs nothing.
pub(super) fn needed_for<'s>(calls: &BTreeSet<Signature<'s>>) -> Needed<'s> {
    let mut definitions = BTreeSet::new();
    let mut natives = BTreeSet::new();
    let mut open: Vec<Signature<'s>> = calls.iter().copied().collect();
    while let Some(signature) = open.pop() {
        match LIBRARY.by_signature.get(&signature) {
            Some(place) if definitions.insert(*place) => open.extend(&LIBRARY.entries[*place].calls),
            Some(_) => {}
            None => {
                natives.insert(signature);
            }
        }
    }
    Needed {
        definitions: definitions.into_iter().map(|place| LIBRARY.entries[place].definition.clone()).collect(),
        natives: natives::natives_for(&natives),
    }
}
