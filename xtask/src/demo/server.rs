//! A server of the demo's own, in a temporary directory, with workers or without, which end with the demo.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::program;
use super::redis::Redis;

/// A server that runs.
pub(crate) struct Server {
    pub(crate) url: String,
    /// The server, then its workers: they end in this order.
    processes: Vec<Process>,
    /// Goes with the server.
    _folder: TempDir,
}

impl Server {
    /// Starts it on a free port, and returns once it is ready.
    pub(crate) fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        Self::of(up(&folder), Vec::new(), folder)
    }

    /// Starts one that leaves its tasks to so many workers, and the workers.
    pub(crate) fn start_with_workers(redis: &Redis, workers: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        // Whatever else this Redis holds is left alone.
        let place = ["--redis".to_owned(), redis.url.clone(), "--redis-prefix".to_owned(), prefix()];
        let started = (1..=workers).map(|number| {
            let mut command = program();
            command.arg("worker").args(&place).args(["--set", "log.level=warn", "--data-dir"]);
            command.arg(folder.path().join(format!("worker-{number}")));
            Process::start(command).context("a worker cannot be started")
        });
        let started = started.collect::<Result<Vec<_>>>()?;
        for (process, line) in &started {
            println!("worker process {}: {}", process.0.id(), line.trim());
        }
        let mut server = up(&folder);
        server.args(&place).arg("--no-local-worker");
        Self::of(server, started.into_iter().map(|(process, _)| process).collect(), folder)
    }

    fn of(server: Command, workers: Vec<Process>, folder: TempDir) -> Result<Self> {
        let (process, line) = Process::start(server).context("the server cannot be started")?;
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).map(Into::into);
        let url = url.with_context(|| format!("the server says {line:?}"))?;
        let processes = std::iter::once(process).chain(workers).collect();
        Ok(Self { url, processes, _folder: folder })
    }

    /// The program as a client of this server.
    pub(crate) fn client<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = program();
        command.env("SANDMILL_SERVER", &self.url).args(arguments);
        command
    }

    /// Asks it and its workers to end, and waits until they have.
    pub(crate) fn stop(self) -> Result<()> {
        self.processes.into_iter().try_for_each(Process::stop)
    }
}

fn up(folder: &TempDir) -> Command {
    let mut command = program();
    command.args(["up", "--listen", "127.0.0.1:0", "--set", "log.level=warn", "--data-dir"]);
    command.arg(folder.path().join("data"));
    command
}

fn prefix() -> String {
    format!("sandmill-demo-{}", std::process::id())
}

/// A process of the program. A demo that failed leaves none behind.
struct Process(Child);

impl Process {
    /// Starts it, and gives the line that it prints once it is ready.
    fn start(mut command: Command) -> Result<(Self, String)> {
        let mut process = Self(command.stdout(Stdio::piped()).spawn()?);
        let stdout = process.0.stdout.take().context("the output is not read")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        ensure!(!line.is_empty(), "it ended before it was ready");
        Ok((process, line))
    }

    fn stop(mut self) -> Result<()> {
        let pid = self.0.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().context("cannot start `kill`")?;
        let status = self.0.wait()?;
        ensure!(status.success(), "process {pid} ended with {status}");
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already where this fails.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
