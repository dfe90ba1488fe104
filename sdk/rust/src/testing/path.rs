//! Paths into the context, as the contract spells them: a JSON Pointer or a simple path.

use crate::serde_json::Value;

/// The longest path, from the contract.
const PATH_BYTES_MAX: usize = 4096;

/// The most steps of a path, from the contract.
const STEPS_MAX: usize = 128;

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// To a member of an object; of a pointer, also to an element of an array.
    Name(String),
    /// To an element of an array.
    Index(usize),
}

/// What stands at the path, or where and why the path cannot be read.
pub(crate) fn find<'a>(root: &'a Value, path: &str) -> Result<Option<&'a Value>, String> {
    if path.len() > PATH_BYTES_MAX {
        return Err(format!("the path has {} bytes, and {PATH_BYTES_MAX} are allowed", path.len()));
    }
    let is_pointer = path.starts_with('/');
    let steps = if is_pointer { pointer_steps(path)? } else { simple_steps(path)? };
    if steps.len() > STEPS_MAX {
        return Err(format!("the path has {} steps, and {STEPS_MAX} are allowed", steps.len()));
    }
    let down = |value: &'a Value, step: &Step| match (value, step) {
        (Value::Object(object), Step::Name(name)) => object.get(name),
        (Value::Array(array), Step::Index(index)) => array.get(*index),
        (Value::Array(array), Step::Name(name)) if is_pointer => array.get(array_index(name)?),
        _ => None,
    };
    Ok(steps.iter().try_fold(root, down))
}

/// RFC 6901: no sign, no leading zero.
fn array_index(text: &str) -> Option<usize> {
    let is_plain = text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    if is_plain { text.parse().ok() } else { None }
}

fn pointer_steps(path: &str) -> Result<Vec<Step>, String> {
    path.split('/').skip(1).map(|token| unescape(token).map(Step::Name)).collect()
}

fn unescape(token: &str) -> Result<String, String> {
    let mut name = String::with_capacity(token.len());
    let mut letters = token.chars();
    while let Some(letter) = letters.next() {
        name.push(match letter {
            '~' => match letters.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return Err(format!("in `{token}`, `~` must be followed by 0 or 1")),
            },
            other => other,
        });
    }
    Ok(name)
}

fn simple_steps(path: &str) -> Result<Vec<Step>, String> {
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    rest = rest.strip_prefix('.').unwrap_or(rest);
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, after) = if let Some(bracket) = rest.strip_prefix('[') { index(bracket)? } else { name(rest)? };
        steps.push(step);
        rest = separated(after)?;
    }
    Ok(steps)
}

fn name(rest: &str) -> Result<(Step, &str), String> {
    let end = rest.find(['.', '[', ']', '/']).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    if name.is_empty() {
        return Err(format!("a name is missing before `{rest}`"));
    }
    Ok((Step::Name(name.to_owned()), after))
}

fn index(bracket: &str) -> Result<(Step, &str), String> {
    let (digits, after) = bracket.split_once(']').ok_or_else(|| format!("a `]` is missing after `[{bracket}`"))?;
    let index = array_index(digits).ok_or_else(|| format!("`[{digits}]` is no index of an array"))?;
    Ok((Step::Index(index), after))
}

/// What follows a step: the end, a `[`, or a `.` with a name behind it.
fn separated(after: &str) -> Result<&str, String> {
    match after.strip_prefix('.') {
        Some("") => Err("a name is missing after the last `.`".to_owned()),
        Some(rest) => Ok(rest),
        None if after.is_empty() || after.starts_with('[') => Ok(after),
        None => Err(format!("a `.` or `[` is expected at `{after}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serde_json::json;

    #[track_caller]
    fn check(path: &str, expected: Option<Value>) {
        let root = json!({ "context": { "files": [{ "name": "a" }, { "name": "b" }], "a/b": 1, "m~n": 2, "": 3 } });
        assert_eq!(find(&root, path).unwrap().cloned(), expected);
    }

    #[track_caller]
    fn check_refused(path: &str, expected: &str) {
        let reason = find(&json!({}), path).unwrap_err();
        assert!(reason.contains(expected), "{reason}");
    }

    #[test]
    fn both_spellings_find_the_same() {
        check("context.files[1].name", Some(json!("b")));
        check("$.context.files[1].name", Some(json!("b")));
        check(".context.files[1].name", Some(json!("b")));
        check("/context/files/1/name", Some(json!("b")));
    }

    #[test]
    fn pointers_reach_every_key() {
        check("/context/a~1b", Some(json!(1)));
        check("/context/m~0n", Some(json!(2)));
        check("/context/", Some(json!(3)));
    }

    #[test]
    fn nothing_is_found_where_nothing_stands() {
        for path in ["context.files[2]", "context.none", "context.files.name", "/context/files/01", "/context/files/-"]
        {
            check(path, None);
        }
    }

    #[test]
    fn a_path_that_cannot_be_read_says_where() {
        check_refused("context..files", "a name is missing before `.files`");
        check_refused("context.", "after the last `.`");
        check_refused("context.files[x]", "`[x]` is no index");
        check_refused("context.files[1", "a `]` is missing");
        check_refused("context.files[1]name", "expected at `name`");
        check_refused("context.a/b", "expected at `/b`");
        check_refused("/context/a~2", "must be followed by 0 or 1");
    }

    #[test]
    fn limits_hold_at_the_limit_and_one_over() {
        let name = "a".repeat(PATH_BYTES_MAX);
        check(&name, None);
        check_refused(&format!("{name}a"), "4097 bytes");
        let steps = ["a"; STEPS_MAX].join(".");
        check(&steps, None);
        check_refused(&format!("{steps}.a"), "129 steps");
    }
}
