//! Data in YAML or JSON that is no workflow, such as what a tool is given beside one: read by the same rules, with the place of each value, so
//! that whoever uses it can point to what is wrong with it.

use std::collections::BTreeMap;

use super::findings::Rigour;
use super::report::{Finding, Report, Verdict};
use super::source::Source;
use super::tree::{Place, Tree};
use super::with_tree;
use crate::ids::JsonPointer;
use crate::value::Value;

/// A value that was read from text, and where each part of it stands.
#[derive(Debug, Clone)]
pub struct Data {
    text: String,
    value: Value,
    /// Where a member's name or an element begins, in bytes.
    starts: BTreeMap<JsonPointer, usize>,
}

impl Data {
    /// Reads a text; the report of one that cannot be read says why not.
    pub fn read(text: &[u8]) -> Result<Self, Report> {
        let (read, report) = with_tree(text, (Rigour::Usual, None), |tree, _| Some(starts(tree)));
        let Some((value, starts)) = read.filter(|_| report.is_valid()) else { return Err(report) };
        let text = String::from_utf8_lossy(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)).into_owned();
        Ok(Self { text, value, starts })
    }

    /// The value.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// The line of the value at a pointer, from 1; that of the nearest value around it where there is none.
    #[must_use]
    pub fn line(&self, pointer: &JsonPointer) -> u32 {
        let position = Source::new(&self.text).position_of(self.start(pointer));
        u32::try_from(position.line).unwrap_or(u32::MAX)
    }

    /// A finding about the value at a pointer; about the nearest value around it where there is none.
    #[must_use]
    pub fn finding(&self, pointer: &JsonPointer, code: &'static str, message: String) -> Finding {
        let source = Source::new(&self.text);
        let byte = self.start(pointer);
        let position = source.position_of(byte);
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Finding {
            code,
            verdict: Verdict::Invalid,
            pointer: pointer.clone(),
            line: number(position.line),
            column: number(position.column),
            message,
            suggestion: None,
            excerpt: source.excerpt(byte),
        }
    }

    fn start(&self, pointer: &JsonPointer) -> usize {
        let mut text = pointer.as_str();
        loop {
            match (self.starts.get(&JsonPointer::from(text)), text.rsplit_once('/')) {
                (Some(start), _) => return *start,
                (None, Some((around, _))) => text = around,
                (None, None) => return 0,
            }
        }
    }
}

fn starts(tree: &Tree<'_>) -> (Value, BTreeMap<JsonPointer, usize>) {
    let mut starts = BTreeMap::new();
    note(tree.root(), JsonPointer::root(), &mut starts);
    (tree.root().value().clone(), starts)
}

/// As deep as a document may be nested.
fn note(place: Place<'_>, pointer: JsonPointer, starts: &mut BTreeMap<JsonPointer, usize>) {
    for (index, child) in place.children().enumerate() {
        let pointer = child.name().map_or_else(|| pointer.index(index), |name| pointer.child(name));
        note(child, pointer, starts);
    }
    starts.insert(pointer, place.name_start());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_found_where_it_stands() {
        let data = Data::read(b"a:\n  - b: 1\n  - c: yes\n").unwrap();
        assert_eq!(data.value().to_string(), r#"{"a":[{"b":1},{"c":"yes"}]}"#);
        for (pointer, line, column) in [("", 1, 1), ("/a", 1, 1), ("/a/1", 3, 5), ("/a/1/c", 3, 5), ("/a/1/d/e", 3, 5)]
        {
            let finding = data.finding(&JsonPointer::from(pointer), "code", "wrong".into());
            assert_eq!((finding.line, finding.column, finding.message.as_str()), (line, column, "wrong"), "{pointer}");
            assert_eq!(data.line(&JsonPointer::from(pointer)), line);
        }
    }

    #[test]
    fn text_that_is_no_data_is_refused_with_its_place() {
        for text in ["", "a: [", "a: 1\na: 2\n", "a: &x 1\n"] {
            assert!(!Data::read(text.as_bytes()).unwrap_err().is_valid(), "{text}");
        }
    }
}
