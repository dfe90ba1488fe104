//! The demo's input: every file of this repository that its history knows, or that lies there where there is no history.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::shell::capture;

/// A file larger than this says nothing about the sources of a project.
const FILE_BYTES_MAX: usize = 1 << 20;

/// How much there is.
pub(crate) struct Input {
    pub(crate) files: usize,
    pub(crate) bytes: usize,
}

/// Writes the input to a file.
pub(crate) fn write(root: &Path, to: &Path) -> Result<Input> {
    let mut files = Vec::new();
    for path in paths(root)? {
        let bytes = fs::read(root.join(&path)).with_context(|| path.display().to_string())?;
        if bytes.len() <= FILE_BYTES_MAX {
            files.push(describe(&path, bytes));
        }
    }
    let count = files.len();
    let text = serde_json::to_vec(&json!({ "files": files }))?;
    fs::write(to, &text).with_context(|| to.display().to_string())?;
    Ok(Input { files: count, bytes: text.len() })
}

fn describe(path: &Path, bytes: Vec<u8>) -> Value {
    match String::from_utf8(bytes) {
        Ok(text) => json!({ "path": path, "text": text }),
        Err(binary) => json!({ "path": path, "base64": STANDARD.encode(binary.as_bytes()) }),
    }
}

fn paths(root: &Path) -> Result<Vec<PathBuf>> {
    match capture(Command::new("git").args(["ls-files", "-z"])) {
        Ok(listed) => Ok(listed.split('\0').filter(|path| root.join(path).is_file()).map(Into::into).collect()),
        Err(_) => walk(root, Path::new("")),
    }
}

fn walk(root: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), folder.join(entry.file_name()));
        match entry.file_type()? {
            kind if kind.is_dir() && name != "target" && name != ".git" => paths.extend(walk(root, &path)?),
            kind if kind.is_file() => paths.push(path),
            _ => {}
        }
    }
    paths.sort();
    Ok(paths)
}
