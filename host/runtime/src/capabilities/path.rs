//! Paths into the context, as the contract spells them: a JSON Pointer or a simple path.

use std::borrow::Cow;

use sandmill_core::value::Value;

/// The longest path, from the contract.
const PATH_BYTES_MAX: usize = 4_096;

/// The most steps of a path, from the contract.
const STEPS_MAX: usize = 128;

/// One step down.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// To a member of an object; of a pointer, also to an element of an array.
    Name(Cow<'a, str>),
    /// To an element of an array.
    Index(usize),
}

/// A path that can be read.
#[derive(Debug)]
pub(super) struct Path<'a> {
    steps: Vec<Step<'a>>,
    is_pointer: bool,
}

impl<'a> Path<'a> {
    /// Reads a path, or says where and why it cannot be read.
    pub(super) fn parse(path: &'a str) -> Result<Self, String> {
        if path.len() > PATH_BYTES_MAX {
            return Err(format!("the path has {} bytes, and {PATH_BYTES_MAX} are allowed", path.len()));
        }
        let is_pointer = path.starts_with('/');
        let steps = if is_pointer { pointer_steps(path)? } else { simple_steps(path)? };
        if steps.len() > STEPS_MAX {
            return Err(format!("the path has {} steps, and {STEPS_MAX} are allowed", steps.len()));
        }
        Ok(Self { steps, is_pointer })
    }

    /// The way down.
    pub(super) fn steps(&self) -> &[Step<'a>] {
        &self.steps
    }

    /// What stands one step further down.
    pub(super) fn down(&self, value: &Value, step: &Step<'_>) -> Option<Value> {
        match step {
            // Only a pointer's token may be a number that means an element.
            Step::Name(name) if self.is_pointer => value.child(name),
            Step::Name(name) => value.get(name),
            Step::Index(index) => value.index(*index),
        }
    }
}

fn pointer_steps(path: &str) -> Result<Vec<Step<'_>>, String> {
    path.split('/').skip(1).map(|token| unescape(token).map(Step::Name)).collect()
}

fn unescape(token: &str) -> Result<Cow<'_, str>, String> {
    if !token.contains('~') {
        return Ok(Cow::Borrowed(token));
    }
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
    Ok(Cow::Owned(name))
}

fn simple_steps(path: &str) -> Result<Vec<Step<'_>>, String> {
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    rest = rest.strip_prefix('.').unwrap_or(rest);
    let mut steps = Vec::with_capacity(4);
    while !rest.is_empty() {
        let (step, after) = match rest.strip_prefix('[') {
            Some(bracket) => index(bracket)?,
            None => name(rest)?,
        };
        steps.push(step);
        rest = separated(after)?;
    }
    Ok(steps)
}

fn name(rest: &str) -> Result<(Step<'_>, &str), String> {
    let end = rest.find(['.', '[', ']', '/']).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    if name.is_empty() {
        return Err(format!("a name is missing before `{rest}`"));
    }
    Ok((Step::Name(Cow::Borrowed(name)), after))
}

fn index(bracket: &str) -> Result<(Step<'_>, &str), String> {
    let (digits, after) = bracket.split_once(']').ok_or_else(|| format!("a `]` is missing after `[{bracket}`"))?;
    let is_plain = digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let index = if is_plain { digits.parse().ok() } else { None };
    let index = index.ok_or_else(|| format!("`[{digits}]` is no index of an array"))?;
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

    #[track_caller]
    fn check(path: &str, expected: Option<&str>) {
        let root = br#"{"context":{"files":[{"name":"a"},{"name":"b"}],"a/b":1,"m~n":2,"":3,"0":4}}"#;
        let root = Value::from_json(root).unwrap();
        let path = Path::parse(path).unwrap_or_else(|reason| panic!("{path}: {reason}"));
        let found = path.steps().iter().try_fold(root, |value, step| path.down(&value, step));
        assert_eq!(found.map(|value| value.to_string()).as_deref(), expected);
    }

    #[track_caller]
    fn check_refused(path: &str, expected: &str) {
        let reason = Path::parse(path).unwrap_err();
        assert!(reason.contains(expected), "{reason}");
    }

    #[test]
    fn both_spellings_find_the_same() {
        for path in ["context.files[1].name", "$.context.files[1].name", ".context.files[1].name"] {
            check(path, Some("\"b\""));
        }
        check("/context/files/1/name", Some("\"b\""));
    }

    #[test]
    fn pointers_reach_every_key() {
        check("/context/a~1b", Some("1"));
        check("/context/m~0n", Some("2"));
        check("/context/", Some("3"));
        check("/context/0", Some("4"));
    }

    #[test]
    fn nothing_is_found_where_nothing_stands() {
        let simple = ["context.files[2]", "context.none", "context.files.name", "context.files.0", "context[0]"];
        for path in simple.into_iter().chain(["/context/files/01", "/context/files/-"]) {
            check(path, None);
        }
    }

    #[test]
    fn a_path_that_cannot_be_read_says_where() {
        check_refused("context..files", "a name is missing before `.files`");
        check_refused("context.", "after the last `.`");
        check_refused("context.files[x]", "`[x]` is no index");
        check_refused("context.files[01]", "`[01]` is no index");
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
