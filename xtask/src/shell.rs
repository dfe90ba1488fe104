//! Runs other programs, in the root of the repository, and says which one failed.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the root").into()
}

/// Runs cargo, the one that runs us, and shows what it prints.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let program = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    run(Command::new(program).args(arguments))
}

/// Runs a program and shows what it prints; a status other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = format!("{} {}", command.get_program().display(), arguments_of(command));
    let status = command.current_dir(root()).status().with_context(|| format!("cannot start `{shown}`"))?;
    ensure!(status.success(), "`{shown}` ended with {status}");
    Ok(())
}

fn arguments_of(command: &Command) -> String {
    command.get_args().map(|argument| argument.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
