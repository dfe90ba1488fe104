//! `sandmill completions SHELL`.

use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::failure::Failure;

/// Prints the completions of a shell.
pub(crate) fn run(shell: Shell) -> Result<ExitCode, Failure> {
    clap_complete::generate(shell, &mut Arguments::command(), "sandmill", &mut std::io::stdout());
    Ok(ExitCode::SUCCESS)
}
