//! The specification's own documents, where `OWS_DIR` says that they are at hand.

use std::fs;
use std::path::{Path, PathBuf};

use crate::definition::validate;

fn documents(folder: &str) -> Vec<PathBuf> {
    let Some(root) = std::env::var_os("OWS_DIR") else { return Vec::new() };
    let entries = fs::read_dir(Path::new(&root).join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect()
}

#[test]
fn every_example_of_the_specification_is_valid() {
    for path in documents("examples") {
        let report = validate(&fs::read(&path).unwrap());
        assert!(report.is_valid(), "{}", report.display(path.to_str()));
    }
}

#[test]
fn every_invalid_document_of_the_specification_is_refused() {
    for path in documents("invalid") {
        let report = validate(&fs::read(&path).unwrap());
        assert!(!report.is_valid(), "{}", path.display());
    }
}
