//! The definitions of jq's library, with counters, parsed once per process.
//!
//! A filter is compiled with those that it uses, directly or through others, and no more: all of them would cost more than most filters do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jaq_core::load::parse::Def;

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

/// The definitions that these calls need, in the order in which they must stand.
pub(super) fn definitions_for<'s>(calls: &BTreeSet<Signature<'_>>) -> Vec<Def<&'s str>> {
    let mut needed = BTreeSet::new();
    let mut open: Vec<usize> = calls.iter().filter_map(|call| find(*call)).collect();
    // The compiler itself calls these for what has no `else` or `catch`, and for `!=`, `not` and the like.
    open.extend(["empty", "not", "true", "false", "null", "tostring"].iter().filter_map(|name| find((name, 0))));
    while let Some(place) = open.pop() {
        if needed.insert(place) {
            open.extend(LIBRARY.entries[place].calls.iter().filter_map(|call| find(*call)));
        }
    }
    needed.into_iter().map(|place| LIBRARY.entries[place].definition.clone()).collect()
}

fn find(signature: Signature<'_>) -> Option<usize> {
    LIBRARY.by_signature.get(&signature).copied()
}
