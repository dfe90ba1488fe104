//! Reads the sources and `cargo metadata`, and fails where the tree breaks a rule of its own.

use std::fs;

use anyhow::{Context as _, Result};
use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand};

use crate::{files, root};

/// The crates under `host/`, each with the others that it may depend on. `cli` alone names concrete adapters.
const ARROWS: &[(&str, &[&str])] = &[
    ("sandmill-core", &[]),
    ("sandmill-abi", &[]),
    ("sandmill-engine", &["sandmill-core"]),
    ("sandmill-runtime", &["sandmill-core", "sandmill-abi", "sandmill-engine"]),
    ("sandmill-store", &["sandmill-core", "sandmill-engine"]),
    ("sandmill-api", &["sandmill-core", "sandmill-engine"]),
    ("sandmill-author", &["sandmill-core"]),
    (
        "sandmill-cli",
        &["sandmill-core", "sandmill-engine", "sandmill-runtime", "sandmill-store", "sandmill-api", "sandmill-author"],
    ),
];

/// Licences that a dependency may be used under. Each allows what an Apache-2.0 program does with it.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// No source file is longer. Past this, a file holds more than one thing.
const FILE_LINES_MAX: usize = 600;

fn metadata() -> Result<Metadata> {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).features(CargoOpt::AllFeatures);
    Ok(command.exec()?)
}

#[test]
fn crates_depend_only_along_the_arrows() -> Result<()> {
    let metadata = metadata()?;
    for package in metadata.workspace_packages() {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package.name.as_str()) else { continue };
        for dependency in &package.dependencies {
            let ours = ARROWS.iter().any(|(name, _)| *name == dependency.name);
            let in_tests_only = dependency.kind == DependencyKind::Development;
            assert!(
                !ours || in_tests_only || allowed.contains(&dependency.name.as_str()),
                "{} depends on {}, which is no arrow of docs/ARCHITECTURE.md",
                package.name,
                dependency.name
            );
        }
    }
    Ok(())
}

#[test]
fn every_host_crate_has_its_arrows_named() -> Result<()> {
    for package in metadata()?.workspace_packages() {
        let in_host = package.manifest_path.components().any(|part| part.as_str() == "host");
        let named = ARROWS.iter().any(|(name, _)| *name == package.name.as_str());
        assert!(
            !in_host || named,
            "{} lies under host/: name its arrows here and in docs/ARCHITECTURE.md",
            package.name
        );
    }
    Ok(())
}

#[test]
fn every_dependency_has_a_licence_that_allows_our_use() -> Result<()> {
    for package in &metadata()?.packages {
        let licence = package.license.as_deref().unwrap_or_default().replace('/', " OR ");
        // An expression is met when one alternative of its `OR` is, and that when each part of its `AND` is.
        let allowed = licence.split(" OR ").any(|alternative| {
            alternative.split(" AND ").all(|part| LICENCES.contains(&part.trim().trim_matches(['(', ')'])))
        });
        assert!(allowed, "{} {} has the licence {licence:?}", package.name, package.version);
    }
    Ok(())
}

#[test]
fn every_dependency_comes_from_crates_io() -> Result<()> {
    for package in &metadata()?.packages {
        let known = package.source.as_ref().is_none_or(|source| source.is_crates_io());
        assert!(known, "{} {} comes from {:?}", package.name, package.version, package.source);
    }
    Ok(())
}

#[test]
fn no_source_file_is_too_long() -> Result<()> {
    for file in files(&root(), "rs")? {
        let lines = fs::read_to_string(&file).with_context(|| file.display().to_string())?.lines().count();
        assert!(lines <= FILE_LINES_MAX, "{} has {lines} lines, and {FILE_LINES_MAX} are allowed", file.display());
    }
    Ok(())
}

#[test]
fn every_source_file_says_what_it_owns() -> Result<()> {
    for file in files(&root(), "rs")? {
        let text = fs::read_to_string(&file)?;
        let is_build_script = file.file_name().is_some_and(|name| name == "build.rs");
        assert!(is_build_script || text.starts_with("//!"), "{} does not start with `//!`", file.display());
    }
    Ok(())
}
