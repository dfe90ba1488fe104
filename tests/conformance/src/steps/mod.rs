//! The steps: what is written in a scenario, and the code that does it. One table for each subject.
//!
//! A step either does something, or checks what became of the execution, which then has ended. In a step's text
//!
//! | | stands for |
//! |---|---|
//! | `{task}` | a task by its name or its pointer, or another name: no blanks |
//! | `{count}` | a whole number |
//! | `{numbers}`, `{words}` | some of them, with commas |
//! | `{quoted}` | a text in single or double quotes |
//! | `{quotes}` | some of them, with commas |

mod again;
mod children;
mod control;
mod define;
mod lifecycle;
mod order;
mod outcome;
mod tasks;
mod time;

use anyhow::{Context as _, Result, bail};
use futures::future::LocalBoxFuture;
use regex::Regex;
use serde_json::Value;

use crate::compare;
use crate::world::{Ended, World};
use sandmill_conformance::features;

/// What a step does to a scenario.
type Doing = for<'a> fn(&'a mut World, &'a Given) -> LocalBoxFuture<'a, Result<()>>;

/// What a step says of an execution that has ended.
type Checking = fn(&Ended, &Given) -> Result<()>;

/// The code of a step.
#[derive(Clone, Copy)]
pub(crate) enum Code {
    Does(Doing),
    Checks(Checking),
}

/// A step, as the tables have it: its text and its code.
type Row = (&'static str, Code);

/// What stands in a step, in the places of its text and under it.
pub(crate) struct Given {
    words: Vec<String>,
    argument: Option<String>,
}

/// Every step.
pub(crate) struct Steps(Vec<(Regex, Code)>);

/// The table of all of them.
pub(crate) fn all() -> Result<Steps> {
    let tables = [
        define::STEPS,
        control::STEPS,
        outcome::STEPS,
        tasks::STEPS,
        order::STEPS,
        time::STEPS,
        lifecycle::STEPS,
        children::STEPS,
        again::STEPS,
    ];
    let rows = tables.into_iter().flatten().map(|(text, code)| Ok((pattern(text)?, *code)));
    rows.collect::<Result<_>>().map(Steps)
}

impl Steps {
    /// The code of a step, and what stands in it.
    pub(crate) fn find(&self, step: &features::Step) -> Result<(Code, Given)> {
        let mut matching = self.0.iter().filter_map(|(pattern, code)| Some((pattern.captures(&step.text)?, *code)));
        let (captures, code) = matching.next().with_context(|| format!("there is no step `{}`", step.text))?;
        if matching.next().is_some() {
            bail!("two steps are meant by `{}`", step.text);
        }
        let words = captures.iter().skip(1).flatten().map(|word| word.as_str().to_owned()).collect();
        Ok((code, Given { words, argument: step.argument.clone() }))
    }
}

impl Code {
    pub(crate) async fn run(self, world: &mut World, given: &Given) -> Result<()> {
        match self {
            Self::Does(does) => does(world, given).await,
            Self::Checks(checks) => checks(world.ended().await?, given),
        }
    }
}

impl Given {
    /// The word in a place of the step's text.
    fn word(&self, place: usize) -> &str {
        self.words.get(place).map_or("", String::as_str)
    }

    fn count(&self, place: usize) -> Result<usize> {
        self.word(place).parse().with_context(|| format!("`{}` is no number", self.word(place)))
    }

    /// Several words, without their quotes.
    fn list(&self, place: usize) -> impl Iterator<Item = &str> {
        self.word(place).split(',').map(|word| word.trim().trim_matches(['\'', '"']))
    }

    /// The text under the step.
    fn text(&self) -> Result<&str> {
        self.argument.as_deref().context("the step needs a text under it")
    }

    /// The value under the step.
    fn value(&self) -> Result<Value> {
        compare::parse(self.text()?)
    }
}

fn pattern(text: &str) -> Result<Regex> {
    let places = [
        ("task", r"([^\s,']+)"),
        ("count", r"(\d+)"),
        ("numbers", r"(\d+(?:, \d+)*)"),
        ("words", r"([\w-]+(?:, [\w-]+)*)"),
        ("quoted", r#"['"]([^'"]*)['"]"#),
        ("quotes", r#"(['"][^'"]*['"](?:, ['"][^'"]*['"])*)"#),
    ];
    let escaped = regex::escape(text);
    let filled = places.iter().fold(escaped, |text, (name, pattern)| text.replace(&format!(r"\{{{name}\}}"), pattern));
    Ok(Regex::new(&format!("^{filled}$"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str) -> Result<Given> {
        let step = features::Step { shown: text.into(), text: text.into(), argument: None, line: 1 };
        all()?.find(&step).map(|(_, given)| given)
    }

    #[test]
    fn a_step_is_found_by_its_text() {
        let given = find("the workflow output should have properties 'id', 'content.name'").unwrap();
        assert_eq!(given.list(0).collect::<Vec<_>>(), ["id", "content.name"]);
        let given = find("setGreen should run after /do/0/setRed").unwrap();
        assert_eq!((given.word(0), given.word(1)), ("setGreen", "/do/0/setRed"));
        assert_eq!(
            find("the workflow output should have a 'colors' property containing 3 items").unwrap().count(1).unwrap(),
            3
        );
        assert!(find("the workflow should do something else").is_err());
    }

    #[test]
    fn no_step_is_meant_by_the_text_of_another() {
        for text in [
            "the workflow should complete",
            "one should complete",
            "the workflow is cancelled",
            "one should run 1 time",
        ] {
            find(text).unwrap();
        }
    }
}
