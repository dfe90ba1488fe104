//! A server of the demo's own, in a temporary directory, which ends with the demo.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::program;

/// A server that runs.
pub(crate) struct Server {
    pub(crate) url: String,
    child: Child,
    /// Goes with the server.
    _folder: TempDir,
}

impl Server {
    /// Starts it on a free port, and returns once it is ready.
    pub(crate) fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut child = program()
            .args(["up", "--listen", "127.0.0.1:0", "--set", "log.level=warn", "--data-dir"])
            .arg(folder.path().join("data"))
            .stdout(Stdio::piped())
            .spawn()
            .context("the server cannot be started")?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("the server's output is not read")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).map(Into::into);
        Ok(Self { url: url.with_context(|| format!("the server says {line:?}"))?, child, _folder: folder })
    }

    /// The program as a client of this server.
    pub(crate) fn client<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = program();
        command.env("SANDMILL_SERVER", &self.url).args(arguments);
        command
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().context("cannot start `kill`")?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

/// A demo that failed leaves no server behind.
impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already where this fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
