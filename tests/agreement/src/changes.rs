//! The ways to change a document. Each draws a place, changes it, and says where that was; `None` where the place does not suit it.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::mutant::{Parts, pointers};

type Change = fn(&mut Value, &mut Rng, &Parts) -> Option<String>;

pub(crate) const CHANGES: &[(&str, Change)] = &[
    ("drop a value", drop_value),
    ("rename a member", rename),
    ("keep a member under another name too", duplicate),
    ("give a value another type", retype),
    ("replace a value by a plain one", replace),
    ("replace a value by one of another document", transplant),
    ("replace a member by one of the same name", transplant_same),
    ("replace a member by one of the same name", transplant_same),
    ("add a member that nobody knows", add_unknown),
    ("add a member of another document", graft),
    ("add a member of another document", graft),
    ("empty a value", empty),
    ("repeat an element", repeat),
    ("replace a text by another", retext),
    ("replace a text by another", retext),
    ("replace a value by a number", renumber),
    ("exchange two values", exchange),
    ("write a text in other letters", recase),
];

/// Texts that some rule has something to say about.
const TEXTS: &[&str] = &[
    "",
    " ",
    "text",
    "two words",
    "continue",
    "end",
    "1.0.3",
    "1.0",
    "1.0.0-rc.1+build.5",
    "01.0.0",
    "a",
    "-name",
    "name-",
    "Name-1",
    "name_1",
    "${ .value }",
    " ${ .value } ",
    "${ .value",
    "${}",
    "${ 1 +\n 2 }",
    ".value",
    "PT1S",
    "P1DT12H",
    "P1Y2M3W4DT5H6M7.5S",
    "P",
    "PT",
    "P1DT",
    "1s",
    "https://example.com/path?query=1#part",
    "https://example.com/{id}",
    "https://example.com/{id",
    "/relative",
    "#part",
    "a b:c",
    "two words:more",
    "urn:example:a'b",
    "http://[::1",
    "/do/0/task",
    "~",
    "2026-01-31T12:00:00Z",
    "2026-01-31",
    "example.com",
    "http",
    "wasm",
    "name:1.0.0@default",
    "data",
    "eventually",
    "always",
    "all",
    "none",
];

fn place(document: &Value, rng: &mut Rng) -> Option<String> {
    let pointers = pointers(document);
    (!pointers.is_empty()).then(|| pointers[rng.usize(..pointers.len())].clone())
}

/// A value that passes a test.
fn place_where(document: &Value, rng: &mut Rng, test: fn(&Value) -> bool) -> Option<String> {
    let mut pointers = pointers(document);
    pointers.retain(|pointer| document.pointer(pointer).is_some_and(test));
    (!pointers.is_empty()).then(|| pointers[rng.usize(..pointers.len())].clone())
}

/// An object, the document included.
fn object<'d>(document: &'d mut Value, rng: &mut Rng) -> Option<(String, &'d mut Map<String, Value>)> {
    let pointer = if rng.u8(..20) == 0 { String::new() } else { place_where(document, rng, Value::is_object)? };
    let members = document.pointer_mut(&pointer)?.as_object_mut()?;
    Some((pointer, members))
}

/// An object that has members, and one of their names.
fn member<'d>(document: &'d mut Value, rng: &mut Rng) -> Option<(String, &'d mut Map<String, Value>, String)> {
    let (pointer, members) = object(document, rng)?;
    let names: Vec<&String> = members.keys().collect();
    let name = (!names.is_empty()).then(|| names[rng.usize(..names.len())].clone())?;
    Some((pointer, members, name))
}

fn drop_value(document: &mut Value, rng: &mut Rng, _: &Parts) -> Option<String> {
    let pointer = place(document, rng)?;
    let (parent, step) = pointer.rsplit_once('/')?;
    match document.pointer_mut(parent)? {
        Value::Object(members) => drop(members.shift_remove(&step.replace("~1", "/").replace("~0", "~"))),
        Value::Array(elements) => drop(elements.remove(step.parse().ok()?)),
        _ => return None,
    }
    Some(pointer)
}

/// A name that is like another and not the same, or one that stands elsewhere.
fn other_name(name: &str, rng: &mut Rng, parts: &Parts) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    let at = rng.usize(..letters.len().max(1));
    match rng.u8(..4) {
        0 if letters.len() > 1 => drop(letters.remove(at)),
        1 if !letters.is_empty() => letters.insert(at, letters[at]),
        2 if letters.len() > at + 1 => letters.swap(at, at + 1),
        _ => return parts.names[rng.usize(..parts.names.len())].clone(),
    }
    letters.into_iter().collect()
}

fn rename(document: &mut Value, rng: &mut Rng, parts: &Parts) -> Option<String> {
    let (pointer, members, name) = member(document, rng)?;
    let other = other_name(&name, rng, parts);
    let renamed = std::mem::take(members);
    members.extend(renamed.into_iter().map(|(old, value)| (if old == name { other.clone() } else { old }, value)));
    Some(format!("{pointer}/{other}"))
}

fn duplicate(document: &mut Value, rng: &mut Rng, parts: &Parts) -> Option<String> {
    let (pointer, members, name) = member(document, rng)?;
    let other = other_name(&name, rng, parts);
    let value = members.get(&name)?.clone();
    members.insert(other.clone(), value);
    Some(format!("{pointer}/{other}"))
}

fn retype(document: &mut Value, rng: &mut Rng, _: &Parts) -> Option<String> {
    let pointer = place(document, rng)?;
    let value = document.pointer_mut(&pointer)?;
    let old = value.take();
    *value = match rng.u8(..4) {
        0 => json!([old]),
        1 => json!({ "value": old }),
        2 => Value::String(old.to_string()),
        _ => match old {
            Value::Array(elements) => elements.into_iter().next().unwrap_or_default(),
            Value::Object(members) => members.into_iter().next().map(|(_, value)| value).unwrap_or_default(),
            other => json!([other, "text"]),
        },
    };
    Some(pointer)
}

fn replace(document: &mut Value, rng: &mut Rng, _: &Parts) -> Option<String> {
    let plain = [json!(null), json!(true), json!(false), json!(5), json!("text"), json!([]), json!({}), json!([{}])];
    let pointer = place(document, rng)?;
    *document.pointer_mut(&pointer)? = plain[rng.usize(..plain.len())].clone();
    Some(pointer)
}

fn transplant(document: &mut Value, rng: &mut Rng, parts: &Parts) -> Option<String> {
    let pointer = place(document, rng)?;
    *document.pointer_mut(&pointer)? = parts.members[rng.usize(..parts.members.len())].value.clone();
    Some(pointer)
}

fn transplant_same(document: &mut Value, rng: &mut Rng, parts: &Parts) -> Option<String> {
    let (pointer, members, name) = member(document, rng)?;
    let same: Vec<&Value> =
        parts.members.iter().filter(|member| member.name == name).map(|member| &member.value).collect();
    let value = (!same.is_empty()).then(|| same[rng.usize(..same.len())].clone())?;
    members.insert(name.clone(), value);
    Some(format!("{pointer}/{name}"))
}

fn add_unknown(document: &mut Value, rng: &mut Rng, _: &Parts) -> Option<String> {
    let (pointer, members) = object(document, rng)?;
    let name = ["unknown", "x-other", "Do", "comment", "$schema"][rng.usize(..5)];
    members.insert(name.into(), json!("text"));
    Some(format!("{pointer}/{name}"))
}

fn graft(document: &mut Value, rng: &mut Rng, parts: &Parts) -> Option<String> {
    let (pointer, members) = object(document, rng)?;
    let member = &parts.members[rng.usize(..parts.members.len())];
    members.insert(member.name.clone(), member.value.clone());
    Some(format!("{pointer}/{}", member.name))
}

fn empty(document: &mut Value, rng: &mut Rng, _: &Parts) -> Option<String> {
    let pointer = place_where(document, rng, |value| value.is_object() || value.is_array() || value.is_string())?;
    let value = document.pointer_mut(&pointer)?;
    *value = match value {
        Value::Object(_) => json!({}),
        Value::Array(_) => json!([]),
        _ => json!(""),
    };
    Some(pointer)
}

fn repeat(document: &mut Value, rng: &mut Rng, _: &Parts) -> Option<String> {
    let pointer = place_where(document, rng, |value| value.as_array().is_some_and(|array| !array.is_empty()))?;
    let elements = document.pointer_mut(&pointer)?.as_array_mut()?;
    let index = rng.usize(..elements.len());
    elements.push(elements[index].clone());
    Some(format!("{pointer}/{}", elements.len() - 1))
}

fn retext(document: &mut Value, rng: &mut Rng, _: &Parts) -> Option<String> {
    let pointer = place_where(document, rng, Value::is_string)?;
    *document.pointer_mut(&pointer)? = json!(TEXTS[rng.usize(..TEXTS.len())]);
    Some(pointer)
}

fn renumber(document: &mut Value, rng: &mut Rng, _: &Parts) -> Option<String> {
    let numbers = [json!(-1), json!(0), json!(1.0), json!(1.5), json!(65_536), json!(9_007_199_254_740_993_i64)];
    let pointer = place_where(document, rng, |value| !value.is_object() && !value.is_array())?;
    *document.pointer_mut(&pointer)? = numbers[rng.usize(..numbers.len())].clone();
    Some(pointer)
}

fn exchange(document: &mut Value, rng: &mut Rng, _: &Parts) -> Option<String> {
    let (one, other) = (place(document, rng)?, place(document, rng)?);
    let is_inside = |inner: &str, outer: &str| inner == outer || inner.starts_with(&format!("{outer}/"));
    if is_inside(&one, &other) || is_inside(&other, &one) {
        return None;
    }
    let first = document.pointer(&one)?.clone();
    let second = std::mem::replace(document.pointer_mut(&other)?, first);
    *document.pointer_mut(&one)? = second;
    Some(format!("{one} and {other}"))
}

fn recase(document: &mut Value, rng: &mut Rng, _: &Parts) -> Option<String> {
    let pointer = place_where(document, rng, Value::is_string)?;
    let value = document.pointer_mut(&pointer)?;
    let text = value.as_str()?;
    *value = if rng.bool() { text.to_uppercase().into() } else { text.to_lowercase().into() };
    Some(pointer)
}
