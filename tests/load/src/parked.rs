//! A data directory with many parked executions.
//!
//! Two are started over HTTP, one that waits for a day and one that is due soon. The others are written through the store's own ports, as copies of
//! those two under other ids: the same rows that the engine would have written for each.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sandmill_core::ids::WorkflowExecId;
use sandmill_engine::ports::{Batch, ExecutionKey, ExecutionRow, JournalEntry, Residence, SharedStore, Status};

use crate::host::{Connection, Host};
use crate::stage::{self, tenant};

/// Longer than what the engine keeps in memory for its end.
const SOON: Duration = Duration::from_secs(12);

/// What lies in a data directory.
pub(crate) struct Parked {
    /// The executions that are due, by id.
    pub(crate) due: Vec<String>,
    due_at: Instant,
}

/// Makes a data directory with so many parked executions, of which so many are due soon.
pub(crate) fn park(data: &Path, count: u32, due_count: u32) -> Result<Parked> {
    ensure!(due_count >= 1 && due_count < count, "both kinds are wanted");
    let (host, _) = Host::start(data, &[])?;
    let mut connection = host.connect()?;
    let later = start(&mut connection, "later", "hours: 24")?;
    let soon = start(&mut connection, "soon", &format!("seconds: {}", SOON.as_secs()))?;
    let due_at = Instant::now() + SOON;
    drop(connection);
    host.stop()?;
    let (store, _) = stage::open_store(data)?;
    copy(&store, &later, count - due_count - 1, 1 << 64)?;
    let mut due = copy(&store, &soon, due_count - 1, 2 << 64)?;
    due.push(soon);
    Ok(Parked { due, due_at })
}

impl Parked {
    /// Waits until what is due soon is due.
    pub(crate) fn wait_until_due(&self) {
        let left = self.due_at.saturating_duration_since(Instant::now());
        thread::sleep(left + Duration::from_millis(100));
    }
}

fn start(connection: &mut Connection, name: &str, span: &str) -> Result<String> {
    let document = format!(
        "document: {{ dsl: 1.0.3, namespace: bench, name: {name}, version: 1.0.0 }}\ndo:\n  - pause: {{ wait: {{ {span} }} }}\n"
    );
    connection.ask("PUT", "/v1/workflows", "application/yaml", document.as_bytes())?;
    let path = format!("/v1/workflows/bench/{name}/executions");
    let started = connection.ask("POST", &path, "application/json", b"{}")?;
    let id = started["id"].as_str().context("the answer has no id")?.to_owned();
    while connection.get(&format!("/v1/executions/{id}"))?["status"] != "waiting" {
        thread::yield_now();
    }
    Ok(id)
}

/// Writes copies of an execution under ids that count up from there, spread over the range as random ones are.
fn copy(store: &SharedStore, id: &str, count: u32, from: u128) -> Result<Vec<String>> {
    let id: WorkflowExecId = id.parse().map_err(|error| anyhow::anyhow!("{error}"))?;
    let key = ExecutionKey { tenant: tenant(), id };
    let row = store.row(&key)?.context("the execution has no row")?;
    ensure!(row.status == Status::Waiting, "the execution does not wait: {:?}", row.status);
    let records = store.records(&key, 0, 100)?;
    let due = store.due(sandmill_core::time::Timestamp(i64::MAX), 100)?;
    let at = due.iter().find(|(_, parked)| *parked == key).context("the execution is not parked")?.0;
    let mut ids = Vec::new();
    let mut batches = Vec::new();
    for number in 0..u128::from(count) {
        let id = WorkflowExecId::from_random((from + number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        ids.push(id.to_string());
        batches.extend(batches_of(id, &row, &records, Residence::Parked { due: Some(at) }));
        if batches.len() >= 500 {
            store.append(std::mem::take(&mut batches))?;
        }
    }
    store.append(batches)?;
    Ok(ids)
}

fn batches_of(id: WorkflowExecId, row: &ExecutionRow, records: &[JournalEntry], residence: Residence) -> Vec<Batch> {
    let key = ExecutionKey { tenant: tenant(), id };
    let mut batches: Vec<Batch> =
        records.iter().map(|entry| Batch { entry: Some(entry.clone()), ..Batch::new(key.clone()) }).collect();
    if let Some(first) = batches.first_mut() {
        first.row = Some(ExecutionRow { id, ..row.clone() });
        first.residence = Some((None, Some(residence)));
    }
    batches
}
