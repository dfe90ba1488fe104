//! What tasks wrote while they ran: rows of one execution, in the order in which they were written, gone with it.
//!
//! A line's key ends with a sequence number that only goes up, over restarts too: it is at least the line's time, so that a page's token stays a
//! place in the log.
//!
//! Lines are synced like everything else: the check of the logs of the database takes whatever follows a broken commit as a sign that the
//! broken one had been acknowledged. Whoever writes lines writes many at a time, for the price of a sync is the same.

use sandmill_engine::ports::{ExecutionKey, LogLine, Logs, Page, StoreError};

use crate::encoding::{decode_log_line, encode_log_line};
use crate::keys::execution;
use crate::rows::{Changes, RowStore, Rows, Table, collect, damaged};

/// Lines of one millisecond that have numbers of their own; more take the numbers of the next one.
const LINES_PER_MILLISECOND: u64 = 1 << 20;

impl<R: Rows> Logs for RowStore<R> {
    fn append_logs(&self, lines: Vec<(ExecutionKey, LogLine)>) -> Result<(), StoreError> {
        let _writing = self.write();
        let mut changes = Changes::default();
        let mut last = self.last_log_sequence.lock();
        for (key, line) in &lines {
            let of_its_time = line.at.0.max(0).cast_unsigned().saturating_mul(LINES_PER_MILLISECOND);
            *last = of_its_time.max(last.saturating_add(1));
            changes.put(Table::Executions, execution::log_line(key, *last), encode_log_line(line));
        }
        self.rows.commit(changes)
    }

    fn logs(&self, key: &ExecutionKey, after: Option<&str>, lines_max: usize) -> Result<Page<LogLine>, StoreError> {
        let from = after.map(read_token).transpose()?.map_or(0, |sequence| sequence.saturating_add(1));
        let range = execution::log_lines_from(key, from);
        let mut last = None;
        let items = collect(&self.rows.view(), (Table::Executions, range), lines_max, |row, value| {
            last = execution::log_sequence(row);
            decode_log_line(key.id, value).map_err(|error| damaged(Table::Executions, row, error))
        })?;
        Ok(Page { items, next: last.map(token) })
    }
}

fn token(sequence: u64) -> String {
    format!("{sequence:016x}")
}

fn read_token(token: &str) -> Result<u64, StoreError> {
    let sequence = u64::from_str_radix(token, 16).ok().filter(|_| token.len() == 16);
    sequence.ok_or_else(|| StoreError::Invalid {
        reason: format!("`{token}` is no place in a log; take `next` of a page as it is"),
    })
}
