//! The real program as a process: `sandmill up` of the release build, talked to over HTTP.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program, beside this one.
pub(crate) fn program() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("sandmill");
    ensure!(program.exists(), "{} is missing: `cargo build --release -p sandmill-cli` makes it", program.display());
    Ok(program)
}

/// A server, which is killed when this is dropped.
pub(crate) struct Host {
    child: Child,
    address: String,
}

impl Host {
    /// Starts a server on a data directory, and returns once it says that it is ready; with it, how long that took.
    pub(crate) fn start(data: &Path, more: &[&str]) -> Result<(Self, Duration)> {
        let begin = Instant::now();
        let mut child = Command::new(program()?)
            .args(["up", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        let output = child.stdout.take().context("the server has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().rsplit_once("http://").map(|(_, address)| address.to_owned());
        let Some(address) = address else {
            // It has ended, or is about to.
            let _ = child.kill();
            bail!("the server did not start: {line:?}");
        };
        let host = Self { child, address };
        host.connect()?.get("/readyz")?;
        Ok((host, begin.elapsed()))
    }

    /// A connection for any number of requests.
    pub(crate) fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Connection { reader: BufReader::new(stream), host: self.address.clone() })
    }

    /// Bytes of the process that are in memory.
    pub(crate) fn resident_bytes(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the process is gone")?;
        let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kibibytes * 1024.0)
    }

    /// Bytes that the process caused to be written to a disk so far.
    pub(crate) fn written_bytes(&self) -> Result<f64> {
        let io = std::fs::read_to_string(format!("/proc/{}/io", self.child.id()))?;
        let line = io.lines().find_map(|line| line.strip_prefix("write_bytes:")).context("the process is gone")?;
        Ok(line.trim().parse()?)
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        let id = i32::try_from(self.child.id())?;
        kill_process(Pid::from_raw(id).context("a process has an id")?, Signal::TERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Nothing is left to do where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection.
pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
    host: String,
}

impl Connection {
    /// Reads something.
    pub(crate) fn get(&mut self, path: &str) -> Result<Json> {
        self.ask("GET", path, "application/json", b"")
    }

    /// Sends a request and gives the answer, which must be a success.
    pub(crate) fn ask(&mut self, method: &str, path: &str, kind: &str, body: &[u8]) -> Result<Json> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        self.reader.get_mut().write_all(&request)?;
        let (status, answer) = self.answer()?;
        ensure!((200..300).contains(&status), "{method} {path}: {status} {}", String::from_utf8_lossy(&answer));
        Ok(serde_json::from_slice(&answer).unwrap_or(Json::Null))
    }

    fn answer(&mut self) -> Result<(u16, Vec<u8>)> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        let status = line.split_whitespace().nth(1).context("the server closed the connection")?.parse()?;
        let mut length = 0;
        loop {
            line.clear();
            self.reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body)?;
        Ok((status, body))
    }

    /// Returns once the execution has completed.
    pub(crate) fn wait_for(&mut self, execution: &str) -> Result<()> {
        let begin = Instant::now();
        loop {
            let status = self.get(&format!("/v1/executions/{execution}"))?["status"].clone();
            match status.as_str() {
                Some("completed") => return Ok(()),
                Some("faulted" | "cancelled") => bail!("the execution {execution} ended as {status}"),
                _ if begin.elapsed() > PATIENCE => bail!("the execution {execution} is still {status}"),
                // Asked again at once: a sleep would be in the figure.
                _ => std::thread::yield_now(),
            }
        }
    }
}
