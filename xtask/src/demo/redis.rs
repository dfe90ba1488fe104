//! The Redis of a demo with workers: its own, in a temporary directory, or one that runs anyway.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::shell::capture;

/// How long a server may take to answer. Generous: a loaded machine starts one in seconds.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A Redis that answers.
pub(crate) struct Redis {
    pub(crate) url: String,
    /// What ends with the demo; nothing where it is somebody else's.
    own: Option<(Child, TempDir)>,
}

impl Redis {
    /// One that runs anyway, and goes on doing so.
    pub(crate) fn of_somebody_else(url: &str) -> Self {
        Self { url: url.to_owned(), own: None }
    }

    /// Starts one on a free port, and returns once it answers.
    pub(crate) fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port().to_string();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "yes"]);
        command.args(["--logfile", "redis.log", "--dir"]).arg(folder.path());
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().context("cannot start `redis-server`")?;
        let mut redis = Self { url: format!("redis://127.0.0.1:{port}"), own: Some((child, folder)) };
        let deadline = Instant::now() + START_LIMIT;
        while !capture(Command::new("redis-cli").args(["-p", &port, "PING"])).is_ok_and(|said| said.trim() == "PONG") {
            redis.check_that_it_runs()?;
            ensure!(Instant::now() < deadline, "the Redis server does not answer");
            sleep(Duration::from_millis(20));
        }
        Ok(redis)
    }

    fn check_that_it_runs(&mut self) -> Result<()> {
        let Some((child, folder)) = &mut self.own else { return Ok(()) };
        let Some(status) = child.try_wait()? else { return Ok(()) };
        let log = std::fs::read_to_string(folder.path().join("redis.log")).unwrap_or_default();
        anyhow::bail!("the Redis server ended with {status}: {log}")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.own {
            // It has ended already where this fails.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
