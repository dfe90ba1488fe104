//! Every limit of a task's call: name, default, setting and error code, in one table.
//!
//! Owns what can be limited, what is allowed where nobody says otherwise, and the problem that a workflow sees when a call goes over. Knows
//! nothing of how a limit is enforced: that stands where the guest's wish arrives.
//!
//! The outcome of a limit has a problem type of its own, and not the standard `runtime` error with a hint in its data, because `catch.errors.with`
//! filters by type and cannot look into data.

use std::collections::BTreeMap;

use sandmill_core::problem::Problem;
use sandmill_core::value::Value;

/// What stands before the code in the type of every problem that this runtime makes.
pub const PROBLEM_PREFIX: &str = "https://sandmill.dev/problems/";

/// Something that a guest can use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Time on a processor.
    CpuTime,
    /// Time on the wall.
    WallTime,
    /// Bytes of linear memory, over all memories.
    Memory,
    /// Elements of tables, over all tables.
    TableElements,
    /// Core instances that a component is made of.
    Instances,
    /// Bytes of output, or of a problem.
    Output,
    /// Bytes of log.
    Log,
    /// Calls of imports.
    HostCalls,
    /// Bytes that one call of an import hands over.
    HostCallBytes,
    /// Bytes of stack.
    Stack,
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitRow {
    /// What is limited.
    pub limit: Limit,
    /// The stable name, which is also `data.limit` of the problem.
    pub name: &'static str,
    /// In words, for people.
    pub title: &'static str,
    /// What is allowed where nobody says otherwise.
    pub default: u64,
    /// The unit of the default: `ms`, `bytes` or `count`.
    pub unit: &'static str,
    /// The setting that changes it.
    pub setting: &'static str,
    /// The error code: the end of the problem's type, and the name of its page in `docs/errors/`.
    pub code: &'static str,
}

/// One line, on one line.
const fn row(
    (limit, name, title): (Limit, &'static str, &'static str),
    (default, unit): (u64, &'static str),
    (setting, code): (&'static str, &'static str),
) -> LimitRow {
    LimitRow { limit, name, title, default, unit, setting, code }
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// All limits of a call. The figures are those that the contract in `wit/` names; where it names none, the reason stands beside it.
pub const LIMITS: [LimitRow; 10] = [
    row((Limit::CpuTime, "cpu-time", "CPU time"), (10_000, "ms"), ("task.cpu-time", "limit-cpu-time")),
    row((Limit::WallTime, "wall-time", "wall time"), (60_000, "ms"), ("task.wall-time", "limit-wall-time")),
    row((Limit::Memory, "memory", "memory"), (128 * MIB, "bytes"), ("task.memory", "limit-memory")),
    // The largest interpreter that was measured has about 30,000 functions in its tables.
    row(
        (Limit::TableElements, "table-elements", "elements of tables"),
        (100_000, "count"),
        ("task.table-elements", "limit-table-elements"),
    ),
    // Python has about 110. Counted when a component is registered, so that no call ever fails on it.
    row((Limit::Instances, "instances", "core instances"), (256, "count"), ("task.instances", "limit-instances")),
    row((Limit::Output, "output-bytes", "output"), (MIB, "bytes"), ("task.output-bytes", "limit-output-bytes")),
    row((Limit::Log, "log-bytes", "log"), (MIB, "bytes"), ("task.log-bytes", "limit-log-bytes")),
    row(
        (Limit::HostCalls, "host-calls", "calls of imports"),
        (100_000, "count"),
        ("task.host-calls", "limit-host-calls"),
    ),
    // More than any import takes: the host allocates this much before an import can say no.
    row(
        (Limit::HostCallBytes, "host-call-bytes", "bytes handed to one import"),
        (2 * MIB, "bytes"),
        ("task.host-call-bytes", "limit-host-call-bytes"),
    ),
    // The default of wasmtime, on a host stack of 2 MiB.
    row((Limit::Stack, "stack-bytes", "stack"), (512 * KIB, "bytes"), ("task.stack-bytes", "limit-stack-bytes")),
];

/// What one call may use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskLimits {
    /// Time on a processor, in milliseconds, exact to about two of them.
    pub cpu_ms: u64,
    /// Time on the wall, in milliseconds.
    pub wall_ms: u64,
    /// Linear memory, over all memories.
    pub memory_bytes: u64,
    /// Elements over all tables.
    pub table_elements: u64,
    /// Core instances of a component. A property of the host: a tenant has the same.
    pub instances: u64,
    /// Output, or all texts of a problem together.
    pub output_bytes: u64,
    /// Log, with 64 bytes for each line.
    pub log_bytes: u64,
    /// Calls of imports.
    pub host_calls: u64,
    /// What one call of an import hands over. Never less than the output, for one figure of wasmtime bounds both.
    pub host_call_bytes: u64,
    /// Stack of the guest. A property of the host: a tenant has the same.
    pub stack_bytes: u64,
}

impl Default for TaskLimits {
    fn default() -> Self {
        let default = |limit: Limit| limit.row().default;
        Self {
            cpu_ms: default(Limit::CpuTime),
            wall_ms: default(Limit::WallTime),
            memory_bytes: default(Limit::Memory),
            table_elements: default(Limit::TableElements),
            instances: default(Limit::Instances),
            output_bytes: default(Limit::Output),
            log_bytes: default(Limit::Log),
            host_calls: default(Limit::HostCalls),
            host_call_bytes: default(Limit::HostCallBytes),
            stack_bytes: default(Limit::Stack),
        }
    }
}

impl TaskLimits {
    /// How much of something is allowed.
    #[must_use]
    pub const fn of(&self, limit: Limit) -> u64 {
        match limit {
            Limit::CpuTime => self.cpu_ms,
            Limit::WallTime => self.wall_ms,
            Limit::Memory => self.memory_bytes,
            Limit::TableElements => self.table_elements,
            Limit::Instances => self.instances,
            Limit::Output => self.output_bytes,
            Limit::Log => self.log_bytes,
            Limit::HostCalls => self.host_calls,
            Limit::HostCallBytes => self.host_call_bytes,
            Limit::Stack => self.stack_bytes,
        }
    }

    /// All of them by their names, as a task takes them along to another process.
    #[must_use]
    pub fn named(&self) -> BTreeMap<String, u64> {
        LIMITS.iter().map(|row| (row.name.to_owned(), self.of(row.limit))).collect()
    }

    /// These limits, and the named ones where those are smaller. Names that are unknown say nothing.
    ///
    /// For the stack the host's own figure holds in any case, because it is set once for all calls.
    #[must_use]
    pub fn bounded_by(&self, named: &BTreeMap<String, u64>) -> Self {
        let of = |limit: Limit| {
            let own = self.of(limit);
            named.get(limit.row().name).map_or(own, |named| own.min(*named))
        };
        Self {
            cpu_ms: of(Limit::CpuTime),
            wall_ms: of(Limit::WallTime),
            memory_bytes: of(Limit::Memory),
            table_elements: of(Limit::TableElements),
            instances: of(Limit::Instances),
            output_bytes: of(Limit::Output),
            log_bytes: of(Limit::Log),
            host_calls: of(Limit::HostCalls),
            host_call_bytes: of(Limit::HostCallBytes),
            stack_bytes: of(Limit::Stack),
        }
    }
}

impl Limit {
    /// Its line in the table.
    #[must_use]
    pub fn row(self) -> &'static LimitRow {
        LIMITS.iter().find(|row| row.limit == self).expect("every limit has a line, as a test says")
    }

    /// What a workflow sees when a call goes over it. Never retryable: the same call would go over it again.
    #[must_use]
    pub fn problem(self, limits: &TaskLimits) -> Problem {
        let row = self.row();
        let allowed = limits.of(self);
        let unit = if row.unit == "count" { String::new() } else { format!(" {}", row.unit) };
        let data = Value::object([
            ("limit", Value::from(row.name)),
            ("allowed", Value::from(allowed)),
            ("unit", Value::from(row.unit)),
        ]);
        Problem {
            kind: format!("{PROBLEM_PREFIX}{}", row.code),
            status: if self == Self::WallTime { 408 } else { 500 },
            title: format!("Limit on {} reached", row.title),
            detail: Some(format!("the task went over its limit on {}: {allowed}{unit} are allowed", row.title)),
            instance: None,
            data: Some(data),
            retryable: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Limit; 10] = [
        Limit::CpuTime,
        Limit::WallTime,
        Limit::Memory,
        Limit::TableElements,
        Limit::Instances,
        Limit::Output,
        Limit::Log,
        Limit::HostCalls,
        Limit::HostCallBytes,
        Limit::Stack,
    ];

    #[test]
    fn every_limit_has_one_line_and_a_code_after_its_name() {
        assert_eq!(LIMITS.map(|row| row.limit), ALL);
        for row in LIMITS {
            assert_eq!(row.code, format!("limit-{}", row.name));
            assert!(row.setting.starts_with("task."), "{}", row.setting);
            assert_eq!(TaskLimits::default().of(row.limit), row.default);
        }
    }

    #[test]
    fn every_limit_is_known_again_by_its_name() {
        let limits = TaskLimits { cpu_ms: 1, wall_ms: 2, memory_bytes: 3, ..TaskLimits::default() };
        let named = limits.named();
        assert_eq!(named.len(), LIMITS.len());
        let unbounded = LIMITS.map(|row| (row.name.to_owned(), u64::MAX)).into();
        for row in LIMITS {
            assert_eq!(named[row.name], limits.of(row.limit), "{}", row.name);
            let alone = BTreeMap::from([(row.name.to_owned(), 1)]);
            let bounded = TaskLimits::default().bounded_by(&alone);
            for other in LIMITS {
                let expected = if other == row { 1 } else { other.default };
                assert_eq!(bounded.of(other.limit), expected, "{} by {}", other.name, row.name);
            }
        }
        assert_eq!(TaskLimits::default().bounded_by(&named), limits);
        assert_eq!(limits.bounded_by(&unbounded), limits);
    }

    #[test]
    fn the_smaller_limit_wins_and_what_is_unknown_says_nothing() {
        let own = TaskLimits::default();
        for (named, expected) in
            [(own.memory_bytes - 1, own.memory_bytes - 1), (own.memory_bytes + 1, own.memory_bytes)]
        {
            let bounded = own.bounded_by(&BTreeMap::from([("memory".to_owned(), named), ("patience".to_owned(), 0)]));
            assert_eq!(bounded, TaskLimits { memory_bytes: expected, ..own });
        }
        assert_eq!(own.bounded_by(&BTreeMap::new()), own);
    }

    #[test]
    fn a_problem_names_its_limit_and_is_not_repeated() {
        let problem = Limit::Memory.problem(&TaskLimits { memory_bytes: 7, ..TaskLimits::default() });
        assert_eq!(problem.kind, "https://sandmill.dev/problems/limit-memory");
        assert_eq!(problem.detail.as_deref(), Some("the task went over its limit on memory: 7 bytes are allowed"));
        assert_eq!(problem.data.and_then(|data| data.get("limit")), Some(Value::from("memory")));
        assert!(!problem.retryable);
    }
}
