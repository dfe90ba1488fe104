//! Reads a file of cases, its workflow and its mocks.

use std::sync::Arc;

use sandmill_core::definition::{Data, PluginSource, compile};
use sandmill_core::ids::JsonPointer;
use sandmill_core::value::Value;

use super::expect;
use super::{Case, Load, REJECTED, Suite, SuiteError};
use crate::dry_run::{Options, parse_moment};
use crate::mocks::Mocks;
use crate::reader::Reader;

pub(super) fn read(text: &[u8], load: Load<'_>, plugins: &dyn PluginSource) -> Result<Suite, SuiteError> {
    let data = Data::read(text).map_err(SuiteError::Cases)?;
    let mut reader = Reader::new(&data, REJECTED);
    let root = JsonPointer::root();
    let mut named = Vec::new();
    let mut mocks = Named { load, wrong: &mut named };
    let (workflow, shared, cases) =
        if reader.is_object(&root, "a file of cases", &["workflow", "mocks", "now", "cases"]) {
            let options = options(&mut reader, &root, Options::default());
            let shared = mocks.read(&mut reader, &root);
            let cases = cases(&mut reader, &root, &mut mocks, options);
            (workflow(&mut reader, &root), shared, cases)
        } else {
            (None, Mocks::default(), Vec::new())
        };
    let workflow = reader.finish(workflow).map_err(SuiteError::Cases)?.unwrap_or_default();
    if let Some(wrong) = named.into_iter().next() {
        return Err(wrong);
    }
    let document = load(&workflow).map_err(SuiteError::Unreadable)?;
    let definition =
        compile(&document, plugins).map_err(|report| SuiteError::Named { file: workflow.clone(), report })?;
    Ok(Suite { definition: Arc::new(definition), mocks: shared, cases })
}

fn workflow(reader: &mut Reader<'_>, root: &JsonPointer) -> Option<String> {
    let workflow = reader.text_of(root, "workflow");
    if reader.member(root, "workflow").is_none() {
        reader.refuse(root, "the file names no `workflow`", "write `workflow: workflow.yaml`, as seen from this file");
    }
    workflow
}

fn cases(reader: &mut Reader<'_>, root: &JsonPointer, mocks: &mut Named<'_, '_>, options: Options) -> Vec<Case> {
    let Some(member) = reader.member(root, "cases") else {
        reader.refuse(root, "the file has no `cases`", "write `cases: [ { name: …, expect: … } ]`");
        return Vec::new();
    };
    let places = reader.elements(&member, "`cases`");
    if places.is_empty() {
        reader.refuse(&member, "there is no case", "write `- name: …` below it");
    }
    let mut cases: Vec<Case> = Vec::new();
    for place in places {
        let Some(case) = case(reader, &place, mocks, options) else { continue };
        if cases.iter().any(|other| other.name == case.name) {
            reader.refuse(
                &place.child("name"),
                format!("two cases are named `{}`", case.name),
                "give each its own name",
            );
        }
        cases.push(case);
    }
    cases
}

fn case(reader: &mut Reader<'_>, at: &JsonPointer, mocks: &mut Named<'_, '_>, around: Options) -> Option<Case> {
    if !reader.is_object(at, "a case", &["name", "input", "mocks", "now", "expect"]) {
        return None;
    }
    let name = reader.text_of(at, "name");
    for (member, suggestion) in
        [("name", "write `name: …`"), ("expect", "write `expect: { output: … }` or `expect: { error: … }`")]
    {
        if reader.member(at, member).is_none() {
            reader.refuse(at, format!("the case has no `{member}`"), suggestion);
        }
    }
    let input = reader.member(at, "input").map(|input| reader.value(&input));
    let expected = reader.member(at, "expect").map(|expect| expect::read(reader, &expect));
    Some(Case {
        line: reader.line(at),
        name: name?,
        input: input.unwrap_or_else(|| Value::object::<&str>([])),
        mocks: mocks.read(reader, at),
        options: options(reader, at, around),
        expected: expected.unwrap_or_default(),
    })
}

/// `now`, where it stands there.
fn options(reader: &mut Reader<'_>, at: &JsonPointer, around: Options) -> Options {
    let Some(text) = reader.text_of(at, "now") else { return around };
    match parse_moment(&text) {
        Some(now) => Options { now, ..around },
        None => {
            let message = format!("`now` must be a moment, and is `{text}`");
            reader.refuse(&at.child("now"), message, "write one such as '2026-01-31T12:00:00Z'");
            around
        }
    }
}

/// Mocks that stand in the file, or in one that it names.
struct Named<'l, 'w> {
    load: Load<'l>,
    wrong: &'w mut Vec<SuiteError>,
}

impl Named<'_, '_> {
    fn read(&mut self, reader: &mut Reader<'_>, at: &JsonPointer) -> Mocks {
        let Some(member) = reader.member(at, "mocks") else { return Mocks::default() };
        let value = reader.value(&member);
        let Some(file) = value.as_str() else { return Mocks::read_at(reader, &member) };
        let read = (self.load)(&file).map_err(SuiteError::Unreadable);
        let mocks = read.and_then(|text| {
            Mocks::read(&text).map_err(|report| SuiteError::Named { file: file.into_owned(), report })
        });
        mocks.unwrap_or_else(|wrong| {
            self.wrong.push(wrong);
            Mocks::default()
        })
    }
}
