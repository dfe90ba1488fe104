//! What the specification's schema, the published one and the compiler say of the same documents.

use anyhow::Result;

use crate::shell::cargo;

/// Compares the three on the examples and on documents that are made from them.
pub(crate) fn run() -> Result<()> {
    cargo(["run", "--locked", "--quiet", "--package", "sandmill-agreement"])
}
