//! The index of executions: lists by status or workflow, and what is active, due or expired.
//!
//! There is no list of all executions: it is merged from one list for each status, so a change of status moves one entry.

use std::ops::Range;

use sandmill_core::ids::{Digest, TenantId, WorkflowExecId};
use sandmill_core::time::Timestamp;
use sandmill_engine::ports::{ExecutionFilter, ExecutionKey, ExecutionRow, Executions, Page, Status, StoreError};

use crate::encoding::decode_execution;
use crate::journal::workflow_name;
use crate::keys::{Key, Position, STATUSES, index};
use crate::page;
use crate::rows::{RowStore, Rows, Table, View, collect, damaged, until};

/// How many executions of a workflow one page looks at for those that a filter lets through. Bounds the work of a request; a page that ends
/// there is short, and its `next` goes on.
pub const ROWS_LOOKED_AT_MAX: usize = 10_000;

impl<R: Rows> Executions for RowStore<R> {
    fn row(&self, execution: &ExecutionKey) -> Result<Option<ExecutionRow>, StoreError> {
        read_row(&self.rows.view(), execution)
    }

    fn list(
        &self,
        tenant: &TenantId,
        filter: &ExecutionFilter,
        after: Option<&str>,
        items_max: usize,
    ) -> Result<Page<ExecutionRow>, StoreError> {
        let after = after.map(|token| page::read(tenant, token)).transpose()?;
        let items_max = items_max.max(1);
        let listing = Listing { view: self.rows.view(), tenant, after };
        let (items, next) = match &filter.workflow {
            Some(workflow) => listing.of_workflow(workflow, filter.status, items_max)?,
            None => listing.with_status(filter.status, items_max)?,
        };
        Ok(Page { items, next: next.map(|position| page::token(tenant, position)) })
    }

    fn active(&self, after: Option<&ExecutionKey>, items_max: usize) -> Result<Vec<ExecutionKey>, StoreError> {
        collect(&self.rows.view(), (Table::Index, index::active_after(after)), items_max, |key, _| {
            index::execution(key).ok_or_else(|| misshapen(key))
        })
    }

    fn due(&self, until: Timestamp, items_max: usize) -> Result<Vec<(Timestamp, ExecutionKey)>, StoreError> {
        self.timed(index::due_until(until), items_max)
    }

    fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let first = self.timed(index::due_until(Timestamp(i64::MAX)), 1)?;
        Ok(first.first().map(|(due, _)| *due))
    }

    fn expired(&self, until: Timestamp, items_max: usize) -> Result<Vec<ExecutionKey>, StoreError> {
        let timed = self.timed(index::expired_until(until), items_max)?;
        Ok(timed.into_iter().map(|(_, execution)| execution).collect())
    }
}

impl<R: Rows> RowStore<R> {
    fn timed(&self, range: Range<Key>, items_max: usize) -> Result<Vec<(Timestamp, ExecutionKey)>, StoreError> {
        collect(&self.rows.view(), (Table::Index, range), items_max, |key, _| {
            index::time_and_execution(key).ok_or_else(|| misshapen(key))
        })
    }
}

fn misshapen(key: &[u8]) -> StoreError {
    damaged(Table::Index, key, "the key does not name an execution")
}

fn read_row(view: &impl View, execution: &ExecutionKey) -> Result<Option<ExecutionRow>, StoreError> {
    let key = index::row(execution);
    let Some(bytes) = view.get(Table::Index, &key)? else { return Ok(None) };
    decode_execution(execution.id, &bytes).map(Some).map_err(|error| damaged(Table::Index, &key, error))
}

/// Items of a page, and the position to go on from, where there is more.
type Found = (Vec<ExecutionRow>, Option<Position>);

/// One request for a page.
struct Listing<'a, V> {
    view: V,
    tenant: &'a TenantId,
    after: Option<Position>,
}

impl<V: View> Listing<'_, V> {
    fn with_status(&self, status: Option<Status>, items_max: usize) -> Result<Found, StoreError> {
        let statuses = status.as_ref().map_or(&STATUSES[..], std::slice::from_ref);
        let mut positions = Vec::new();
        for status in statuses {
            let range = index::status_after(self.tenant, *status, self.after);
            positions.extend(self.positions(range, items_max + 1)?);
        }
        positions.sort_unstable_by(|a, b| b.cmp(a));
        let is_more = positions.len() > items_max;
        positions.truncate(items_max);
        let items: Vec<_> = positions.iter().map(|position| self.row(*position)).collect::<Result<_, _>>()?;
        Ok((items, positions.last().copied().filter(|_| is_more)))
    }

    fn of_workflow(&self, workflow: &str, status: Option<Status>, items_max: usize) -> Result<Found, StoreError> {
        let name = workflow_name(workflow);
        let is_wanted = |row: &ExecutionRow| {
            status.is_none_or(|status| row.status == status) && (workflow == name || row.workflow == workflow)
        };
        let range = index::workflow_after(self.tenant, name, self.after);
        let (mut items, mut last, mut looked_at, mut is_more) = (Vec::new(), None, 0, false);
        self.view.visit(Table::Index, range, &mut |key, _| {
            is_more = items.len() == items_max || looked_at == ROWS_LOOKED_AT_MAX;
            if !is_more {
                let position = index::position(key).ok_or_else(|| misshapen(key))?;
                items.extend(Some(self.row(position)?).filter(is_wanted));
                (last, looked_at) = (Some(position), looked_at + 1);
            }
            Ok(until(is_more))
        })?;
        Ok((items, last.filter(|_| is_more)))
    }

    fn positions(&self, range: Range<Key>, items_max: usize) -> Result<Vec<Position>, StoreError> {
        collect(&self.view, (Table::Index, range), items_max, |key, _| {
            index::position(key).ok_or_else(|| misshapen(key))
        })
    }

    fn row(&self, position: Position) -> Result<ExecutionRow, StoreError> {
        let execution = ExecutionKey { tenant: self.tenant.clone(), id: position.id };
        read_row(&self.view, &execution)?
            .ok_or_else(|| damaged(Table::Index, &index::row(&execution), "the index names it, and there is no row"))
    }
}

impl<R: Rows> RowStore<R> {
    /// Some of the executions in flight that run on one of these definitions.
    pub(crate) fn in_flight(
        &self,
        tenant: &TenantId,
        definitions: &[Digest],
        items_max: usize,
    ) -> Result<Vec<WorkflowExecId>, StoreError> {
        let view = self.rows.view();
        let mut found = Vec::new();
        for status in STATUSES.into_iter().filter(|status| !status.is_ended()) {
            view.visit(Table::Index, index::status_after(tenant, status, None), &mut |key, value| {
                if definitions.iter().any(|definition| definition.as_bytes() == value) {
                    found.push(index::position(key).ok_or_else(|| misshapen(key))?.id);
                }
                Ok(until(found.len() >= items_max))
            })?;
        }
        found.truncate(items_max);
        Ok(found)
    }
}
