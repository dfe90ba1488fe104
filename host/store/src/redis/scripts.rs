//! Lua scripts: each one file, sent by its hash, and in full only to a server that does not know it yet.
//!
//! A script is the unit of atomicity: what must change together changes in one. Each names its keys and arguments in its first lines. All that it
//! touches comes in as `KEYS`, from [`super::keys`]; only the keys of bodies may be made from a digest that lies beside them, under the same tag,
//! and `take` makes those of a task and its engine, for it learns whose they are when it has read a stream.

use redis::{Cmd, ToRedisArgs, cmd};

/// A Lua script.
#[derive(Debug)]
pub struct Script {
    source: &'static str,
    hash: String,
}

impl Script {
    /// A script with that text. Hashes it, so make each once: in a `static` behind a `LazyLock`.
    #[must_use]
    pub fn new(source: &'static str) -> Self {
        Self { source, hash: redis::Script::new(source).get_hash().into() }
    }

    /// A call of it, still without keys and arguments.
    #[must_use]
    pub const fn call(&'static self) -> Call {
        Call { script: self, keys: Vec::new(), arguments: Vec::new() }
    }
}

/// A script with its keys and arguments.
#[derive(Debug, Clone)]
pub struct Call {
    script: &'static Script,
    keys: Vec<Vec<u8>>,
    arguments: Vec<Vec<u8>>,
}

impl Call {
    /// With one more key.
    #[must_use]
    pub fn key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.keys.push(key.as_ref().to_vec());
        self
    }

    /// With one more argument, or several.
    #[must_use]
    pub fn arg(mut self, argument: impl ToRedisArgs) -> Self {
        argument.write_redis_args(&mut self.arguments);
        self
    }

    fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script.hash)
    }

    fn in_full(&self) -> Cmd {
        self.command("EVAL", self.script.source)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = cmd(name);
        command.arg(script).arg(self.keys.len());
        for part in self.keys.iter().chain(&self.arguments) {
            command.arg(part);
        }
        command
    }
}

/// Something to ask a server: a command, or a script.
#[derive(Debug, Clone)]
pub enum Request {
    /// A command.
    Command(Cmd),
    /// A script.
    Script(Call),
}

impl Request {
    /// As it is sent first.
    pub(crate) fn command(&self) -> Cmd {
        match self {
            Self::Command(command) => command.clone(),
            Self::Script(call) => call.by_hash(),
        }
    }

    /// As it is sent to a server that does not know the script.
    pub(crate) fn in_full(&self) -> Cmd {
        match self {
            Self::Command(command) => command.clone(),
            Self::Script(call) => call.in_full(),
        }
    }
}

impl From<Cmd> for Request {
    fn from(command: Cmd) -> Self {
        Self::Command(command)
    }
}

impl From<&mut Cmd> for Request {
    fn from(command: &mut Cmd) -> Self {
        Self::Command(command.clone())
    }
}

impl From<Call> for Request {
    fn from(call: Call) -> Self {
        Self::Script(call)
    }
}
