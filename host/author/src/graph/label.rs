//! The texts of a graph: what is said about a task, in a form that Mermaid takes for text and for nothing else.

use std::fmt::Write as _;

use sandmill_core::definition::{Case, Catch, For, Fork, Kind, Map, Node, RetryPolicy, Strategy};

use crate::text::{shortened, span, written};

/// Characters of one line of a label: longer expressions are cut short.
const LINE_CHARACTERS_MAX: usize = 60;

/// Names of members that a `set` shows.
const NAMES_MAX: usize = 5;

/// A label in quotes, of one line or several.
pub(super) fn quoted(lines: &[String]) -> String {
    let lines = lines.iter().map(|line| escaped(&shortened(line, LINE_CHARACTERS_MAX)));
    format!("\"{}\"", lines.collect::<Vec<_>>().join("<br/>"))
}

/// Text as Mermaid's numeric entities, but for what is safe in every place: there it could be the end of the label, HTML, Markdown, a directive,
/// a formula or an icon.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.trim().chars().peekable();
    while let Some(character) = characters.next() {
        let ends_a_word = characters.peek().is_none_or(|next| *next == ' ');
        let is_safe = match character {
            // Before a blank they would begin a list, and `www.` a link.
            '.' => !ends_a_word && !escaped.ends_with("www"),
            '-' | '+' | ')' => !ends_a_word,
            // Only before a blank it is no part of an icon or an address.
            ':' => ends_a_word,
            // The words `direction LR` are a statement of their own wherever they stand in a line.
            ' ' => !escaped.ends_with("direction"),
            '/' | ',' | '(' | '=' | '?' | '!' | '\'' | '…' => true,
            other => other.is_alphanumeric(),
        };
        if is_safe {
            escaped.push(character);
        } else {
            let _ = write!(escaped, "#{};", u32::from(character));
        }
    }
    escaped
}

/// What a task is called, what it does, and what bounds it.
pub(super) fn task(node: &Node) -> Vec<String> {
    let mut lines = vec![node.name.to_string(), action(node)];
    if let Kind::For(task) = &node.kind {
        lines.extend(task.map.as_ref().map(map));
        lines.extend(source(node, "/while").map(|condition| format!("while {condition}")));
    }
    if let Kind::Fork(fork) = &node.kind {
        lines.extend(policy(fork));
    }
    if let Some(timeout) = &node.timeout {
        let after = node.definition.pointer("/timeout/after");
        lines.push(format!("timeout {}", span(timeout, after)));
    }
    lines
}

fn action(node: &Node) -> String {
    let of = |pointer: &str| source(node, pointer).unwrap_or_default();
    match &node.kind {
        Kind::Call(_) => match (of("/call").as_str(), of("/with/plugin"), source(node, "/with/version")) {
            ("wasm", plugin, Some(version)) => format!("call {plugin}:{version}"),
            ("wasm", plugin, None) => format!("call {plugin}"),
            (function, ..) => format!("call {function}"),
        },
        Kind::Function(_) => format!("call {}", of("/call")),
        Kind::Subflow(child) => {
            let version = child.version.as_deref().unwrap_or("latest");
            let rest = if child.is_awaited { "" } else { ", not awaited" };
            format!("run {}/{}:{version}{rest}", child.namespace, child.name)
        }
        Kind::Do(_) => "do".into(),
        Kind::Set(_) => set(node),
        Kind::Switch(_) => "switch".into(),
        Kind::For(task) => format!("for each {} in {}", task.each, of("/for/in")),
        Kind::Fork(_) => "fork".into(),
        Kind::Try(_) => "try".into(),
        Kind::Raise(_) => raise(node),
        Kind::Wait(length) => format!("wait {}", span(length, node.definition.get("wait"))),
    }
}

fn source(node: &Node, pointer: &str) -> Option<String> {
    node.definition.pointer(pointer).map(|value| written(&value))
}

fn set(node: &Node) -> String {
    let value = node.definition.get("set").unwrap_or_default();
    match value.keys() {
        Some(names) if names.len() > NAMES_MAX => format!("set {}, …", names[..NAMES_MAX].join(", ")),
        Some(names) => format!("set {}", names.join(", ")),
        None => format!("set {}", written(&value)),
    }
}

/// The name of a reused error, or the end of its type with its status.
fn raise(node: &Node) -> String {
    let error = node.definition.pointer("/raise/error").unwrap_or_default();
    if error.as_str().is_some() {
        return format!("raise {}", written(&error));
    }
    let part = |name: &str| error.get(name).map(|value| written(&value)).unwrap_or_default();
    let kind = part("type");
    let name = kind.rsplit('/').next().unwrap_or_default();
    format!("raise {} {name}", part("status"))
}

fn strategy(strategy: Strategy) -> String {
    match strategy {
        Strategy::FailFast => "fail fast".into(),
        Strategy::WaitAll => "wait for all".into(),
        Strategy::BestEffort => "best effort".into(),
        Strategy::AtLeast(wanted) => format!("at least {wanted}"),
    }
}

/// The policy of a fork, where it has one of its own.
fn policy(fork: &Fork) -> Option<String> {
    let window = fork.concurrency.map(|window| format!("{window} at a time"));
    let critical = fork.critical.contains(&true).then(|| "some critical".to_owned());
    let strategy = (fork.strategy != Strategy::FailFast).then(|| strategy(fork.strategy));
    let parts: Vec<String> = window.into_iter().chain(strategy).chain(critical).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn map(map: &Map) -> String {
    let strategy = strategy(map.strategy);
    let batch = map.batch.map(|items| format!(", batches of {items}")).unwrap_or_default();
    format!("in parallel, {} at a time{batch}, {strategy}", map.concurrency)
}

/// What a loop says where it has no item left.
pub(super) const fn loop_end(task: &For) -> &'static str {
    if task.condition.is_some() { "done, or while is false" } else { "done" }
}

/// A case and its condition.
pub(super) fn case(node: &Node, place: usize, case: &Case) -> String {
    let name = &case.name;
    let pointer = format!("/switch/{place}/{}/when", name.replace('~', "~0").replace('/', "~1"));
    match source(node, &pointer) {
        Some(when) => format!("{name}: {when}"),
        None => name.to_string(),
    }
}

/// What a `catch` catches.
pub(super) fn catch(node: &Node, catch: &Catch) -> Vec<String> {
    let filter = node.definition.pointer("/catch/errors/with").unwrap_or_default();
    let wanted = filter.entries().into_iter().flatten().map(|(name, value)| match &*name {
        "type" => format!("{name} {}", written(&value).rsplit('/').next().unwrap_or_default()),
        _ => format!("{name} {}", written(&value)),
    });
    let wanted: Vec<String> = wanted.collect();
    let mut lines = vec![if wanted.is_empty() { "catch".into() } else { format!("catch {}", wanted.join(", ")) }];
    let condition =
        |name: &str, word: &str| source(node, &format!("/catch/{name}")).map(|text| format!("{word} {text}"));
    lines.extend(catch.when.as_ref().and_then(|_| condition("when", "when")));
    lines.extend(catch.except_when.as_ref().and_then(|_| condition("exceptWhen", "except when")));
    lines
}

/// How often, and after what wait.
pub(super) fn retry(node: &Node, retry: &RetryPolicy) -> String {
    let delay = span(&retry.delay, node.definition.pointer("/catch/retry/delay"));
    match retry.retries_max {
        Some(count) => format!("retry after {delay}, {count} times at most"),
        None => format!("retry after {delay}"),
    }
}

/// A condition as the label of a decision.
pub(super) fn condition(node: &Node) -> String {
    format!("if {}", source(node, "/if").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use sandmill_core::value::Value;

    use super::*;

    #[track_caller]
    fn check(text: &str, label: &str) {
        assert_eq!(quoted(&[text.to_owned()]), format!("\"{label}\""));
    }

    #[test]
    fn what_has_a_meaning_to_mermaid_is_an_entity() {
        check("plain text, 1/2 (x) = y?", "plain text, 1/2 (x#41; = y?");
        check("say \"hi\"", "say #34;hi#34;");
        check("a#quot;b;", "a#35;quot#59;b#59;");
        check("<b>&", "#60;b#62;#38;");
        check("`code` *bold* _x_ $$y$$", "#96;code#96; #42;bold#42; #95;x#95; #36;#36;y#36;#36;");
        check("%%{init: {}}%%", "#37;#37;#123;init: #123;#125;#125;#37;#37;");
        check("the direction LR is", "the direction#32;LR is");
        check("a: b, https://www.example.com", "a: b, https#58;//www#46;example.com");
        check("fa:fa-car [x] |y| \\", "fa#58;fa-car #91;x#93; #124;y#124; #92;");
    }

    #[test]
    fn no_label_begins_a_list() {
        check("1. first", "1#46; first");
        check("- first", "#45; first");
        check("1.5 - 2", "1.5 #45; 2");
    }

    #[test]
    fn long_lines_are_cut_and_lines_are_kept_apart() {
        check(&"x".repeat(61), &format!("{}…", "x".repeat(60)));
        assert_eq!(quoted(&["a".into(), "b\nc".into()]), "\"a<br/>b#10;c\"");
    }

    #[test]
    fn the_value_of_a_document_is_one_line() {
        assert_eq!(written(&Value::from("${\n  .a |\n  .b }")), ".a | .b");
    }
}
