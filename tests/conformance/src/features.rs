//! Scenarios, as they are written: features of a folder, taken apart into scenarios that know where they stand.
//!
//! The steps of a background come first, and a scenario with examples is one scenario for each of them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use gherkin::{Background, Feature, GherkinEnv};

/// One scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The feature that it belongs to.
    pub feature: String,
    /// Where that stands.
    pub file: PathBuf,
    /// Where the scenario begins in it, from 1.
    pub line: usize,
    /// What it is called.
    pub name: String,
    /// Its own tags and those of its feature, without the `@`.
    pub tags: Vec<String>,
    /// What is done and checked, in order.
    pub steps: Vec<Step>,
}

/// One step of a scenario.
#[derive(Debug, Clone)]
pub struct Step {
    /// As it is written, with its first word.
    pub shown: String,
    /// What is looked up, without the words that only join it to the step before.
    pub text: String,
    /// The text under it, where there is one.
    pub argument: Option<String>,
    /// The line that it stands in, from 1.
    pub line: usize,
}

impl Scenario {
    /// `file:line`.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.file.display(), self.line)
    }
}

/// The scenarios of every `.feature` file in a folder, by file.
pub fn read(folder: &Path) -> Result<Vec<Scenario>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("there is no folder {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "feature"));
    files.sort();
    let scenarios = files.iter().map(|file| read_file(file)).collect::<Result<Vec<_>>>()?;
    Ok(scenarios.into_iter().flatten().collect())
}

fn read_file(file: &Path) -> Result<Vec<Scenario>> {
    let feature = Feature::parse_path(file, GherkinEnv::default())
        .with_context(|| format!("{} is no feature", file.display()))?;
    let mut scenarios = Vec::new();
    let mut add = |written: &gherkin::Scenario, tags: &[String], backgrounds: &[&Background]| {
        let before = backgrounds.iter().flat_map(|background| &background.steps);
        let steps = before.chain(&written.steps).map(step).collect();
        let scenario = Scenario {
            feature: feature.name.clone(),
            file: file.to_owned(),
            line: written.position.line,
            name: written.name.clone(),
            tags: feature.tags.iter().chain(tags).chain(&written.tags).cloned().collect(),
            steps,
        };
        scenarios.extend(with_examples(scenario, written));
    };
    let background: Vec<&Background> = feature.background.iter().collect();
    for scenario in &feature.scenarios {
        add(scenario, &[], &background);
    }
    for rule in &feature.rules {
        let backgrounds: Vec<&Background> = background.iter().copied().chain(&rule.background).collect();
        rule.scenarios.iter().for_each(|scenario| add(scenario, &rule.tags, &backgrounds));
    }
    Ok(scenarios)
}

fn step(written: &gherkin::Step) -> Step {
    let value = written.value.trim();
    Step {
        shown: format!("{} {value}", written.keyword.trim()),
        text: value.strip_prefix("given ").unwrap_or(value).to_owned(),
        argument: written.docstring.as_deref().map(without_margin),
        line: written.position.line,
    }
}

/// One scenario for each row under its examples, or the scenario itself.
fn with_examples(scenario: Scenario, written: &gherkin::Scenario) -> Vec<Scenario> {
    let tables = written.examples.iter().filter_map(|examples| examples.table.as_ref());
    let mut scenarios = Vec::new();
    for table in tables {
        let Some((names, rows)) = table.rows.split_first() else { continue };
        for (number, row) in (1..).zip(rows) {
            let line = table.position.line + number;
            let fill = |text: &str| {
                let pairs = names.iter().zip(row);
                pairs.fold(text.to_owned(), |text, (name, value)| text.replace(&format!("<{name}>"), value))
            };
            let filled = |step: &Step| Step {
                shown: fill(&step.shown),
                text: fill(&step.text),
                argument: step.argument.as_deref().map(fill),
                line: step.line,
            };
            let steps = scenario.steps.iter().map(filled).collect();
            scenarios.push(Scenario { line, name: fill(&scenario.name), steps, ..scenario.clone() });
        }
    }
    if scenarios.is_empty() { vec![scenario] } else { scenarios }
}

/// The text between the quotes: without the line that names its format, and without the margin that all its lines have.
fn without_margin(text: &str) -> String {
    let body = text.split_once('\n').map_or("", |(_, body)| body);
    let margin = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let smallest = body.lines().filter(|line| !line.trim().is_empty()).map(margin).min().unwrap_or(0);
    let lines: Vec<&str> = body.lines().map(|line| line.get(smallest..).unwrap_or_default().trim_end()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Vec<Scenario> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("one.feature"), text).unwrap();
        read(folder.path()).unwrap()
    }

    #[test]
    fn a_scenario_knows_its_tags_and_its_steps_know_their_text() {
        let scenarios = read_text(
            "@a\nFeature: F\n  @b\n  Scenario: S\n    Given a thing:\n    \"\"\"yaml\n    x:\n      y: 1 # one\n    \"\"\"\n    And given another\n",
        );
        let [scenario] = &scenarios[..] else { panic!("{scenarios:?}") };
        assert_eq!((scenario.feature.as_str(), scenario.line), ("F", 4));
        assert_eq!(scenario.tags, ["a", "b"]);
        assert_eq!(scenario.steps[0].argument.as_deref(), Some("x:\n  y: 1 # one"));
        assert_eq!((scenario.steps[1].text.as_str(), scenario.steps[1].line), ("another", 10));
    }

    #[test]
    fn a_scenario_with_examples_is_one_for_each_of_them() {
        let scenarios = read_text(
            "Feature: F\n  Scenario Outline: <a>\n    Given <a> and <b>\n\n    Examples:\n      | a | b |\n      | 1 | 2 |\n      | 3 | 4 |\n",
        );
        let texts: Vec<&str> = scenarios.iter().map(|scenario| scenario.steps[0].text.as_str()).collect();
        assert_eq!(texts, ["1 and 2", "3 and 4"]);
        assert_eq!((scenarios[1].name.as_str(), scenarios[1].line), ("3", 8));
    }
}
