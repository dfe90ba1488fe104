//! Two values side by side, as lines of JSON.

use sandmill_core::value::Value;
use similar::{ChangeTag, TextDiff};

/// Lines around a difference that are shown.
const CONTEXT: usize = 3;

/// What is expected with `-` before it, what is there with `+`.
pub(super) fn diff(expected: &Value, actual: &Value) -> String {
    let (expected, actual) = (lines(expected), lines(actual));
    let diff = TextDiff::from_lines(&expected, &actual);
    let mut text = String::from("- expected, + actual");
    for (number, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if number > 0 {
            text.push_str("\n  …");
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            text.push_str(&format!("\n{sign} {}", change.value().trim_end_matches('\n')));
        }
    }
    text
}

/// Indented JSON with the members of objects in the order of their names, for their order makes no difference.
fn lines(value: &Value) -> String {
    let sorted = sorted(value).to_serde();
    serde_json::to_string_pretty(&sorted).expect("a JSON value can be written") + "\n"
}

fn sorted(value: &Value) -> Value {
    if let Some(items) = value.iter_array() {
        return Value::array(items.map(|item| sorted(&item)));
    }
    let Some(members) = value.entries() else { return value.clone() };
    let mut members: Vec<(String, Value)> =
        members.map(|(name, member)| (name.into_owned(), sorted(&member))).collect();
    members.sort_by(|one, other| one.0.cmp(&other.0));
    Value::object(members)
}
