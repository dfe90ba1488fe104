//! Servers under test: real processes of the real program, each with a directory of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before a test says that it hangs. Nothing passes by being quick.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The folder in which cargo puts what it builds: the tests themselves lie in `debug/deps` below it.
fn target() -> PathBuf {
    let myself = std::env::current_exe().unwrap();
    myself.ancestors().nth(3).unwrap().into()
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().into()
}

fn build(arguments: &[&str]) {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut command = Command::new(cargo);
    command.arg("build").args(arguments).env("CARGO_TARGET_DIR", target()).current_dir(root());
    // What cargo says of this package is no part of the build, and some dependencies are built anew where it differs from last time.
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_this_package(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn is_of_this_package(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
}

/// The program, built as the sources are now.
pub(crate) fn program() -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| build(&["--package", "sandmill-cli"]));
    target().join("debug/sandmill")
}

/// The components of plugins and guests, built as the sources are now.
pub(crate) fn component(plugin: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let packages = ["echo", "greet", "report", "source-stats", "witness"];
    BUILT.get_or_init(|| {
        let mut arguments = vec!["--profile", "plugin", "--target", "wasm32-wasip2"];
        arguments.extend(packages.iter().flat_map(|package| ["--package", package]));
        build(&arguments);
    });
    target().join("wasm32-wasip2/plugin").join(plugin.replace('-', "_")).with_extension("wasm")
}

/// The program with arguments, without anything of the environment that is meant for it.
pub(crate) fn sandmill(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SANDMILL_")) {
        command.env_remove(name);
    }
    command
}

/// A process of the program. A test that failed leaves none behind.
pub(crate) struct Process {
    child: Child,
    said: Arc<Mutex<String>>,
}

/// A server.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) process: Process,
}

/// What a server that did not start said.
#[derive(Debug)]
pub(crate) struct DidNotStart {
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

impl Process {
    /// Starts one, and gives the line that it prints once it is ready.
    pub(crate) fn try_start(mut command: Command) -> Result<(Self, String), DidNotStart> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            let output = child.wait_with_output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(DidNotStart { code: output.status.code(), stderr });
        }
        let said = Arc::default();
        drain_stderr(&mut child, Arc::clone(&said));
        Ok((Self { child, said }, line))
    }

    /// What the system calls it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// SIGKILL, and nothing before it.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGSTOP: it does nothing more, and does not know it.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end, and gives the exit code.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return status.code(),
                None if Instant::now() > deadline => panic!("the process does not end"),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts one over a directory, on a free port, and returns once it is ready.
    #[track_caller]
    pub(crate) fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::try_start(data, arguments).unwrap()
    }

    pub(crate) fn try_start(data: &Path, arguments: &[&str]) -> Result<Self, DidNotStart> {
        Self::try_run(Self::command(data, arguments))
    }

    /// The command that starts one over a directory, on a free port.
    pub(crate) fn command(data: &Path, arguments: &[&str]) -> Command {
        let mut command = sandmill(&["up", "--set", "log.level=warn", "--set", "free-disk-reserve=0", "--data-dir"]);
        command.arg(data).args(arguments).current_dir(data.parent().unwrap());
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command
    }

    pub(crate) fn try_run(command: Command) -> Result<Self, DidNotStart> {
        let (process, line) = Process::try_start(command)?;
        Ok(Self { url: url_in(&line), process })
    }

    /// SIGKILL, and nothing before it.
    pub(crate) fn kill(self) {
        self.process.kill();
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        self.process.terminate();
    }

    /// Waits for the end, and gives the exit code.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.process.ended()
    }

    /// The program as a client of this server.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        sandmill(arguments).env("SANDMILL_SERVER", &self.url).stdin(Stdio::null()).output().unwrap()
    }

    /// A request to this server.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        client().request(method, format!("{}{path}", self.url))
    }

    /// The answer to a request, as JSON.
    pub(crate) async fn answer(&self, request: RequestBuilder) -> (StatusCode, Value) {
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.answer(self.request(Method::GET, path)).await
    }

    /// Registers a plugin under version 0.1.0.
    pub(crate) async fn register(&self, plugin: &str) {
        let request = self.request(Method::PUT, &format!("/v1/plugins/{plugin}/0.1.0"));
        let (status, body) = self.answer(request.body(std::fs::read(component(plugin)).unwrap())).await;
        assert!(status.is_success(), "{status}: {body}");
    }

    /// Deploys a document.
    pub(crate) async fn deploy(&self, document: &str) {
        let request = self.request(Method::PUT, "/v1/workflows").body(document.to_owned());
        let (status, body) = self.answer(request).await;
        assert!(status.is_success(), "{status}: {body}");
    }

    /// The execution once it has ended.
    pub(crate) async fn ended_execution(&self, id: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (status, execution) = self.get(&format!("/v1/executions/{id}")).await;
            assert_eq!(status, StatusCode::OK, "{execution}");
            if ["completed", "faulted", "cancelled"].contains(&execution["status"].as_str().unwrap()) {
                return execution;
            }
            assert!(Instant::now() < deadline, "it does not end: {execution}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Where a process answers, by the line that it printed.
pub(crate) fn url_in(line: &str) -> String {
    line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned()
}

/// What a server logs goes to the output of the test, where one that failed shows it; a pipe that nobody reads would stop the server.
fn drain_stderr(child: &mut Child, said: Arc<Mutex<String>>) {
    let stderr = child.stderr.take().unwrap();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            eprintln!("| {line}");
            said.lock().unwrap().extend([&*line, "\n"]);
        }
    });
}

pub(crate) fn client() -> reqwest::Client {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::new()
}

/// A directory for a store, which is not there yet.
pub(crate) fn data() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    (folder, data)
}

/// What a program printed to standard output, as JSON.
#[track_caller]
pub(crate) fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)))
}
