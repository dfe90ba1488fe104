//! The one table of settings: every limit and every choice of the server, with its name, its default and the error that names it.
//!
//! `sandmill config show`, the documentation and the parser all read this table: a setting that does not stand here does not exist.

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// Text that is never shown.
    Secret,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number.
    Count,
    /// A size such as `10 MiB`.
    Bytes,
    /// A length of time such as `30s`.
    Time,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// Its name: in `sandmill.toml` the dots are tables, in the environment it is `SANDMILL_` with underscores.
    pub(crate) name: &'static str,
    /// How its value is written.
    pub(crate) kind: Kind,
    /// What holds where nobody says otherwise.
    pub(crate) default: &'static str,
    /// What it bounds or chooses.
    pub(crate) what: &'static str,
    /// The code of the error that somebody meets who goes over it.
    pub(crate) code: Option<&'static str>,
}

const fn choice(name: &'static str, kind: Kind, default: &'static str, what: &'static str) -> Setting {
    Setting { name, kind, default, what, code: None }
}

const fn limit(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    what: &'static str,
    code: &'static str,
) -> Setting {
    Setting { name, kind, default, what, code: Some(code) }
}

use Kind::{Bytes, Count, Secret, Text, Time, Word};

/// Every setting.
pub(crate) const SETTINGS: &[Setting] = &[
    choice(
        "listen",
        Text,
        "127.0.0.1:7878",
        "where the HTTP API listens; elsewhere than on loopback an API key must exist",
    ),
    choice("data-dir", Text, "sandmill-data", "the directory of the embedded store"),
    choice("store", Word(&["embedded", "memory"]), "embedded", "where everything is kept"),
    limit("free-disk-reserve", Bytes, "1 GiB", "free disk under which no execution is started", "store-refused"),
    choice(
        "log.level",
        Text,
        "info,fjall=warn,lsm_tree=warn",
        "what is logged: a level, or directives such as `info,sandmill_engine=debug`",
    ),
    choice("log.format", Word(&["text", "json"]), "text", "how a log line looks"),
    limit(
        "drain",
        Time,
        "30s",
        "how long running tasks may take to end after SIGTERM; the others run again after the start",
        "draining",
    ),
    limit("engine.starts-waiting", Count, "1000", "starts that wait to become durable", "engine-busy"),
    limit(
        "engine.executions-in-memory",
        Count,
        "50000",
        "executions in memory; parked ones are on disk and do not count",
        "engine-busy",
    ),
    choice(
        "catalogs",
        Text,
        "none",
        "catalogs of functions: `ENDPOINT=FOLDER`, several with commas between, or `none`",
    ),
    choice("redis.url", Text, "none", "the Redis that holds the task queue, or `none`: tasks run in this process"),
    choice("redis.prefix", Text, "sandmill", "what the keys in Redis start with; one engine for each prefix"),
    choice("redis.username", Text, "none", "the user of Redis, where it is not in the URL"),
    choice("redis.password", Secret, "none", "the password of Redis, where it is not in the URL"),
    choice("redis.tls-ca", Text, "none", "a file of certificates (PEM) to trust in place of the system's"),
    choice("redis.connect-time", Time, "2s", "how long a connection to Redis may take"),
    choice("redis.response-time", Time, "5s", "how long an answer of Redis may take"),
    choice("redis.backoff-max", Time, "5s", "the longest wait between two tries to reach Redis"),
    choice("queue.lease", Time, "30s", "how long a worker owns a task that it does not renew"),
    choice("queue.renew", Time, "10s", "how often a worker renews its leases"),
    choice("queue.heartbeat", Time, "30s", "how often a worker says that it is there; it is off the list after four"),
    limit("queue.losses", Count, "5", "workers that may die of one task", "worker-lost"),
    choice("queue.scan", Time, "30s", "how often the engine looks for tasks that Redis has lost"),
    choice("queue.owner-lease", Time, "30s", "how long an engine owns its prefix without renewing that"),
    choice("queue.waiting-per-slot", Count, "2", "tasks that wait in Redis for each slot of the workers"),
    limit("queue.repairs", Count, "3", "how often a config that workers do not find is put back", "config-unavailable"),
    choice("queue.config-ttl", Time, "24h", "how long a config lives in Redis where its document does not say"),
    limit(
        "engine.queue-depth",
        Count,
        "100000",
        "tasks that wait for a worker before starts are refused",
        "engine-busy",
    ),
    choice("worker.local", Word(&["yes", "no"]), "yes", "whether a server with Redis runs tasks itself"),
    choice("worker.queues", Text, "default", "the queues that a worker takes tasks from, with commas between"),
    choice(
        "worker.memory",
        Bytes,
        "0 B",
        "memory for guests: no more slots than fit by `task.memory`; 0: as many as there are",
    ),
    choice("worker.listen", Text, "none", "where a worker answers `/healthz`, `/readyz` and `/metrics`"),
    choice("worker.context-cache", Bytes, "64 MiB", "values of contexts that a worker keeps"),
    choice("worker.claims-ahead", Count, "64", "tasks that a worker claims ahead of those that it runs"),
    choice("engine.slots", Count, "0", "tasks that run at the same time; 0: 64 for each core"),
    choice("engine.retention", Time, "7days", "how long ended executions are kept"),
    limit("workflow.steps", Count, "1000000", "task executions of one workflow execution", "step-limit"),
    choice("workflow.open-tasks", Count, "1000", "tasks of one execution that are dispatched at the same time"),
    limit("workflow.active-time", Time, "30m", "active time of a workflow that names no timeout", "timeout"),
    limit("workflow.config-bytes", Bytes, "10 MiB", "the resolved arguments of one task", "validation"),
    limit("expression.ticks", Count, "200000", "calls of definitions in one evaluation", "expression"),
    limit("expression.elements", Count, "2000000", "elements that one evaluation yields or looks at", "expression"),
    limit("task.attempts", Count, "3", "attempts of a task whose problem is retryable", "retryable"),
    limit(
        "task.timeout",
        Time,
        "0s",
        "how long a task may take that names no timeout; 0s: as long as it takes",
        "timeout",
    ),
    limit("task.cpu-time", Time, "10s", "CPU time of one call", "limit-cpu-time"),
    limit("task.wall-time", Time, "60s", "wall time of one call", "limit-wall-time"),
    limit("task.memory", Bytes, "128 MiB", "memory of one call, over all its memories", "limit-memory"),
    limit("task.table-elements", Count, "100000", "elements of one call's tables", "limit-table-elements"),
    limit("task.instances", Count, "256", "core instances that a component is made of", "limit-instances"),
    limit("task.output-bytes", Bytes, "1 MiB", "the output of one call", "limit-output-bytes"),
    limit("task.log-bytes", Bytes, "1 MiB", "what one call writes to its log", "limit-log-bytes"),
    limit("task.host-calls", Count, "100000", "calls of imports in one call", "limit-host-calls"),
    limit("task.host-call-bytes", Bytes, "2 MiB", "what one call of an import hands over", "limit-host-call-bytes"),
    limit("task.stack-bytes", Bytes, "512 KiB", "stack of one call", "limit-stack-bytes"),
    limit("api.body-bytes", Bytes, "10 MiB", "the body of a request", "body-too-large"),
    limit("api.component-bytes", Bytes, "64 MiB", "a component that is uploaded", "body-too-large"),
    limit("api.request-time", Time, "60s", "how long a request may take, beside its `wait`", "request-timeout"),
    limit("api.wait", Time, "60s", "the longest `wait` of a start", "invalid-parameter"),
    limit("api.concurrency", Count, "1024", "requests that are answered at the same time", "too-many-requests"),
];
