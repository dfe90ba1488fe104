//! A real Redis server for a test: its own port, its own folder, gone with the test.
//!
//! Everything here waits until it is so: a server that is started answers. Sent to a server as its owner would, by signals and by `redis-cli`.
//! `SANDMILL_REDIS_SERVER` names another program than the `redis-server` of this machine, for the tests to be run with another version.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::OtherClock;

/// How long a server may take to answer. Generous: a loaded machine starts one in seconds.
const START_LIMIT: Duration = Duration::from_secs(30);

/// What a server keeps of what it acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AppendOnly {
    /// Everything, for it syncs its log with each write.
    #[default]
    Always,
    /// All but the last second, after a crash of the machine.
    EverySecond,
    /// Nothing: it has no log.
    Never,
}

/// How a server is set up.
#[derive(Debug, Clone, Default)]
pub struct RedisSetup {
    /// What it keeps.
    pub append_only: AppendOnly,
    /// The memory that it may use; writes are refused beyond that.
    pub maxmemory_bytes: Option<u64>,
    /// The port of the server that it copies.
    pub replica_of: Option<u16>,
    /// The password of its default user.
    pub password: Option<String>,
    /// One more user: its name, and its rules in the words of `ACL SETUSER`, such as `on >secret ~* &* +@all`.
    pub user: Option<(String, String)>,
    /// True for TLS and nothing else, with a certificate for `localhost` of a CA of its own.
    pub tls: bool,
    /// How many seconds its clock is ahead, or behind.
    pub clock_ahead: i64,
}

/// A Redis server. Killed when it is dropped.
pub struct RedisServer {
    setup: RedisSetup,
    clock: OtherClock,
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts a server and waits until it answers.
    #[must_use]
    pub fn start(setup: RedisSetup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if setup.tls {
            make_certificates(folder.path());
        }
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let clock = OtherClock::ahead(setup.clock_ahead);
        let mut server = Self { setup, clock, folder, port: 0, child: None };
        // Another process may take the port between finding it and listening on it.
        for _ in 0..10 {
            server.port = free_port();
            if server.launch() {
                return server;
            }
        }
        panic!("no Redis server starts; the last one said: {}", server.log());
    }

    /// A server that syncs with each write, and nothing special about it.
    #[must_use]
    pub fn plain() -> Self {
        Self::start(RedisSetup::default())
    }

    /// Where clients find it, with the password of the default user.
    #[must_use]
    pub fn url(&self) -> String {
        let (scheme, host) = if self.setup.tls { ("rediss", "localhost") } else { ("redis", "127.0.0.1") };
        match &self.setup.password {
            Some(password) => format!("{scheme}://:{password}@{host}:{}", self.port),
            None => format!("{scheme}://{host}:{}", self.port),
        }
    }

    /// Its port on the loopback interface.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The certificate to trust, of a server with TLS.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// The last lines of its log.
    #[must_use]
    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Kills it as a crash does: it gets no chance to write anything.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again on the same port, with what its log holds. Kills it first where it runs.
    pub fn restart(&mut self) {
        self.kill();
        let until = Instant::now() + START_LIMIT;
        while !self.launch() {
            assert!(Instant::now() < until, "the server does not come back: {}", self.log());
        }
    }

    /// Stops it in the middle of whatever it does: connections stay, answers do not come.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Deletes all that it wrote to disk. It must be stopped.
    pub fn wipe(&self) {
        assert!(self.child.is_none(), "a server that runs cannot be wiped");
        let data = self.data();
        std::fs::remove_dir_all(&data).unwrap();
        std::fs::create_dir(data).unwrap();
    }

    /// Makes it forget everything.
    pub fn flush_all(&self) {
        assert_eq!(self.cli(&["FLUSHALL"]), "OK");
    }

    /// What `redis-cli` prints for a command, as the default user.
    #[must_use]
    pub fn cli(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("redis-cli");
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        if let Some(password) = &self.setup.password {
            command.args(["--no-auth-warning", "-a", password]);
        }
        if self.setup.tls {
            command.arg("--tls").arg("--cacert").arg(self.ca());
        }
        let output = command.args(arguments).output().unwrap_or_else(|error| missing("redis-cli", &error));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// A number out of `INFO`, such as `used_memory`.
    #[must_use]
    pub fn info(&self, field: &str) -> u64 {
        let info = self.cli(&["INFO", "everything"]);
        let line = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.and_then(|number| number.trim().parse().ok()).unwrap_or_else(|| panic!("INFO has no number `{field}`"))
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("the server runs");
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    /// True once it answers, false where it ended before that.
    fn launch(&mut self) -> bool {
        let mut command = Command::new(program());
        self.clock.apply(&mut command);
        // What it says before it has read where its log is.
        let log = || File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        command.args(self.arguments()).stdin(Stdio::null()).stdout(log()).stderr(log());
        let mut child = command.spawn().unwrap_or_else(|error| missing("redis-server", &error));
        let until = Instant::now() + START_LIMIT;
        loop {
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            if self.cli(&["PING"]) == "PONG" {
                self.child = Some(child);
                return true;
            }
            if Instant::now() > until {
                let _ = child.kill();
                let _ = child.wait();
                panic!("the server does not answer: {}", self.log());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn arguments(&self) -> Vec<String> {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let mut arguments = Vec::new();
        let mut set = |name: &str, value: &str| {
            arguments.push(format!("--{name}"));
            arguments.extend(value.split(' ').map(Into::into));
        };
        let port = self.port.to_string();
        set("bind", "127.0.0.1");
        if self.setup.tls {
            set("port", "0");
            set("tls-port", &port);
            set("tls-cert-file", &path("server.crt"));
            set("tls-key-file", &path("server.key"));
            set("tls-ca-cert-file", &path("ca.crt"));
            set("tls-auth-clients", "no");
        } else {
            set("port", &port);
        }
        set("dir", &path("data"));
        set("logfile", &path("log"));
        set("save", "");
        if guards_debug() {
            set("enable-debug-command", "local");
        }
        match self.setup.append_only {
            AppendOnly::Never => set("appendonly", "no"),
            kept => {
                set("appendonly", "yes");
                set("appendfsync", if kept == AppendOnly::Always { "always" } else { "everysec" });
            }
        }
        if let Some(bytes) = self.setup.maxmemory_bytes {
            set("maxmemory", &bytes.to_string());
            set("maxmemory-policy", "noeviction");
        }
        if let Some(port) = self.setup.replica_of {
            set("replicaof", &format!("127.0.0.1 {port}"));
        }
        if let Some(password) = &self.setup.password {
            set("requirepass", password);
        }
        if let Some((name, rules)) = &self.setup.user {
            set("user", &format!("{name} {rules}"));
        }
        arguments
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The server to start.
fn program() -> OsString {
    std::env::var_os("SANDMILL_REDIS_SERVER").unwrap_or_else(|| "redis-server".into())
}

/// True where `DEBUG` has to be allowed first: since Redis 7.
fn guards_debug() -> bool {
    static GUARDS: OnceLock<bool> = OnceLock::new();
    *GUARDS.get_or_init(|| {
        let output = Command::new(program()).arg("--version").output();
        let output = output.unwrap_or_else(|error| missing("redis-server", &error));
        !String::from_utf8_lossy(&output.stdout).contains("v=6.")
    })
}

fn missing(program: &str, error: &std::io::Error) -> ! {
    panic!("{program} cannot be run ({error}); this test needs a real one: apt-get install redis-server")
}

fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A CA, and a certificate of it for `localhost`.
fn make_certificates(folder: &Path) {
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        .unwrap();
    let commands = [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=kit -keyout ca.key -out ca.crt",
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key -out server.csr",
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt",
    ];
    for command in commands {
        let output = Command::new("openssl").args(command.split(' ')).current_dir(folder).output();
        let output = output.unwrap_or_else(|error| panic!("openssl cannot be run ({error}): apt-get install openssl"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
