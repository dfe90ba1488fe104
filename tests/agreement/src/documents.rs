//! The documents that are read: those of the specification, and ours, which use what no example does.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// A document of a file.
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// What it holds, read by another reader of YAML than the compiler's.
    pub(crate) value: Value,
}

/// What the specification comes with, and our own documents.
pub(crate) struct Specification {
    pub(crate) schema: Value,
    pub(crate) examples: Vec<Document>,
    pub(crate) invalid: Vec<Document>,
    pub(crate) own: Vec<Document>,
}

impl Specification {
    pub(crate) fn read() -> Result<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let named = env::var_os("OWS_DIR").map(PathBuf::from);
        let folder = named.unwrap_or_else(|| here.join("../../../shared/ows"));
        let schema = folder.join("schema/workflow.yaml");
        ensure!(
            schema.is_file(),
            "{} does not hold the specification: clone https://github.com/open-workflow-specification/specification, and set OWS_DIR to it",
            folder.display()
        );
        Ok(Self {
            schema: Document::read(&schema)?.value,
            examples: read_all(&folder.join("examples"))?,
            invalid: read_all(&folder.join("invalid"))?,
            own: read_all(&here.join("documents"))?,
        })
    }
}

impl Document {
    fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| path.display().to_string())?;
        let value = serde_norway::from_slice(&bytes).with_context(|| path.display().to_string())?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, bytes, value })
    }
}

/// Every document of a folder, in the order of their names.
fn read_all(folder: &Path) -> Result<Vec<Document>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    paths.iter().map(|path| Document::read(path)).collect()
}
