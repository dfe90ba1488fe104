//! What the documentation promises about the tree: links that lead somewhere, tests that exist, commands that are shown.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::{files, root};

/// The map stays a map.
const ARCHITECTURE_LINES_MAX: usize = 300;

fn read(path: &str) -> Result<String> {
    fs::read_to_string(root().join(path)).with_context(|| path.to_owned())
}

/// The invariants of the map, each with the lines that belong to it.
fn invariants(map: &str) -> Vec<String> {
    let mut invariants: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in map.lines() {
        if line.starts_with("- Invariant:") {
            invariants.push(line.to_owned());
            is_open = true;
        } else if let Some(last) = invariants.last_mut().filter(|_| is_open && line.starts_with("  ")) {
            last.push_str(line);
        } else {
            is_open = false;
        }
    }
    invariants
}

/// The names in backticks that follow the last opening bracket: crates hold a slash, tests do not.
fn guards(invariant: &str) -> Vec<&str> {
    let tail = invariant.rsplit_once('(').map_or("", |(_, tail)| tail);
    tail.split('`').skip(1).step_by(2).filter(|name| !name.contains('/')).collect()
}

#[test]
fn every_invariant_names_a_test_that_exists() -> Result<()> {
    let sources: Vec<(PathBuf, String)> = files(&root(), "rs")?
        .into_iter()
        .map(|path| fs::read_to_string(&path).map(|text| (path, text)))
        .collect::<Result<_, _>>()?;
    let invariants = invariants(&read("docs/ARCHITECTURE.md")?);
    ensure!(invariants.len() > 10, "the map names only {} invariants", invariants.len());
    for invariant in invariants {
        let guards = guards(&invariant);
        ensure!(!guards.is_empty(), "no test guards this: {invariant}");
        for guard in guards {
            let path: PathBuf = guard.split("::").collect();
            let function = format!("fn {}(", guard.rsplit("::").next().unwrap_or(guard));
            let is_module = |file: &PathBuf| {
                file.with_extension("").ends_with(&path) || file.parent().is_some_and(|folder| folder.ends_with(&path))
            };
            let is_there = sources
                .iter()
                .any(|(file, text)| text.contains(&function) || is_module(file) || is_inner(text, file, guard));
            ensure!(is_there, "there is no test `{guard}`, which is to guard: {invariant}");
        }
    }
    Ok(())
}

/// True for `module::tests`, where the module holds its tests itself.
fn is_inner(text: &str, file: &std::path::Path, guard: &str) -> bool {
    let Some(module) = guard.strip_suffix("::tests") else { return false };
    text.contains("mod tests") && file.file_stem().is_some_and(|stem| module.ends_with(&*stem.to_string_lossy()))
}

#[test]
fn the_map_is_short() -> Result<()> {
    let lines = read("docs/ARCHITECTURE.md")?.lines().count();
    ensure!(
        lines < ARCHITECTURE_LINES_MAX,
        "docs/ARCHITECTURE.md has {lines} lines, and less than {ARCHITECTURE_LINES_MAX} are a map"
    );
    Ok(())
}

#[test]
fn every_link_leads_somewhere() -> Result<()> {
    for page in files(&root(), "md")? {
        let text = fs::read_to_string(&page)?;
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let path = link.split('#').next().unwrap_or(link);
            let target = page.parent().unwrap_or(&page).join(path);
            ensure!(target.exists(), "{} links to {link}, which is not there", page.display());
        }
    }
    Ok(())
}

#[test]
fn the_readme_shows_the_commands_that_set_everything_up() -> Result<()> {
    let readme = read("README.md")?;
    for command in ["cargo xtask demo", "cargo xtask test"] {
        ensure!(readme.contains(command), "README.md does not show `{command}`");
    }
    Ok(())
}
