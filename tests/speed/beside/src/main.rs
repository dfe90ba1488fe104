//! Runs one document on `swf-runtime`, on this thread: checks its output, then prints how many microseconds of computing one execution takes.
//!
//! Called as `sandmill-beside DOCUMENT OUTPUT TIMES`.

use std::error::Error;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use swf_core::models::workflow::WorkflowDefinition;
use swf_runtime::WorkflowRunner;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [document, expected, times] = arguments.as_slice() else {
        return Err("give a document, the output that it must have, and how often to run it".into());
    };
    let expected: Value = serde_json::from_str(expected)?;
    let times: u32 = times.parse()?;
    let workflow: WorkflowDefinition = serde_yaml::from_str(document)?;
    let runner = WorkflowRunner::new(workflow)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let once = || runtime.block_on(runner.run(Value::Object(serde_json::Map::new())));
    // The first run compiles the expressions, which are kept.
    let output = once()?;
    if output != expected {
        return Err(format!("the output is {output}, and not {expected}").into());
    }
    let begin = thread_cpu();
    for _ in 0..times {
        std::hint::black_box(once()?);
    }
    println!("{}", (thread_cpu() - begin).as_secs_f64() * 1e6 / f64::from(times));
    Ok(())
}

/// What this thread has computed so far.
fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
