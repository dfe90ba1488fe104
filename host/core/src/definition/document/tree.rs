//! The tree of a document: every value with the place where it stands in the text.
//!
//! One arena; a [`Place`] is a number in it, so that the pointer of a value is made when somebody asks for it and never before. Owns the
//! bounds of a document: how deep and how many.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::findings::Findings;
use super::report::{DUPLICATE, SYNTAX, TOO_LARGE};
use super::source::Source;
use crate::ids::JsonPointer;
use crate::value::{NESTING_MAX, Value};

/// Values in a document at most. A workflow of a thousand tasks has some twenty thousand.
pub const DOCUMENT_VALUES_MAX: usize = 200_000;

/// Where something stands in the text, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extent {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// How a value is reached from the one around it.
#[derive(Debug)]
enum Step {
    Root,
    Index(usize),
    Name(Box<str>, Extent),
}

#[derive(Debug)]
struct Item {
    parent: usize,
    step: Step,
    extent: Extent,
    value: Value,
    children: Vec<usize>,
}

/// A document that was read.
#[derive(Debug)]
pub(super) struct Tree<'t> {
    source: &'t Source<'t>,
    items: Vec<Item>,
}

impl Tree<'_> {
    pub(super) fn root(&self) -> Place<'_> {
        Place { tree: self, number: 0 }
    }
}

/// One value of a document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'t> {
    tree: &'t Tree<'t>,
    number: usize,
}

impl<'t> Place<'t> {
    fn item(self) -> &'t Item {
        &self.tree.items[self.number]
    }

    fn at(self, number: usize) -> Self {
        Self { number, ..self }
    }

    pub(super) fn value(self) -> &'t Value {
        &self.item().value
    }

    pub(super) fn text(self) -> Option<Cow<'t, str>> {
        self.value().as_str()
    }

    pub(super) fn is_object(self) -> bool {
        self.value().kind() == "object"
    }

    pub(super) fn is_array(self) -> bool {
        self.value().kind() == "array"
    }

    /// The member of an object; `None` for what has none.
    pub(super) fn get(self, name: &str) -> Option<Self> {
        self.children().find(|child| child.name() == Some(name))
    }

    /// The members of an object or the elements of an array, in the order of the text.
    pub(super) fn children(self) -> impl ExactSizeIterator<Item = Self> + 't {
        self.item().children.iter().map(move |child| self.at(*child))
    }

    /// The name of a member; `None` for elements and for the document.
    pub(super) fn name(self) -> Option<&'t str> {
        match &self.item().step {
            Step::Name(name, _) => Some(name),
            Step::Root | Step::Index(_) => None,
        }
    }

    pub(super) fn pointer(self) -> JsonPointer {
        let mut steps = Vec::new();
        let mut place = self;
        while !matches!(place.item().step, Step::Root) {
            steps.push(&place.item().step);
            place = place.at(place.item().parent);
        }
        let mut text = String::new();
        for step in steps.into_iter().rev() {
            text.push('/');
            match step {
                Step::Name(name, _) => text.push_str(&name.replace('~', "~0").replace('/', "~1")),
                Step::Index(index) => text.push_str(&index.to_string()),
                Step::Root => {}
            }
        }
        JsonPointer::from(text.as_str())
    }

    /// The value that a JSON Pointer leads to from here, or the last one on the way that is there.
    pub(super) fn descend(self, pointer: &str) -> Self {
        let mut place = self;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let next = match token.parse::<usize>() {
                Ok(index) if place.is_array() => place.children().nth(index),
                _ => place.get(&token),
            };
            let Some(next) = next else { break };
            place = next;
        }
        place
    }

    pub(super) fn start(self) -> usize {
        self.item().extent.start
    }

    /// Where the name of a member stands; the value where it is no member.
    pub(super) fn name_start(self) -> usize {
        match &self.item().step {
            Step::Name(_, extent) => extent.start,
            Step::Root | Step::Index(_) => self.start(),
        }
    }

    /// Where a byte of a text value stands in the document. `None` where the text is written with escapes or folded lines.
    pub(super) fn byte_inside(self, offset: usize) -> Option<usize> {
        let text = self.text()?;
        let Extent { start, end } = self.item().extent;
        let raw = self.tree.source.text.get(start..end)?;
        if let Some(found) = raw.find(text.trim_end()) {
            return Some(start + found + offset);
        }
        // A literal block: the same lines, each behind an indentation of its own.
        let before = text.get(..offset)?;
        let line_number = before.matches('\n').count();
        let line = text.lines().nth(line_number)?;
        let in_line = offset - before.rfind('\n').map_or(0, |at| at + 1);
        let (mut at, mut raw_lines) = (start, raw.split_inclusive('\n'));
        for _ in 0..line_number {
            at += raw_lines.next()?.len();
        }
        Some(at + raw_lines.next()?.find(line)? + in_line)
    }
}

/// A value that is not complete.
struct Open {
    number: usize,
    is_object: bool,
    /// The member whose value comes next, and whether it is left out of the tree.
    name: Option<(Box<str>, Extent, bool)>,
    names: BTreeSet<Box<str>>,
}

/// The document went over a bound, which was reported: there is no sense in reading on.
#[derive(Debug)]
pub(super) struct Stop;

/// Makes a tree from what a reader meets, in the order of the text.
pub(super) struct Builder<'t, 'f> {
    tree: Tree<'t>,
    open: Vec<Open>,
    pub(super) findings: &'f mut Findings<'t>,
}

impl<'t, 'f> Builder<'t, 'f> {
    pub(super) fn new(source: &'t Source<'t>, findings: &'f mut Findings<'t>) -> Self {
        Self { tree: Tree { source, items: Vec::new() }, open: Vec::new(), findings }
    }

    /// The tree; `None` where there was no value at all.
    pub(super) fn finish(self) -> Option<Tree<'t>> {
        (!self.tree.items.is_empty()).then_some(self.tree)
    }

    /// True once the value of the document is complete.
    pub(super) fn is_complete(&self) -> bool {
        self.open.is_empty() && !self.tree.items.is_empty()
    }

    /// True where the name of a member comes next.
    pub(super) fn wants_name(&self) -> bool {
        self.open.last().is_some_and(|open| open.is_object && open.name.is_none())
    }

    /// The place that is being read, for errors of the reader.
    pub(super) fn pointer(&self) -> JsonPointer {
        let Some(open) = self.open.last() else { return JsonPointer::root() };
        let place = Place { tree: &self.tree, number: open.number };
        match &open.name {
            Some((name, ..)) => place.pointer().child(name),
            None if open.is_object => place.pointer(),
            None => place.pointer().index(self.tree.items[open.number].children.len()),
        }
    }

    /// Adds a finding where the reader is.
    pub(super) fn refuse(&mut self, byte: usize, message: impl Into<String>, suggestion: Option<&str>) {
        let pointer = self.pointer();
        self.findings.add_at(byte, pointer, (SYNTAX, message.into()), suggestion.map(Into::into));
    }

    /// Takes the name of the next member. One that stands there already is reported, and its value is left out.
    pub(super) fn name(&mut self, name: &str, extent: Extent) {
        let Some(open) = self.open.last_mut() else { return };
        let is_new = open.names.insert(name.into());
        open.name = Some((name.into(), extent, !is_new));
        if !is_new {
            let message = format!("`{name}` stands twice in the same object");
            let suggestion = Some("keep one of them".into());
            let pointer = self.pointer();
            self.findings.add_at(extent.start, pointer, (DUPLICATE, message), suggestion);
        }
    }

    /// Takes a name for a member that is refused for another reason, which was reported: its value is left out.
    pub(super) fn name_left_out(&mut self, name: &str, extent: Extent) {
        if let Some(open) = self.open.last_mut() {
            open.name = Some((name.into(), extent, true));
        }
    }

    pub(super) fn scalar(&mut self, value: Value, extent: Extent) -> Result<(), Stop> {
        self.add(value, extent).map(drop)
    }

    /// Begins an object or an array.
    pub(super) fn begin(&mut self, is_object: bool, extent: Extent) -> Result<(), Stop> {
        if self.open.len() == NESTING_MAX {
            let message = format!("the document is nested more than {NESTING_MAX} levels deep");
            let pointer = self.pointer();
            self.findings.add_at(extent.start, pointer, (TOO_LARGE, message), None);
            return Err(Stop);
        }
        let number = self.add(Value::null(), extent)?;
        self.open.push(Open { number, is_object, name: None, names: BTreeSet::new() });
        Ok(())
    }

    /// Ends the innermost object or array.
    pub(super) fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let items = &self.tree.items;
        let children = items[open.number].children.iter().map(|child| &items[*child]);
        let value = if open.is_object {
            Value::object(children.filter_map(|child| match &child.step {
                Step::Name(name, _) => Some((name, child.value.clone())),
                Step::Root | Step::Index(_) => None,
            }))
        } else {
            Value::array(children.map(|child| child.value.clone()))
        };
        self.tree.items[open.number].value = value;
    }

    fn add(&mut self, value: Value, extent: Extent) -> Result<usize, Stop> {
        let number = self.tree.items.len();
        if number == DOCUMENT_VALUES_MAX {
            let message = format!("the document has more than {DOCUMENT_VALUES_MAX} values");
            let pointer = self.pointer();
            self.findings.add_at(extent.start, pointer, (TOO_LARGE, message), None);
            return Err(Stop);
        }
        let Some(open) = self.open.last_mut() else {
            self.tree.items.push(Item { parent: 0, step: Step::Root, extent, value, children: Vec::new() });
            return Ok(number);
        };
        let siblings = &mut self.tree.items[open.number].children;
        let (step, left_out) = match open.name.take() {
            Some((name, extent, left_out)) => (Step::Name(name, extent), left_out),
            None => (Step::Index(siblings.len()), false),
        };
        if !left_out {
            siblings.push(number);
        }
        self.tree.items.push(Item { parent: open.number, step, extent, value, children: Vec::new() });
        Ok(number)
    }
}
