//! What somebody sees while `sandmill run` works: how many tasks have ended, and what they log.

use std::sync::Arc;

use indicatif::ProgressBar;
use sandmill_core::machine::Lifecycle;
use sandmill_engine::Engine;
use sandmill_engine::ports::{ExecutionKey, LogLine};
use tokio::task::JoinHandle;

use crate::commands::trigger::bar;
use crate::output::Output;
use crate::wire::Host;

/// Lines that are read at a time.
const LINES: usize = 500;

/// Watches an execution until its end.
pub(crate) struct Watch {
    counting: JoinHandle<()>,
    engine: Arc<Engine>,
    key: ExecutionKey,
    verbose: bool,
}

/// Begins to watch.
pub(crate) fn start(host: &Host, key: &ExecutionKey, verbose: bool, output: Output) -> Watch {
    let counting = tokio::spawn(count(Arc::clone(&host.engine), key.clone(), bar(output)));
    Watch { counting, engine: Arc::clone(&host.engine), key: key.clone(), verbose }
}

impl Watch {
    /// Shows the rest, once the execution has ended.
    pub(crate) async fn finish(self) {
        // A watcher that failed shows less, and nothing else.
        let _ = self.counting.await;
        if !self.verbose {
            return;
        }
        let mut after = None;
        while let Ok(page) = self.engine.logs(&self.key, after.as_deref(), LINES) {
            page.items.iter().for_each(print_line);
            match page.next.filter(|_| !page.items.is_empty()) {
                Some(next) => after = Some(next),
                None => return,
            }
        }
    }
}

async fn count(engine: Arc<Engine>, key: ExecutionKey, bar: ProgressBar) {
    let mut events = engine.events(&key, None);
    let (mut started, mut ended) = (0, 0);
    while let Ok(Some(event)) = events.next().await {
        match event.lifecycle {
            Lifecycle::TaskStarted(_) => started += 1,
            Lifecycle::TaskCompleted(..) | Lifecycle::TaskFaulted(..) | Lifecycle::TaskCancelled(_) => ended += 1,
            _ => continue,
        }
        bar.set_length(started);
        bar.set_position(ended);
    }
    bar.finish_and_clear();
}

fn print_line(line: &LogLine) {
    let fields: String = line.fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    let level = format!("{:?}", line.level).to_uppercase();
    eprintln!("{} {level:<5} {} {}{fields}", line.at, line.task, line.message);
}
