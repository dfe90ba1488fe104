//! Every metric of the engine, with its unit and its labels.
//!
//! Names and meanings stand here and nowhere else. Whatever is counted with every step has a handle that is made once, for looking one up
//! costs more than counting; so a recorder must be installed before the engine is launched. The label `tenant` stands only where a series
//! for each tenant is bounded by the tenants that operators make.

use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use sandmill_core::ids::TenantId;

use crate::ports::{Status, TaskResult};

/// Executions that were started. Labels: `tenant`.
pub const EXECUTIONS_STARTED: &str = "sandmill_executions_started_total";
/// Executions that ended. Labels: `tenant`, `status` (completed, faulted, cancelled).
pub const EXECUTIONS_ENDED: &str = "sandmill_executions_ended_total";
/// Starts that were refused. Labels: `reason` (busy, draining, store).
pub const STARTS_REFUSED: &str = "sandmill_starts_refused_total";
/// Executions that were removed after their retention.
pub const EXECUTIONS_REMOVED: &str = "sandmill_executions_removed_total";
/// Executions that are in memory.
pub const EXECUTIONS_IN_MEMORY: &str = "sandmill_executions_in_memory";
/// Executions that have something to think about and wait for their turn.
pub const EXECUTIONS_RUNNABLE: &str = "sandmill_executions_runnable";
/// Attempts that were handed to the queue.
pub const TASKS_DISPATCHED: &str = "sandmill_tasks_dispatched_total";
/// Attempts that ended. Labels: `outcome` (completed, failed, lost, stopped).
pub const TASKS_ENDED: &str = "sandmill_tasks_ended_total";
/// Seconds that a runner had an attempt.
pub const TASK_SECONDS: &str = "sandmill_task_seconds";
/// Tasks that wait for a worker.
pub const QUEUE_DEPTH: &str = "sandmill_queue_depth";
/// Seconds that a task waited for a worker.
pub const QUEUE_WAIT_SECONDS: &str = "sandmill_queue_wait_seconds";
/// Seconds that one commit of the journal took, its sync included.
pub const COMMIT_SECONDS: &str = "sandmill_commit_seconds";
/// Steps that shared one commit.
pub const COMMIT_STEPS: &str = "sandmill_commit_steps";
/// Seconds from an event to the moment a follower that was up to date saw it.
pub const EVENT_LAG_SECONDS: &str = "sandmill_event_lag_seconds";
/// Lines of tasks that were written to logs.
pub const LOG_LINES_WRITTEN: &str = "sandmill_log_lines_written_total";
/// Lines of tasks that were dropped.
pub const LOG_LINES_DROPPED: &str = "sandmill_log_lines_dropped_total";

fn describe() {
    use Unit::{Count, Seconds};
    describe_counter!(EXECUTIONS_STARTED, Count, "Executions that were started.");
    describe_counter!(EXECUTIONS_ENDED, Count, "Executions that ended.");
    describe_counter!(STARTS_REFUSED, Count, "Starts that were refused.");
    describe_counter!(EXECUTIONS_REMOVED, Count, "Executions that were removed after their retention.");
    describe_gauge!(EXECUTIONS_IN_MEMORY, Count, "Executions that are in memory.");
    describe_gauge!(EXECUTIONS_RUNNABLE, Count, "Executions that have something to think about.");
    describe_counter!(TASKS_DISPATCHED, Count, "Attempts that were handed to the queue.");
    describe_counter!(TASKS_ENDED, Count, "Attempts that ended.");
    describe_histogram!(TASK_SECONDS, Seconds, "How long a runner had an attempt.");
    describe_gauge!(QUEUE_DEPTH, Count, "Tasks that wait for a worker.");
    describe_histogram!(QUEUE_WAIT_SECONDS, Seconds, "How long a task waited for a worker.");
    describe_histogram!(COMMIT_SECONDS, Seconds, "How long one commit of the journal took.");
    describe_histogram!(COMMIT_STEPS, Count, "Steps that shared one commit.");
    describe_histogram!(EVENT_LAG_SECONDS, Seconds, "How long an event took to a follower.");
    describe_counter!(LOG_LINES_WRITTEN, Count, "Lines of tasks that were written to logs.");
    describe_counter!(LOG_LINES_DROPPED, Count, "Lines of tasks that were dropped.");
}

/// What shards and the engine count.
pub(crate) struct EngineMeters {
    pub(crate) dispatched: Counter,
    pub(crate) in_memory: Gauge,
    pub(crate) runnable: Gauge,
    pub(crate) removed: Counter,
    /// By outcome.
    ended: [Counter; 4],
}

impl EngineMeters {
    pub(crate) fn new() -> Self {
        describe();
        let ended =
            ["completed", "failed", "lost", "stopped"].map(|outcome| counter!(TASKS_ENDED, "outcome" => outcome));
        Self {
            dispatched: counter!(TASKS_DISPATCHED),
            in_memory: gauge!(EXECUTIONS_IN_MEMORY),
            runnable: gauge!(EXECUTIONS_RUNNABLE),
            removed: counter!(EXECUTIONS_REMOVED),
            ended,
        }
    }

    pub(crate) fn task_ended(&self, result: &TaskResult) {
        let outcome = match result {
            TaskResult::Completed(_) => 0,
            TaskResult::Failed(_) => 1,
            TaskResult::Lost => 2,
            TaskResult::Stopped => 3,
        };
        self.ended[outcome].increment(1);
    }

    pub(crate) fn execution_started(tenant: &TenantId) {
        counter!(EXECUTIONS_STARTED, "tenant" => tenant.to_string()).increment(1);
    }

    pub(crate) fn execution_ended(tenant: &TenantId, status: Status) {
        let status = match status {
            Status::Completed => "completed",
            Status::Cancelled => "cancelled",
            _ => "faulted",
        };
        counter!(EXECUTIONS_ENDED, "tenant" => tenant.to_string(), "status" => status).increment(1);
    }

    pub(crate) fn start_refused(reason: &'static str) {
        counter!(STARTS_REFUSED, "reason" => reason).increment(1);
    }
}

/// What the journal writer counts.
pub(crate) struct CommitMeters {
    seconds: Histogram,
    steps: Histogram,
}

impl CommitMeters {
    pub(crate) fn new() -> Self {
        Self { seconds: histogram!(COMMIT_SECONDS), steps: histogram!(COMMIT_STEPS) }
    }

    pub(crate) fn committed(&self, took: Duration, steps: usize) {
        self.seconds.record(took);
        self.steps.record(steps as f64);
    }
}

/// What a queue counts.
pub(crate) struct QueueMeters {
    pub(crate) depth: Gauge,
    pub(crate) wait: Histogram,
}

impl QueueMeters {
    pub(crate) fn new() -> Self {
        Self { depth: gauge!(QUEUE_DEPTH), wait: histogram!(QUEUE_WAIT_SECONDS) }
    }
}

/// What a worker counts.
pub(crate) struct WorkerMeters {
    pub(crate) seconds: Histogram,
}

impl WorkerMeters {
    pub(crate) fn new() -> Self {
        Self { seconds: histogram!(TASK_SECONDS) }
    }
}

/// What followers of events count.
pub(crate) struct FollowerMeters {
    pub(crate) lag: Histogram,
}

impl FollowerMeters {
    pub(crate) fn new() -> Self {
        Self { lag: histogram!(EVENT_LAG_SECONDS) }
    }
}

/// What the thread that writes logs counts.
pub(crate) struct LogMeters {
    pub(crate) written: Counter,
    pub(crate) dropped: Counter,
}

impl LogMeters {
    pub(crate) fn new() -> Self {
        Self { written: counter!(LOG_LINES_WRITTEN), dropped: counter!(LOG_LINES_DROPPED) }
    }
}
