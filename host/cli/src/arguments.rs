//! What can be typed: every command with its flags. What they mean is decided where each command is.

mod queue;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use sandmill_core::time::Timestamp;

use crate::failure::EXIT_CODES;
pub(crate) use queue::{Desk, Doctor, Queue, QueueDead};

/// Durable workflows whose every step is a sandboxed WebAssembly component.
#[derive(Debug, Parser)]
#[command(name = "sandmill", version, after_help = EXIT_CODES, max_term_width = 120, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What holds for every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The server to talk to.
    #[arg(long, global = true, env = "SANDMILL_SERVER", default_value = "http://127.0.0.1:7878", value_name = "URL")]
    pub(crate) server: String,
    /// The API key. A server on this machine lets its own machine in without one.
    #[arg(long, global = true, env = "SANDMILL_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// The tenant to act for, with an operator's key.
    #[arg(long, global = true, env = "SANDMILL_TENANT", value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    /// Print JSON, for programs.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// Where functions come from.
#[derive(Debug, Args)]
pub(crate) struct CatalogArguments {
    /// A catalog of functions: the endpoint that documents know it by, and its folder. As often as wanted.
    #[arg(long, value_name = "ENDPOINT=FOLDER")]
    pub(crate) catalog: Vec<String>,
}

/// Where settings of a server come from.
#[derive(Debug, Args)]
pub(crate) struct SettingArguments {
    /// The settings file; `sandmill.toml` of this folder where it exists.
    #[arg(long, env = "SANDMILL_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) catalogs: CatalogArguments,
    /// Sets one setting, as often as wanted: see `sandmill config show`.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) set: Vec<(String, String)>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a server: API, engine and workers in this process.
    Up(Up),
    /// Start a worker: takes the tasks of a server from Redis, and runs them here.
    Worker(Worker),
    /// Run one workflow here and now, without a server; prints its output.
    Run(Run),
    /// The plugins of a tenant.
    #[command(subcommand)]
    Plugin(Plugin),
    /// Workflow definitions: check them here, deploy them to a server.
    #[command(subcommand)]
    Workflow(Workflow),
    /// Start an execution of a workflow.
    Trigger(Trigger),
    /// List executions, newest first.
    Ps(Ps),
    /// Show an execution: its status, its result and its tasks.
    Show(Show),
    /// Show what happened in an execution.
    Events(Follow),
    /// Show what the tasks of an execution wrote.
    Logs(Follow),
    /// End an execution.
    Cancel(Execution),
    /// Dispatch no more tasks of an execution until it is resumed.
    Suspend(Execution),
    /// Go on with a suspended execution.
    Resume(Execution),
    /// Run an ended execution again: what was done before the failed step is taken over.
    Rerun(Rerun),
    /// Tenants, for operators.
    #[command(subcommand)]
    Tenant(Tenant),
    /// API keys, for operators.
    #[command(subcommand)]
    Key(Key),
    /// Settings of the server.
    #[command(subcommand)]
    Config(Config),
    /// Explain an error code.
    Explain {
        /// The code, as an error names it; without one, all codes.
        code: Option<String>,
    },
    /// Check this machine, the settings and the server, and where asked a document, a workflow or an execution.
    Doctor(Doctor),
    /// The task queue in Redis: how it is, and its dead letters.
    #[command(subcommand)]
    Queue(Queue),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
    /// The directory of the embedded store.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Where everything is kept.
    #[arg(long)]
    pub(crate) store: Option<StoreKind>,
    #[command(flatten)]
    pub(crate) redis: RedisArguments,
    /// Leave the tasks to workers elsewhere; with --redis.
    #[arg(long, requires = "redis")]
    pub(crate) no_local_worker: bool,
    #[command(flatten)]
    pub(crate) settings: SettingArguments,
    /// Test hook: a file that gets a line for each line that a task logs.
    #[arg(long, hide = true)]
    pub(crate) test_ledger: Option<PathBuf>,
    /// Test hook: a file that gets the length of the log after each sync.
    #[arg(long, hide = true)]
    pub(crate) test_sync_report: Option<PathBuf>,
    /// Test hook: leaves out the sync.
    #[arg(long, hide = true)]
    pub(crate) test_no_fsync: bool,
}

/// Where the Redis is that engine and workers meet in.
#[derive(Debug, Args)]
pub(crate) struct RedisArguments {
    /// The Redis that holds the task queue: `redis://` or, with TLS, `rediss://`.
    #[arg(long, value_name = "URL")]
    pub(crate) redis: Option<String>,
    /// What its keys start with: one engine, and its workers, for each prefix.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) redis_prefix: Option<String>,
}

impl RedisArguments {
    /// The settings that they are.
    pub(crate) fn flags(&self) -> Vec<(String, String)> {
        let given = [("redis.url", &self.redis), ("redis.prefix", &self.redis_prefix)];
        given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect()
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sandmill worker --redis redis://127.0.0.1:6379
  sandmill worker --redis rediss://queue.example.org --queue gpu --queue default --slots 8
  SANDMILL_REDIS_PASSWORD=... sandmill worker --redis redis://worker@10.0.0.5 --listen 127.0.0.1:7879")]
pub(crate) struct Worker {
    #[command(flatten)]
    pub(crate) redis: RedisArguments,
    /// A queue to take tasks from, the most urgent first, as often as wanted; `default` without it.
    #[arg(long, value_name = "NAME")]
    pub(crate) queue: Vec<String>,
    /// Tasks that run at the same time.
    #[arg(long, value_name = "COUNT")]
    pub(crate) slots: Option<usize>,
    /// Where to answer `/healthz`, `/readyz` and `/metrics`.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
    /// The directory of compiled components.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) settings: SettingArguments,
    /// Test hook: a file that gets a line for each line that a task logs.
    #[arg(long, hide = true)]
    pub(crate) test_ledger: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum StoreKind {
    /// One directory, durable.
    Embedded,
    /// Memory: everything is gone with the process.
    Memory,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The workflow document, YAML or JSON.
    pub(crate) file: PathBuf,
    /// The input: JSON text, a file with it, or `-` for standard input; an empty object without it.
    #[arg(long, value_name = "JSON|FILE|-")]
    pub(crate) input: Option<String>,
    /// Another workflow that this one runs, as often as needed.
    #[arg(long, value_name = "FILE")]
    pub(crate) workflow: Vec<PathBuf>,
    /// A plugin that the workflow calls, as often as needed.
    #[arg(long, value_name = "NAME:VERSION=FILE", value_parser = plugin_file)]
    pub(crate) plugin: Vec<PluginFile>,
    /// Print what tasks log, and show how far they have come.
    #[arg(long, short)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) settings: SettingArguments,
}

/// A plugin in a file.
#[derive(Debug, Clone)]
pub(crate) struct PluginFile {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) path: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    /// Register a component under a name and a version.
    Add {
        /// The name and the version, such as `greet:0.1.0`.
        #[arg(value_parser = versioned)]
        plugin: Versioned,
        /// The component.
        file: PathBuf,
    },
    /// List plugins.
    List,
    /// Show a plugin with its schemas.
    Inspect {
        /// The name and the version, such as `greet:0.1.0`.
        #[arg(value_parser = versioned)]
        plugin: Versioned,
    },
    /// Remove a plugin that no workflow definition pins.
    Remove {
        /// The name and the version, such as `greet:0.1.0`.
        #[arg(value_parser = versioned)]
        plugin: Versioned,
    },
}

/// A name with a version.
#[derive(Debug, Clone)]
pub(crate) struct Versioned {
    pub(crate) name: String,
    pub(crate) version: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Workflow {
    /// Check documents, without a server: exit code 0 when all are valid.
    Validate(Validate),
    /// Draw a document as a Mermaid flowchart.
    #[command(after_help = GRAPH_EXAMPLES)]
    Graph {
        /// The document, YAML or JSON; `-` for standard input.
        file: PathBuf,
        #[command(flatten)]
        catalogs: CatalogArguments,
    },
    /// Run a document on virtual time, with mocked calls: shows what every task gets and gives.
    DryRun(DryRun),
    /// Run test cases: exit code 0 when all pass.
    Test(Test),
    /// Print the JSON Schema of the workflow language, for editors.
    Schema,
    /// Deploy a document: its plugins are pinned from then on.
    Apply {
        /// The document.
        file: PathBuf,
    },
    /// List workflow definitions.
    List,
    /// Print the document of a definition.
    Show {
        /// `namespace/name:version`.
        #[arg(value_parser = definition)]
        workflow: Definition,
    },
    /// Remove a definition that no execution in flight runs on.
    Remove {
        /// `namespace/name:version`.
        #[arg(value_parser = definition)]
        workflow: Definition,
    },
}

const GRAPH_EXAMPLES: &str = "\
Examples:
  sandmill workflow graph party.yaml > party.mmd
  (echo '```mermaid'; sandmill workflow graph party.yaml; echo '```') >> README.md";

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sandmill workflow validate party.yaml
  sandmill workflow validate workflows/ --deployable     # all documents of a folder
  sandmill workflow validate - --strict < party.yaml     # only what every runtime understands
  sandmill workflow validate --json *.yaml")]
pub(crate) struct Validate {
    /// The documents: files, folders with `.yaml`, `.yml` and `.json` files, or `-` for standard input.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Ask for the second verdict too: can this host run them?
    #[arg(long)]
    pub(crate) deployable: bool,
    /// Refuse the options of this host, which stand in `metadata`.
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) catalogs: CatalogArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sandmill workflow dry-run party.yaml --input '{\"names\": [\"Ada\"]}' --mock party.mocks.yaml
  sandmill workflow dry-run party.yaml --mock party.mocks.yaml --now 2027-01-01T00:00:00Z --json

A mock file says what calls answer:
  calls:
    greet: { output: { text: 'Hello!' }, delay: PT2S }
  tasks:
    /do/1/pay:
      - error: { type: communication, status: 503, retryable: true }
      - output: { paid: true }")]
pub(crate) struct DryRun {
    /// The document, YAML or JSON; `-` for standard input.
    pub(crate) file: PathBuf,
    /// The input: JSON text, a file with it, or `-` for standard input; an empty object without it.
    #[arg(long, value_name = "JSON|FILE|-")]
    pub(crate) input: Option<String>,
    /// What calls answer, YAML or JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) mock: Option<PathBuf>,
    /// What `now` says at the start.
    #[arg(long, value_name = "MOMENT", default_value = "2026-01-01T00:00:00Z", value_parser = moment)]
    pub(crate) now: Timestamp,
    /// Stop after so much virtual time.
    #[arg(long, value_name = "TIME", default_value = "366d", value_parser = humantime::parse_duration)]
    pub(crate) time_limit: Duration,
    /// Stop after so many transitions of the interpreter, some five for each task.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    pub(crate) transition_limit: u32,
    #[command(flatten)]
    pub(crate) catalogs: CatalogArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sandmill workflow test workflows/                      # every *.test.yaml in it and below it
  sandmill workflow test party.test.yaml --filter nobody
  sandmill workflow test workflows/ --junit report.xml

A file of cases, beside its workflow:
  workflow: party.yaml
  mocks: { calls: { greet: { output: { text: 'Hello!' } } } }
  cases:
    - name: greets everybody
      input: { names: [Ada, Grace] }
      expect: { output: { guests: 2 } }
    - name: refuses what is no list
      input: { names: 1 }
      expect: { error: { status: 400 } }")]
pub(crate) struct Test {
    /// Folders with `*.test.yaml`, `*.test.yml` or `*.test.json` files, at any depth, or such files.
    #[arg(required = true, value_name = "DIR")]
    pub(crate) paths: Vec<PathBuf>,
    /// Run only the cases whose name holds this text.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) filter: String,
    /// Write the results as JUnit XML, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) catalogs: CatalogArguments,
}

/// A workflow definition, by name.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) version: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Trigger {
    /// `namespace/name`, with `:version` for another than the newest.
    #[arg(value_parser = definition)]
    pub(crate) workflow: Definition,
    /// The input: JSON text, a file with it, or `-` for standard input; an empty object without it.
    #[arg(long, value_name = "JSON|FILE|-")]
    pub(crate) input: Option<String>,
    /// Begin at this task of the workflow's own list.
    #[arg(long, value_name = "TASK")]
    pub(crate) start_at: Option<String>,
    /// The context to begin with: JSON text, or a file with it; the input without it.
    #[arg(long, value_name = "JSON|FILE", requires = "start_at")]
    pub(crate) context: Option<String>,
    /// The idempotency key: however often it is sent, the execution starts once.
    #[arg(long, value_name = "TEXT")]
    pub(crate) key: Option<String>,
    /// Wait for the end, print the output, and exit by the outcome.
    #[arg(long, short)]
    pub(crate) wait: bool,
}

#[derive(Debug, Args)]
#[command(after_help = RERUN_HELP)]
pub(crate) struct Rerun {
    /// The execution.
    pub(crate) id: String,
    /// Do everything from this task on again, also what had succeeded: its name or its JSON Pointer.
    #[arg(long, value_name = "TASK")]
    pub(crate) from: Option<String>,
    /// Wait for the end, print the output, and exit by the outcome.
    #[arg(long, short)]
    pub(crate) wait: bool,
}

const RERUN_HELP: &str = "A new execution is started, with the same definition and input. Outputs of calls that succeeded are taken over, \
    also those of the items of a parallel map, so that only what failed or was not reached is done.";

#[derive(Debug, Args)]
pub(crate) struct Ps {
    /// Only those with this status: pending, running, waiting, suspended, cancelled, faulted or completed.
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// Only those of this workflow: `namespace/name`, or with `:version`.
    #[arg(long)]
    pub(crate) workflow: Option<String>,
    /// How many to list.
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The execution.
    pub(crate) id: String,
    /// Show the config and the output of each task too.
    #[arg(long)]
    pub(crate) tasks: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Follow {
    /// The execution.
    pub(crate) id: String,
    /// Go on until the execution has ended.
    #[arg(long, short)]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Execution {
    /// The execution.
    pub(crate) id: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tenant {
    /// Make a tenant.
    Create {
        /// Its name, a DNS label.
        name: String,
    },
    /// List tenants.
    List,
    /// Set what holds for tasks of a tenant's workflows where these do not say otherwise. What is left out is as the host says.
    Defaults {
        /// Its name.
        name: String,
        /// The timeout of a task, such as `30s`.
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        timeout: Option<Duration>,
        /// Attempts in all of a task whose problem may pass.
        #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
        attempts: Option<u32>,
        /// The wait before the second attempt.
        #[arg(long, value_name = "TIME", default_value = "1s", value_parser = humantime::parse_duration, requires = "attempts")]
        delay: Duration,
        /// What the wait is multiplied with after each attempt.
        #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..), requires = "attempts")]
        factor: u32,
        /// The longest wait.
        #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration, requires = "attempts")]
        max_delay: Duration,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make an API key, which is shown once.
    Create {
        /// What it is for.
        label: String,
        /// Make a key of an operator, who may act for every tenant; otherwise it is one of the tenant that `--tenant` names.
        #[arg(long)]
        operator: bool,
    },
    /// List API keys, without the keys.
    List,
    /// Revoke an API key.
    Revoke {
        /// Its id.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print every setting with its value and where that came from.
    Show(SettingArguments),
}

fn moment(text: &str) -> Result<Timestamp, String> {
    sandmill_author::dry_run::parse_moment(text).ok_or_else(|| "write a moment such as `2026-01-31T12:00:00Z`".into())
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, such as `task.cpu-time=5s`")?;
    Ok((name.trim().into(), value.trim().into()))
}

fn versioned(text: &str) -> Result<Versioned, String> {
    let (name, version) = text.split_once(':').ok_or("write NAME:VERSION, such as `greet:0.1.0`")?;
    Ok(Versioned { name: name.into(), version: version.into() })
}

fn plugin_file(text: &str) -> Result<PluginFile, String> {
    let (plugin, path) = text.split_once('=').ok_or("write NAME:VERSION=FILE, such as `greet:0.1.0=greet.wasm`")?;
    let Versioned { name, version } = versioned(plugin)?;
    Ok(PluginFile { name, version, path: path.into() })
}

fn definition(text: &str) -> Result<Definition, String> {
    let (path, version) = match text.split_once(':') {
        Some((path, version)) => (path, Some(version.to_owned())),
        None => (text, None),
    };
    let (namespace, name) = path.split_once('/').ok_or("write NAMESPACE/NAME or NAMESPACE/NAME:VERSION")?;
    Ok(Definition { namespace: namespace.into(), name: name.into(), version })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn names_are_taken_apart() {
        let workflow = definition("demo/report:1.0.0").unwrap();
        assert_eq!(
            (&*workflow.namespace, &*workflow.name, workflow.version.as_deref()),
            ("demo", "report", Some("1.0.0"))
        );
        assert!(definition("report").is_err());
        let plugin = plugin_file("greet:0.1.0=a=b.wasm").unwrap();
        assert_eq!((&*plugin.name, &*plugin.version, plugin.path), ("greet", "0.1.0", PathBuf::from("a=b.wasm")));
        assert!(plugin_file("greet=a.wasm").is_err());
        assert_eq!(pair("a = b=c").unwrap(), ("a".into(), "b=c".into()));
    }
}
