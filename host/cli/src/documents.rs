//! Documents, as they are named on the command line: a file, standard input, or all that lie in a folder.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sandmill_core::definition::{Definition, compile};

use crate::arguments::CatalogArguments;
use crate::catalogs::Catalogs;
use crate::failure::{Failure, Outcome};

/// Stands for standard input.
const STDIN: &str = "-";

/// What the files of documents end with.
pub(crate) const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Files that lie beside documents and are none.
const OTHERS: [&str; 2] = [".test", ".mocks"];

/// The bytes of a document.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let refuse =
        |what: &str, error: &std::io::Error| Failure::new(Outcome::Refused, format!("{what} cannot be read: {error}"));
    if file.as_os_str() != STDIN {
        return fs::read(file).map_err(|error| refuse(&file.display().to_string(), &error));
    }
    let mut document = Vec::new();
    std::io::stdin().read_to_end(&mut document).map_err(|error| refuse("standard input", &error))?;
    Ok(document)
}

/// How a document is called in what is printed.
pub(crate) fn name(file: &Path) -> String {
    if file.as_os_str() == STDIN { "standard input".into() } else { file.display().to_string() }
}

/// The definition of a document, whatever plugins it calls.
pub(crate) fn definition(file: &Path, catalogs: &CatalogArguments) -> Result<Definition, Failure> {
    compile(&read(file)?, &Catalogs::of(catalogs)?).map_err(|report| {
        let name = name(file);
        Failure::new(Outcome::Refused, format!("{name} cannot run:\n{}", report.display(Some(&name))))
    })
}

/// The documents that lie in a folder, in the order of their names: not those below it, no test cases (`.test.yaml`) and no mocks (`.mocks.yaml`).
pub(crate) fn in_folder(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        if is_data(&path) && path.is_file() && !OTHERS.iter().any(|other| stem.ends_with(other)) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// True for a name that ends as those of YAML and JSON files do.
pub(crate) fn is_data(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ENDINGS.iter().any(|ending| extension == *ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_holds_its_documents_and_not_what_lies_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.json", "c.yml", "a.test.yaml", "a.mocks.yaml", "README.md"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join("d.yaml")).unwrap();
        let names: Vec<_> =
            in_folder(folder.path()).unwrap().iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["a.json", "b.yaml", "c.yml"]);
        assert!(in_folder(&folder.path().join("nowhere")).is_err());
    }
}
